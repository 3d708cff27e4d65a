package jpeg

import (
	"encoding/binary"
	"image"
	"io"
	"sync"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
)

// Encode writes m to w as a baseline JPEG. It is a drop-in for Encode of the standard library's image/jpeg. As there, o may
// be nil, qualities below 1 and above 100 mean 1 and 100, colors are multiplied by alpha, so that a transparent image lies
// on black, and an *image.Gray becomes a JPEG with one component. These differ:
//
//   - Options.Quality 0 means 75, not 1.
//   - Options.Subsampling sets the resolution of chroma. The standard library always writes 4:2:0, the default here.
//   - The file has a JFIF header.
//
// Encode reads *image.YCbCr of all ratios, *image.RGBA and *image.Gray in place. It converts *image.NRGBA, *image.Paletted
// and all other types some lines at a time. For the types named it allocates nothing once it has encoded an image of the
// same type and size. It borrows m. It is safe for concurrent use.
//
// A side of 0 or above 65,535 pixels is an *OptionsError, and so are invalid options. Errors of w are returned unchanged;
// the bytes written until then are not a whole JPEG.
func Encode(w io.Writer, m image.Image, o *Options) error {
	clamped := Options{}
	if o != nil {
		clamped = *o
	}
	if clamped.Quality != 0 {
		clamped.Quality = min(max(clamped.Quality, 1), 100)
	}
	size := m.Bounds().Size()
	config, err := clamped.config(size.X, size.Y)
	if err != nil {
		return err
	}
	var s imageSource
	s.open(m)
	if s.format == frame.Gray8 {
		config.Gray, config.ChromaX, config.ChromaY = true, 1, 1
	}
	e, err := takeImageEncoder(config, s.sampling(config))
	if err != nil {
		return err
	}
	err = e.encode(w, &s)
	e.giveBack()
	return err
}

// imageSource is an image as Encode reads it.
type imageSource struct {
	m         image.Image
	width     int // pixels
	height    int
	format    frame.PixelFormat // of the planes, or of what the rows are converted to
	converted bool              // rows are converted; else the planes are the image's own
	chroma    band.Chroma       // of YCbCr
	planes    [3]frame.Plane
}

// open looks at the type of m, which is not empty.
func (s *imageSource) open(m image.Image) {
	b := m.Bounds()
	*s = imageSource{m: m, width: b.Dx(), height: b.Dy(), format: frame.RGBA, converted: true}
	switch m := m.(type) {
	case *image.Gray:
		s.format, s.converted = frame.Gray8, false
		s.planes[0] = s.plane(m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride)
	case *image.RGBA:
		s.converted = false
		s.planes[0] = s.plane(m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride)
	case *image.YCbCr:
		s.openYCbCr(m)
	}
}

func (s *imageSource) plane(pix []byte, stride int) frame.Plane {
	return frame.Plane{Pix: pix, Stride: stride, Width: s.width, Height: s.height}
}

// openYCbCr is open for planes of luma and chroma.
func (s *imageSource) openYCbCr(m *image.YCbCr) {
	var x, y int
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio444:
		x, y = 1, 1
	case image.YCbCrSubsampleRatio422:
		x, y = 2, 1
	case image.YCbCrSubsampleRatio420:
		x, y = 2, 2
	case image.YCbCrSubsampleRatio440:
		x, y = 1, 2
	case image.YCbCrSubsampleRatio411:
		x, y = 4, 1
	case image.YCbCrSubsampleRatio410:
		x, y = 4, 2
	default:
		return
	}
	at := m.Rect.Min
	if at.X < 0 && x > 1 || at.Y < 0 && y > 1 {
		return // COffset rounds towards 0, so that samples span unequal numbers of pixels: At knows what it means
	}
	s.format, s.converted = frame.I420, false
	s.chroma = band.Chroma{X: x, Y: y, PhaseX: (at.X%x + x) % x, PhaseY: (at.Y%y + y) % y}
	s.planes[0] = s.plane(m.Y[m.YOffset(at.X, at.Y):], m.YStride)
	rows := (s.chroma.PhaseY + s.height + y - 1) / y
	for i, pix := range [][]byte{m.Cb, m.Cr} {
		s.planes[1+i] = frame.Plane{Pix: pix[m.COffset(at.X, at.Y):], Stride: m.CStride, Width: (s.chroma.PhaseX + s.width + x - 1) / x, Height: rows}
	}
}

