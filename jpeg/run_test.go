package jpeg

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
	"github.com/steadyframe/steadyframe/internal/race"
)

// TestRuns codes the runs of an image apart, in any order and with dirty scratches, and wants the bytes of
// Encoder.Append.
func TestRuns(t *testing.T) {
	seeds := uint64(120)
	if race.Enabled {
		seeds = 20
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 5))
		o := Options{
			Quality:         1 + rng.IntN(100),
			Subsampling:     subsamplings[rng.IntN(4)],
			RestartInterval: []int{0, RestartRow, 1, 2, 3, 4, 8, 10, 20, 1 + rng.IntN(100)}[rng.IntN(10)],
		}
		p := newTestImage(1+rng.IntN(400), 1+rng.IntN(150), seed)
		t.Run(fmt.Sprintf("seed=%d/size=%dx%d/options=%v", seed, p.width, p.height, o), func(t *testing.T) {
			f := p.frame(t, frame.RGB24)
			want := encode(t, f, o)
			decode(t, want, p.width, p.height, o.Subsampling)
			e, err := NewEncoder(f.Desc, &o)
			if err != nil {
				t.Fatal(err)
			}
			if got := joinRuns(e.coder, bandsOf(e, f), rng); !bytes.Equal(got, want) {
				t.Errorf("runs of %d bands: got %d bytes that differ, want those of Append (%d)", e.coder.RunBands(), len(got), len(want))
			}
		})
	}
}

// joinRuns codes the runs of bands in random order with two scratches, and puts them together. A scratch is sometimes
// left in the middle of a run.
func joinRuns(c *jpegcore.Coder, bands []band.Band, rng *rand.Rand) []byte {
	scratches := []*jpegcore.Scratch{c.NewScratch(), c.NewScratch()}
	runs := make([][]byte, (c.Bands()+c.RunBands()-1)/c.RunBands())
	for _, n := range rng.Perm(len(runs)) {
		s := scratches[rng.IntN(2)]
		first := n * c.RunBands()
		if rng.IntN(3) == 0 {
			c.Begin(s, first)
			c.Encode(s, &bands[first], first, nil)
		}
		c.Begin(s, first)
		for i := first; i < min(first+c.RunBands(), c.Bands()); i++ {
			runs[n] = append(runs[n], c.Encode(s, &bands[i], i, nil)...)
		}
	}
	out := c.AppendHeader(nil)
	for _, r := range runs {
		out = append(out, r...)
	}
	return c.AppendTrailer(out)
}

// TestRestartMarkers counts the markers and checks their cycle: one after each interval but the last, 0 to 7 and again.
func TestRestartMarkers(t *testing.T) {
	tests := []struct {
		width, height, interval, markers int
	}{
		{160, 160, 0, 0}, {160, 160, RestartRow, 9}, {160, 160, 1, 99}, {160, 160, 3, 33}, {160, 160, 7, 14}, {160, 160, 100, 0},
		{160, 160, 99, 1}, {160, 160, 65535, 0}, {1, 1, 1, 0}, {17, 1, 1, 1},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("size=%dx%d/interval=%d", test.width, test.height, test.interval), func(t *testing.T) {
			b := encode(t, newTestImage(test.width, test.height, 1).frame(t, frame.RGB24), Options{RestartInterval: test.interval})
			n := 0
			for _, marker := range markersOfScan(b) {
				if want := byte(markerRST0 + n%8); marker != want {
					t.Fatalf("marker %d: got %#x, want %#x", n, marker, want)
				}
				n++
			}
			if n != test.markers {
				t.Errorf("got %d markers, want %d", n, test.markers)
			}
		})
	}
}

// markersOfScan returns the markers between SOS and EOI.
func markersOfScan(b []byte) (markers []byte) {
	b = b[bytes.Index(b, []byte{0xFF, markerSOS}) : len(b)-2]
	for i := 2; i+1 < len(b); i++ {
		if b[i] == 0xFF && b[i+1] != 0 {
			markers = append(markers, b[i+1])
		}
	}
	return markers
}
