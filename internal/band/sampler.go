package band

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/blend"
	"github.com/steadyframe/steadyframe/internal/kernel/color"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
	"github.com/steadyframe/steadyframe/internal/kernel/tensor"
)

// Sampler is compiled geometry: immutable, shared by any number of goroutines.
type Sampler struct {
	config     Config
	planes     [3]planeLayout
	planeCount int
	background [3]int16 // with 4 fractional bits
	sources    []source
	after      after
	kernels    kernels
}

// kernels is the implementations that a Sampler uses.
type kernels struct {
	resample resample.Kernels
	color    color.Kernels
	blend    blend.Kernels
	tensor   tensor.Kernels
	level    levels
}

// planeLayout is the size of one plane of the canvas and of its bands.
type planeLayout struct {
	subX, subY    int // pixels a sample, 1 or 2
	width         int // samples of a line of the canvas
	padded, lines int // size of a band
	left, right   int // samples of a line that are Content's: left..right-1
}

// after is what is left to do on the samples of a band.
type after uint8

const (
	asIs         after = iota
	from709            // Y, Cb, Cr of BT.709 to those of BT.601
	toRGB              // Y, Cb, Cr of BT.601 to R, G, B
	from709toRGB       // Y, Cb, Cr of BT.709 to R, G, B
)

// NewSampler compiles c. It returns an error for an invalid geometry: an invalid input, a crop or content that is empty
// or not inside, content that does not lie on the chroma grid.
func NewSampler(c Config) (*Sampler, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Sampler{config: c, kernels: chooseKernels(c.Limit)}
	s.layOut()
	s.background = s.backgroundSamples()
	s.sources = newSources(&c)
	for i := range s.sources {
		s.sources[i].setDirect(&s.kernels)
		s.sources[i].setResized(&s.kernels)
		s.sources[i].setLookup(&s.kernels)
	}
	if c.In.Format.IsYUV() || c.In.Format == frame.Gray8 {
		s.after = afterYUV(&c)
	}
	return s, nil
}

func chooseKernels(limit impl.Level) kernels {
	r, c := resample.Implementations.Best(limit), color.Implementations.Best(limit)
	b, t := blend.Implementations.Best(limit), tensor.Implementations.Best(limit)
	return kernels{r.Kernels, c.Kernels, b.Kernels, t.Kernels, levels{c.Level, b.Level, t.Level}}
}

// afterYUV is what a band of luma and chroma, as the input has them, still needs.
func afterYUV(c *Config) after {
	is709 := c.In.Color == frame.BT709
	switch {
	case c.Space == RGB && is709:
		return from709toRGB
	case c.Space == RGB:
		return toRGB
	case c.Space == YCC && is709:
		return from709
	}
	return asIs
}

// layOut sets the sizes of the planes.
func (s *Sampler) layOut() {
	c := &s.config
	s.planeCount = 3
	if c.Space == Luma {
		s.planeCount = 1
	}
	subX, subY := c.subsampling()
	for i := range s.planeCount {
		l := planeLayout{subX: 1, subY: 1}
		if i > 0 {
			l.subX, l.subY = subX, subY
		}
		block := 8 * subX / l.subX // the MCU's width in this plane
		l.width = (c.Width + l.subX - 1) / l.subX
		l.padded = (l.width + block - 1) / block * block
		l.lines = c.Lines / l.subY
		l.left, l.right = c.Content.X/l.subX, (c.Content.X+c.Content.Width+l.subX-1)/l.subX
		s.planes[i] = l
	}
}

// Bands returns how many bands the canvas has.
func (s *Sampler) Bands() int { return (s.config.Height + s.config.Lines - 1) / s.config.Lines }
