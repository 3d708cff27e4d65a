package jpeg

import (
	"fmt"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
)

// Encoder encodes whole frames of one Desc. It owns its working memory, so it is not safe for concurrent use.
type Encoder struct {
	desc    frame.Desc
	coder   *jpegcore.Coder
	sampler *band.Sampler
	band    *band.Scratch
	scratch *jpegcore.Scratch
}

// NewEncoder returns an Encoder for frames of d. o may be nil. Errors are *frame.DescError and *OptionsError.
func NewEncoder(d frame.Desc, o *Options) (*Encoder, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	config, err := o.config(d.Width, d.Height)
	if err != nil {
		return nil, err
	}
	c := jpegcore.New(config)
	whole := band.Rect{Width: d.Width, Height: d.Height}
	sampling := band.Config{
		In: d, Crop: whole, Width: d.Width, Height: d.Height, Content: whole, Lines: c.BandLines(), Limit: config.Limit,
		ChromaX: config.ChromaX, ChromaY: config.ChromaY,
	}
	if config.Gray {
		sampling.Space = band.Luma
	}
	s, err := band.NewSampler(sampling)
	if err != nil {
		return nil, err
	}
	return &Encoder{desc: d, coder: c, sampler: s, band: s.NewScratch(), scratch: c.NewScratch()}, nil
}

// Append encodes f and appends one JPEG to dst. It allocates only where dst is too small. f must match the Desc given
// to NewEncoder, else the error is a *frame.DescError and dst is returned as it was. It borrows f.
func (e *Encoder) Append(dst []byte, f frame.Frame) ([]byte, error) {
	if f.Desc != e.desc {
		return dst, &frame.DescError{Field: "frame", Reason: fmt.Sprintf("got %v, want %v", f.Desc, e.desc)}
	}
	dst = e.coder.AppendHeader(dst)
	e.sampler.Begin(e.band)
	e.coder.Begin(e.scratch, 0)
	for i := range e.coder.Bands() {
		e.sampler.Fill(e.band, &f, i)
		dst = append(dst, e.coder.Encode(e.scratch, &e.band.Band, i, e.sampler.Ahead(f.Planes(), i))...)
	}
	return e.coder.AppendTrailer(dst), nil
}
