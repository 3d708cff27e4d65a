package band

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// checkLevels fails t unless every level makes the same bands of f as plain Go.
func checkLevels(t *testing.T, c Config, f *frame.Frame) {
	t.Helper()
	if len(kerneltest.Here()) == 1 {
		return // plain Go has nothing to be compared with
	}
	var want canvas
	for i, level := range kerneltest.Here() {
		c.Limit = level
		s := mustSampler(t, c)
		got := sample(t, s, s.NewScratch(), f)
		if i == 0 {
			want = got
		}
		sameCanvas(t, fmt.Sprintf("%+v", c), got, want)
	}
}

func TestLevelsMakeTheSameBands(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 11))
	everyConfig(func(c Config) {
		f := randomFrame(t, c.In, r)
		checkLevels(t, c, &f)
	})
}

// TestLevelsMakeTheSameBandsOfAnySize takes odd sizes, some of them narrower than any vector, to odd sizes.
func TestLevelsMakeTheSameBandsOfAnySize(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 12))
	n := 400
	if testing.Short() {
		n = 50
	}
	for range n {
		descs := descs(1+r.IntN(300), 1+r.IntN(20))
		c := wholeConfig(descs[r.IntN(len(descs))], 1+r.IntN(150), 1+r.IntN(20))
		c.ChromaX, c.ChromaY, c.Filter, c.Space = 1+r.IntN(2), 1+r.IntN(2), Filter(r.IntN(3)), Space(r.IntN(3))
		if r.IntN(3) == 0 {
			c.Width, c.Content.Width = c.In.Width, c.In.Width
		}
		f := randomFrame(t, c.In, r)
		checkLevels(t, c, &f)
	}
}
