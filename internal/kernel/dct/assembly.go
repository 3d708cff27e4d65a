//go:build !purego && (amd64 || arm64)

package dct

// assembly is the kernel of one level, which transforms so many blocks at a time, groups > 0 times. Where the number of
// blocks is no multiple, the last ones are transformed apart, some of them once more; too few are for a lower level.
type assembly struct {
	blocks  int
	forward func(coefs *[64]int16, masks *uint64, src *int16, stride, groups int, table *[2][8][32]int16) // stride in bytes
	fewer   func(coefs []Coefs, masks []uint64, src []int16, stride int, t *Table)
}

// transform is Kernels.Forward.
func (a *assembly) transform(coefs []Coefs, masks []uint64, src []int16, stride int, t *Table) {
	n := len(masks)
	if n < a.blocks {
		a.fewer(coefs, masks, src, stride, t)
		return
	}
	if uint(stride) > uint(len(src)) {
		panic("dct: stride out of range")
	}
	coefs, src = coefs[:n], src[:7*stride+n*BlockSize]
	a.forward(&coefs[0], &masks[0], &src[0], 2*stride, n/a.blocks, &t.vectors)
	if n%a.blocks != 0 {
		from := n - a.blocks
		a.forward(&coefs[from], &masks[from], &src[from*BlockSize], 2*stride, 1, &t.vectors)
	}
}