// sampling returns how bands are made of the image, or, where its rows are converted, one band of them.
func (s *imageSource) sampling(c jpegcore.Config) band.Config {
	height, lines := s.height, 8*c.ChromaY
	if s.converted {
		height = lines
	}
	whole := band.Rect{Width: s.width, Height: height}
	b := band.Config{
		In: frame.Desc{Format: s.format, Width: s.width, Height: height}, Crop: whole,
		Width: s.width, Height: height, Content: whole, Lines: lines, ChromaX: c.ChromaX, ChromaY: c.ChromaY, Limit: c.Limit,
	}
	if s.format == frame.I420 {
		b.In.Range, b.Filter, b.Chroma = frame.RangeFull, band.Box, s.chroma
	}
	if c.Gray {
		b.Space = band.Luma
	}
	return b
}

// imageEncoder is what Encode needs for images of one size and kind.
type imageEncoder struct {
	key     imageKey
	coder   *jpegcore.Coder
	sampler *band.Sampler
	band    *band.Scratch
	code    *jpegcore.Scratch
	pixels  []byte // rows that were converted
	plane   [1]frame.Plane
	colors  [256]uint32 // of a palette, as bytes R, G, B, A
	out     []byte
}

// imageKey is what an imageEncoder is made for.
type imageKey struct {
	coding   jpegcore.Config
	sampling band.Config
}

// imageEncoders keeps imageEncoders between calls. Programs encode images of a few sizes: each has, as a rule, a pool of its
// own.
var imageEncoders [16]sync.Pool

func (k *imageKey) pool() *sync.Pool {
	return &imageEncoders[(k.coding.Width*31+k.coding.Height*7+int(k.sampling.In.Format)*3+k.coding.Quality)%len(imageEncoders)]
}

// takeImageEncoder returns an imageEncoder from the pool, or a new one.
func takeImageEncoder(coding jpegcore.Config, sampling band.Config) (*imageEncoder, error) {
	key := imageKey{coding, sampling}
	if e, ok := key.pool().Get().(*imageEncoder); ok && e.key == key {
		return e, nil
	}
	sampler, err := band.NewSampler(sampling)
	if err != nil {
		return nil, err
	}
	coder := jpegcore.New(coding)
	e := &imageEncoder{key: key, coder: coder, sampler: sampler, band: sampler.NewScratch(), code: coder.NewScratch()}
	e.out = make([]byte, 0, 2*writeBytes)
	return e, nil
}

// giveBack returns e to the pool.
func (e *imageEncoder) giveBack() {
	e.plane[0] = frame.Plane{}
	e.key.pool().Put(e)
}

// writeBytes is how much is written at a time, at least.
const writeBytes = 32 << 10

