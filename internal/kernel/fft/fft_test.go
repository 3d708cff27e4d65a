package fft

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2, impl.AVX512)
}

// sizes are all valid lengths up to 4096.
func sizes() []int {
	var all []int
	for n := range 4097 {
		if Valid(n) {
			all = append(all, n)
		}
	}
	return all
}

func TestValid(t *testing.T) {
	for _, n := range []int{-400, -1, 0, 1, 7, 14, 399, MaxSize + 1, 10000} {
		if Valid(n) {
			t.Errorf("%d: got valid", n)
		}
	}
	want := map[int]bool{}
	for a := 1; a <= 4096; a *= 2 {
		for b := a; b <= 4096; b *= 3 {
			for c := b; c <= 4096; c *= 5 {
				want[c] = c > 1
			}
		}
	}
	for n := range 4097 {
		if Valid(n) != want[n] {
			t.Errorf("%d: got %v, want %v", n, Valid(n), want[n])
		}
	}
}

// input is frames in float64 and the arguments of Frames.
type input struct {
	src, window, shift []float32
	hop                int
}

func newInput(r *rand.Rand, p *Plan) input {
	in := input{hop: 1 + r.IntN(p.n), window: make([]float32, p.n), shift: make([]float32, p.Lanes())}
	in.src = make([]float32, (p.Lanes()-1)*in.hop+p.n)
	for _, s := range [][]float32{in.src, in.window, in.shift} {
		for i := range s {
			s[i] = 2*r.Float32() - 1
		}
	}
	return in
}

// run returns what Power and Magnitude make of in.
func (in *input) run(p *Plan) (power, magnitude []float32) {
	work := make([]float32, p.WorkSize())
	for i := range work {
		work[i] = float32(math.NaN()) // what an earlier transform left
	}
	p.Frames(work, in.src, in.hop, in.window, in.shift)
	p.Transform(work)
	power, magnitude = make([]float32, p.Bins()*p.Lanes()), make([]float32, p.Bins()*p.Lanes())
	p.Power(power, work)
	p.Magnitude(magnitude, work)
	return power, magnitude
}

// TestAgainstGonum compares all lengths with gonum's transform in float64.
func TestAgainstGonum(t *testing.T) {
	for _, n := range sizes() {
		r := kerneltest.Rand(uint64(n))
		p := NewPlan(n, impl.Max)
		in := newInput(r, p)
		power, magnitude := in.run(p)
		oracle := fourier.NewFFT(n)
		lanes, scale := p.Lanes(), p.Scale()
		for l := range lanes {
			x, energy := make([]float64, n), 0.0
			for i := range x {
				x[i] = (float64(in.src[l*in.hop+i]) - float64(in.shift[l])) * float64(in.window[i])
				energy += x[i] * x[i]
			}
			// The error of a float32 transform grows with the logarithm of its length (Higham, 24.1).
			tolerance := 1.5e-7 * math.Sqrt(energy) * math.Log2(float64(2*n))
			for k, want := range oracle.Coefficients(nil, x) {
				abs := math.Hypot(real(want), imag(want))
				got := float64(magnitude[k*lanes+l]) / math.Sqrt(scale)
				if math.Abs(got-abs) > tolerance {
					t.Fatalf("n=%d lane %d bin %d: got magnitude %g, want %g within %g", n, l, k, got, abs, tolerance)
				}
				got = float64(power[k*lanes+l]) / scale
				if math.Abs(got-abs*abs) > tolerance*(2*abs+tolerance) {
					t.Fatalf("n=%d lane %d bin %d: got power %g, want %g", n, l, k, got, abs*abs)
				}
			}
		}
	}
}

// TestSameInAllLevels wants the bits of plain Go from each implementation and each lane.
func TestSameInAllLevels(t *testing.T) {
	for _, n := range sizes() {
		p := NewPlan(n, impl.Generic)
		r := kerneltest.Rand(uint64(n))
		src := make([]float32, 32*n)
		for i := range src {
			src[i] = 2*r.Float32() - 1
		}
		base := newInput(r, p)
		for _, e := range Implementations.All() {
			q := NewPlan(n, e.Level)
			in := input{src, base.window, make([]float32, q.Lanes()), base.hop}
			power, magnitude := in.run(q)
			for first := 0; first < q.Lanes(); first += p.Lanes() {
				in := input{src[first*base.hop:], base.window, make([]float32, p.Lanes()), base.hop}
				wantPower, wantMagnitude := in.run(p)
				for k := range p.Bins() {
					for l := range p.Lanes() {
						at, want := k*q.Lanes()+first+l, k*p.Lanes()+l
						if power[at] != wantPower[want] || magnitude[at] != wantMagnitude[want] {
							t.Fatalf("n=%d %v bin %d lane %d: got %v and %v, want %v and %v", n, e.Level, k, first+l,
								power[at], magnitude[at], wantPower[want], wantMagnitude[want])
						}
					}
				}
			}
		}
	}
}

