package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// paint is a stage that sets the samples of a rectangle, in place.
type paint struct {
	rect  Rect
	color [3]uint8
	lines int // of a band
}

func (st *paint) begin(*scratch) error { return nil }

func (st *paint) do(sc *scratch, band int) error {
	for i, v := range st.color {
		plane := &sc.band.Band.Planes[i]
		for y := range sc.band.Band.Lines {
			if at := band*st.lines + y - st.rect.Y; at < 0 || at >= st.rect.Height {
				continue
			}
			for x := st.rect.X; x < st.rect.X+st.rect.Width; x++ {
				plane.Pix[y*plane.Stride+x] = int16(v) * 16
			}
		}
	}
	return nil
}

func (st *paint) end(*scratch) error  { return nil }
func (st *paint) addScratch(*scratch) {}
func (st *paint) scratchBytes() int   { return 0 }
func (st *paint) explain() []string   { return []string{"paint: " + st.rect.String()} }

// TestStageChangesSamples: a stage between sampling and the sink changes what the sink writes, and nothing else, however
// the bands are shared out.
func TestStageChangesSamples(t *testing.T) {
	s := Spec{Input: frame.Desc{Format: frame.BGR24, Width: 512, Height: 600}, Output: Output{Format: RawRGB24}}
	in := draw(t, s.Input, noise, 3)
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			p := compile(t, s, newWorkers(t, workers))
			rect := Rect{X: 33, Y: 5, Width: 301, Height: 422}
			p.stages = slices.Insert(p.stages, 1, stage(&paint{rect: rect, color: [3]uint8{200, 100, 50}, lines: p.out.(*packStage).lines}))
			got := runOne(t, p, in)
			for y := range s.Input.Height {
				for x := range s.Input.Width {
					from := in.Plane(0).Pix[y*in.Plane(0).Stride+3*x:]
					want := []byte{from[2], from[1], from[0]}
					if x >= rect.X && x < rect.X+rect.Width && y >= rect.Y && y < rect.Y+rect.Height {
						want = []byte{200, 100, 50}
					}
					if pixel := got[(y*s.Input.Width+x)*3:][:3]; !slices.Equal(pixel, want) {
						t.Fatalf("pixel %d, %d: got %v, want %v", x, y, pixel, want)
					}
				}
			}
		})
	}
}
