package scene

import (
	"image"
	"runtime"
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
	"github.com/steadyframe/steadyframe/internal/reuse"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// workspace is one goroutine's memory for composing an image.
type workspace struct {
	scene   *Scene
	regions [MaxRegions]active
	n       int // regions of the image that show something
	out     Composed
	writer  reuse.Writer
	touched []bool // segments of the layer
	lines   []byte // of an MCU row, where regions are composed
	over    []byte // a line of a region
	opaque  []byte // as many bytes of 255

	converter *band.ConverterScratch
	code      *jpegcore.Scratch
	gray      *band.Gray // of alpha; nil without
	alphaCode *jpegcore.Scratch
}

// active is a region of the image in the making.
type active struct {
	place
	frame   frame.Frame
	sampler *band.Sampler
	scratch band.Scratch
	top     int      // the MCU row that the sampler's first band is
	row     int      // the MCU row whose samples are in the scratch; -1 for none
	bytes   int      // of scratch, estimated
	pixels  pool.Buf // of an affine: the whole region, as rgb24
}

func (s *Scene) newWorkspace() *workspace {
	w := &workspace{scene: s, converter: s.color.converter.NewScratch(), code: s.color.coder.NewScratch()}
	segments := s.color.segments
	w.lines = make([]byte, s.color.mcuHeight*s.color.width*s.color.size)
	w.over = make([]byte, s.color.width*s.color.size)
	if s.alpha != nil {
		segments = max(segments, s.alpha.segments)
		w.gray, w.alphaCode = band.NewGray(s.alpha.width), s.alpha.coder.NewScratch()
		w.opaque = make([]byte, s.alpha.width)
		for i := range w.opaque {
			w.opaque[i] = 255
		}
	}
	w.touched = make([]bool, segments)
	return w
}

// baseBytes estimates what newWorkspace makes.
func (s *Scene) baseBytes() int64 {
	c := s.color
	n := c.converter.ScratchBytes() + c.coder.ScratchBytes() + c.segments + (c.mcuHeight+1)*c.width*c.size
	if s.alpha != nil {
		n += band.GrayBytes(s.alpha.width) + s.alpha.coder.ScratchBytes() + s.alpha.width + s.alpha.segments
	}
	return int64(n) + int64(unsafe.Sizeof(workspace{}))
}

// ScratchBytes estimates, rather too high, what one goroutine needs to compose m, beside the pool: scratch, and the geometries of
// regions where those are not known. It borrows m, and is 0 for what Compose refuses.
func (s *Scene) ScratchBytes(m *Image) int64 {
	if m.Index < 0 || len(m.Regions) > MaxRegions {
		return 0
	}
	n := s.baseBytes()
	places := s.backgroundOf(m.Index).places
	for i := range m.Regions {
		r := &m.Regions[i]
		d, width, height := r.Frame.Desc, r.Rect.Width, r.Rect.Height
		switch {
		case d == frame.Desc{}:
			continue
		case r.Rect != pipeline.Rect{}:
		case i >= len(places):
			return 0
		case places[i].affine != nil:
			width, height = d.Width, d.Height
		default:
			width, height = places[i].rect.Dx(), places[i].rect.Dy()
		}
		n += s.regionBytes(d, width, height)
	}
	return n
}

// regionBytes bounds what a region of d takes that is resized to width by height: lines of samples, rows of its own width and of
// the width that it gets, as many as the sampler of any format and filter keeps, and the sampler itself.
func (s *Scene) regionBytes(d frame.Desc, width, height int) int64 {
	lines := s.color.mcuHeight
	row := int64(max(width, d.Width) + 64)
	key := samplerKey{in: d, width: width, height: height, phase: lines - 1, lines: lines}
	return 2*3*int64(width+64)*int64(lines) + 72*row + key.bytes()
}

// scratchBytes estimates what a workspace takes: what newWorkspace makes, and the samples of a region of the largest place.
func (s *Scene) scratchBytes() int64 {
	widest := 0
	for i := range s.backgrounds {
		for k := range s.backgrounds[i].places {
			if p := &s.backgrounds[i].places[k]; p.affine == nil {
				widest = max(widest, p.rect.Dx())
			}
		}
	}
	return s.baseBytes() + int64(2*3*widest*(s.color.mcuHeight+6))
}

// keptWorkspaces is how many are held from image to image: more do not run at the same time for long.
func keptWorkspaces() int { return runtime.GOMAXPROCS(0) }

// keptRegionBytes is the most memory for regions of a workspace that is kept: sixteen of 400x400 take less.
const keptRegionBytes = 2 << 20

// regionBytes estimates what w has made for regions so far.
func (w *workspace) regionBytes() (n int) {
	for i := range w.regions {
		n += w.regions[i].bytes
	}
	return n
}

// forget drops what w refers to but its own memory.
func (w *workspace) forget() {
	for i := range w.regions[:w.n] {
		r := &w.regions[i]
		r.frame, r.sampler, r.place = frame.Frame{}, nil, place{}
		r.pixels.Release()
		r.pixels = pool.Buf{}
	}
	w.n = 0
	w.out, w.writer = Composed{}, reuse.Writer{}
}

func (w *workspace) scratchOf(l *layer) *jpegcore.Scratch {
	if l.size == 1 {
		return w.alphaCode
	}
	return w.code
}

// band returns the band that convert fills.
func (w *workspace) band(l *layer) *band.Band {
	if l.size == 1 {
		return &w.gray.Band
	}
	return &w.converter.Band
}

// convert makes the samples of columns x.. of the band of l from pixels.
func (w *workspace) convert(l *layer, x int, p band.Pixels) {
	if l.size == 1 {
		w.gray.Fill(x, p)
		return
	}
	l.converter.Fill(w.converter, x, p)
}

// add adds a region to the image, unless nothing of it shows.
func (w *workspace) add(f *frame.Frame, p *place) error {
	if p.clip.Empty() {
		return nil
	}
	wrapped, err := frame.Wrap(f.Desc, f.Planes()...) // checks the planes
	if err != nil {
		return err
	}
	r := &w.regions[w.n]
	w.n++
	r.place, r.frame, r.row = *p, wrapped, -1
	if p.affine != nil {
		return w.unfold(r)
	}
	if r.sampler, r.top, err = w.scene.samplerOf(f.Desc, p.rect); err != nil {
		return err
	}
	w.adopt(r, r.sampler)
	return nil
}

// adopt readies the scratch of r for a sampler.
func (w *workspace) adopt(r *active, s *band.Sampler) {
	s.Adopt(&r.scratch)
	r.bytes = max(r.bytes, s.ScratchBytes())
}

// unfold makes rgb24 pixels of the whole region.
func (w *workspace) unfold(r *active) error {
	s, d := w.scene, r.frame.Desc
	if size := 3 * int64(d.Width) * int64(d.Height); size > pool.MaxSize {
		return optionErrorf("regions", "got %s, of %d bytes as rgb24, want at most %d for an affine place", d, size, pool.MaxSize)
	}
	sampler, _, err := s.samplerOf(d, image.Rect(0, 0, d.Width, d.Height))
	if err != nil {
		return err
	}
	if r.pixels, err = s.options.Pool.Get(3 * d.Width * d.Height); err != nil {
		return err
	}
	w.adopt(r, sampler)
	pix, lines := r.pixels.Bytes(), s.color.mcuHeight
	for i := range sampler.Bands() {
		sampler.Fill(&r.scratch, &r.frame, i)
		b := &r.scratch.Band
		for y := range b.Lines {
			s.color.pack.RGB24(pix[3*d.Width*(i*lines+y):][:3*d.Width],
				planeLine(b, 0, y, 0, d.Width), planeLine(b, 1, y, 0, d.Width), planeLine(b, 2, y, 0, d.Width))
		}
	}
	return nil
}
