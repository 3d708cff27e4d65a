package scene

import (
	"fmt"
	"image"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

const grayscale = jpeg.Gray

// Background is one of a scene's backgrounds, and where regions go on it.
type Background struct {
	Frame  frame.Frame    // of any format and of the scene's size; the zero Frame: one color
	Color  pipeline.Color // with the zero Frame
	Places []Place        // region i of an image goes to place i
}

// Builder makes a Scene. It is for one goroutine. Beside what the scene will hold, it has some lines of an image and the
// bytes of a JPEG.
type Builder struct {
	scene *Scene
	limit impl.Level

	sampler *band.Sampler // of the last background's Desc
	desc    frame.Desc
	scratch band.Scratch
	work    *workspace
	lines   []byte // of an MCU row
	coded   []byte

	masks  map[maskKey]*alphaMask
	colors map[pipeline.Color]*background
}

// maxShared is how many masks a builder remembers, to share what is drawn of them.
const maxShared = 64

// maskKey says which masks of places are the same bytes.
type maskKey struct {
	mask          Mask
	width, height int
}

// NewBuilder returns the builder of a scene; nil is the zero Options. The error is an *OptionError.
func NewBuilder(options *Options) (*Builder, error) {
	var o Options
	if options != nil {
		o = *options
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	limit, err := impl.ParseLevel(o.Kernels)
	if err != nil {
		return nil, &OptionError{Field: "kernels", Reason: err.Error()}
	}
	if o.Quality == 0 {
		o.Quality = jpeg.DefaultQuality
	}
	if o.Pool == nil {
		o.Pool = pool.New(nil)
	}
	b := &Builder{scene: &Scene{options: o}, limit: limit, masks: map[maskKey]*alphaMask{}, colors: map[pipeline.Color]*background{}}
	if o.Width > 0 {
		return b, b.size()
	}
	return b, nil
}

// size compiles what depends on the size of the images.
func (b *Builder) size() (err error) {
	s := b.scene
	if s.color, err = newLayer(&s.options, false, b.limit); err != nil {
		return fmt.Errorf("scene: %w", err)
	}
	if s.options.Transparent {
		if s.alpha, err = newLayer(&s.options, true, b.limit); err != nil {
			return fmt.Errorf("scene: %w", err)
		}
	}
	s.start(b.limit)
	b.work = s.newWorkspace()
	b.lines = make([]byte, s.color.mcuHeight*s.color.width*s.color.size)
	return nil
}

// Add adds a background behind those before. It borrows bg. The error is an *OptionError, a *frame.DescError, or a
// *MemoryError. After an error the builder can only be discarded.
func (b *Builder) Add(bg Background) error {
	s := b.scene
	n := len(s.backgrounds)
	o := &s.options
	blank := bg.Frame.Desc == frame.Desc{}
	switch {
	case s.color == nil && blank:
		return optionErrorf("width", "got 0 with a background of one color, want a size")
	case s.color == nil:
		if err := bg.Frame.Desc.Validate(); err != nil {
			return err
		}
		o.Width, o.Height = bg.Frame.Desc.Width, bg.Frame.Desc.Height
		if err := b.size(); err != nil {
			return err
		}
	}
	switch {
	case o.Transparent && (!blank || bg.Color != pipeline.Color{}):
		return optionErrorf(fmt.Sprintf("background %d", n), "got %s, want none in a transparent scene", describe(&bg))
	case !blank && (bg.Frame.Desc.Width != o.Width || bg.Frame.Desc.Height != o.Height):
		return optionErrorf(fmt.Sprintf("background %d", n), "got %s, want %dx%d as the scene", bg.Frame.Desc, o.Width, o.Height)
	case len(bg.Places) > MaxRegions:
		return optionErrorf(fmt.Sprintf("background %d: places", n), "got %d, want at most %d", len(bg.Places), MaxRegions)
	}
	compiled := background{}
	for i := range bg.Places {
		p, err := b.place(fmt.Sprintf("background %d: places[%d]", n, i), &bg.Places[i])
		if err != nil {
			return err
		}
		compiled.places = append(compiled.places, p)
	}
	if err := b.admitTables(sizeOfBackground + sizeOfPlace*int64(len(compiled.places))); err != nil {
		return err
	}
	if blank {
		return b.addColor(bg.Color, compiled)
	}
	return b.addFrame(&bg.Frame, compiled)
}

func describe(bg *Background) string {
	if bg.Frame.Desc != (frame.Desc{}) {
		return bg.Frame.Desc.String()
	}
	return bg.Color.String()
}

// addColor adds a background of one color. Backgrounds of the same color share what is kept.
func (b *Builder) addColor(c pipeline.Color, bg background) error {
	s := b.scene
	if same := b.colors[c]; same != nil {
		bg.color, bg.alpha = same.color, same.alpha
		s.backgrounds = append(s.backgrounds, bg)
		return nil
	}
	var err error
	if bg.color, err = b.oneColor(s.color, c.R, c.G, c.B); err != nil {
		return err
	}
	if s.alpha != nil {
		if bg.alpha, err = b.oneColor(s.alpha, 0); err != nil {
			return err
		}
	}
	b.colors[c] = &bg
	s.backgrounds = append(s.backgrounds, bg)
	return nil
}

// oneColor returns the store of a background whose pixels all are the same.
func (b *Builder) oneColor(l *layer, pixel ...byte) (*store, error) {
	st := &store{}
	err := b.admitTables(l.tableBytes())
	if err != nil {
		return nil, err
	}
	if st.pix, err = b.lease(st.layOutColor(l)); err != nil {
		return nil, err
	}
	row := st.pix.Bytes()
	for i := range row {
		row[i] = pixel[i%l.size]
	}
	return st, b.encode(l, st, func(int) (band.Pixels, error) {
		return band.Pixels{Pix: row, Columns: l.width}, nil
	})
}

// addFrame adds a background from a frame.
func (b *Builder) addFrame(f *frame.Frame, bg background) error {
	s := b.scene
	l := s.color
	wrapped, err := frame.Wrap(f.Desc, f.Planes()...) // checks the planes
	if err != nil {
		return err
	}
	if b.sampler == nil || b.desc != f.Desc {
		whole := band.Rect{Width: l.width, Height: l.height}
		b.sampler, err = band.NewSampler(band.Config{
			In: f.Desc, Crop: whole, Content: whole, Width: l.width, Height: l.height,
			Space: band.RGB, ChromaX: 1, ChromaY: 1, Lines: l.mcuHeight, Limit: b.limit,
		})
		if err != nil {
			return fmt.Errorf("scene: %w", err)
		}
		b.desc = f.Desc
	}
	if err := b.admitTables(l.tableBytes()); err != nil {
		return err
	}
	touched := make([]bool, l.segments)
	for i := range bg.places {
		l.mark(touched, bg.places[i].clip)
	}
	if s.options.Movable {
		l.mark(touched, image.Rect(0, 0, l.width, l.height))
	}
	bg.color = &store{}
	if bg.color.pix, err = b.lease(bg.color.layOut(l, touched)); err != nil {
		return err
	}
	b.sampler.Adopt(&b.scratch)
	err = b.encode(l, bg.color, func(row int) (band.Pixels, error) {
		b.sampler.Fill(&b.scratch, &wrapped, row)
		stride := l.width * l.size
		for y := range l.rows(row) {
			var c [3][]int16
			for i := range c {
				c[i] = planeLine(&b.scratch.Band, i, y, 0, l.width)
			}
			l.pack.RGB24(b.lines[y*stride:][:stride], c[0], c[1], c[2])
		}
		bg.color.keep(l, row, b.lines)
		return band.Pixels{Pix: b.lines, Stride: stride, Columns: l.width}, nil
	})
	s.backgrounds = append(s.backgrounds, bg)
	return err
}

// planeLine returns n samples of line y of plane i of b, from x on.
func planeLine(b *band.Band, i, y, x, n int) []int16 {
	p := &b.Planes[i]
	return p.Pix[y*p.Stride+x:][:n:n]
}

// encode codes a background into st, from the lines of each MCU row.
func (b *Builder) encode(l *layer, st *store, lines func(row int) (band.Pixels, error)) error {
	w := b.work
	scratch := w.scratchOf(l)
	b.coded = append(b.coded[:0], l.header...)
	l.coder.BeginSegment(scratch, 0)
	st.starts = append(make([]int, 0, l.segments+1), len(b.coded))
	mcus := 0
	for row := range l.down {
		p, err := lines(row)
		if err == nil {
			err = b.pause()
		}
		if err != nil {
			return err
		}
		p.Rows = l.rows(row)
		w.convert(l, 0, p)
		for x := 0; x < l.across; {
			coded, n := l.coder.EncodeRow(scratch, w.band(l))
			b.coded = append(b.coded, coded...)
			x += n
			if mcus += n; mcus%l.interval == 0 || mcus == l.across*l.down {
				st.starts = append(st.starts, len(b.coded))
			}
		}
	}
	b.coded = append(b.coded, l.trailer...)
	var err error
	if st.jpeg, err = b.lease(int64(len(b.coded))); err != nil {
		return err
	}
	copy(st.jpeg.Bytes(), b.coded)
	return nil
}

// lease returns a buffer that the scene holds.
func (b *Builder) lease(bytes int64) (pool.Buf, error) {
	s := b.scene
	if bytes == 0 {
		return pool.Buf{}, nil
	}
	fail := &MemoryError{Background: len(s.backgrounds), Want: bytes, Held: s.held + s.tables, Max: s.options.MaxBytes}
	if bytes > pool.MaxSize {
		return pool.Buf{}, fail
	}
	n := int(bytes)
	size := int64(pool.ClassSize(n))
	fail.Want = size
	if fail.Max > 0 && fail.Held+size > fail.Max {
		return pool.Buf{}, fail
	}
	fail.Max = 0
	grant, ok := s.options.Pool.TryAdmit(size)
	if !ok {
		return pool.Buf{}, fail
	}
	s.grants = append(s.grants, grant)
	buf, err := s.options.Pool.Get(n)
	if err != nil {
		return pool.Buf{}, err
	}
	s.held += size
	s.bufs = append(s.bufs, buf)
	return buf, nil
}

// sizeOfBackground and sizeOfPlace are about what the heap holds of each.
const sizeOfBackground, sizeOfPlace = 128, 256

// tableBytes is about what the heap holds of a store: where its segments and the pieces of its rows begin.
func (l *layer) tableBytes() int64 { return 256 + 8*int64(l.segments) + 48*int64(l.down) }

// admitTables admits n bytes of the heap.
func (b *Builder) admitTables(n int64) error {
	s := b.scene
	fail := &MemoryError{Background: len(s.backgrounds), Want: n, Held: s.held + s.tables, Max: s.options.MaxBytes}
	if fail.Max > 0 && fail.Held+n > fail.Max {
		return fail
	}
	fail.Max = 0
	grant, ok := s.options.Pool.TryAdmit(n)
	if !ok {
		return fail
	}
	s.grants = append(s.grants, grant)
	s.tables += n
	return nil
}

// pause calls Options.Pause.
func (b *Builder) pause() error {
	if b.scene.options.Pause == nil {
		return nil
	}
	return b.scene.options.Pause()
}

// place compiles p.
func (b *Builder) place(field string, p *Place) (place, error) {
	s := b.scene
	whole := image.Rect(0, 0, s.options.Width, s.options.Height)
	if p.Mask != nil {
		if err := p.Mask.check(field + ".mask"); err != nil {
			return place{}, err
		}
	}
	if p.Affine != nil {
		if p.Rect != (pipeline.Rect{}) {
			return place{}, optionErrorf(field+".rect", "got %s beside affine, want one of them", p.Rect)
		}
		return b.affinePlace(field, p)
	}
	if err := checkRect(field+".rect", p.Rect, whole.Dx(), whole.Dy()); err != nil {
		return place{}, err
	}
	out := place{rect: rectangle(p.Rect)}
	out.clip = out.rect.Intersect(whole)
	if p.Mask == nil || out.clip.Empty() || p.Mask.Shape == Rectangle && p.Mask.Feather == 0 {
		return out, nil
	}
	key := maskKey{*p.Mask, p.Rect.Width, p.Rect.Height}
	shared, found := b.masks[key]
	if !found {
		w, h := float64(p.Rect.Width), float64(p.Rect.Height)
		var err error
		shared, err = b.drawMask(image.Rect(0, 0, p.Rect.Width, p.Rect.Height), func(x, y int) float64 {
			return p.Mask.at(float64(x)+0.5, float64(y)+0.5, w, h)
		})
		if err != nil {
			return place{}, err
		}
		if len(b.masks) >= maxShared {
			clear(b.masks)
		}
		b.masks[key] = shared
	}
	if shared != nil {
		out.mask = shared
		out.clip = out.clip.Intersect(shared.seen.Add(out.rect.Min))
	}
	return out, nil
}

// affinePlace compiles p, which has an affine: its mask is in the background's pixels, and empty outside of the region.
func (b *Builder) affinePlace(field string, p *Place) (place, error) {
	s := b.scene
	inv, box, err := p.Affine.invert(field+".affine", s.options.Width, s.options.Height)
	if err != nil {
		return place{}, err
	}
	out := place{rect: box, clip: box, affine: inv}
	s.affine = true
	if box.Empty() {
		return out, nil
	}
	w, h := float64(inv.width), float64(inv.height)
	m, err := b.drawMask(box, func(x, y int) float64 {
		u, v := inv.at(x, y)
		switch {
		case u < -0.5 || v < -0.5 || u >= w-0.5 || v >= h-0.5:
			return 0
		case p.Mask == nil || p.Mask.Shape == Rectangle && p.Mask.Feather == 0:
			return 255
		}
		return p.Mask.at(u+0.5, v+0.5, w, h)
	})
	if err != nil {
		return place{}, err
	}
	if m != nil {
		out.mask = m
		out.clip = m.seen.Add(box.Min)
	}
	return out, nil
}

// drawMask returns the mask that at describes, nil where it is 255 everywhere.
func (b *Builder) drawMask(rect image.Rectangle, at func(x, y int) float64) (*alphaMask, error) {
	buf, err := b.lease(int64(rect.Dx()) * int64(rect.Dy()))
	if err != nil {
		return nil, err
	}
	m := &alphaMask{pix: buf, rect: rect}
	whole, err := m.draw(at, b.pause)
	if err != nil {
		return nil, err
	}
	if whole {
		b.scene.giveBackLast()
		return nil, nil
	}
	return m, nil
}

// Scene returns the scene and ends the builder. The caller closes the scene. A scene has at least one background.
func (b *Builder) Scene() (*Scene, error) {
	s := b.scene
	if len(s.backgrounds) == 0 {
		return nil, optionErrorf("backgrounds", "got none, want at least one")
	}
	b.scene = &Scene{}
	s.options.Pause = nil
	return s, nil
}

// Held returns the bytes that are admitted for the backgrounds so far.
func (b *Builder) Held() int64 { return b.scene.held + b.scene.tables }

// Discard gives back what a builder holds whose scene is not wanted. After Scene it does nothing.
func (b *Builder) Discard() { b.scene.Close() }
