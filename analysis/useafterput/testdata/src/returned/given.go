package returned

import "sync"

type writer struct{ buf []byte }

func (w *writer) reset(buf []byte) { w.buf = buf }

func (w *writer) write(s string) { w.buf = append(w.buf, s...) }

var writers = sync.Pool{New: func() any { return new(writer) }}

// appendTo returns the caller's memory: reset has given it to the writer.
func appendTo(dst []byte, s string) []byte {
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.reset(dst)
	w.write(s)
	return w.buf
}

func (w *writer) cut() { w.buf = w.buf[:0] }

func encodeCut(s string) []byte {
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.cut()
	w.write(s)
	return w.buf // want `encodeCut returns memory that goes back to the pool`
}

// keyed appends to a slice of a type parameter.
func keyed[S ~[]E, E any](s S, w *writer, of func([]byte) E) S { return append(s, of(w.buf)) }

func lengths(s string) []int {
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.write(s)
	return keyed([]int(nil), w, func(b []byte) int { return len(b) })
}
