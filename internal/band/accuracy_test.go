package band

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/race"
)

// descs returns every kind of input of a size: each format with each of its ranges and color spaces.
func descs(width, height int) []frame.Desc {
	var all []frame.Desc
	for f := frame.BGR24; f.Valid(); f++ {
		for r := frame.RangeDefault; r <= frame.RangeSigned; r++ {
			for c := frame.BT601; c <= frame.BT709; c++ {
				d := frame.Desc{Format: f, Width: width, Height: height, Range: r, Color: c}
				if d.Validate() == nil {
					all = append(all, d)
				}
			}
		}
	}
	return all
}

// tolerance is how far a sample may be from the float64 reference, in 8-bit units. A weight of 128ths is off by up to 1/256, so that a
// sample between 0 and 255 is by up to 255/256. Weights of areas are off by up to 1 in 16384 each, and together by nothing. All other
// roundings come to less than 0.1. What stretches samples stretches the whole.
func tolerance(s *Sampler) float64 {
	c := &s.config
	e := 0.0
	for i := range s.sources {
		src := &s.sources[i]
		one := 0.1
		if src.across.method == Bilinear && !src.across.copies && !src.layout.isFloat() {
			one += 255.0 / 256
		}
		longest := 0
		for _, span := range src.across.cover.Spans {
			longest = max(longest, int(span.Count))
		}
		for _, span := range src.down.cover {
			longest = max(longest, len(span.weights))
		}
		one += float64(longest) * 127.5 / 16384
		e = max(e, one)
	}
	if c.In.EffectiveRange() == frame.RangeLimited {
		e *= 255.0 / 219
	}
	if c.In.Format.IsYUV() && c.Space == RGB {
		e *= 1 + 1.8556
	}
	if c.In.Color == frame.BT709 && c.Space == YCC {
		e *= 1 + 0.1016 + 0.1961
	}
	return e
}

// checkAccuracy fails t unless the samples that c makes of random ones are as near to the reference as they must be.
func checkAccuracy(t *testing.T, c Config, seed uint64) deviation {
	t.Helper()
	s := mustSampler(t, c)
	f := randomFrame(t, c.In, rand.New(rand.NewPCG(seed, 1)))
	d := deviate(sample(t, s, s.NewScratch(), &f), reference(c, &f))
	if limit := tolerance(s); d.max > limit {
		t.Errorf("seed %d, %+v: plane %d at %d,%d: got %.3f, want %.3f +- %.3f", seed, c, d.plane, d.x, d.y, d.got, d.want, limit)
	}
	return d
}

// report logs the largest deviations and the mean ones, by what was tested.
type report map[string]deviation

func (r report) add(name string, d deviation) {
	sum := r[name]
	sum.max, sum.sum, sum.n = max(sum.max, d.max), sum.sum+d.sum, sum.n+d.n
	r[name] = sum
}

func (r report) log(t *testing.T) {
	for name, d := range r {
		t.Logf("%-28s max %.3f mean %.4f 8-bit steps", name, d.max, d.mean())
	}
}

func TestAccuracy(t *testing.T) {
	skipUnderRace(t)
	tests := []struct {
		name    string
		crop    Rect // of 61x47
		w, h    int  // canvas
		content Rect
	}{
		{"identity", Rect{0, 0, 61, 47}, 61, 47, Rect{0, 0, 61, 47}},
		{"half", Rect{1, 1, 60, 46}, 30, 23, Rect{0, 0, 30, 23}},
		{"shrink", Rect{0, 0, 61, 47}, 23, 19, Rect{0, 0, 23, 19}},
		{"grow", Rect{10, 7, 23, 19}, 61, 47, Rect{0, 0, 61, 47}},
		{"narrower-and-higher", Rect{0, 20, 61, 19}, 23, 47, Rect{0, 0, 23, 47}},
		{"odd-crop", Rect{7, 5, 31, 27}, 31, 27, Rect{0, 0, 31, 27}},
		{"odd-crop-shrink", Rect{7, 5, 31, 27}, 17, 21, Rect{0, 0, 17, 21}},
		{"one-pixel", Rect{60, 46, 1, 1}, 19, 18, Rect{0, 0, 19, 18}},
		{"letterbox", Rect{3, 1, 50, 40}, 51, 45, Rect{0, 6, 51, 30}},
		{"pillarbox", Rect{3, 1, 50, 40}, 51, 45, Rect{8, 0, 20, 45}},
		{"boxed", Rect{0, 0, 61, 47}, 51, 45, Rect{18, 20, 33, 25}},
	}
	subsamplings := []struct{ x, y, lines int }{{2, 2, 16}, {2, 1, 8}, {1, 1, 8}, {1, 2, 16}, {2, 1, 16}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := report{}
			for _, d := range descs(61, 47) {
				for filter := Bilinear; filter <= Nearest; filter++ {
					for space := YCC; space <= Luma; space++ {
						for _, sub := range subsamplings {
							c := Config{In: d, Crop: tt.crop, Width: tt.w, Height: tt.h, Content: tt.content, Filter: filter, Space: space,
								ChromaX: sub.x, ChromaY: sub.y, Lines: sub.lines, Background: [3]uint8{200, 30, 90}}
							found.add(fmt.Sprintf("%s %s", filter, space), checkAccuracy(t, c, 1))
							if space != YCC {
								break
							}
						}
					}
				}
			}
			found.log(t)
		})
	}
}

