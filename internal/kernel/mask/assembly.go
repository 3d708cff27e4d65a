//go:build !purego && (amd64 || arm64)

package mask

// assembly is the functions of one level in assembly, which make 16 pixels at a time, vectors > 0 times. The rest of a row
// is for plain Go: dst may be under, so that no pixel may be made twice.
type assembly struct {
	gray, rgb24 func(dst, under, over, mask *byte, vectors int)
}

func (a *assembly) kernels() Kernels { return Kernels{Gray: a.overGray, RGB24: a.overRGB24} }

const vector = 16 // pixels

func (a *assembly) overGray(dst, under, over, mask []byte) {
	n := len(mask)
	dst, under, over = dst[:n], under[:n], over[:n]
	if whole := n &^ (vector - 1); whole > 0 {
		a.gray(&dst[0], &under[0], &over[0], &mask[0], n/vector)
		dst, under, over, mask = dst[whole:], under[whole:], over[whole:], mask[whole:]
	}
	gray(dst, under, over, mask)
}

func (a *assembly) overRGB24(dst, under, over, mask []byte) {
	n := len(mask)
	dst, under, over = dst[:3*n], under[:3*n], over[:3*n]
	if whole := n &^ (vector - 1); whole > 0 {
		a.rgb24(&dst[0], &under[0], &over[0], &mask[0], n/vector)
		dst, under, over, mask = dst[3*whole:], under[3*whole:], over[3*whole:], mask[whole:]
	}
	rgb24(dst, under, over, mask)
}
