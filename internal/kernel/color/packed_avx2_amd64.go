//go:build !purego

package color

//go:noescape
func packed3YCCAVX2(dst [3]*int16, src *byte, blocks int, shuffles *[2][32]byte)

//go:noescape
func packed3YCCHalfAVX2(dst [3]*int16, src *byte, blocks int, shuffles *[2][32]byte)

//go:noescape
func packed3LumaAVX2(dst [3]*int16, src *byte, blocks int, shuffles *[2][32]byte)

//go:noescape
func packed4YCCAVX2(dst [3]*int16, src *byte, blocks int, shuffles *[2][32]byte)

//go:noescape
func packed4YCCHalfAVX2(dst [3]*int16, src *byte, blocks int, shuffles *[2][32]byte)

//go:noescape
func packed4LumaAVX2(dst [3]*int16, src *byte, blocks int, shuffles *[2][32]byte)

// blockAVX2 is the pixels that AVX2 converts at a time. Where they don't fill the row, the last block overlaps the one
// before it; rows of less than a block, and the last pixel of an odd number, are for plain Go.
const blockAVX2 = 32

// shufflesAVX2 is by Step-3, and 1 for RedFirst.
var shufflesAVX2 = func() (all [2][2][2][32]byte) {
	for step := range all {
		for first := range all[step] {
			p := Packed{Step: 3 + step, RedFirst: first == 1}
			all[step][first] = p.newShufflesAVX2()
		}
	}
	return all
}()

// newShufflesAVX2 returns what takes 16 bytes with four pixels to R, G, B and zeros: pixels at the beginning of the
// bytes, and, in the last quarter, at their end.
func (p Packed) newShufflesAVX2() (s [2][32]byte) {
	for i := range 4 {
		at := 0
		if i == 3 {
			at = 16 - 4*p.Step
		}
		for k := range 16 {
			s[i/2][i%2*16+k] = 0x80 // zero
			if k < 12 {
				s[i/2][i%2*16+k] = byte(at + k%4*p.Step + p.channel(k/4))
			}
		}
	}
	return s
}

func (p Packed) shufflesAVX2() *[2][32]byte {
	first := 0
	if p.RedFirst {
		first = 1
	}
	return &shufflesAVX2[p.Step-3][first]
}

func packedYCCBlocks(dst [3][]int16, src []byte, p Packed) {
	kernel := packed3YCCAVX2
	if p.Step == 4 {
		kernel = packed4YCCAVX2
	}
	y := dst[0]
	n := len(y)
	cb, cr, src := dst[1][:n], dst[2][:n], src[:n*p.Step]
	if n < blockAVX2 {
		packedYCC(dst, src, p)
		return
	}
	kernel([3]*int16{&y[0], &cb[0], &cr[0]}, &src[0], n/blockAVX2, p.shufflesAVX2())
	if at := n - blockAVX2; n%blockAVX2 != 0 {
		kernel([3]*int16{&y[at], &cb[at], &cr[at]}, &src[at*p.Step], 1, p.shufflesAVX2())
	}
}

func packedYCCHalfBlocks(dst [3][]int16, src []byte, p Packed) {
	kernel := packed3YCCHalfAVX2
	if p.Step == 4 {
		kernel = packed4YCCHalfAVX2
	}
	y := dst[0]
	n := len(y)
	cb, cr, src := dst[1][:(n+1)/2], dst[2][:(n+1)/2], src[:n*p.Step]
	if even := n &^ 1; even >= blockAVX2 {
		kernel([3]*int16{&y[0], &cb[0], &cr[0]}, &src[0], n/blockAVX2, p.shufflesAVX2())
		if at := even - blockAVX2; n%blockAVX2 != 0 {
			kernel([3]*int16{&y[at], &cb[at/2], &cr[at/2]}, &src[at*p.Step], 1, p.shufflesAVX2())
		}
		y, cb, cr, src = y[even:], cb[even/2:], cr[even/2:], src[even*p.Step:]
	}
	packedYCCHalf([3][]int16{y, cb, cr}, src, p)
}

func packedLumaBlocks(y []int16, src []byte, p Packed) {
	kernel := packed3LumaAVX2
	if p.Step == 4 {
		kernel = packed4LumaAVX2
	}
	n := len(y)
	src = src[:n*p.Step]
	if n < blockAVX2 {
		packedLuma(y, src, p)
		return
	}
	kernel([3]*int16{&y[0]}, &src[0], n/blockAVX2, p.shufflesAVX2())
	if at := n - blockAVX2; n%blockAVX2 != 0 {
		kernel([3]*int16{&y[at]}, &src[at*p.Step], 1, p.shufflesAVX2())
	}
}
