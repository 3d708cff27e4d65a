//go:build !purego && (amd64 || arm64)

package dct

import "unsafe"

// assembly is the kernel of one level, which transforms so many blocks at a time, groups > 0 times. Where the number of
// blocks is no multiple, the last ones are transformed apart, some of them once more; too few are for a lower level.
type assembly struct {
	blocks  int
	forward func(coefs *[64]int16, masks *uint64, src *int16, stride, groups int, table *[2][8][32]int16, fetch *byte) // stride in bytes
	fewer   func(coefs []Coefs, masks []uint64, src []int16, stride int, t *Table, fetch []byte)
	fetch   int // bytes fetched for each block
}

// transform is Kernels.Forward.
func (a *assembly) transform(coefs []Coefs, masks []uint64, src []int16, stride int, t *Table, fetch []byte) {
	n := len(masks)
	if n < a.blocks {
		a.fewer(coefs, masks, src, stride, t, fetch)
		return
	}
	if uint(stride) > uint(len(src)) {
		panic("dct: stride out of range")
	}
	coefs, src = coefs[:n], src[:7*stride+n*BlockSize]
	// Where there is nothing to fetch, they fetch coefs, which is in the caches.
	ahead := (*byte)(unsafe.Pointer(&coefs[0]))
	if len(fetch) > 0 && len(fetch) >= n*a.fetch {
		ahead = &fetch[0]
	}
	a.forward(&coefs[0], &masks[0], &src[0], 2*stride, n/a.blocks, &t.vectors, ahead)
	if n%a.blocks != 0 {
		from := n - a.blocks
		a.forward(&coefs[from], &masks[from], &src[from*BlockSize], 2*stride, 1, &t.vectors, (*byte)(unsafe.Pointer(&coefs[from])))
	}
}
