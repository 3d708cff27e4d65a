// Package unbounded has pools of buffers that grow, which is no fault without the flag -putshape.bound, and values that keep the
// pool that they came from.
package unbounded

import (
	"bytes"
	"sync"
)

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func grow(p []byte) int {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	b.Write(p)
	return b.Len()
}

var requests = &sync.Pool{New: func() any { return new(request) }}

type request struct{ pool *sync.Pool }

func newRequest() *request {
	r := requests.Get().(*request)
	r.pool = requests
	return r
}

func (r *request) done() { r.pool.Put(r) }

func (r *request) clearedAndDone() {
	p := r.pool
	*r = request{}
	p.Put(r)
}

func use() {
	r := newRequest()
	defer r.done()
	other := newRequest()
	other.clearedAndDone()
}
