package pipeline

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

// copyOutput makes raw pictures that are a part of the input, or all of it, byte for byte. Bands could not: they would
// clamp the samples beyond the limited range, which yuv420p may hold.
type copyOutput struct {
	pool *pool.Pool
	desc frame.Desc
	crop Rect
	size int
}

// newCopyOutput compiles a valid Spec. It returns nil for one that asks for more than a copy.
func newCopyOutput(s Spec, p *pool.Pool) *copyOutput {
	c, in, out := s.geometry(), s.Input, s.rawDesc()
	o := &copyOutput{pool: p, desc: out, crop: Rect(c.Crop)}
	same := in.Format == out.Format && in.EffectiveRange() == out.EffectiveRange() && in.Color == out.Color
	whole := c.Content.Width == c.Width && c.Content.Height == c.Height
	if !same || !whole || c.Crop.Width != c.Width || c.Crop.Height != c.Height {
		return nil
	}
	// Alpha is ignored in inputs and 255 in outputs; chroma of halved resolution can be cut at even offsets alone.
	if out.Format == frame.RGBA || out.Format.IsYUV() && (c.Crop.X%2 != 0 || c.Crop.Y%2 != 0) {
		return nil
	}
	o.size, _ = out.Size() // valid: Validate has seen it
	return o
}

func (o *copyOutput) encode(sc *scratch, r *run, fr *frameRun, _, _, _ int) error {
	if err := r.halted(fr); err != nil {
		return err
	}
	pix, err := fr.picture(o.pool, o.size)
	if err != nil {
		return err
	}
	for i := range o.desc.Format.Planes() {
		_, h, rowBytes := o.desc.PlaneSize(i)
		x, y := o.crop.X, o.crop.Y
		if i > 0 {
			x, y = x/2, y/2
		}
		src := sc.frame.Plane(i)
		left := x * o.desc.Format.SampleBytes(i)
		for row := range h {
			copy(pix[:rowBytes], src.Pix[(y+row)*src.Stride+left:])
			pix = pix[rowBytes:]
		}
	}
	return nil
}

func (o *copyOutput) join(*frameRun) error { return nil }

func (o *copyOutput) expected() int { return o.size }

func (o *copyOutput) bound() int { return o.size }

func (o *copyOutput) bands() (total, unit int) { return 1, 1 }

func (o *copyOutput) newScratch() *scratch { return &scratch{} }

func (o *copyOutput) scratchBytes() int { return 0 }

func (o *copyOutput) explain() []string { return []string{"copy: rows, unchanged"} }
