//go:build !purego

package color

import "github.com/steadyframe/steadyframe/internal/impl"

// lines makes blocks of two lines. rows has the rows of R, G, B of the upper line and of the lower.
func (p *planar) lines(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int) {
	if p.level == impl.AVX512 {
		planarLinesAVX512(y0, y1, cb, cr, rows, ahead, blocks)
		return
	}
	planarLinesAVX2(y0, y1, cb, cr, rows, ahead, blocks)
}

// halved is lines for two rows of each channel in turn.
func (p *planar) halved(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int) {
	if p.level == impl.AVX512 {
		halvedPlanarLinesAVX512(y0, y1, cb, cr, rows, ahead, blocks)
		return
	}
	halvedPlanarLinesAVX2(y0, y1, cb, cr, rows, ahead, blocks)
}

//go:noescape
func planarLinesAVX2(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int)

//go:noescape
func halvedPlanarLinesAVX2(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int)

//go:noescape
func planarLinesAVX512(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int)

//go:noescape
func halvedPlanarLinesAVX512(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int)
