// Package kinds puts values of another type than what is got.
package kinds

import (
	"bytes"
	"hash"
	"hash/fnv"
	"io"
	"sync"
)

var headers = sync.Pool{New: func() any {
	b := make([]byte, 16)
	return &b
}}

type client struct {
	bufs sync.Pool
	w    io.Writer
}

// Wrong.

func (c *client) write() error {
	header := headers.Get().(*[]byte)
	_, err := c.w.Write(*header)
	headers.Put(&header) // want `headers.Put of a \*\*\[\]byte, but what comes out of headers is asserted to be a \*\[\]byte`
	return err
}

func (c *client) encode(f func(*bytes.Buffer)) {
	buf, ok := c.bufs.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	f(buf)
	b := buf.Bytes()
	c.bufs.Put(&b) // want `c.bufs.Put of a \*\[\]byte, but what comes out of client.bufs is asserted to be a \*bytes.Buffer`
}

// One pool for two kinds: semihalev/sdns 6eb7184.
var scratch sync.Pool

func acquireHash() hash.Hash64 {
	v := scratch.Get()
	if v == nil {
		return fnv.New64()
	}
	return v.(hash.Hash64)
}

func releaseHash(h hash.Hash64) {
	h.Reset()
	scratch.Put(h) // want `scratch.Put of a hash.Hash64, but line \d+ asserts what comes out of scratch to be a \*bytes.Buffer`
}

func acquireBuffer() *bytes.Buffer {
	v := scratch.Get()
	if v == nil {
		return new(bytes.Buffer)
	}
	return v.(*bytes.Buffer)
}

func releaseBuffer(b *bytes.Buffer) {
	b.Reset()
	scratch.Put(b) // want `scratch.Put of a \*bytes.Buffer, but line \d+ asserts what comes out of scratch to be a hash.Hash64`
}

// Fields of which each has a New, and one is used as the other: Terry-Mao/goim fba6416.
type server struct{ requests, responses sync.Pool }

type request struct{ id int }

type response struct{ id int }

func newServer() *server {
	return &server{
		requests:  sync.Pool{New: func() any { return new(request) }},
		responses: sync.Pool{New: func() any { return new(response) }},
	}
}

func (s *server) request() *request { return s.requests.Get().(*request) }

func (s *server) freeRequest(r *request) { s.requests.Put(r) }

func (s *server) response() *response { return s.requests.Get().(*response) }

func (s *server) freeResponse(r *response) {
	s.requests.Put(r) // want `s.requests.Put of a \*kinds.response, but line \d+ asserts what comes out of server.requests to be a \*kinds.request`
}

// Right.

// A field that has now this type, now that.
type shelf struct{ pool sync.Pool }

var (
	ids   = shelf{pool: sync.Pool{New: func() any { return new(request) }}}
	texts = shelf{pool: sync.Pool{New: func() any { return new(response) }}}
)

func (s *shelf) request() *request   { return s.pool.Get().(*request) }
func (s *shelf) response() *response { return s.pool.Get().(*response) }
func (s *shelf) free(r *response)    { s.pool.Put(r) }

// A Get that asks, of a pool for what can be written to.
var sinks sync.Pool

func sink() io.Writer {
	if w, ok := sinks.Get().(*bytes.Buffer); ok {
		return w
	}
	return io.Discard
}

func otherSink() io.Writer { return sinks.Get().(io.Writer) }

func freeSink(w io.Writer) { sinks.Put(w) }

var writers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func asWriter(p []byte) error {
	w := writers.Get().(io.Writer)
	defer writers.Put(w)
	_, err := w.Write(p)
	return err
}

func asBuffer() {
	b := new(bytes.Buffer)
	writers.Put(b)
}

var mixed sync.Pool

func switched() int {
	defer mixed.Put(new(int64))
	switch v := mixed.Get().(type) {
	case *int:
		return *v
	case *int64:
		return int(*v)
	}
	return 0
}

type poolOf[T any] struct{ pool sync.Pool }

func (p *poolOf[T]) get() *T  { return p.pool.Get().(*T) }
func (p *poolOf[T]) put(v *T) { p.pool.Put(v) }