// TestAt wants each sample where Frames puts it.
func TestAt(t *testing.T) {
	for _, n := range []int{2, 6, 9, 40, 400, 625} {
		p := NewPlan(n, impl.Max)
		work, src, window := make([]float32, p.WorkSize()), make([]float32, p.Lanes()*n), make([]float32, n)
		for i := range src {
			src[i] = float32(i)
		}
		for i := range window {
			window[i] = 1
		}
		p.Frames(work, src, n, window, make([]float32, p.Lanes()))
		for l := range p.Lanes() {
			for i := range n {
				if got, want := work[p.At(i, l)], float32(l*n+i); got != want {
					t.Fatalf("n=%d: sample %d of lane %d: got %v, want %v", n, i, l, got, want)
				}
			}
		}
	}
}

// TestEdges runs every kernel beside memory that can't be accessed, on either side of each operand.
func TestEdges(t *testing.T) {
	for _, e := range Implementations.All() {
		for _, n := range []int{2, 4, 6, 8, 10, 12, 20, 30, 60, 90, 400, 625} {
			p := NewPlan(n, e.Level)
			in := newInput(kerneltest.Rand(uint64(n)), p)
			want, _ := in.run(p)
			for _, edge := range kerneltest.Edges {
				p.order = kerneltest.GuardedCopy(t, p.order, edge)
				p.halving = kerneltest.GuardedCopy(t, p.halving, edge)
				for i := range p.passes {
					p.passes[i].twiddles = kerneltest.GuardedCopy(t, p.passes[i].twiddles, edge)
				}
				work := kerneltest.Guarded[float32](t, p.WorkSize(), edge)
				got := kerneltest.Guarded[float32](t, p.Bins()*p.Lanes(), edge)
				p.Frames(work, kerneltest.GuardedCopy(t, in.src, edge), in.hop, kerneltest.GuardedCopy(t, in.window, edge),
					kerneltest.GuardedCopy(t, in.shift, edge))
				p.Transform(work)
				p.Magnitude(got, work)
				p.Power(got, work)
				for i := range got {
					if got[i] != want[i] {
						t.Fatalf("%v n=%d: got %v at %d, want %v", e.Level, n, got[i], i, want[i])
					}
				}
			}
		}
	}
}

func TestPanicsOnShortMemory(t *testing.T) {
	p := NewPlan(400, impl.Max)
	in := newInput(kerneltest.Rand(1), p)
	work, dst := make([]float32, p.WorkSize()), make([]float32, p.Bins()*p.Lanes())
	for name, f := range map[string]func(){
		"work":      func() { p.Transform(work[: len(work)-1 : len(work)-1]) },
		"src":       func() { p.Frames(work, in.src[:len(in.src)-1:len(in.src)-1], in.hop, in.window, in.shift) },
		"window":    func() { p.Frames(work, in.src, in.hop, in.window[:399:399], in.shift) },
		"power":     func() { p.Power(dst[:len(dst)-1:len(dst)-1], work) },
		"magnitude": func() { p.Magnitude(dst, work[1:]) },
		"length":    func() { NewPlan(7, impl.Max) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestAllocatesNothing(t *testing.T) {
	p := NewPlan(800, impl.Max)
	in := newInput(kerneltest.Rand(1), p)
	work, dst := make([]float32, p.WorkSize()), make([]float32, p.Bins()*p.Lanes())
	alloctest.Zero(t, 10, func() {
		p.Frames(work, in.src, in.hop, in.window, in.shift)
		p.Transform(work)
		p.Magnitude(dst, work)
	})
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{400, 512, 800, 2048} {
		for _, e := range Implementations.All() {
			p := NewPlan(n, e.Level)
			in := newInput(kerneltest.Rand(1), p)
			work, dst := make([]float32, p.WorkSize()), make([]float32, p.Bins()*p.Lanes())
			steps := []struct {
				name string
				do   func()
			}{
				{"frames", func() { p.Frames(work, in.src, in.hop, in.window, in.shift) }},
				{"transform", func() { p.Transform(work) }},
				{"magnitude", func() { p.Magnitude(dst, work) }},
				{"power", func() { p.Power(dst, work) }},
			}
			for _, s := range steps {
				b.Run(fmt.Sprintf("n=%d/step=%s/impl=%v", n, s.name, e.Level), func(b *testing.B) {
					for b.Loop() {
						s.do()
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*p.Lanes()), "ns/frame")
				})
			}
		}
	}
}
