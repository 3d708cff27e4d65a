package synth

import "github.com/steadyframe/steadyframe/frame"

// Pattern is an image as a function: the color of the pixel x, y.
type Pattern func(x, y int) (r, g, b uint8)

// Fill makes dst, of any size and format, the pattern p. It borrows dst, and allocates two rows.
func Fill(dst *frame.Frame, p Pattern) {
	var rows [2][]byte
	for i := range rows {
		rows[i] = make([]byte, dst.Desc.Width*3)
	}
	store(dst, rows, func(row []byte, y int) {
		for x := range len(row) / 3 {
			row[x*3+2], row[x*3+1], row[x*3] = p(x, y)
		}
	})
}
