package jpegcore

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/dct"
	"github.com/steadyframe/steadyframe/internal/kernel/huff"
)

// Package jpeg tests the coding itself, against other decoders.

func TestRunBands(t *testing.T) {
	tests := []struct {
		name          string
		width, height int
		chroma        int // 2 when zero
		interval      int
		bands, run    int
	}{
		{name: "none", width: 160, height: 160, bands: 10, run: 10},
		{name: "row", width: 161, height: 160, interval: RestartRow, bands: 10, run: 1},
		{name: "divides-the-row", width: 160, height: 160, interval: 5, bands: 10, run: 1},
		{name: "one-mcu", width: 160, height: 160, interval: 1, bands: 10, run: 1},
		{name: "three-rows", width: 160, height: 160, interval: 30, bands: 10, run: 3},
		{name: "four-in-ten", width: 160, height: 160, interval: 4, bands: 10, run: 2},
		{name: "fifteen-in-ten", width: 160, height: 160, interval: 15, bands: 10, run: 3},
		{name: "seven-in-ten", width: 160, height: 160, interval: 7, bands: 10, run: 7},
		{name: "beyond-the-image", width: 160, height: 160, interval: 65535, bands: 10, run: 10},
		{name: "eight-lines", width: 80, height: 161, chroma: 1, interval: 20, bands: 21, run: 2},
		{name: "one-band", width: 1, height: 1, interval: 1, bands: 1, run: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chroma := cmp.Or(test.chroma, 2)
			c := New(Config{
				Width: test.width, Height: test.height, Quality: 75, ChromaX: chroma, ChromaY: chroma, RestartInterval: test.interval,
			})
			if c.Bands() != test.bands || c.RunBands() != test.run {
				t.Errorf("got %d bands in runs of %d, want %d in runs of %d", c.Bands(), c.RunBands(), test.bands, test.run)
			}
		})
	}
}

// TestBounds codes the most expensive images, of samples that are all at either end, within MaxBandBytes. It wants
// ScratchBytes to be what NewScratch allocates.
func TestBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 2))
	for _, chroma := range [][2]int{{2, 2}, {2, 1}, {1, 1}, {0, 0}} {
		for _, interval := range []int{0, 1, 3, RestartRow} {
			config := Config{Width: 300, Height: 40, Quality: 100, ChromaX: max(chroma[0], 1), ChromaY: max(chroma[1], 1), Gray: chroma[0] == 0, RestartInterval: interval}
			c := New(config)
			sc := c.NewScratch()
			var b band.Band
			for i := range b.Planes {
				p := &b.Planes[i]
				p.Stride, p.Width, p.Height = 304, 304, 16
				p.Pix = make([]int16, 304*16)
				for j := range p.Pix {
					p.Pix[j] = []int16{-2048, 2032}[rng.IntN(2)]
				}
			}
			c.Begin(sc, 0)
			for i := range c.Bands() {
				if n := len(c.Encode(sc, &b, i, nil)); n > c.MaxBandBytes() {
					t.Errorf("%v interval %d: band %d has %d bytes, want <= %d", chroma, interval, i, n, c.MaxBandBytes())
				}
			}
			if cap(sc.ends) != c.maxEnds() {
				t.Errorf("%v interval %d: got room for %d ends of segments, want that it does not grow from %d", chroma, interval, cap(sc.ends), c.maxEnds())
			}
			got := int(unsafe.Sizeof(*sc)) + len(sc.strip.Coefs)*128 + len(sc.strip.Masks)*8 + 2*len(sc.syms) + len(sc.raw) + cap(sc.out) + cap(sc.ends)*int(unsafe.Sizeof(int(0)))
			if got != c.ScratchBytes() {
				t.Errorf("%v: the scratch has %d bytes, want ScratchBytes = %d", chroma, got, c.ScratchBytes())
			}
		}
	}
}

func TestExplain(t *testing.T) {
	c := New(Config{Width: 320, Height: 160, Quality: 75, ChromaX: 2, ChromaY: 2, Limit: impl.Max})
	d, h := dct.Implementations.Best(impl.Max).Level, huff.Implementations.Best(impl.Max).Level
	if got, want := c.Explain(), fmt.Sprintf("code: dct %v, huff %v\n", d, h); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMisuse wants panics with the text of the mistake.
func TestMisuse(t *testing.T) {
	c := New(Config{Width: 64, Height: 64, Quality: 75, ChromaX: 2, ChromaY: 2, RestartInterval: 8})
	s := c.NewScratch()
	tests := []struct {
		name, want string
		f          func()
	}{
		{"begin-inside-a-segment", "jpegcore: run begins inside a segment", func() { c.Begin(s, 1) }},
		{"begin-beyond", "jpegcore: run begins inside a segment", func() { c.Begin(s, 4) }},
		{"begin-before", "jpegcore: run begins inside a segment", func() { c.Begin(s, -2) }},
		{"no-side", "jpegcore: side out of range", func() { New(Config{Height: 1, Quality: 75, ChromaX: 1, ChromaY: 1}) }},
		{"no-quality", "jpegcore: quality out of range", func() { New(Config{Width: 1, Height: 1, ChromaX: 1, ChromaY: 1}) }},
		{"440", "jpegcore: no such subsampling", func() { New(Config{Width: 1, Height: 1, Quality: 75, ChromaX: 1, ChromaY: 2}) }},
		{"gray-420", "jpegcore: no such subsampling", func() { New(Config{Width: 1, Height: 1, Quality: 75, ChromaX: 2, ChromaY: 2, Gray: true}) }},
		{"interval", "jpegcore: restart interval out of range", func() { New(Config{Width: 1, Height: 1, Quality: 75, ChromaX: 1, ChromaY: 1, RestartInterval: 65536}) }},
		{"out-of-order", "jpegcore: bands out of order", func() { c.Begin(s, 2); c.Encode(s, nil, 0, nil) }},
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