// TestEverySize takes inputs of every width and height in 1..70 to canvases of other sizes, each with another format, filter and space.
func TestEverySize(t *testing.T) {
	all := descs(1, 1)
	for n := 1; n <= 70; n++ {
		for m := 1; m <= 70; m += 1 + m/8 {
			for i, c := range []Config{
				wholeConfig(frame.Desc{Width: n, Height: m}, 71-n, m),
				wholeConfig(frame.Desc{Width: m, Height: n}, n, n),
			} {
				d := all[(n*31+m*7+i)%len(all)]
				d.Width, d.Height = c.In.Width, c.In.Height
				c.In, c.Filter, c.Space = d, Filter((n+m)%3), Space((n+m/2)%3)
				checkAccuracy(t, c, uint64(n*100+m))
				if t.Failed() {
					return
				}
			}
		}
	}
}

func TestLargeSizes(t *testing.T) {
	skipUnderRace(t)
	all := descs(1, 1)
	i := 0
	for w := 1919; w <= 1921; w++ {
		for h := 1079; h <= 1081; h++ {
			d := all[i*7%len(all)]
			d.Width, d.Height = w, h
			c := wholeConfig(d, 161+i%2, 91)
			c.Filter = Filter(i % 3)
			checkAccuracy(t, c, uint64(i))
			i++
		}
	}
}

// TestHugeRatios: weights of 16384ths cannot be exact for thousands of samples, but they add up, so that noise comes out as its mean.
func TestHugeRatios(t *testing.T) {
	skipUnderRace(t)
	tests := []struct{ inW, inH, outW, outH int }{
		{1, 1, 640, 360}, {4000, 3, 1, 1}, {3, 4000, 1, 1}, {1, 3, 640, 1}, {65535, 1, 2, 1}, {1, 65535, 1, 2}, {1, 1, 65535, 1}, {2, 1, 1, 65535},
	}
	for _, tt := range tests {
		for _, format := range []frame.PixelFormat{frame.BGR24, frame.RGBA, frame.NV12, frame.I420, frame.RGBF32P, frame.RGB24P, frame.BGRF16} {
			for filter := Bilinear; filter <= Nearest; filter++ {
				c := wholeConfig(frame.Desc{Format: format, Width: tt.inW, Height: tt.inH}, tt.outW, tt.outH)
				c.Filter = filter
				d := checkAccuracy(t, c, 1)
				if filter == Area && d.max > 1.5 {
					t.Errorf("%+v: got a deviation of %.3f, want <= 1.5", c, d.max)
				}
			}
		}
	}
}

// TestIdentity: samples that are neither resized nor converted come out as they went in, and conversions within their rounding.
func TestIdentity(t *testing.T) {
	for _, d := range descs(61, 47) {
		for space := YCC; space <= Luma; space++ {
			c := wholeConfig(d, 61, 47)
			c.Space = space
			limit := 0.1
			switch {
			case space == RGB && !d.Format.IsYUV() && !d.Format.IsFloat() && d.EffectiveRange() == frame.RangeFull:
				limit = 0
			case space == RGB && d.Format.IsYUV():
				limit = 0.2
			}
			if got := checkAccuracy(t, c, 1); got.max > limit+1e-9 {
				t.Errorf("%s to %s: got a deviation of %.4f at %d,%d of plane %d, want <= %.1f", d, space, got.max, got.x, got.y, got.plane, limit)
			}
		}
	}
}

// skipUnderRace skips comparisons of pixels that one goroutine makes: under the race detector they take ten times as long,
// and find nothing more.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if race.Enabled {
		t.Skip("one goroutine, nothing to race with")
	}
}
