package scene

import (
	"image"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// Image says what to compose.
type Image struct {
	Index   int      // 0 and up; Options.Walk says which background it is
	Regions []Region // laid on in this order; none: the background as it is
}

// Region is a frame that is laid on the background.
type Region struct {
	Frame frame.Frame // of any format and size; the zero Frame: nothing, so that the next region goes to the next place
	// Rect takes the place of that of the background, in a scene that is Movable. Such a region has the mask of the place with
	// its number, if that has the same size, and else none. Zero: the place as it is.
	Rect pipeline.Rect
}

// Composed is an image. The holder releases it.
type Composed struct {
	Buf   pool.Buf // the JPEG; of a transparent scene, a gray JPEG of alpha behind it
	Color int      // bytes of the first; of a transparent scene it is color, multiplied by alpha
}

// JPEG returns the JPEG. It is borrowed until Release, as Alpha is.
func (c *Composed) JPEG() []byte { return c.Buf.Bytes()[:c.Color] }

// Alpha returns the gray JPEG of alpha, empty unless the scene is transparent.
func (c *Composed) Alpha() []byte { return c.Buf.Bytes()[c.Color:] }

// Release releases the buffer.
func (c *Composed) Release() {
	c.Buf.Release()
	*c = Composed{}
}

// Compose returns the JPEG of an image, which is the caller's to release. It borrows m and the frames of its regions. The
// error is an *OptionError about m, a *frame.DescError about a frame, the pool's (pool.ErrBudget), or ErrClosed.
//
// Its memory is the pool's: one buffer, of MaxBytes at most, and for a region with Place.Affine three bytes a pixel of the
// region meanwhile.
func (s *Scene) Compose(m *Image) (Composed, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return Composed{}, ErrClosed
	}
	if m.Index < 0 {
		return Composed{}, optionErrorf("index", "got %d, want 0 or more", m.Index)
	}
	w := s.free.Get()
	err := w.compose(m)
	if err != nil {
		w.out.Release()
	}
	out := w.out
	w.forget()
	if regions := w.regionBytes(); regions <= keptRegionBytes {
		for size, largest := s.baseBytes()+int64(regions), s.largest.Load(); size > largest && !s.largest.CompareAndSwap(largest, size); {
			largest = s.largest.Load()
		}
		s.free.Put(w)
	}
	return out, err
}

// compose makes w.out.
func (w *workspace) compose(m *Image) error {
	s := w.scene
	bg := s.backgroundOf(m.Index)
	if len(m.Regions) > MaxRegions {
		return optionErrorf("regions", "got %d, want at most %d", len(m.Regions), MaxRegions)
	}
	for i := range m.Regions {
		if err := w.addRegion(bg, i, &m.Regions[i]); err != nil {
			return err
		}
	}
	if err := w.writer.Open(s.options.Pool, &w.out.Buf, w.size(bg), pool.MaxSize); err != nil {
		return err
	}
	if err := w.composeLayer(s.color, bg.color); err != nil {
		return err
	}
	w.out.Color = w.writer.Len()
	if s.alpha != nil {
		if err := w.composeLayer(s.alpha, bg.alpha); err != nil {
			return err
		}
	}
	w.writer.Close()
	return nil
}

// size returns how many bytes an image of bg will probably have, or a few more.
func (w *workspace) size(bg *background) int {
	n := int64(bg.color.jpeg.Len())
	if bg.alpha != nil {
		n += int64(bg.alpha.jpeg.Len())
	}
	if w.n > 0 {
		n = expected(n)
	}
	return int(min(n, pool.MaxSize))
}

// expected returns how many bytes an image has, with regions on a background of n.
func expected(n int64) int64 { return n + n/8 + 4096 }

// addRegion adds region i of an image on bg.
func (w *workspace) addRegion(bg *background, i int, r *Region) error {
	o := &w.scene.options
	switch {
	case r.Frame.Desc == frame.Desc{}:
		return nil
	case r.Rect == pipeline.Rect{}:
		if i >= len(bg.places) {
			return optionErrorf("regions", "got %d, want at most %d: the background has no further place", i+1, len(bg.places))
		}
		return w.add(&r.Frame, &bg.places[i])
	case !o.Movable:
		return optionErrorf("rect", "got %s, want none unless the scene is movable", r.Rect)
	}
	if err := checkRect("rect", r.Rect, o.Width, o.Height); err != nil {
		return err
	}
	p := place{rect: rectangle(r.Rect)}
	p.clip = p.rect.Intersect(image.Rect(0, 0, o.Width, o.Height))
	if i < len(bg.places) {
		if at := &bg.places[i]; at.mask != nil && at.affine == nil && at.rect.Size() == p.rect.Size() {
			p.mask = at.mask
			p.clip = p.clip.Intersect(at.mask.seen.Add(p.rect.Min))
		}
	}
	return w.add(&r.Frame, &p)
}

// composeLayer writes one JPEG of the image: the segments that the regions touch are composed and coded, and the others are
// copied from st.
func (w *workspace) composeLayer(l *layer, st *store) error {
	coded := st.jpeg.Bytes()
	touched := w.touched[:l.segments]
	clear(touched)
	for i := range w.regions[:w.n] {
		l.mark(touched, w.regions[i].clip)
	}
	from := 0 // of coded: what is not written yet
	at := position{row: -1}
	for s := range touched {
		if !touched[s] {
			continue
		}
		if err := w.writer.Write(coded[from:st.starts[s]]); err != nil {
			return err
		}
		from = st.starts[s+1]
		if err := w.codeSegment(l, st, s, touched, &at); err != nil {
			return err
		}
	}
	return w.writer.Write(coded[from:])
}

