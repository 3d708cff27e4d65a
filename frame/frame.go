package frame

import "github.com/steadyframe/steadyframe/pool"

// Plane is one rectangle of samples. Stride is in bytes between rows; Width and Height are in samples of this plane.
type Plane struct {
	Pix           []byte // from the first sample of the first row to at least the last of the last row
	Stride        int    // at least the bytes of a row; what lies between rows is neither read nor written
	Width, Height int
}

// Frame is raw pixels: a Desc and its planes. It is a value. Copies share the memory, and only one of them may be
// released. The zero Frame has no planes and is safe to Release.
type Frame struct {
	Desc   Desc
	planes [MaxPlanes]Plane
	n      int
	buf    pool.Buf // zero when the memory is borrowed
}

// Wrap returns a frame over planes in memory from anywhere, one for each plane of d.Format, in order. A Stride of 0
// means rows without gaps; a Width or Height of 0 means what d has; others must equal it. It borrows the memory: keep
// it alive and unchanged while the frame is used. It returns a *DescError for an invalid d, a wrong number of planes, a
// stride below the bytes of a row, or a plane too short.
func Wrap(d Desc, planes ...Plane) (Frame, error) {
	if err := d.Validate(); err != nil {
		return Frame{}, err
	}
	if len(planes) != d.Format.Planes() {
		return Frame{}, descErrorf("planes", "got %d, want %d for %s", len(planes), d.Format.Planes(), d.Format)
	}
	f := Frame{Desc: d, n: len(planes)}
	for i := range planes {
		p, err := d.fit(i, planes[i])
		if err != nil {
			return Frame{}, err
		}
		f.planes[i] = p
	}
	return f, nil
}

// fit returns p as plane i of d, complete, and cut to the bytes that belong to it.
func (d Desc) fit(i int, p Plane) (Plane, error) {
	w, h, rowBytes := d.PlaneSize(i)
	if p.Width != 0 && p.Width != w {
		return Plane{}, planeErrorf(i, "width", "got %d, want %d for %s", p.Width, w, d)
	}
	if p.Height != 0 && p.Height != h {
		return Plane{}, planeErrorf(i, "height", "got %d, want %d for %s", p.Height, h, d)
	}
	if p.Stride == 0 {
		p.Stride = rowBytes
	}
	if p.Stride < rowBytes {
		return Plane{}, planeErrorf(i, "stride", "got %d, want >= %d for %s", p.Stride, rowBytes, d)
	}
	// rowBytes + (h-1)*Stride bytes are needed; a division cannot overflow as that product can.
	rest := len(p.Pix) - rowBytes
	if rest < 0 || h > 1 && rest/(h-1) < p.Stride {
		return Plane{}, planeErrorf(i, "pix", "got %d bytes, want %d rows of %d, %d apart, for %s", len(p.Pix), h, rowBytes, p.Stride, d)
	}
	end := rowBytes + (h-1)*p.Stride
	return Plane{Pix: p.Pix[:end:end], Stride: p.Stride, Width: w, Height: h}, nil
}

func planeErrorf(i int, field, format string, args ...any) *DescError {
	return descErrorf("planes["+string(rune('0'+i))+"]."+field, format, args...)
}

// WrapBytes returns a frame over data: planes one after the other, rows without gaps. It borrows data. It returns a
// *DescError for an invalid d, or when data is not exactly d.Size() long: a wrong length means a wrong geometry.
func WrapBytes(d Desc, data []byte) (Frame, error) {
	size, err := d.Size()
	if err != nil {
		return Frame{}, err
	}
	if len(data) != size {
		return Frame{}, descErrorf("data", "got %d bytes, want %d for %s", len(data), size, d)
	}
	f := Frame{Desc: d, n: d.Format.Planes()}
	for i := range f.n {
		w, h, rowBytes := d.PlaneSize(i)
		end := h * rowBytes
		f.planes[i] = Plane{Pix: data[:end:end], Stride: rowBytes, Width: w, Height: h}
		data = data[end:]
	}
	return f, nil
}

// AppendBatch appends the frames that lie one after the other in data, each as WrapBytes has it: the first dimension of a tensor
// of shape (N, 3, H, W) or (N, H, W, 3). It borrows data. It returns dst and a *DescError for an invalid d, or when data is not a
// whole number of frames.
func AppendBatch(dst []Frame, d Desc, data []byte) ([]Frame, error) {
	size, err := d.Size()
	if err != nil {
		return dst, err
	}
	if len(data)%size != 0 {
		return dst, descErrorf("data", "got %d bytes, want a multiple of %d for frames of %s", len(data), size, d)
	}
	for ; len(data) > 0; data = data[size:] {
		f, err := WrapBytes(d, data[:size])
		if err != nil {
			return dst, err
		}
		dst = append(dst, f)
	}
	return dst, nil
}

// FromBuf returns a frame over the bytes of b, as WrapBytes does, that owns b. It takes b. On an error it has released b.
func FromBuf(d Desc, b pool.Buf) (Frame, error) {
	f, err := WrapBytes(d, b.Bytes())
	if err != nil {
		b.Release()
		return Frame{}, err
	}
	f.buf = b
	return f, nil
}

// New returns a frame with memory from p. Its samples are not initialized: the memory holds what its last owner left. The
// caller releases the frame. The error is a *DescError, or p's: pool.ErrBudget.
func New(p *pool.Pool, d Desc) (Frame, error) {
	size, err := d.Size()
	if err != nil {
		return Frame{}, err
	}
	b, err := p.Get(size)
	if err != nil {
		return Frame{}, err
	}
	return FromBuf(d, b)
}

// Planes returns the planes, in the format's order. It panics when the memory was released through another copy of f.
func (f *Frame) Planes() []Plane {
	f.checkLive()
	return f.planes[:f.n]
}

// Plane returns plane i. It panics when f has no such plane, or when the memory was released through another copy of f.
func (f *Frame) Plane(i int) *Plane {
	f.checkLive()
	return &f.planes[:f.n][i]
}

// Row returns the bytes of row y of plane i, without padding. It panics as Plane does, and when the plane has no such
// row.
func (f *Frame) Row(i, y int) []byte {
	p := f.Plane(i)
	rowBytes := p.Width * f.Desc.Format.SampleBytes(i)
	return p.Pix[y*p.Stride:][:rowBytes:rowBytes]
}

// checkLive panics when the pool has the buffer back: Len does, on a stale handle.
func (f *Frame) checkLive() {
	if !f.buf.IsZero() {
		f.buf.Len()
	}
}

// Owned reports whether f owns its memory, so that Release gives it back to a pool.
func (f *Frame) Owned() bool { return !f.buf.IsZero() }

// Release gives the memory back to its pool when f owns it, and leaves f without planes, so that a second Release of f
// does nothing. The Release of a second copy of f panics. On a frame that borrows its memory it does nothing.
func (f *Frame) Release() {
	if f.buf.IsZero() {
		return
	}
	b := f.buf
	*f = Frame{Desc: f.Desc}
	b.Release()
}
