package band

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
)

// canvas is all bands of a frame, put together and without padding.
type canvas struct {
	planes [3][]int16
	widths [3]int
}

// sample returns every band of f, made in the given order or, without one, from top to bottom.
func sample(t testing.TB, s *Sampler, sc *Scratch, f *frame.Frame, order ...int) canvas {
	t.Helper()
	var out canvas
	for i := range s.planeCount {
		l := s.planes[i]
		out.widths[i] = l.width
		out.planes[i] = make([]int16, l.width*((s.config.Height+l.subY-1)/l.subY))
	}
	if len(order) == 0 {
		for i := range s.Bands() {
			order = append(order, i)
		}
	}
	s.Begin(sc)
	for _, i := range order {
		s.Fill(sc, f, i)
		checkPadding(t, s, &sc.Band)
		for p := range s.planeCount {
			l := s.planes[p]
			for y := range (sc.Band.Lines + l.subY - 1) / l.subY {
				copy(out.planes[p][(i*l.lines+y)*l.width:], sc.Band.Planes[p].line(0, y, l.width))
			}
		}
	}
	return out
}

// checkPadding fails t unless what lies beside and below the image repeats its last column and line.
func checkPadding(t testing.TB, s *Sampler, b *Band) {
	t.Helper()
	for p := range s.planeCount {
		l := s.planes[p]
		lines := (b.Lines + l.subY - 1) / l.subY
		pix, stride := b.Planes[p].Pix, b.Planes[p].Stride
		for y := range b.Planes[p].Height {
			for x := range b.Planes[p].Width {
				if got, want := pix[y*stride+x], pix[min(y, lines-1)*stride+min(x, l.width-1)]; got != want {
					t.Fatalf("plane %d: padding at %d,%d: got %d, want %d", p, x, y, got, want)
				}
			}
		}
	}
}

// deviation is how far a canvas is from what it should be, in 8-bit units.
type deviation struct {
	max, sum float64
	n        int
	plane    int // where the largest is
	x, y     int
	got      float64
	want     float64
}

func (d *deviation) mean() float64 { return d.sum / float64(max(d.n, 1)) }

// deviate returns how far c is from ref.
func deviate(c canvas, ref [3]oracle.Plane) deviation {
	var d deviation
	for p, pix := range c.planes {
		for i, v := range pix {
			got, want := float64(v)/16, ref[p].Pix[i]
			diff := math.Abs(got - want)
			d.sum += diff
			d.n++
			if diff > d.max {
				d.max, d.plane, d.x, d.y, d.got, d.want = diff, p, i%c.widths[p], i/c.widths[p], got, want
			}
		}
	}
	return d
}

// randomFrame returns a frame of d with random samples, and random bytes between its rows.
func randomFrame(t testing.TB, d frame.Desc, r *rand.Rand) frame.Frame {
	t.Helper()
	return newFrame(t, d, r, func(_, _ int) float64 { return 1.2*r.Float64() - 0.1 })
}

// smoothFrame returns a frame of d with gradients and a little noise, which stays inside the range, as images do.
func smoothFrame(t testing.TB, d frame.Desc) frame.Frame {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	return newFrame(t, d, r, func(x, y int) float64 {
		return 0.5 + 0.3*math.Sin(float64(x)/40)*math.Cos(float64(y)/30) + 0.1*(r.Float64()-0.5)
	})
}

// newFrame returns a frame of d with samples from f, at x and y of their plane, 0 for black and 1 for white. What is outside 0..1 stays so
// in tensors and is random in bytes. Rows are further apart than they are long, with random bytes between them.
func newFrame(t testing.TB, d frame.Desc, r *rand.Rand, f func(x, y int) float64) frame.Frame {
	t.Helper()
	var planes []frame.Plane
	for i := range d.Format.Planes() {
		_, h, rowBytes := d.PlaneSize(i)
		stride := rowBytes + r.IntN(9)
		p := frame.Plane{Pix: make([]byte, stride*h), Stride: stride}
		for k := range p.Pix {
			p.Pix[k] = byte(r.Uint32())
		}
		size := d.Format.SampleBytes(i)
		for y := range h {
			for x := range rowBytes {
				v, at := f(x/size, y), p.Pix[y*stride+x:]
				switch {
				case !d.Format.IsFloat() && v >= 0 && v <= 1:
					at[0] = byte(255*v + 0.5)
				case d.Format.IsFloat16() && x%2 == 0:
					binary.LittleEndian.PutUint16(at, oracle.ToHalf(float64(toFloat(v, d))))
				case d.Format.IsFloat() && !d.Format.IsFloat16() && x%4 == 0:
					binary.LittleEndian.PutUint32(at, math.Float32bits(toFloat(v, d)))
				}
			}
		}
		planes = append(planes, p)
	}
	w, err := frame.Wrap(d, planes...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// toFloat takes 0..1 to the range of d.
func toFloat(v float64, d frame.Desc) float32 {
	switch d.EffectiveRange() {
	case frame.RangeByte:
		return float32(255 * v)
	case frame.RangeSigned:
		return float32(2*v - 1)
	}
	return float32(v)
}
