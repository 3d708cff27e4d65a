package ffmpeg

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
)

func TestMain(m *testing.M) {
	if runAsChild() {
		return
	}
	leaktest.Main(m)
}
