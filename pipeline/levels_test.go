package pipeline

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// TestLevels wants every level of kernels to make the same images, of any geometry: every input with each output by
// turns, of random sizes, crops and filters.
func TestLevels(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 1))
		all := inputs(1+rng.IntN(330), 1+rng.IntN(90))
		turn := int(seed)
		s := randomSpec(rng, all[turn%len(all)], outputs[turn/len(all)%len(outputs)])
		if s.Output.Format == JPEG {
			s.Output.Quality = 1 + rng.IntN(100)
		}
		if rng.IntN(2) == 0 && s.Resize.Width > 0 {
			s.Resize.Width *= 4
		}
		content := []scene{waves(turn), noise}[rng.IntN(2)]
		checkLevels(t, s, draw(t, s.Input, content, rng.IntN(40)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// checkLevels makes an image of f with the kernels of each level.
func checkLevels(t *testing.T, s Spec, f frame.Frame) {
	t.Helper()
	var want []byte
	for _, level := range kerneltest.Here() {
		p, err := Compile(s, &Options{Pool: pooltest.New(t, nil), Kernels: level.String()})
		if err != nil {
			t.Fatal(err)
		}
		got := runOne(t, p, f)
		if level == impl.Generic {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%v: %+v: %d bytes differ from %d of plain Go", level, s, len(got), len(want))
		}
	}
}

func TestUnknownKernels(t *testing.T) {
	_, err := Compile(w1, &Options{Kernels: "sse"})
	if want := `pipeline: kernels: got "sse", want one of ["generic" "neon" "avx2" "avx512"]`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
