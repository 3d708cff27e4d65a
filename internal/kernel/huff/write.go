package huff

import (
	"bytes"
	"encoding/binary"
)

// Partial is the bits that do not fill a byte yet: the Len lowest of Bits, Len <= 7. Those above are not zero.
type Partial struct {
	Bits uint64
	Len  uint

	long bool // the codes before were so long that eight of them often have more than 56 bits
}

// Flush fills the last byte with ones (ITU-T T.81, F.1.2.3), appends it to dst, and leaves p empty.
func (p *Partial) Flush(dst []byte) []byte {
	if p.Len > 0 {
		pad := 8 - p.Len
		dst = append(dst, byte(p.Bits<<pad|(1<<pad-1)))
	}
	*p = Partial{}
	return dst
}

// write is the plain Go Kernels.Write.
func write(dst []byte, syms []Symbol, c *Codes, p *Partial) int {
	acc, have := p.Bits, p.Len
	n := 0
	for i := 1; i < len(syms); i += 2 {
		// Two codes have 50 bits at most, so that with the 7 left over they fit in 64.
		a, b := uint64(c.right[syms[i-1]]), uint64(c.right[syms[i]])
		la, lb := a&lengthMask, b&lengthMask
		acc = acc<<la | a>>lengthBits
		acc = acc<<lb | b>>lengthBits
		have += uint(la + lb)
		binary.BigEndian.PutUint64(dst[n:n+8:n+8], acc<<((64-have)&63))
		n += int(have >> 3)
		have &= 7
	}
	p.Bits, p.Len = acc, have
	return n
}

// stuff is the plain Go Kernels.Stuff. A byte of 256 is 0xFF on average, so that it is mostly the search and the copy
// of the standard library.
func stuff(dst, src []byte) int {
	n := 0
	for {
		i := bytes.IndexByte(src, 0xFF)
		if i < 0 {
			return n + copy(dst[n:n+len(src)], src)
		}
		n += copy(dst[n:n+i+1], src)
		dst[n] = 0
		n++
		src = src[i+1:]
	}
}
