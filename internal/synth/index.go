package synth

import (
	"fmt"
	"image"
)

// An index image is a grid of cells, one bit each, row by row from the lowest bit: the index, then check bits. The
// last row holds check bits alone, so that an image whose parts come from two frames does not read as either.
const (
	indexColumns = 8
	indexRows    = 4
	indexBits    = 20
	checkBits    = indexColumns*indexRows - indexBits

	// MaxIndex is one more than the largest index that an image can carry.
	MaxIndex = 1 << indexBits
)

// bright and dark are the colors of bits that are 1 and 0, by column: far apart in luma, varied in chroma.
var (
	bright = [4][3]uint8{{255, 255, 150}, {150, 255, 255}, {255, 205, 255}, {255, 255, 255}}
	dark   = [4][3]uint8{{110, 0, 0}, {0, 0, 140}, {0, 60, 0}, {0, 0, 0}}
)

// Index is an image of w x h pixels, at least 64x32, that carries n. It survives JPEG of quality 50 and more, any
// subsampling, and resizing by half that keeps the whole image; ReadIndex then gives n back. It panics unless 0 <= n
// < MaxIndex.
func Index(w, h, n int) Pattern {
	if n < 0 || n >= MaxIndex {
		panic("synth: index out of range")
	}
	if w < 64 || h < 32 {
		panic("synth: image too small for an index")
	}
	word := indexWord(n)
	return func(x, y int) (r, g, b uint8) {
		column, row := x*indexColumns/w, y*indexRows/h
		c := dark[column&3]
		if word>>(row*indexColumns+column)&1 == 1 {
			c = bright[column&3]
		}
		return c[0], c[1], c[2]
	}
}

// ReadIndex returns the index that img carries, or an error when it carries none: too small, or check bits that do not
// fit.
func ReadIndex(img image.Image) (int, error) {
	b := img.Bounds()
	if b.Dx() < 32 || b.Dy() < 16 {
		return 0, fmt.Errorf("synth: image for an index: got %dx%d, want at least 32x16", b.Dx(), b.Dy())
	}
	var word uint32
	for row := range indexRows {
		for column := range indexColumns {
			cell := image.Rect(column*b.Dx()/indexColumns, row*b.Dy()/indexRows, (column+1)*b.Dx()/indexColumns, (row+1)*b.Dy()/indexRows)
			if isBright(img, cell.Add(b.Min)) {
				word |= 1 << (row*indexColumns + column)
			}
		}
	}
	n := int(word % MaxIndex)
	if want := indexWord(n); word != want {
		return 0, fmt.Errorf("synth: check bits of index %d: got %#x, want %#x", n, word>>indexBits, want>>indexBits)
	}
	return n, nil
}

// indexWord returns the bits of the image of n: n and its check bits, of which not all are the same for 0.
func indexWord(n int) uint32 {
	check := uint32(mix(uint64(n), 0, 7)) % (1 << checkBits)
	return uint32(n) | check<<indexBits
}

// isBright reports whether nine pixels in the middle half of cell are bright on average.
func isBright(img image.Image, cell image.Rectangle) bool {
	var sum uint32
	for i := range 9 {
		x := cell.Min.X + cell.Dx()*(2+i%3)/6
		y := cell.Min.Y + cell.Dy()*(2+i/3)/6
		r, g, b, _ := img.At(x, y).RGBA()
		sum += (r*299 + g*587 + b*114) / 1000 // luma, 16 bits
	}
	return sum/9 >= 1<<15
}
