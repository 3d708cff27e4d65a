package band

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/kernel/color"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
	"github.com/steadyframe/steadyframe/internal/kernel/tensor"
)

// source makes some planes of a band from some planes of a frame: all of them for RGB inputs; for YUV inputs luma is one source and chroma
// another. The planes of a source share their input rows and one row cache.
type source struct {
	first, count int    // planes of the band
	widths       [3]int // samples of a row of Content, by plane of the source
	halved       bool   // its planes after the first have one line for each two of the first

	input    int // plane of the frame, the first of several
	inputs   int // how many
	layout   layout
	across   across
	down     down
	packed   color.Packed  // the order of R, G, B, in pixels and as planes
	step     int           // bytes from one sample or pixel to the next
	floats   tensor.Format // of floats: to 0..255 with 7 fractional bits
	convert  conversion
	limited  bool                      // luma or chroma of limited range
	pixels   *color.Resized            // of layout packed: interpolates and converts at once; else, or where it does not serve, nil
	planar   *color.PlanarResized      // the same of layout planar
	bytes    *resample.Resized         // of the other layouts of bytes: interpolates; else, or where it does not serve, nil
	cover    *resample.Covered         // filter Area across: takes the means of rows of int16; else nil
	wide     *resample.Widened         // of floats, not filter Area across, and not copied: interpolates rows of int16; else nil
	wideRows struct{ words, room int } // of the rows of int16 that cover or wide take; zero: none
	stacks   bool                      // filter Area in both directions: the mean of input rows comes first, and is resized across then
	halves   bool                      // two lines at a time are made of four input rows: both directions shrink to exactly half
	direct   bool                      // two lines at a time are made of two input rows: neither is interpolated
	lookup   *[256]int16               // of bytes other than pixels that are copied: what each becomes, limited range expanded; else nil
}

// layout is how the samples of an input row lie in memory.
type layout uint8

const (
	packed      layout = iota // pixels of three 8-bit channels, perhaps with alpha
	planar                    // bytes of three planes: R, G and B
	single                    // bytes of one plane
	double                    // bytes of two planes
	pairs                     // interleaved bytes of two channels
	floats                    // float32 or float16 of three planes
	floatPixels               // pixels of three float32 or float16
)

func (l layout) isFloat() bool { return l == floats || l == floatPixels }

// isRGB reports whether the channels are R, G and B.
func (l layout) isRGB() bool { return l == packed || l == planar || l.isFloat() }

// conversion is what becomes of R, G, B after the interpolation.
type conversion uint8

const (
	none conversion = iota
	toYCC
	toYCCHalf // chroma halved across
	toLuma
)

// newSources returns what makes the planes of c.
func newSources(c *Config) []source {
	switch c.In.Format {
	case frame.I420, frame.NV12:
		if c.Space == Luma {
			return []source{newLuma(c)}
		}
		return []source{newLuma(c), newChroma(c)}
	case frame.Gray8:
		return []source{newLuma(c)}
	}
	return []source{newRGB(c)}
}

func newLuma(c *Config) source {
	s := source{count: 1, layout: single, step: 1, limited: c.In.EffectiveRange() == frame.RangeLimited}
	s.setTables(c, Chroma{X: 1, Y: 1}, 1, 1)
	return s
}

func newChroma(c *Config) source {
	s := source{first: 1, count: 2, input: 1, layout: double, step: 1, limited: c.In.EffectiveRange() == frame.RangeLimited}
	if c.In.Format == frame.NV12 {
		s.layout, s.step = pairs, 2
	}
	x, y := c.subsampling()
	s.setTables(c, c.inputChroma(), x, y)
	return s
}

func newRGB(c *Config) source {
	s := source{count: 3, layout: packed}
	x, y := c.subsampling()
	switch {
	case c.Space == Luma:
		s.count, s.convert = 1, toLuma
	case c.Space == YCC && x == 2:
		s.convert = toYCCHalf
	case c.Space == YCC:
		s.convert = toYCC
	}
	f := c.In.Format
	s.step = f.SampleBytes(0)
	s.packed = color.Packed{Step: s.step, RedFirst: !f.IsBGR()}
	planes := f.Planes() == 3
	switch {
	case f.IsFloat():
		s.layout, s.floats = floatPixels, floatsOf(c.In)
		if planes {
			s.layout = floats
		}
	case planes:
		s.layout = planar
	}
	s.setTables(c, Chroma{X: 1, Y: 1}, 1, 1)
	s.halved = y == 2
	s.halves = !s.layout.isFloat() && s.convert == toYCCHalf && s.halved && c.Filter != Nearest &&
		c.Crop.Width == 2*c.Content.Width && c.Crop.Height == 2*c.Content.Height
	for i := 1; i < s.count; i++ {
		s.widths[i] = (s.widths[0] + x - 1) / x
	}
	return s
}

