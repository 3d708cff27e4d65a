//go:build !purego && (amd64 || arm64)

package dct

// checked returns what n > 0 blocks are in, and panics where something is too short for them.
func checked(coefs []Coefs, src []int16, n, stride int) ([]Coefs, []int16) {
	if uint(stride) > uint(len(src)) {
		panic("dct: stride out of range")
	}
	return coefs[:n], src[:7*stride+n*BlockSize]
}
