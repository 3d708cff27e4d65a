package band

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// descs returns every kind of input: each format with each of its ranges and colour spaces, of the given size.
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

// tolerance is how far a sample may be from the float64 reference, in 8-bit units: a weight of 128ths is off by up to 1/256, and so a
// sample between 0 and 255 by up to 255/256; all roundings together by less than 0.1. What stretches samples stretches that.
func tolerance(c Config) float64 {
	e := 0.1
	if c.Filter != Nearest && !c.In.Format.IsFloat() {
		e += 255.0 / 256
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

// checkAccuracy fails t unless what a Sampler makes of random samples is as near to the reference as it must be.
func checkAccuracy(t *testing.T, c Config, seed uint64) deviation {
	t.Helper()
	s, err := NewSampler(c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	f := randomFrame(t, c.In, rand.New(rand.NewPCG(seed, 1)))
	d := deviate(sample(t, s, s.NewScratch(), &f), reference(c, &f))
	if limit := tolerance(c); d.max > limit {
		t.Errorf("seed %d, %+v: plane %d at %d,%d: got %.3f, want %.3f +- %.3f", seed, c, d.plane, d.x, d.y, d.got, d.want, limit)
	}
	return d
}

func TestAccuracy(t *testing.T) {
	sizes := []struct {
		name    string
		w, h    int // input
		crop    Rect
		cw, ch  int // canvas
		content Rect
	}{
		{"identity", 37, 29, Rect{0, 0, 37, 29}, 37, 29, Rect{0, 0, 37, 29}},
		{"half", 64, 48, Rect{0, 0, 64, 48}, 32, 24, Rect{0, 0, 32, 24}},
		{"shrink", 61, 47, Rect{0, 0, 61, 47}, 23, 19, Rect{0, 0, 23, 19}},
		{"grow", 23, 19, Rect{0, 0, 23, 19}, 61, 47, Rect{0, 0, 61, 47}},
		{"narrower-and-higher", 61, 19, Rect{0, 0, 61, 19}, 23, 47, Rect{0, 0, 23, 47}},
		{"odd-crop", 61, 47, Rect{7, 5, 31, 27}, 31, 27, Rect{0, 0, 31, 27}},
		{"odd-crop-shrink", 61, 47, Rect{7, 5, 31, 27}, 17, 21, Rect{0, 0, 17, 21}},
		{"letterbox", 61, 47, Rect{3, 1, 50, 40}, 51, 45, Rect{0, 6, 51, 30}},
		{"pillarbox", 61, 47, Rect{3, 1, 50, 40}, 51, 45, Rect{8, 0, 20, 45}},
		{"boxed", 61, 47, Rect{0, 0, 61, 47}, 51, 45, Rect{18, 20, 33, 25}},
	}
	for _, tt := range sizes {
		for _, d := range descs(tt.w, tt.h) {
			for space := YCC; space <= Luma; space++ {
				for filter := Bilinear; filter <= Nearest; filter++ {
					for _, sub := range [][3]int{{2, 2, 16}, {2, 1, 8}, {1, 1, 8}, {1, 2, 16}} {
						c := Config{
							In: d, Crop: tt.crop, Width: tt.cw, Height: tt.ch, Content: tt.content, Filter: filter, Space: space,
							ChromaX: sub[0], ChromaY: sub[1], Lines: sub[2], Background: [3]uint8{200, 30, 90},
						}
						checkAccuracy(t, c, 1)
						if space != YCC {
							break
						}
					}
				}
			}
		}
	}
}
