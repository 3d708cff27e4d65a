package twice

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

var readers sync.Pool

// Wrong: a second Close puts the same reader back once more.

type itself struct {
	zr   *gzip.Reader
	pool *sync.Pool
}

func (r *itself) Read(p []byte) (int, error) { return r.zr.Read(p) }

func (r *itself) Close() error { // yarpc/yarpc-go#2487
	r.pool.Put(r) // want `Close puts its receiver back each time it is called: whoever closes twice, as by a defer and before it, has the pool lend it to two at once`
	return nil
}

func openItself(r io.Reader) (io.ReadCloser, error) {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	return &itself{zr, &readers}, nil
}

type field struct{ zr *gzip.Reader }

func (r *field) Read(p []byte) (int, error) { return r.zr.Read(p) }

func (r *field) Close() error {
	if err := r.zr.Close(); err != nil {
		return err
	}
	readers.Put(r.zr) // want `Close puts what is in zr back each time`
	return nil
}

func openField() io.ReadCloser { return &field{readers.Get().(*gzip.Reader)} }

var chunks sync.Pool

func putChunk(b []byte) {
	if cap(b) >= 512 {
		chunks.Put(b[:0])
	}
}

type elements struct{ list [][]byte }

func (e *elements) Read(p []byte) (int, error) { return copy(p, e.list[0]), io.EOF }

func (e *elements) Close() error { // mailru/easyjson#103
	for _, b := range e.list {
		putChunk(b) // want `Close puts what is in list back each time`
	}
	return nil
}

func openElements(list [][]byte) io.ReadCloser { return &elements{list} }

// A Transport closes the body of a request more than once: lightstep/lightstep-tracer-go#75.

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

type body struct{ *bytes.Buffer }

func (b *body) Close() error {
	b.Reset()
	bodies.Put(b.Buffer) // want `Close puts what is in Buffer back each time`
	return nil
}

func post(buf *bytes.Buffer) (*http.Request, error) {
	return http.NewRequest("POST", "http://localhost", &body{buf})
}

type setBody struct{ *bytes.Buffer }

func (b *setBody) Close() error {
	bodies.Put(b.Buffer) // want `Close puts what is in Buffer back each time`
	return nil
}

func setBodyOf(r *http.Request, buf *bytes.Buffer) { r.Body = &setBody{buf} }

// Right: something says that it was closed.

type onceBody struct {
	sync.Once
	*bytes.Buffer
}

func (b *onceBody) Close() error {
	b.Once.Do(func() { bodies.Put(b.Buffer) })
	return nil
}

func postOnce(buf *bytes.Buffer) (*http.Request, error) {
	return http.NewRequest("POST", "http://localhost", &onceBody{Buffer: buf})
}

type cleared struct{ zr *gzip.Reader }

func (r *cleared) Read(p []byte) (int, error) { return r.zr.Read(p) }

func (r *cleared) Close() error {
	if r.zr != nil {
		readers.Put(r.zr)
		r.zr = nil
	}
	return nil
}

type flagged struct {
	zr     *gzip.Reader
	closed bool
}

func (r *flagged) Read(p []byte) (int, error) { return r.zr.Read(p) }

func (r *flagged) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	readers.Put(r.zr)
	return nil
}

type once struct {
	zr   *gzip.Reader
	once sync.Once
}

func (r *once) Read(p []byte) (int, error) { return r.zr.Read(p) }

func (r *once) Close() error {
	r.once.Do(func() { readers.Put(r.zr) })
	return nil
}

type swapped struct {
	zr     *gzip.Reader
	closed atomic.Bool
}

func (r *swapped) Read(p []byte) (int, error) { return r.zr.Read(p) }

func (r *swapped) Close() error {
	if r.closed.CompareAndSwap(false, true) {
		readers.Put(r.zr)
	}
	return nil
}

type taken struct{ list [][]byte }

func (e *taken) Read(p []byte) (int, error) { return copy(p, e.list[0]), io.EOF }

func (e *taken) Close() error {
	for _, b := range e.list {
		putChunk(b)
	}
	e.list = nil
	return nil
}

func open(kind int, zr *gzip.Reader) io.ReadCloser {
	switch kind {
	case 0:
		return &cleared{zr}
	case 1:
		return &flagged{zr: zr}
	case 2:
		return &once{zr: zr}
	case 3:
		return &swapped{zr: zr}
	}
	return &taken{}
}

// Right: nobody else closes it, for all that is known.

type plainBody struct{ *bytes.Buffer }

func (b *plainBody) Close() error {
	bodies.Put(b.Buffer)
	return nil
}

func length(buf *bytes.Buffer) int64 {
	var r io.Reader = &plainBody{buf}
	n, _ := io.Copy(io.Discard, r)
	return n
}

// Right: nobody else has it as an io.Closer, and the package closes it once.

type inside struct{ zr *gzip.Reader }

func (r *inside) Close() error {
	readers.Put(r.zr)
	return nil
}

func use() {
	in := &inside{readers.Get().(*gzip.Reader)}
	in.Close()
}

// Right: who writes closes once.

type compressor struct {
	*gzip.Writer
	pool *sync.Pool
}

func (c *compressor) Close() error {
	err := c.Writer.Close()
	c.pool.Put(c)
	return err
}

func compress(pool *sync.Pool) io.WriteCloser { return pool.Get().(*compressor) }
