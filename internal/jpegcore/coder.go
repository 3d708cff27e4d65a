package jpegcore

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/dct"
	"github.com/steadyframe/steadyframe/internal/kernel/huff"
)

// Coder is the compiled part of an encoder for images of one size: tables, headers, layout of segments. It is immutable
// and may be shared by any number of goroutines, each with a Scratch of its own.
type Coder struct {
	config Config

	mcuWidth, mcuHeight int // pixels
	perRow, rows        int // MCUs across, and down
	interval            int // MCUs a segment; all of them without restart markers

	quant [2][64]uint8 // a class each, in row order
	codes *huff.Codes
	dct   impl.Entry[dct.Kernels]
	huff  impl.Entry[huff.Kernels]

	lines []line
	slots []huff.Slot
}

// stripMCUs is how many MCUs are transformed and coded at a time. Those of 4:2:0 have 12 KiB of coefficients. With 8 of
// them the AVX-512 kernels take an eighth longer, by BenchmarkCoder; from 12 to 40 there is no difference.
const stripMCUs = 16

// line is one row of blocks in a strip: where it comes from, and where its blocks go.
type line struct {
	plane  int // of the band
	y      int // first line of samples
	perMCU int // blocks
	first  int // block of the strip
	table  *dct.Table
}

// RestartRow as Config.RestartInterval puts a restart marker after each MCU row, so that every band is a segment of its
// own.
const RestartRow = -1

// MaxRestartInterval is what the DRI segment can say (T.81, B.2.4.4).
const MaxRestartInterval = 65535

// Config says what to encode, and how. It has no defaults: package jpeg and package pipeline check what their users give
// and put defaults in place.
type Config struct {
	Width, Height    int  // pixels, 1..65535 each
	Quality          int  // 1..100, libjpeg's scaling of the Annex K tables
	Gray             bool // luma alone
	ChromaX, ChromaY int  // pixels that a sample of chroma spans across and down: 1 and 1, 2 and 1, or 2 and 2
	RestartInterval  int  // MCUs, 0 for none, at most MaxRestartInterval; RestartRow for one MCU row
	Limit            impl.Level
}

// New compiles c. It panics when a field is out of its range.
func New(c Config) *Coder {
	chroma := [2]int{c.ChromaX, c.ChromaY}
	switch {
	case c.Width < 1 || c.Width > frame.MaxSide || c.Height < 1 || c.Height > frame.MaxSide:
		panic("jpegcore: side out of range")
	case c.Quality < 1 || c.Quality > 100:
		panic("jpegcore: quality out of range")
	case chroma != [2]int{1, 1} && (c.Gray || chroma != [2]int{2, 1} && chroma != [2]int{2, 2}):
		panic("jpegcore: no such subsampling")
	case c.RestartInterval < RestartRow || c.RestartInterval > MaxRestartInterval:
		panic("jpegcore: restart interval out of range")
	}
	coder := &Coder{config: c, codes: huff.StandardCodes()}
	coder.dct, coder.huff = dct.Implementations.Best(c.Limit), huff.Implementations.Best(c.Limit)
	coder.layOut()
	return coder
}

// layOut sets what follows from the options and the sides.
func (c *Coder) layOut() {
	x, y := c.config.ChromaX, c.config.ChromaY
	c.mcuWidth, c.mcuHeight = x*dct.BlockSize, y*dct.BlockSize
	c.perRow = (c.config.Width + c.mcuWidth - 1) / c.mcuWidth
	c.rows = (c.config.Height + c.mcuHeight - 1) / c.mcuHeight
	switch c.config.RestartInterval {
	case 0:
		c.interval = c.perRow * c.rows
	case RestartRow:
		c.interval = c.perRow
	default:
		c.interval = c.config.RestartInterval
	}

	var tables [2]*dct.Table
	var short [2]bool
	for class := range c.classes() {
		c.quant[class] = quantTable(huff.Class(class), c.config.Quality)
		tables[class] = dct.NewTable(&c.quant[class])
		short[class] = tables[class].MaxAC() <= huff.MaxShort
	}
	// The blocks of a strip lie line after line; an MCU takes x from each line of luma and one from each of chroma.
	first := 0
	for row := range y {
		c.lines = append(c.lines, line{plane: 0, y: row * dct.BlockSize, perMCU: x, first: first, table: tables[huff.Luma]})
		for column := range x {
			c.slots = append(c.slots, huff.Slot{First: first + column, Step: x, Component: 0, Class: huff.Luma, Short: short[huff.Luma]})
		}
		first += x * stripMCUs
	}
	for plane := 1; plane < c.components(); plane++ {
		c.lines = append(c.lines, line{plane: plane, perMCU: 1, first: first, table: tables[huff.Chroma]})
		c.slots = append(c.slots, huff.Slot{First: first, Step: 1, Component: plane, Class: huff.Chroma, Short: short[huff.Chroma]})
		first += stripMCUs
	}
}

// Bands returns the number of bands: MCU rows.
func (c *Coder) Bands() int { return c.rows }

// BandLines returns the lines of a band: 16 where chroma is halved vertically, else 8.
func (c *Coder) BandLines() int { return c.mcuHeight }

// RunBands returns how many bands lie between points where independent coding may start: the least number of whole
// bands that whole segments make up. It is Bands where no split is possible.
func (c *Coder) RunBands() int { return min(c.interval/gcd(c.interval, c.perRow), c.rows) }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// MaxBandBytes bounds what one Encode returns.
func (c *Coder) MaxBandBytes() int {
	segments := c.perRow/c.interval + 1 // that end in a band, each with up to a byte of padding and a marker
	return 2*(c.perRow*len(c.slots)*huff.MaxBlockBytes+1+segments) + 2*segments
}
