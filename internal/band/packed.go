package band

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/kernel/color"
)

// Converter makes bands of rgb24 pixels that are neither cropped nor resized, any columns of them at a time: the samples
// that a Sampler makes of a whole frame. It is immutable and shared by any number of goroutines.
type Converter struct {
	sampler *Sampler // of the same colors: its layout, and its kernels
	direct  bool     // two lines of a band are made of two rows at once
}

// NewConverter compiles c, of which Width, Height, Space, ChromaX, ChromaY, Lines and Limit count. It returns NewSampler's
// error.
func NewConverter(c Config) (*Converter, error) {
	whole := Rect{Width: c.Width, Height: c.Height}
	s, err := NewSampler(Config{
		In: frame.Desc{Format: frame.RGB24, Width: c.Width, Height: c.Height}, Crop: whole, Content: whole,
		Width: c.Width, Height: c.Height, Space: c.Space, ChromaX: c.ChromaX, ChromaY: c.ChromaY, Lines: c.Lines, Limit: c.Limit,
	})
	if err != nil {
		return nil, err
	}
	return &Converter{sampler: s, direct: s.sources[0].direct}, nil
}

// ConverterScratch is one worker's memory: a band as wide as the image, and rows on the way to it.
type ConverterScratch struct {
	Band   Band
	rows   [2][3][]int16
	pairs  color.Pairs  // what PackedLines makes, during Fill
	pixels color.Pixels // and of what
}

// NewScratch returns memory for one worker.
func (c *Converter) NewScratch() *ConverterScratch {
	sc := &ConverterScratch{}
	for i := range c.sampler.planeCount {
		l := c.sampler.planes[i]
		sc.Band.Planes[i] = Plane{Pix: make([]int16, l.padded*l.lines), Stride: l.padded, Width: l.padded, Height: l.lines}
		if !c.direct {
			for k := range sc.rows {
				sc.rows[k][i] = make([]int16, l.width)
			}
		}
	}
	return sc
}

// ScratchBytes returns the size of a ConverterScratch in bytes.
func (c *Converter) ScratchBytes() (n int) {
	for i := range c.sampler.planeCount {
		l := c.sampler.planes[i]
		n += 2 * l.padded * l.lines
		if !c.direct {
			n += 2 * len(ConverterScratch{}.rows) * l.width
		}
	}
	return n
}

// Pixels is rows of pixels, rgb24 or gray, as many as a band has or fewer where the image ends.
type Pixels struct {
	Pix           []byte
	Stride        int // bytes from one row to the next
	Columns, Rows int
}

// Fill makes the samples of columns x.. of sc.Band from pixels. x is a multiple of 8 and of the width of an MCU. Where the
// columns reach the right edge of the image they are padded to whole blocks, and rows that are missing at its lower edge
// repeat the last.
func (c *Converter) Fill(sc *ConverterScratch, x int, p Pixels) {
	b := &sc.Band
	b.Lines = p.Rows
	s := c.sampler
	subY := s.config.ChromaY
	if s.config.Space != YCC {
		subY = 1
	}
	if c.direct {
		sc.pairs = color.Pairs{
			Y: b.Planes[0].Pix[x:], Cb: b.Planes[1].Pix[x/2:], Cr: b.Planes[2].Pix[x/2:], Stride: b.Planes[0].Stride, ChromaStride: b.Planes[1].Stride,
			Width: p.Columns, Count: (p.Rows + 1) / 2,
		}
		sc.pixels = color.Pixels{Pix: p.Pix, Stride: p.Stride, Rows: p.Rows}
		s.kernels.color.PackedLines(&sc.pairs, &sc.pixels, s.sources[0].packed)
		sc.pairs, sc.pixels = color.Pairs{}, color.Pixels{}
		s.pad(b, x, p.Columns)
		return
	}
	for y := 0; y < p.Rows; y += subY {
		upper := p.row(y)
		lower := upper
		if y+1 < p.Rows {
			lower = p.row(min(y+subY-1, p.Rows-1))
		}
		c.convert(sc, x, y, p.Columns, upper, lower)
	}
	s.pad(b, x, p.Columns)
}

func (p *Pixels) row(y int) []byte { return p.Pix[y*p.Stride:][:3*p.Columns] }

// convert is Fill for line y of n pixels, or for two lines that share their chroma.
func (c *Converter) convert(sc *ConverterScratch, x, y, n int, upper, lower []byte) {
	s, b := c.sampler, &sc.Band
	k := &s.kernels
	halvedDown := s.config.Space == YCC && s.config.ChromaY == 2
	c.convertRow(&sc.rows[0], upper, n)
	k.blend.Line(b.Planes[0].line(x, y, n), sc.rows[0][0][:n])
	if s.config.Space == Luma {
		return
	}
	if halvedDown {
		c.convertRow(&sc.rows[1], lower, n)
		k.blend.Line(b.Planes[0].line(x, y+1, n), sc.rows[1][0][:n])
	}
	for i := 1; i < 3; i++ {
		subX := s.planes[i].subX
		half := (n + subX - 1) / subX
		dst := b.Planes[i].line(x/subX, y/s.planes[i].subY, half)
		if halvedDown {
			k.blend.Mean(dst, sc.rows[0][i][:half], sc.rows[1][i][:half])
		} else {
			k.blend.Line(dst, sc.rows[0][i][:half])
		}
	}
}

// convertRow makes n pixels of a row.
func (c *Converter) convertRow(dst *[3][]int16, src []byte, n int) {
	k, packed := &c.sampler.kernels.color, c.sampler.sources[0].packed
	switch c.sampler.sources[0].convert {
	case toLuma:
		k.PackedLuma(dst[0][:n], src, packed)
	case toYCCHalf:
		half := (n + 1) / 2
		k.PackedYCCHalf([3][]int16{dst[0][:n], dst[1][:half], dst[2][:half]}, src, packed)
	default:
		k.PackedYCC([3][]int16{dst[0][:n], dst[1][:n], dst[2][:n]}, src, packed)
	}
}

// NewGray returns a band of one plane for gray images of so many pixels across, of 8 lines.
func NewGray(width int) *Gray {
	padded := (width + 7) / 8 * 8
	g := &Gray{width: width}
	g.Band.Planes[0] = Plane{Pix: make([]int16, 8*padded), Stride: padded, Width: padded, Height: 8}
	return g
}

// Gray is a band of bytes that are samples of luma as they are.
type Gray struct {
	Band  Band
	width int
}

// Fill makes the samples of columns x.. of g.Band from pixels of one byte, as Converter.Fill does. x is a multiple of 8.
func (g *Gray) Fill(x int, p Pixels) {
	b := &g.Band
	b.Lines = p.Rows
	dst := &b.Planes[0]
	for y := range p.Rows {
		src, line := p.Pix[y*p.Stride:][:p.Columns], dst.line(x, y, p.Columns)
		for i, v := range src {
			line[i] = (int16(v) - 128) << 4
		}
	}
	to := p.Columns
	if x+p.Columns == g.width {
		to = dst.Width - x
		for y := range p.Rows {
			fill(dst.line(g.width, y, dst.Width-g.width), dst.Pix[y*dst.Stride+g.width-1])
		}
	}
	for y := p.Rows; y < 8; y++ {
		copy(dst.line(x, y, to), dst.line(x, p.Rows-1, to))
	}
}

// GrayBytes returns the size of the band of a Gray in bytes.
func GrayBytes(width int) int { return 2 * 8 * ((width + 7) / 8 * 8) }
