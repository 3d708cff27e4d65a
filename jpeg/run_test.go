package jpeg

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/race"
)

func TestRunBands(t *testing.T) {
	tests := []struct {
		name          string
		width, height int
		o             Options
		bands, run    int
	}{
		{name: "none", width: 160, height: 160, bands: 10, run: 10},
		{name: "row", width: 161, height: 160, o: Options{RestartInterval: RestartRow}, bands: 10, run: 1},
		{name: "divides-the-row", width: 160, height: 160, o: Options{RestartInterval: 5}, bands: 10, run: 1},
		{name: "one-mcu", width: 160, height: 160, o: Options{RestartInterval: 1}, bands: 10, run: 1},
		{name: "three-rows", width: 160, height: 160, o: Options{RestartInterval: 30}, bands: 10, run: 3},
		{name: "four-in-ten", width: 160, height: 160, o: Options{RestartInterval: 4}, bands: 10, run: 2},
		{name: "fifteen-in-ten", width: 160, height: 160, o: Options{RestartInterval: 15}, bands: 10, run: 3},
		{name: "seven-in-ten", width: 160, height: 160, o: Options{RestartInterval: 7}, bands: 10, run: 7},
		{name: "beyond-the-picture", width: 160, height: 160, o: Options{RestartInterval: 65535}, bands: 10, run: 10},
		{name: "eight-lines", width: 160, height: 161, o: Options{Subsampling: Sub444, RestartInterval: 40}, bands: 21, run: 2},
		{name: "one-band", width: 1, height: 1, o: Options{RestartInterval: 1}, bands: 1, run: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := NewCoder(test.width, test.height, &test.o)
			if err != nil {
				t.Fatal(err)
			}
			if c.Bands() != test.bands || c.RunBands() != test.run {
				t.Errorf("got %d bands in runs of %d, want %d in runs of %d", c.Bands(), c.RunBands(), test.bands, test.run)
			}
		})
	}
}

// TestRuns codes the runs of a picture apart, in any order and with dirty scratches, and wants the bytes of
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
		p := newPicture(1+rng.IntN(400), 1+rng.IntN(150), seed)
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
func joinRuns(c *Coder, bands []band.Band, rng *rand.Rand) []byte {
	scratches := []*Scratch{c.NewScratch(), c.NewScratch()}
	runs := make([][]byte, (c.Bands()+c.RunBands()-1)/c.RunBands())
	for _, n := range rng.Perm(len(runs)) {
		s := scratches[rng.IntN(2)]
		first := n * c.RunBands()
		if rng.IntN(3) == 0 {
			c.Begin(s, first)
			c.Encode(s, &bands[first], first)
		}
		c.Begin(s, first)
		for i := first; i < min(first+c.RunBands(), c.Bands()); i++ {
			runs[n] = append(runs[n], c.Encode(s, &bands[i], i)...)
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
			b := encode(t, newPicture(test.width, test.height, 1).frame(t, frame.RGB24), Options{RestartInterval: test.interval})
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

// TestMisuse wants panics with the text of the mistake.
func TestMisuse(t *testing.T) {
	c, err := NewCoder(64, 64, &Options{RestartInterval: 8})
	if err != nil {
		t.Fatal(err)
	}
	s := c.NewScratch()
	tests := []struct {
		name, want string
		f          func()
	}{
		{"begin-inside-a-segment", "jpeg: run begins inside a segment", func() { c.Begin(s, 1) }},
		{"begin-beyond", "jpeg: run begins inside a segment", func() { c.Begin(s, 4) }},
		{"begin-before", "jpeg: run begins inside a segment", func() { c.Begin(s, -2) }},
		{"out-of-order", "jpeg: bands out of order", func() { c.Begin(s, 2); c.Encode(s, nil, 0) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != test.want {
					t.Errorf("got %v, want %q", got, test.want)
				}
			}()
			test.f()
		})
	}
}
