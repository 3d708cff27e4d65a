//go:build !purego && (amd64 || arm64)

package color

// blocks is PackedYCC, PackedYCCHalf, PackedLuma and PackedLines for blocks of 32 pixels. Where they don't fill the row, the last one
// overlaps the one before it; rows of less than a block, and the last pixel of an odd number with its chroma, are for
// plain Go.
type blocks struct {
	ycc, yccHalf, luma [2]blocksKernel // by Step-3
	lines              [2]linesKernel  // by Step-3, nil where there is none
	places             places

	wideLines  linesKernel // of two blocks of pixels of 3 bytes at a time; nil where there is none
	widePlaces [2]*byte    // for it, and 1 for RedFirst
}

type blocksKernel func(first, second, third *int16, src *byte, blocks int, places *byte)

type linesKernel func(y0, y1, cb, cr *int16, upper, lower *byte, ahead, blocks int, places *byte)

// block is the pixels of a block.
const block = 32

// places is what kernels need to know of pixels, by Step-3, and 1 for RedFirst.
type places [2][2]*byte

func newPlaces(describe func(p Packed) []byte) (p places) {
	for step := range p {
		for first := range p[step] {
			p[step][first] = &describe(Packed{Step: 3 + step, RedFirst: first == 1})[0]
		}
	}
	return p
}

func (places *places) of(p Packed) *byte { return places[p.Step-3][redFirst(p)] }

// redFirst returns 1 for RedFirst.
func redFirst(p Packed) int {
	if p.RedFirst {
		return 1
	}
	return 0
}

func (b *blocks) packedYCC(dst [3][]int16, src []byte, p Packed) {
	y := dst[0]
	n := len(y)
	cb, cr, src := dst[1][:n], dst[2][:n], src[:n*p.Step]
	if n < block {
		packedYCC(dst, src, p)
		return
	}
	kernel, places := b.ycc[p.Step-3], b.places.of(p)
	kernel(&y[0], &cb[0], &cr[0], &src[0], n/block, places)
	if at := n - block; n%block != 0 {
		kernel(&y[at], &cb[at], &cr[at], &src[at*p.Step], 1, places)
	}
}

func (b *blocks) packedYCCHalf(dst [3][]int16, src []byte, p Packed) {
	y := dst[0]
	n := len(y)
	cb, cr, src := dst[1][:(n+1)/2], dst[2][:(n+1)/2], src[:n*p.Step]
	if even := n &^ 1; even >= block {
		kernel, places := b.yccHalf[p.Step-3], b.places.of(p)
		kernel(&y[0], &cb[0], &cr[0], &src[0], n/block, places)
		if at := even - block; even%block != 0 {
			kernel(&y[at], &cb[at/2], &cr[at/2], &src[at*p.Step], 1, places)
		}
		y, cb, cr, src = y[even:], cb[even/2:], cr[even/2:], src[even*p.Step:]
	}
	if len(y) > 0 {
		packedYCCHalf([3][]int16{y, cb, cr}, src, p)
	}
}

func (b *blocks) packedLuma(y []int16, src []byte, p Packed) {
	n := len(y)
	src = src[:n*p.Step]
	if n < block {
		packedLuma(y, src, p)
		return
	}
	kernel, places := b.luma[p.Step-3], b.places.of(p)
	kernel(&y[0], nil, nil, &src[0], n/block, places)
	if at := n - block; n%block != 0 {
		kernel(&y[at], nil, nil, &src[at*p.Step], 1, places)
	}
}

func (b *blocks) packedLines(dst *Pairs, src *Pixels, p Packed) {
	n, kernel, places := dst.Width, b.lines[p.Step-3], b.places.of(p)
	even, done := n&^1, 0
	if even >= block && p.Step == 3 && b.wideLines != nil {
		done = n &^ (2*block - 1)
	}
	blocks := (n - done) / block
	for i := range dst.Count {
		y0, y1, cb, cr := dst.pair(i)
		upper, lower := src.pair(i, n*p.Step)
		if even < block {
			packedPair(y0, y1, cb, cr, upper, lower, p)
			continue
		}
		if done > 0 {
			b.wideLines(&y0[0], &y1[0], &cb[0], &cr[0], &upper[0], &lower[0], src.Ahead, done/(2*block), b.widePlaces[redFirst(p)])
		}
		if blocks > 0 {
			kernel(&y0[done], &y1[done], &cb[done/2], &cr[done/2], &upper[done*p.Step], &lower[done*p.Step], src.Ahead, blocks, places)
		}
		if at := even - block; even%block != 0 {
			kernel(&y0[at], &y1[at], &cb[at/2], &cr[at/2], &upper[at*p.Step], &lower[at*p.Step], src.Ahead, 1, places)
		}
		if even < n {
			packedPair(y0[even:], y1[even:], cb[even/2:], cr[even/2:], upper[even*p.Step:], lower[even*p.Step:], p)
		}
	}
}
