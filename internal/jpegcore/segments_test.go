package jpegcore

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/internal/band"
)

// TestSegments: segments that are coded apart, in any order, are together what coding all bands makes.
func TestSegments(t *testing.T) {
	const seed = 9
	r := rand.New(rand.NewPCG(seed, 0))
	for _, chroma := range [][2]int{{2, 2}, {2, 1}, {1, 1}, {0, 0}} {
		for _, interval := range []int{0, 1, 3, 7, 19, 45, RestartRow, 65535} {
			c := New(Config{Width: 300, Height: 70, Quality: 90, ChromaX: max(chroma[0], 1), ChromaY: max(chroma[1], 1), Gray: chroma[0] == 0, RestartInterval: interval})
			across, down := c.MCUs()
			bands := randomBands(r, c)
			whole := c.NewScratch()
			c.Begin(whole, 0)
			var want []byte
			for i := range down {
				want = append(want, c.Encode(whole, &bands[i], i, nil)...)
			}
			sc := c.NewScratch()
			parts := make([][]byte, c.Segments())
			for _, n := range r.Perm(c.Segments()) {
				c.BeginSegment(sc, n)
				last := min((n+1)*c.Interval(), across*down)
				for mcu := n * c.Interval(); mcu < last; {
					coded, mcus := c.EncodeRow(sc, &bands[mcu/across])
					if mcus < 1 || mcus > across-mcu%across {
						t.Fatalf("chroma %v, interval %d, MCU %d: got %d MCUs, want 1..%d", chroma, interval, mcu, mcus, across-mcu%across)
					}
					parts[n] = append(parts[n], coded...)
					mcu += mcus
				}
			}
			if got := bytes.Join(parts, nil); !bytes.Equal(got, want) {
				t.Errorf("chroma %v, interval %d, seed %d: segments differ from what coding all bands makes", chroma, interval, seed)
			}
		}
	}
}

// randomBands returns the bands of an image of noise.
func randomBands(r *rand.Rand, c *Coder) []band.Band {
	width, height := c.MCUSize()
	across, down := c.MCUs()
	bands := make([]band.Band, down)
	for i := range bands {
		bands[i].Lines = height
		for p := range c.components() {
			w, h := across*width, height
			if p > 0 {
				w, h = across*8, 8
			}
			plane := band.Plane{Pix: make([]int16, w*h), Stride: w, Width: w, Height: h}
			for k := range plane.Pix {
				plane.Pix[k] = int16(r.IntN(4000) - 2000)
			}
			bands[i].Planes[p] = plane
		}
	}
	return bands
}

func TestBeginSegmentPanics(t *testing.T) {
	c := New(Config{Width: 64, Height: 64, Quality: 75, ChromaX: 1, ChromaY: 1, RestartInterval: 8})
	for _, n := range []int{-1, 8} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("segment %d of 8: got no panic, want one", n)
				}
			}()
			c.BeginSegment(c.NewScratch(), n)
		}()
	}
}