// position is how far the samples of a layer's band are made: up to MCU end of the row.
type position struct{ row, end int }

// codeSegment composes and codes segment n. The marker behind it has the same number as that of the background's segment:
// both are segment n of as many.
func (w *workspace) codeSegment(l *layer, st *store, n int, touched []bool, at *position) error {
	scratch := w.scratchOf(l)
	l.coder.BeginSegment(scratch, n)
	last := min((n+1)*l.interval, l.across*l.down)
	for mcu := n * l.interval; mcu < last; {
		row, column := mcu/l.across, mcu%l.across
		if row != at.row || column >= at.end {
			at.row, at.end = row, l.run(touched, row, column)
			w.fill(l, st, row, column, at.end)
		}
		coded, mcus := l.coder.EncodeRow(scratch, w.band(l))
		if err := w.writer.Write(coded); err != nil {
			return err
		}
		mcu += mcus
	}
	return nil
}

// fill makes the samples of MCUs from..to-1 of an MCU row: of the background as it is kept, and where regions lie, of what
// they compose.
func (w *workspace) fill(l *layer, st *store, row, from, to int) {
	part := image.Rect(from*l.mcuWidth, row*l.mcuHeight, min(to*l.mcuWidth, l.width), row*l.mcuHeight+l.rows(row))
	var hull image.Rectangle
	for i := range w.regions[:w.n] {
		hull = hull.Union(w.regions[i].clip.Intersect(part))
	}
	if hull.Empty() {
		w.convert(l, part.Min.X, st.pixels(l, row, part.Min.X, part.Max.X))
		return
	}
	left := hull.Min.X / l.mcuWidth * l.mcuWidth
	right := min((hull.Max.X+l.mcuWidth-1)/l.mcuWidth*l.mcuWidth, part.Max.X)
	if left > part.Min.X {
		w.convert(l, part.Min.X, st.pixels(l, row, part.Min.X, left))
	}
	if right < part.Max.X {
		w.convert(l, right, st.pixels(l, row, right, part.Max.X))
	}
	part.Min.X, part.Max.X = left, right
	w.convert(l, left, w.composeRow(l, st, row, part))
}

// composeRow returns the pixels of part, which is all lines of an MCU row, with all regions on them.
func (w *workspace) composeRow(l *layer, st *store, row int, part image.Rectangle) band.Pixels {
	below := st.pixels(l, row, part.Min.X, part.Max.X)
	stride := part.Dx() * l.size
	for y := range part.Dy() {
		copy(w.lines[y*stride:][:stride], below.Pix[y*below.Stride:])
	}
	for i := range w.regions[:w.n] {
		r := &w.regions[i]
		c := r.clip.Intersect(part)
		if c.Empty() {
			continue
		}
		if r.sampler != nil && r.row != row && l.size == 3 {
			r.sampler.Fill(&r.scratch, &r.frame, row-r.top)
			r.row = row
		}
		for y := c.Min.Y; y < c.Max.Y; y++ {
			dst := w.lines[(y-part.Min.Y)*stride+(c.Min.X-part.Min.X)*l.size:][:c.Dx()*l.size]
			w.lay(l, r, dst, y, c.Min.X, c.Max.X)
		}
	}
	return band.Pixels{Pix: w.lines, Stride: stride, Columns: part.Dx(), Rows: part.Dy()}
}

// lay lays columns from..to-1 of line y of a region on dst.
func (w *workspace) lay(l *layer, r *active, dst []byte, y, from, to int) {
	if r.mask == nil {
		w.line(l, r, dst, y, from, to)
		return
	}
	m := r.mask.row(y-r.rect.Min.Y, from-r.rect.Min.X, to-r.rect.Min.X)
	if l.size == 1 {
		l.mask.Gray(dst, dst, w.opaque[:len(dst)], m)
		return
	}
	over := w.over[:len(dst)]
	w.line(l, r, over, y, from, to)
	l.mask.RGB24(dst, dst, over, m)
}

// line sets dst to columns from..to-1 of line y of a region, without its mask.
func (w *workspace) line(l *layer, r *active, dst []byte, y, from, to int) {
	switch {
	case l.size == 1:
		copy(dst, w.opaque)
	case r.affine != nil:
		r.affine.sample(dst, r.pixels.Bytes(), r.frame.Desc.Width, r.frame.Desc.Height, from, y)
	default:
		b := &r.scratch.Band
		x, n, line := from-r.rect.Min.X, to-from, y-r.row*l.mcuHeight
		l.pack.RGB24(dst, planeLine(b, 0, line, x, n), planeLine(b, 1, line, x, n), planeLine(b, 2, line, x, n))
	}
}

// MaxBytes returns the most memory of the pool that the buffer of an image can take, for admission: the coded background
// and, for what regions can cover, the worst case of the Huffman codes.
func (s *Scene) MaxBytes() int64 {
	n := int64(0)
	for _, l := range []*layer{s.color, s.alpha} {
		if l != nil {
			n += int64(l.down) * int64(l.coder.MaxBandBytes())
		}
	}
	return min(n, pool.MaxSize)
}

// ExpectedBytes returns what the buffer of an image of background index will probably take, for admission.
func (s *Scene) ExpectedBytes(index int) int64 {
	bg := s.backgroundOf(index)
	n := int64(bg.color.jpeg.Len())
	if bg.alpha != nil {
		n += int64(bg.alpha.jpeg.Len())
	}
	return int64(pool.ClassSize(int(min(expected(n), pool.MaxSize))))
}
