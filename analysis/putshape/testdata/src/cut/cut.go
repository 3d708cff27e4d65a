// Package cut puts slices back that have lost their beginning.
package cut

import (
	"io"
	"sync"
)

var chunks = sync.Pool{New: func() any {
	b := make([]byte, 4096)
	return &b
}}

func get() []byte { return *chunks.Get().(*[]byte) }

func put(b []byte) { chunks.Put(&b) }

// Wrong.

func writeAll(w io.Writer) error {
	b := get()
	for len(b) > 0 {
		n, err := w.Write(b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	put(b) // want `b from get goes back without what line 27 cuts off its beginning: it gets shorter each time`
	return nil
}

func skip(r io.Reader) error {
	bp := chunks.Get().(*[]byte)
	n, err := r.Read(*bp)
	*bp = (*bp)[n:]
	chunks.Put(bp) // want `bp from chunks.Get goes back without what line 36`
	return err
}

type queue struct {
	parts [][]byte
	rest  []byte
}

func (q *queue) read(p []byte) int {
	n := copy(p, q.parts[0])
	if n == len(q.parts[0]) {
		put(q.parts[0]) // want `queue.parts goes back without what line 52`
		q.parts = q.parts[1:]
	} else {
		q.parts[0] = q.parts[0][n:]
	}
	return n
}

func (q *queue) consume(n int) { q.rest = q.rest[n:] }

func (q *queue) close() {
	put(q.rest) // want `queue.rest goes back without what line 57`
	q.rest = nil
}

// Right.

func parts(f func(head, body []byte)) {
	b := get()
	f(b[:4], b[4:])
	put(b)
}

func shorter(n int, f func([]byte)) {
	b := get()
	b = b[:n]
	f(b)
	put(b[:cap(b)])
}

type whole struct {
	all  []byte
	rest []byte
}

func (w *whole) consume(n int) { w.rest = w.rest[n:] }

func (w *whole) close() {
	put(w.all)
	w.all, w.rest = nil, nil
}

func another(n int, f func([]byte)) {
	b := get()
	c := make([]byte, n)[2:]
	f(c)
	put(b)
}
