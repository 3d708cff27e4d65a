//go:build !purego

package color

// lines makes blocks of two lines. rows has the rows of R, G, B of the upper line and of the lower.
func (p *planar) lines(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int) {
	planarLinesNEON(y0, y1, cb, cr, rows, ahead, blocks)
}

// halved is lines for two rows of each channel in turn.
func (p *planar) halved(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int) {
	halvedPlanarLinesNEON(y0, y1, cb, cr, rows, ahead, blocks)
}

//go:noescape
func planarLinesNEON(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int)

//go:noescape
func halvedPlanarLinesNEON(y0, y1, cb, cr *int16, rows **byte, ahead, blocks int)
