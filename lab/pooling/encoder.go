package pooling

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/pack"
	"github.com/steadyframe/steadyframe/jpeg"
)

// encoder makes JPEGs of frames, for one goroutine. Its own memory is small, made once, and the same for all options.
type encoder struct {
	work    workload
	encoder *jpeg.Encoder

	// Of a workload that resizes:
	sampler *band.Sampler
	scratch *band.Scratch
	pack    pack.Kernels
}

// bandLines is how many lines of an image are made at a time: the fewest that a sampler makes.
const bandLines = 8

func newEncoder(w workload) *encoder {
	m := &encoder{work: w}
	var err error
	if m.encoder, err = jpeg.NewEncoder(w.image, nil); err != nil {
		panic("pooling: a workload that no encoder is for")
	}
	if !w.resizes() {
		return m
	}
	m.sampler, err = band.NewSampler(band.Config{
		In: w.input, Crop: band.Rect{Width: w.input.Width, Height: w.input.Height},
		Width: w.image.Width, Height: w.image.Height, Content: band.Rect{Width: w.image.Width, Height: w.image.Height},
		Space: band.RGB, ChromaX: 1, ChromaY: 1, Lines: bandLines,
	})
	if err != nil {
		panic("pooling: a workload that no sampler is for")
	}
	m.scratch, m.pack = m.sampler.NewScratch(), pack.Implementations.Best(impl.Max).Kernels
	return m
}

// resize makes the image of the frame in. Both are as long as the workload's geometry says. It allocates nothing.
func (m *encoder) resize(image, in []byte) {
	f := wrap(m.work.input, in)
	width, rowBytes := m.work.image.Width, 4*m.work.image.Width
	m.sampler.Begin(m.scratch)
	for i := range m.sampler.Bands() {
		m.sampler.Fill(m.scratch, &f, i)
		for y := range m.scratch.Band.Lines {
			b := &m.scratch.Band
			m.pack.RGBA(image[(i*bandLines+y)*rowBytes:][:rowBytes], line(b, 0, y, width), line(b, 1, y, width), line(b, 2, y, width))
		}
	}
}

// line returns the first w samples of line y of plane p of b.
func line(b *band.Band, p, y, w int) []int16 {
	pl := &b.Planes[p]
	return pl.Pix[y*pl.Stride:][:w:w]
}

// encode appends the JPEG of an image, or of a frame where the workload does not resize, to dst. It allocates only where
// dst has not enough room.
func (m *encoder) encode(dst, image []byte) []byte {
	dst, err := m.encoder.Append(dst, wrap(m.work.image, image))
	if err != nil {
		panic("pooling: an image that is not the encoder's")
	}
	return dst
}

// wrap returns data as a frame of d, which it is as long as.
func wrap(d frame.Desc, data []byte) frame.Frame {
	f, err := frame.WrapBytes(d, data)
	if err != nil {
		panic("pooling: a frame of the wrong length")
	}
	return f
}
