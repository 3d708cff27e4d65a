package jpeg

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/dct"
	"github.com/steadyframe/steadyframe/internal/kernel/huff"
)

// Coder is what a pipeline encodes bands with: the compiled part (tables, headers, segment layout) of an encoder for
// one picture size. It is immutable and may be shared by any number of goroutines, each with a Scratch of its own.
type Coder struct {
	options       Options
	width, height int

	mcuWidth, mcuHeight int // pixels
	perRow, rows        int // MCUs across, and down
	interval            int // MCUs a segment; all of them without restart markers

	quant [2][64]uint8 // a class each, in row order
	codes *huff.Codes
	limit impl.Level // of kernels
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

// NewCoder compiles o, which may be nil, for pictures of width x height pixels, 1..65535 each. Errors are *OptionsError.
func NewCoder(width, height int, o *Options) (*Coder, error) {
	options, err := o.resolve()
	if err != nil {
		return nil, err
	}
	if width < 1 || width > frame.MaxSide {
		return nil, optionsErrorf("width", "got %d, want 1..%d", width, frame.MaxSide)
	}
	if height < 1 || height > frame.MaxSide {
		return nil, optionsErrorf("height", "got %d, want 1..%d", height, frame.MaxSide)
	}
	c := &Coder{options: options, width: width, height: height, codes: huff.StandardCodes()}
	if c.limit, err = impl.ParseLevel(options.Kernels); err != nil {
		return nil, optionsErrorf("kernels", "%v", err)
	}
	c.dct, c.huff = dct.Implementations.Best(c.limit), huff.Implementations.Best(c.limit)
	c.layOut()
	return c, nil
}

// layOut sets what follows from the options and the sides.
func (c *Coder) layOut() {
	x, y := c.options.Subsampling.factors()
	c.mcuWidth, c.mcuHeight = x*dct.BlockSize, y*dct.BlockSize
	c.perRow = (c.width + c.mcuWidth - 1) / c.mcuWidth
	c.rows = (c.height + c.mcuHeight - 1) / c.mcuHeight
	switch c.options.RestartInterval {
	case 0:
		c.interval = c.perRow * c.rows
	case RestartRow:
		c.interval = c.perRow
	default:
		c.interval = c.options.RestartInterval
	}

	var tables [2]*dct.Table
	var short [2]bool
	for class := range c.classes() {
		c.quant[class] = quantTable(huff.Class(class), c.options.Quality)
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
	for plane := 1; plane < c.options.Subsampling.components(); plane++ {
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