// setTables sets the tables from planes subsampled by in, to planes subsampled by outX and outY.
func (src *source) setTables(c *Config, in Chroma, outX, outY int) {
	across := axis{c.Crop.X + in.PhaseX, c.Crop.Width, c.Content.Width, in.X, outX}
	down := axis{c.Crop.Y + in.PhaseY, c.Crop.Height, c.Content.Height, in.Y, outY}
	src.across = newAcross(across, c.Filter, src.wordStep(across.method(c.Filter)), src.layout.isFloat())
	src.down = newDown(down, c.Filter)
	if src.across.method == Area && src.down.method == Area {
		src.down.stack = down.stack()
		src.stacks = src.layout.isFloat() || src.down.stack != nil
	}
	for i := range src.count {
		src.widths[i] = src.across.outputs
	}
	switch src.layout {
	case planar, floats:
		src.inputs = 3
	case double:
		src.inputs = 2
	default:
		src.inputs = 1
	}
	src.down.setAhead(c.In.Height, src.inputs*src.across.inputs()*src.step)
}

// wordStep is how far the samples of a channel lie apart in the row of int16 that an input row becomes before it is resized
// across. Pixels of floats stay together for means alone.
func (src *source) wordStep(method Filter) int {
	switch {
	case src.layout == floatPixels && method == Area:
		return 3
	case src.layout.isFloat():
		return 1
	}
	return src.step
}

// floatsOf takes floats of d to 0..255 with 7 fractional bits.
func floatsOf(d frame.Desc) tensor.Format {
	const top = 255 << 7
	f := tensor.Format{Half: d.Format.IsFloat16()}
	switch d.EffectiveRange() {
	case frame.RangeByte:
		f.Factor = 1 << 7
	case frame.RangeSigned:
		f.Factor, f.Offset = top/2, top/2
	default:
		f.Factor = top
	}
	return f
}

// setLookup sets lookup where it serves.
func (src *source) setLookup(k *kernels) {
	if !src.across.copies || src.direct || src.planar != nil || src.bytes != nil || src.layout == packed || src.layout.isFloat() {
		return
	}
	src.lookup = new([256]int16)
	var bytes [256]byte
	var taps [256]resample.Tap
	for i := range bytes {
		bytes[i], taps[i].Offset = byte(i), uint32(i)
	}
	k.resample.Plane(src.lookup[:], bytes[:], taps[:], !src.layout.isRGB())
	src.expand(k, src.lookup[:])
}

// setDirect sets direct where it serves.
func (src *source) setDirect(k *kernels) {
	src.direct = src.layout == planar || src.layout == packed && k.color.PackedLines != nil
	src.direct = src.direct && src.across.copies && src.convert == toYCCHalf && src.halved && src.down.copies()
}

// setResized sets pixels, bytes or cover where a kernel serves, and wideRows.
func (src *source) setResized(k *kernels) {
	size := src.across.inputs() * src.step
	switch {
	case src.across.method == Area:
		z := src.coverage()
		src.wideRows.words, src.wideRows.room = z.Words, z.SourceRoom()
	case src.layout.isFloat() && !src.across.copies:
		z := src.wideOf()
		src.wideRows.words, src.wideRows.room = z.Words, z.SourceRoom()
	}
	switch {
	case src.halves, src.direct:
	case src.across.method == Area:
		src.cover = k.resample.Cover(src.coverage())
	case src.layout.isFloat() && !src.across.copies:
		src.wide = k.resample.Widen(src.wideOf())
	case src.layout.isFloat() || src.converts():
	case src.layout == packed:
		src.pixels = k.color.Resize(&color.Resize{
			Taps: src.across.taps, Bytes: size, Packed: src.packed, To: src.convert.planes(),
		})
	default:
		if src.layout == planar && src.convert != none {
			src.planar = k.color.ResizePlanar(&color.PlanarResize{Taps: src.across.taps, Bytes: size, To: src.convert.planes()})
		}
		if src.planar != nil {
			return
		}
		src.bytes = k.resample.Resize(&resample.Resize{Taps: src.across.taps, Bytes: size, Channels: src.step, Centered: !src.layout.isRGB()})
	}
}

// coverage returns how rows of int16 are resized across.
func (src *source) coverage() *resample.Cover {
	step := src.wordStep(Area)
	return &resample.Cover{
		Coverage: src.across.cover, Words: src.across.inputs() * step, Step: step,
		Centered: !src.layout.isRGB(),
	}
}

// wideOf returns how rows of int16 are interpolated across.
func (src *source) wideOf() *resample.Wide {
	return &resample.Wide{Taps: src.across.taps, Words: src.across.inputs() + 1}
}

// planes returns what c makes.
func (c conversion) planes() color.Planes {
	return [...]color.Planes{none: color.ToRGB, toYCC: color.ToYCC, toYCCHalf: color.ToYCCHalf, toLuma: color.ToLuma}[c]
}

// expand stretches a row to full range if it is of limited range.
func (src *source) expand(k *kernels, row []int16) {
	switch {
	case !src.limited:
	case src.first == 0:
		k.color.ExpandLuma(row)
	default:
		k.color.ExpandChroma(row)
	}
}

// converts reports whether one kernel takes the source's input rows to luma and chroma, without rows of R, G, B in between.
func (src *source) converts() bool {
	return src.layout == packed && src.convert != none && src.across.copies
}
