package band

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/blend"
	"github.com/steadyframe/steadyframe/internal/kernel/color"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
	"github.com/steadyframe/steadyframe/internal/kernel/tensor"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// best returns the level that a step of a kernel package has where the Config allows up to limit.
func best(pkg string, limit impl.Level) impl.Level {
	switch pkg {
	case "color":
		return color.Implementations.Best(limit).Level
	case "blend":
		return blend.Implementations.Best(limit).Level
	case "tensor":
		return tensor.Implementations.Best(limit).Level
	}
	return resample.Implementations.Best(limit).Level
}

// TestLevelsAreChosen: common sizes and formats are served by the kernels of the processor's level, in every step.
// Where a geometry makes a step fall back to lower ones by itself, nothing else says so, and it costs all their speed.
func TestLevelsAreChosen(t *testing.T) {
	sizes := []struct{ inW, inH, outW, outH int }{
		{640, 360, 320, 320}, {640, 360, 640, 360}, {1280, 720, 640, 360}, {1280, 720, 640, 640}, {320, 240, 640, 480},
		{1920, 1080, 960, 540}, {1920, 1080, 1280, 720},
	}
	large := []struct{ inW, inH, outW, outH int }{{1920, 1080, 640, 360}, {1920, 1080, 320, 320}, {3840, 2160, 640, 360}, {1280, 720, 320, 320}, {640, 480, 224, 224}}
	for _, limit := range kerneltest.Here() {
		for f := frame.BGR24; f.Valid(); f++ {
			for filter := Bilinear; filter <= Nearest; filter++ {
				for space := YCC; space <= Luma; space++ {
					for i, size := range append(sizes, large...) {
						c := wholeConfig(frame.Desc{Format: f, Width: size.inW, Height: size.inH}, size.outW, size.outH)
						c.Filter, c.Space, c.Limit = filter, space, limit
						name := fmt.Sprintf("limit=%s/fmt=%s/filter=%s/space=%s/size=%v", limit, f, filter, space, size)
						checkChosen(t, name, c, i >= len(sizes))
					}
				}
			}
		}
	}
}

// checkChosen fails t for a step with kernels of a lower level than there are. What is known: AVX-512 leaves pixels that shrink more than
// 2.67-fold to AVX2, and has its own kernel of resample for floats that are interpolated and shrink to half at most; NEON leaves
// floats that are interpolated to plain Go.
func checkChosen(t *testing.T, name string, c Config, shrinksMuch bool) {
	t.Helper()
	steps := regexp.MustCompile(`\((color|blend|tensor|resample) (\w+)\)`).FindAllStringSubmatch(mustSampler(t, c).Explain(), -1)
	if len(steps) == 0 {
		t.Fatalf("%s: Explain names no kernels", name)
	}
	for _, step := range steps {
		want := best(step[1], c.Limit).String()
		switch {
		case step[2] == want:
		case shrinksMuch && step[1] == "color" && want == "avx512" && step[2] == "avx2":
		case step[1] == "resample" && want == "avx512" && step[2] == "avx2" &&
			(shrinksMuch || !c.In.Format.IsFloat() || c.Filter == Area && c.Width < c.Crop.Width):
		case step[1] == "resample" && want == "neon" && step[2] == "generic" && c.In.Format.IsFloat():
		default:
			t.Errorf("%s: got %s %s, want %s", name, step[1], step[2], want)
		}
	}
}
