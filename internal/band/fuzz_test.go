package band

import (
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// choices turns fuzzed bytes into small numbers; behind their end all are 0.
type choices []byte

// upTo returns a number in 0..n-1.
func (c *choices) upTo(n int) int {
	if len(*c) == 0 {
		return 0
	}
	v := int((*c)[0])
	*c = (*c)[1:]
	return v % n
}

// part returns an offset and a length within side, multiples of step except at its end.
func (c *choices) part(side, step int) (offset, length int) {
	offset = c.upTo((side+step-1)/step) * step
	return offset, min((1+c.upTo((side-offset+step-1)/step))*step, side-offset)
}

// config returns a valid Config of sides up to 48.
func (c *choices) config() Config {
	all := descs(1+c.upTo(48), 1+c.upTo(48))
	d := all[c.upTo(len(all))]
	out := Config{
		In: d, Width: 1 + c.upTo(48), Height: 1 + c.upTo(48), Filter: Filter(c.upTo(3)), Space: Space(c.upTo(3)),
		ChromaX: 1 + c.upTo(2), ChromaY: 1 + c.upTo(2), Lines: 16,
		Background: [3]uint8{uint8(c.upTo(256)), uint8(c.upTo(256)), uint8(c.upTo(256))},
	}
	if out.ChromaY == 1 {
		out.Lines = 8 << c.upTo(2)
	}
	out.Crop.X, out.Crop.Width = c.part(d.Width, 1)
	out.Crop.Y, out.Crop.Height = c.part(d.Height, 1)
	subX, subY := out.subsampling()
	out.Content.X, out.Content.Width = c.part(out.Width, subX)
	out.Content.Y, out.Content.Height = c.part(out.Height, subY)
	return out
}

// inRange fails t when a sample is none that a band may have.
func inRange(t *testing.T, c Config, got canvas) {
	t.Helper()
	for p, pix := range got.planes {
		low, high := int16(-2048), int16(2040)
		switch {
		case c.Space == RGB:
			low, high = 0, 255<<4
		case p == 0:
			low, high = -2048, 2032
		}
		for i, v := range pix {
			if v < low || v > high {
				t.Fatalf("%+v: sample %d of plane %d: got %d, want %d..%d", c, i, p, v, low, high)
			}
		}
	}
}

// FuzzFill: whatever the geometry and the samples, bands are in range and near the float64 reference, their order does not matter, and
// kernels of every level make the same.
func FuzzFill(f *testing.F) {
	f.Add(uint64(1), []byte{})
	f.Add(uint64(2), []byte{47, 35, 3, 31, 31, 0, 0, 1, 1, 0, 0, 0, 0, 46, 0, 34, 0, 15, 0, 15})
	f.Add(uint64(3), []byte{39, 39, 14, 17, 20, 1, 0, 1, 1, 10, 20, 30, 3, 33, 5, 30, 2, 4, 1, 6})
	f.Add(uint64(4), []byte{8, 9, 20, 47, 47, 1, 1, 0, 0, 1, 0, 0, 0, 1, 7, 1, 7, 0, 46, 0, 46})
	f.Add(uint64(5), []byte{30, 20, 25, 12, 47, 2, 2, 0, 0, 0, 255, 0, 255, 0, 29, 0, 19, 5, 5, 30, 5})
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		choose := choices(data)
		c := choose.config()
		s := mustSampler(t, c)
		r := rand.New(rand.NewPCG(seed, 9))
		in := randomFrame(t, c.In, r)
		sc := s.NewScratch()
		got := sample(t, s, sc, &in)
		inRange(t, c, got)
		checkLevels(t, c, &in)
		sameCanvas(t, "another order", sample(t, s, sc, &in, r.Perm(s.Bands())...), got)
		if d, limit := deviate(got, reference(c, &in)), tolerance(s); d.max > limit {
			t.Errorf("%+v: plane %d at %d,%d: got %.3f, want %.3f +- %.3f", c, d.plane, d.x, d.y, d.got, d.want, limit)
		}
	})
}

func TestChoicesAreValid(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 10))
	seen := map[frame.PixelFormat]bool{}
	for range 2000 {
		data := make(choices, 24)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		c := data.config()
		mustSampler(t, c)
		seen[c.In.Format] = true
	}
	if got, want := len(seen), len(frame.Formats()); got != want {
		t.Errorf("got %d formats, want %d", got, want)
	}
}
