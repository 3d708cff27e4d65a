package mel

import (
	"math"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	kernel "github.com/steadyframe/steadyframe/internal/kernel/mel"
)

// rates are pairs of rates, in and out.
var rates = [][2]int{{48000, 16000}, {44100, 16000}, {22050, 16000}, {8000, 16000}, {32000, 16000}, {48000, 22050}, {11025, 16000}, {16000, 48000}}

// resampled returns what a resampler makes of samples n0.. of a function, far from its ends.
func resampled(t *testing.T, in, out int, f func(seconds float64) float64) (got []float64, r *resampler) {
	t.Helper()
	r, err := newResampler(in, out)
	if err != nil {
		t.Fatal(err)
	}
	const n = 2000
	from := 1000
	first, end := r.reach(from, from+n)
	src, dst := make([]float32, end-first), make([]float32, n)
	for i := range src {
		src[i] = float32(f(float64(first+i) / float64(in)))
	}
	k := kernel.Implementations.Best(impl.Max).Kernels
	r.resample(&k, dst, src, from)
	for _, x := range dst {
		got = append(got, float64(x))
	}
	return got, r
}

// TestPassBand: a tone of the pass band comes out as it is, at its time: within 0.0005 of its amplitude, which is 0.004 dB, or
// 0.03 degrees. So the delay is none.
func TestPassBand(t *testing.T) {
	for _, rate := range rates {
		in, out := rate[0], rate[1]
		edge := passEdge * float64(min(in, out)) / 2
		for _, hertz := range []float64{0, 10, 0.3 * edge, 0.8 * edge, edge} {
			tone := func(s float64) float64 { return math.Cos(2*math.Pi*hertz*s + 0.3) }
			got, _ := resampled(t, in, out, tone)
			for i, x := range got {
				if want := tone(float64(1000+i) / float64(out)); math.Abs(x-want) > 5e-4 {
					t.Fatalf("%d to %d, %.0f Hz: sample %d: got %v, want %v", in, out, hertz, i, x, want)
				}
			}
		}
	}
}

// TestStopBand: what the lower rate can't have does not come out, nor as an alias: it is 90 dB below, 88 in float32.
func TestStopBand(t *testing.T) {
	for _, rate := range rates {
		in, out := rate[0], rate[1]
		if out > in {
			continue
		}
		for _, times := range []float64{1, 1.01, 1.3, 1.9} {
			hertz := times * float64(out) / 2
			if hertz > float64(in)/2 {
				continue
			}
			got, _ := resampled(t, in, out, func(s float64) float64 { return math.Sin(2*math.Pi*hertz*s + 0.3) })
			for i, x := range got {
				if math.Abs(x) > math.Pow(10, -88.0/20) {
					t.Fatalf("%d to %d, %.0f Hz: sample %d: got %v", in, out, hertz, i, x)
				}
			}
		}
	}
}

// TestImages: of a rate that grows, the images of the spectrum are 90 dB below: what comes out of a tone is that tone.
func TestImages(t *testing.T) {
	tone := func(s float64) float64 { return math.Sin(2 * math.Pi * 3000 * s) }
	got, _ := resampled(t, 8000, 16000, tone)
	for i, x := range got {
		if want := tone(float64(1000+i) / 16000); math.Abs(x-want) > 4e-5 {
			t.Fatalf("sample %d: got %v, want %v", i, x, want)
		}
	}
}

func TestResampledLength(t *testing.T) {
	for _, rate := range rates {
		r, err := newResampler(rate[0], rate[1])
		if err != nil {
			t.Fatal(err)
		}
		for n := range 2000 {
			want := 0 // samples at the times i/out, before n/in
			for want*rate[0] < n*rate[1] {
				want++
			}
			if got := r.total(n); got != want {
				t.Fatalf("%v: %d samples: got %d, want %d", rate, n, got, want)
			}
			if ready := r.ready(n); ready > 0 {
				if _, end := r.reach(ready-1, ready); end > n {
					t.Fatalf("%v: sample %d of %d needs sample %d", rate, ready-1, n, end-1)
				}
			}
		}
	}
}

// TestResamplerLevels: taps of all phases add up to 1, so that a constant stays what it is.
func TestResamplerKeepsConstants(t *testing.T) {
	for _, rate := range rates {
		got, r := resampled(t, rate[0], rate[1], func(float64) float64 { return 0.5 })
		for i, x := range got {
			if math.Abs(x-0.5) > 1e-6 {
				t.Fatalf("%v: phase %d: got %v, want 0.5", rate, i%r.up, x)
			}
		}
	}
}
