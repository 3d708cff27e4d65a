package jpeg

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// TestLevels wants every level of kernels to make the same files: of all subsamplings, of the lowest and
// the highest quality, of images that compress well and not at all, of sizes that vectors don't fit.
func TestLevels(t *testing.T) {
	images := []struct {
		name string
		p    *testImage
	}{
		{"gradient", newTestImage(333, 77, 1)},
		{"noise", newNoise(333, 77, 2)},
		{"narrow", newTestImage(13, 65, 3)},
		{"row", newNoise(640, 9, 4)},
	}
	qualities := []int{1, 50, 75, 90, 98, 100}
	if testing.Short() {
		qualities = []int{75, 100}
	}
	for _, pic := range images {
		for _, format := range []frame.PixelFormat{frame.RGB24, frame.BGR24, frame.I420, frame.Gray8} {
			t.Run(fmt.Sprintf("image=%s/fmt=%v", pic.name, format), func(t *testing.T) {
				f := pic.p.frame(t, format)
				for i, s := range subsamplings {
					for _, quality := range qualities {
						checkLevels(t, f, Options{Quality: quality, Subsampling: s, RestartInterval: []int{0, 5, RestartRow, 1}[i]})
					}
				}
			})
		}
	}
}

// checkLevels encodes f with the kernels of each level.
func checkLevels(t *testing.T, f frame.Frame, o Options) {
	t.Helper()
	var want []byte
	for _, level := range kerneltest.Here() {
		o.Kernels = level.String()
		got := encode(t, f, o)
		if level == impl.Generic {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%+v: %d bytes differ from %d of plain Go", o, len(got), len(want))
		}
	}
}
