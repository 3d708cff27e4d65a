package jpegcore

import (
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/kernel/dct"
)

// Encode codes band i (the one after the last, or that of Begin) and returns its entropy-coded bytes, stuffed, with
// any restart markers; the slice is the scratch's until the next call. Bits that do not fill a byte are carried to
// the next band of the run; a segment's last byte is padded. It borrows b, whose planes must be those of a
// band.Sampler for the coder's image and subsampling.
func (c *Coder) Encode(s *Scratch, b *band.Band, i int) []byte {
	if i != s.band {
		panic("jpegcore: bands out of order")
	}
	s.band++
	s.out = s.out[:0]
	for x := 0; x < c.perRow; x += stripMCUs {
		n := min(stripMCUs, c.perRow-x)
		c.transform(s, b, x, n)
		c.code(s, n)
	}
	return s.out
}

// transform makes the coefficients of MCUs x..x+n-1 of the band.
func (c *Coder) transform(s *Scratch, b *band.Band, x, n int) {
	for i := range c.lines {
		l := &c.lines[i]
		p := &b.Planes[l.plane]
		from, to := l.first, l.first+n*l.perMCU
		c.dct.Kernels.Forward(s.strip.Coefs[from:to], s.strip.Masks[from:to], p.Pix[l.y*p.Stride+x*l.perMCU*dct.BlockSize:], p.Stride, l.table)
	}
}

// code appends the bytes of a strip of n MCUs to s.out, segment by segment.
func (c *Coder) code(s *Scratch, n int) {
	k := &c.huff.Kernels
	for from := 0; from < n; {
		m := min(n-from, s.left)
		syms := s.syms[:k.Flatten(s.syms, &s.strip, from, m)]
		raw := s.raw[:k.Write(s.raw, syms, c.codes, &s.bits)]
		from += m
		s.mcu += m
		s.left -= m
		if s.left == 0 {
			raw = s.bits.Flush(raw)
		}
		end := len(s.out)
		s.out = s.out[:end+k.Stuff(s.out[end:cap(s.out)], raw)]
		if s.left == 0 && s.mcu < c.perRow*c.rows {
			s.out = append(s.out, 0xFF, markerRST0+byte(s.segment%8))
			s.beginSegment(c, s.segment+1)
		}
	}
}