// encode encodes s.
func (e *imageEncoder) encode(w io.Writer, s *imageSource) error {
	out := e.coder.AppendHeader(e.out[:0])
	e.sampler.Begin(e.band)
	e.coder.Begin(e.code, 0)
	var ahead []byte
	for i := range e.coder.Bands() {
		if s.converted {
			e.plane[0] = e.rows(s, i)
			e.sampler.Begin(e.band) // its rows are those of another band
			e.sampler.FillPlanes(e.band, e.plane[:], 0)
		} else {
			e.sampler.FillPlanes(e.band, s.planes[:], i)
			ahead = e.sampler.Ahead(s.planes[:], i)
		}
		out = append(out, e.coder.Encode(e.code, &e.band.Band, i, ahead)...)
		if len(out) >= writeBytes {
			if err := writeAll(w, out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	out = e.coder.AppendTrailer(out)
	e.out = out
	return writeAll(w, out)
}

func writeAll(w io.Writer, data []byte) error {
	n, err := w.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	return err
}

// rows returns the lines of band i as RGBA, the last one again where the image ends inside the band.
func (e *imageEncoder) rows(s *imageSource, i int) frame.Plane {
	lines, stride := e.key.sampling.Lines, 4*s.width
	from := s.m.Bounds().Min
	from.Y += i * lines
	n := min(lines, s.height-i*lines)
	if m, ok := s.m.(*image.NRGBA); ok && n == lines && areOpaque(m, from.Y, n) {
		return frame.Plane{Pix: m.Pix[m.PixOffset(from.X, from.Y):], Stride: m.Stride, Width: s.width, Height: lines}
	}
	if e.pixels == nil {
		e.pixels = make([]byte, lines*stride)
	}
	switch m := s.m.(type) {
	case *image.NRGBA:
		for y := range n {
			at := m.PixOffset(from.X, from.Y+y)
			premultiply(e.pixels[y*stride:][:stride], m.Pix[at:at+stride])
		}
	case *image.Paletted:
		if i == 0 {
			e.setColors(m)
		}
		for y := range n {
			at := m.PixOffset(from.X, from.Y+y)
			lookUp(e.pixels[y*stride:][:stride], m.Pix[at:at+s.width], &e.colors)
		}
	case image.RGBA64Image:
		for y := range n {
			row := e.pixels[y*stride:][:stride]
			for x := range s.width {
				c := m.RGBA64At(from.X+x, from.Y+y)
				row[4*x], row[4*x+1], row[4*x+2] = byte(c.R>>8), byte(c.G>>8), byte(c.B>>8)
			}
		}
	default:
		for y := range n {
			row := e.pixels[y*stride:][:stride]
			for x := range s.width {
				r, g, b, _ := m.At(from.X+x, from.Y+y).RGBA()
				row[4*x], row[4*x+1], row[4*x+2] = byte(r>>8), byte(g>>8), byte(b>>8)
			}
		}
	}
	for y := n; y < lines; y++ {
		copy(e.pixels[y*stride:][:stride], e.pixels[(n-1)*stride:][:stride])
	}
	return frame.Plane{Pix: e.pixels, Stride: stride, Width: s.width, Height: lines}
}

// areOpaque reports whether all pixels of n rows from y on have full alpha.
func areOpaque(m *image.NRGBA, y, n int) bool {
	for ; n > 0; y, n = y+1, n-1 {
		at := m.PixOffset(m.Rect.Min.X, y)
		row := m.Pix[at : at+4*m.Rect.Dx()]
		all := ^uint64(0)
		for ; len(row) >= 32; row = row[32:] {
			all &= binary.LittleEndian.Uint64(row) & binary.LittleEndian.Uint64(row[8:]) &
				binary.LittleEndian.Uint64(row[16:]) & binary.LittleEndian.Uint64(row[24:])
		}
		const alphas = 0xFF000000_FF000000
		opaque := all&alphas == alphas
		for i := 3; i < len(row); i += 4 {
			opaque = opaque && row[i] == 0xFF
		}
		if !opaque {
			return false
		}
	}
	return true
}

// premultiply sets dst to the colors of src times its alpha, as color.NRGBA's RGBA has them.
func premultiply(dst, src []byte) {
	for i := 0; i+4 <= len(src) && i+4 <= len(dst); i += 4 {
		p, q := src[i:i+4:i+4], dst[i:i+4:i+4]
		a := uint32(p[3])
		if a == 0xFF {
			copy(q, p)
			continue
		}
		q[0] = byte(uint32(p[0]) * 0x101 * a / 0xFF >> 8)
		q[1] = byte(uint32(p[1]) * 0x101 * a / 0xFF >> 8)
		q[2] = byte(uint32(p[2]) * 0x101 * a / 0xFF >> 8)
	}
}

// setColors sets the colors to those of m's palette. Missing ones are black.
func (e *imageEncoder) setColors(m *image.Paletted) {
	clear(e.colors[:])
	for i, c := range m.Palette[:min(len(m.Palette), len(e.colors))] {
		r, g, b, _ := c.RGBA()
		e.colors[i] = r>>8 | g&0xFF00 | b&0xFF00<<8
	}
}

func lookUp(dst, src []byte, colors *[256]uint32) {
	for i, v := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], colors[v])
	}
}
