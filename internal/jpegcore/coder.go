package jpegcore

import (
	"fmt"
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
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

// order is the transform's, for the coder.
var order = huff.NewOrder(&dct.Order)

// stripMCUs is how many MCUs are transformed and coded at a time. Those of 4:2:0 have 15 KiB of coefficients. Rows of 320,
// 640, 1280 and 1920 pixels have no rest, which costs the calls of a whole strip: by BenchmarkCoder 320 pixels take 5 % longer
// with 16 in AVX-512, and 3 % in AVX2.
const stripMCUs = 20

// line is one row of blocks in a strip: its source, and the place of its blocks.
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

// MaxRestartInterval is the largest in a DRI segment (T.81, B.2.4.4).
const MaxRestartInterval = 65535

// Config says what to encode, and how. It has no defaults: packages jpeg and pipeline check their options and fill in
// defaults.
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

// Scratch is one worker's coding state and memory: coefficients, symbols, bits, DC predictors. It belongs to one
// Coder and one goroutine at a time.
type Scratch struct {
	band    int // the next
	mcu     int // the next, of the image
	left    int // MCUs until the segment ends
	segment int // the current

	strip huff.Strip
	syms  []huff.Symbol
	bits  huff.Partial // what is not in a byte yet
	raw   []byte       // of a strip, before stuffing
	out   []byte       // of the band
	ends  []int        // of segments in out, but for the image's last
}

// NewScratch returns a Scratch for c. Nothing else in the coder allocates.
func (c *Coder) NewScratch() *Scratch {
	blocks := c.stripBlocks()
	return &Scratch{
		strip: huff.Strip{Coefs: make([]dct.Coefs, blocks), Masks: make([]uint64, blocks), Order: order, Slots: c.slots},
		syms:  make([]huff.Symbol, huff.MaxSymbols(blocks)),
		raw:   make([]byte, c.rawBytes()),
		out:   make([]byte, 0, c.MaxBandBytes()),
		ends:  make([]int, 0, c.maxEnds()),
	}
}

// maxEnds bounds how many segments end in a band.
func (c *Coder) maxEnds() int { return c.perRow/c.interval + 1 }

// ScratchBytes returns the size of a Scratch in bytes.
func (c *Coder) ScratchBytes() int {
	blocks := c.stripBlocks()
	const block = int(unsafe.Sizeof(dct.Coefs{}) + unsafe.Sizeof(uint64(0)))
	return int(unsafe.Sizeof(Scratch{})) + blocks*block + huff.MaxSymbols(blocks)*int(unsafe.Sizeof(huff.Symbol(0))) + c.rawBytes() + c.MaxBandBytes() + c.maxEnds()*int(unsafe.Sizeof(int(0)))
}

func (c *Coder) stripBlocks() int { return stripMCUs * len(c.slots) }

// rawBytes is a strip's bytes, one of bits carried in or padded out, and what Write writes beyond.
func (c *Coder) rawBytes() int { return c.stripBlocks()*huff.MaxBlockBytes + 1 + huff.WriteSlack }

// Begin starts a run of bands at band i, which must be a multiple of RunBands. Runs that begin at different bands may
// be coded in any order, or at the same time in different Scratches: their bytes, one after the other, are those of
// one run over all bands.
func (c *Coder) Begin(s *Scratch, i int) {
	if i < 0 || i >= c.rows || i%c.RunBands() != 0 {
		panic("jpegcore: run begins inside a segment")
	}
	s.band = i
	s.mcu = i * c.perRow
	s.bits = huff.Partial{}
	s.beginSegment(c, s.mcu/c.interval)
}

func (s *Scratch) beginSegment(c *Coder, n int) {
	s.segment = n
	s.left = min(c.interval, c.perRow*c.rows-s.mcu)
	s.strip.Pred = [3]int32{}
}

// Encode codes band i (the one after the last, or that of Begin) and returns its entropy-coded bytes, stuffed, with
// any restart markers; the slice is the scratch's until the next call. Bits that do not fill a byte are carried to
// the next band of the run; a segment's last byte is padded. It borrows b, whose planes must be those of a
// band.Sampler for the coder's image and subsampling. It fetches what it can of ahead, the sampler's Ahead, into the caches.
func (c *Coder) Encode(s *Scratch, b *band.Band, i int, ahead []byte) []byte {
	if i != s.band {
		panic("jpegcore: bands out of order")
	}
	s.band++
	s.out, s.ends = s.out[:0], s.ends[:0]
	for x := 0; x < c.perRow; x += stripMCUs {
		n := min(stripMCUs, c.perRow-x)
		ahead = c.transform(s, b, x, n, ahead)
		c.code(s, n)
	}
	return s.out
}

// transform makes the coefficients of MCUs x..x+n-1 of the band, fetches the first bytes of ahead, and returns the others.
func (c *Coder) transform(s *Scratch, b *band.Band, x, n int, ahead []byte) []byte {
	for i := range c.lines {
		l := &c.lines[i]
		p := &b.Planes[l.plane]
		from, to := l.first, l.first+n*l.perMCU
		c.dct.Kernels.Forward(s.strip.Coefs[from:to], s.strip.Masks[from:to], p.Pix[l.y*p.Stride+x*l.perMCU*dct.BlockSize:], p.Stride, l.table, ahead)
		ahead = ahead[min(c.dct.Kernels.Fetch*(to-from), len(ahead)):]
	}
	return ahead
}

// code appends the bytes of a strip of n MCUs to s.out, segment by segment.
func (c *Coder) code(s *Scratch, n int) {
	k := &c.huff.Kernels
	for from := 0; from < n; {
		m := min(n-from, s.left)
		syms := s.syms[:k.Flatten(s.syms, &s.strip, from, m)]
		raw := s.raw[:k.Write(s.raw, syms, c.codes, &s.bits)]
		from += m
		s.mcu += m
		s.left -= m
		if s.left == 0 {
			raw = s.bits.Flush(raw)
		}
		end := len(s.out)
		s.out = s.out[:end+k.Stuff(s.out[end:cap(s.out)], raw)]
		if s.left == 0 && s.mcu < c.perRow*c.rows {
			s.out = append(s.out, 0xFF, markerRST0+byte(s.segment%8))
			s.ends = append(s.ends, len(s.out))
			s.beginSegment(c, s.segment+1)
		}
	}
}

// Explain returns the kernels chosen, on one line that ends in a newline.
func (c *Coder) Explain() string {
	return fmt.Sprintf("code: dct %v, huff %v\n", c.dct.Level, c.huff.Level)
}
