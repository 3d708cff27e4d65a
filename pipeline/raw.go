package pipeline

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/pack"
	"github.com/steadyframe/steadyframe/pool"
)

// rawOutput makes raw pictures by packing the samples of bands into bytes. Parts write into one buffer, each its own
// lines.
type rawOutput struct {
	pool    *pool.Pool
	sampler *band.Sampler
	desc    frame.Desc
	size    int
	lines   int // output lines of a band
	kernels impl.Entry[pack.Kernels]
	planes  [frame.MaxPlanes]rawPlane
}

// rawPlane is where a plane lies in the picture.
type rawPlane struct{ offset, rowBytes int }

// newRawOutput compiles a valid Spec.
func newRawOutput(s Spec, p *pool.Pool, limit impl.Level) (*rawOutput, error) {
	c := s.geometry()
	c.Lines = 8 * c.ChromaY // The lowest that a sampler makes: it stays in the first-level cache longest.
	c.Limit = limit
	o := &rawOutput{pool: p, desc: s.rawDesc(), lines: c.Lines, kernels: pack.Implementations.Best(limit)}
	var err error
	if o.sampler, err = band.NewSampler(c); err != nil {
		return nil, err
	}
	for i := range o.desc.Format.Planes() {
		_, h, rowBytes := o.desc.PlaneSize(i)
		o.planes[i] = rawPlane{o.size, rowBytes}
		o.size += h * rowBytes
	}
	return o, nil
}

func (o *rawOutput) encode(sc *scratch, r *run, fr *frameRun, _, first, last int) error {
	pix, err := fr.picture(o.pool, o.size)
	if err != nil {
		return err
	}
	o.sampler.Begin(sc.band)
	for i := first; i < last; i++ {
		if err := r.halted(fr); err != nil {
			return err
		}
		o.sampler.Fill(sc.band, &sc.frame, i)
		if o.desc.Format == frame.I420 {
			o.packYCC(pix, &sc.band.Band, i)
		} else {
			o.packRGB(pix, &sc.band.Band, i)
		}
	}
	return nil
}

// picture returns the bytes of the one buffer of size bytes that all parts of fr write to.
func (fr *frameRun) picture(p *pool.Pool, size int) ([]byte, error) {
	fr.mu.Lock()
	defer fr.mu.Unlock()
	if fr.parts[0].IsZero() {
		b, err := p.Get(size)
		if err != nil {
			return nil, err
		}
		fr.parts[0] = b
	}
	return fr.parts[0].Bytes(), nil
}

// packRGB packs band i into its lines of pix.
func (o *rawOutput) packRGB(pix []byte, b *band.Band, i int) {
	k, w, rowBytes := &o.kernels.Kernels, o.desc.Width, o.planes[0].rowBytes
	for y := range b.Lines {
		dst := pix[(i*o.lines+y)*rowBytes:][:rowBytes]
		red, green, blue := line(b, 0, y, w), line(b, 1, y, w), line(b, 2, y, w)
		switch o.desc.Format {
		case frame.RGBA:
			k.RGBA(dst, red, green, blue)
		case frame.RGB24:
			k.RGB24(dst, red, green, blue)
		case frame.BGR24:
			k.RGB24(dst, blue, green, red)
		}
	}
}

// packYCC packs band i into its lines of the three planes of pix. A line of chroma is for two lines of luma.
func (o *rawOutput) packYCC(pix []byte, b *band.Band, i int) {
	k := &o.kernels.Kernels
	for p := range o.planes {
		at, top, lines := o.planes[p], i*o.lines, b.Lines
		if p > 0 {
			top, lines = top/2, (lines+1)/2
		}
		for y := range lines {
			dst := pix[at.offset+(top+y)*at.rowBytes:][:at.rowBytes]
			src := line(b, p, y, at.rowBytes)
			if p == 0 {
				k.LimitedLuma(dst, src)
			} else {
				k.LimitedChroma(dst, src)
			}
		}
	}
}

// line returns the first w samples of line y of plane p of b.
func line(b *band.Band, p, y, w int) []int16 {
	pl := &b.Planes[p]
	return pl.Pix[y*pl.Stride:][:w:w]
}

func (o *rawOutput) join(*frameRun) error { return nil }

func (o *rawOutput) expected() int { return o.size }

func (o *rawOutput) bound() int { return o.size }

func (o *rawOutput) bands() (total, unit int) { return o.sampler.Bands(), 1 }

func (o *rawOutput) newScratch() *scratch { return &scratch{band: o.sampler.NewScratch()} }

func (o *rawOutput) scratchBytes() int { return o.sampler.ScratchBytes() }

func (o *rawOutput) explain() []string {
	return append(lines(o.sampler.Explain()), "pack: "+o.kernels.Level.String())
}
