package pool

// A Builder gathers bytes of unknown number in leased memory: a bytes.Buffer whose memory comes out of a Pool, and goes back. Make
// one with NewBuilder, pass it by pointer, and end it with Release or Take. It is an io.Writer, io.ByteWriter and
// io.StringWriter, for one goroutine at a time.
//
//	w := p.NewBuilder()
//	defer w.Release()
//	if err := json.NewEncoder(w).Encode(v); err != nil { // also when the budget has no room
//		return err
//	}
//	b := w.Take() // now the caller's
type Builder struct {
	pool *Pool
	buf  Buf
	mem  []byte // that of buf, as far as it is written
}

// NewBuilder returns an empty Builder. It leases nothing yet.
func (p *Pool) NewBuilder() *Builder { return &Builder{pool: p} }

// Grow makes room for n more bytes: what is written is copied once to a larger buffer, unless there is room. It returns the
// errors of Get, and then changes nothing. It panics when n is negative.
func (w *Builder) Grow(n int) error {
	if n < 0 {
		panic("pool: Builder.Grow of a negative number")
	}
	if n <= cap(w.mem)-len(w.mem) {
		return nil
	}
	if n > MaxSize-len(w.mem) {
		return &SizeError{Got: int64(len(w.mem)) + int64(n), Max: MaxSize}
	}
	next, err := w.pool.Get(max(len(w.mem)+n, min(2*len(w.mem), MaxSize)))
	if err != nil && n < len(w.mem) { // there may be room for less
		next, err = w.pool.Get(len(w.mem) + n)
	}
	if err != nil {
		return err
	}
	mem := append(next.Bytes()[:0], w.mem...)
	w.buf.Release()
	w.buf, w.mem = next, mem
	return nil
}

// Write appends p. On an error, those of Grow, nothing is appended.
func (w *Builder) Write(p []byte) (int, error) {
	if err := w.Grow(len(p)); err != nil {
		return 0, err
	}
	w.mem = append(w.mem, p...)
	return len(p), nil
}

// WriteString is Write of a string.
func (w *Builder) WriteString(s string) (int, error) {
	if err := w.Grow(len(s)); err != nil {
		return 0, err
	}
	w.mem = append(w.mem, s...)
	return len(s), nil
}

// WriteByte is Write of a byte.
func (w *Builder) WriteByte(b byte) error {
	if err := w.Grow(1); err != nil {
		return err
	}
	w.mem = append(w.mem, b)
	return nil
}

// Len returns how many bytes were written.
func (w *Builder) Len() int { return len(w.mem) }

// Bytes returns what was written. The slice is borrowed until the next call of another method.
func (w *Builder) Bytes() []byte { return w.mem }

// Take gives what was written to the caller, who releases it. The Builder is empty again. Of an empty one it is the zero
// Buf.
func (w *Builder) Take() Buf {
	b := w.buf
	if !b.IsZero() {
		b.SetLen(len(w.mem))
	}
	w.buf, w.mem = Buf{}, nil
	return b
}

// Release gives the memory back. The Builder is empty again.
func (w *Builder) Release() {
	w.buf.Release()
	w.buf, w.mem = Buf{}, nil
}
