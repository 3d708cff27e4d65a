package pipeline

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

// copyStage copies a part of the frame, or all of it, byte for byte, as one band. Sampling would not be exact: it clamps to
// the limited range, and yuv420p may have samples outside.
type copyStage struct {
	pool *pool.Pool
	desc frame.Desc
	crop Rect
	size int
}

// newCopyStage compiles a valid Spec. It returns nil for one that asks for more than a copy.
func newCopyStage(s Spec, p *pool.Pool) *copyStage {
	c, in, out := s.geometry(), s.Input, s.rawDesc()
	st := &copyStage{pool: p, desc: out, crop: Rect(c.Crop)}
	same := in.Format == out.Format && in.EffectiveRange() == out.EffectiveRange() && in.Color == out.Color
	whole := c.Content.Width == c.Width && c.Content.Height == c.Height
	if !same || !whole || c.Crop.Width != c.Width || c.Crop.Height != c.Height {
		return nil
	}
	// Alpha is ignored in inputs and 255 in outputs; chroma of halved resolution can be cut at even offsets alone.
	if out.Format == frame.RGBA || out.Format.IsYUV() && (c.Crop.X%2 != 0 || c.Crop.Y%2 != 0) {
		return nil
	}
	st.size, _ = out.Size() // valid: Validate has seen it
	return st
}

func (st *copyStage) begin(sc *scratch) (err error) {
	sc.pix, err = sc.part.of.whole(st.pool, st.size)
	return err
}

func (st *copyStage) do(sc *scratch, _ int) error {
	pix := sc.pix
	for i := range st.desc.Format.Planes() {
		_, h, rowBytes := st.desc.PlaneSize(i)
		x, y := st.crop.X, st.crop.Y
		if i > 0 {
			x, y = x/2, y/2
		}
		src := sc.frame.Plane(i)
		left := x * st.desc.Format.SampleBytes(i)
		for row := range h {
			copy(pix[:rowBytes], src.Pix[(y+row)*src.Stride+left:])
			pix = pix[rowBytes:]
		}
	}
	return nil
}

func (st *copyStage) end(*scratch) error { return nil }

func (st *copyStage) join(*frameRun) error { return nil }

func (st *copyStage) expected() int { return st.size }

func (st *copyStage) bound() int { return st.size }

func (st *copyStage) bands() (total, unit int) { return 1, 1 }

func (st *copyStage) addScratch(*scratch) {}

func (st *copyStage) scratchBytes() int { return 0 }

func (st *copyStage) explain() []string { return []string{"copy: rows, unchanged"} }
