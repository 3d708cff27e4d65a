package handed

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/valyala/fasthttp"
)

// The pool is emptied on purpose.

var items = sync.Pool{}

func show(n int) {
	item, _ := items.Get().(*bytes.Buffer)
	if item == nil {
		item = new(bytes.Buffer)
	}
	item.Grow(n)
	items.Put(item)
}

func forgetAll() {
	for items.Get() != nil {
	}
}

func forgetOne() bool {
	item := items.Get() // want `item from items.Get is never put back`
	return item != nil
}

// The pool is that of one reader, and nobody asks it any more when that ends.

type source struct {
	r    io.Reader
	bufs sync.Pool
	out  chan []byte
	err  error
}

func newSource(r io.Reader) *source {
	s := source{r: r, bufs: sync.Pool{New: func() any { return new([64]byte) }}, out: make(chan []byte)}
	go func() {
		for {
			buf := s.bufs.Get().(*[64]byte)
			n, err := r.Read(buf[:])
			if err != nil {
				s.err = err
				break
			}
			s.out <- buf[:n]
		}
		close(s.out)
	}()
	return &s
}

func (s *source) done(buf *[64]byte) { s.bufs.Put(buf) }

// What is stored atomically is somebody's.

var fatal unsafe.Pointer

type entry struct{ text []byte }

func keepFatal(e entry) { atomic.CompareAndSwapPointer(&fatal, nil, unsafe.Pointer(&e)) }

var texts = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func logText(p []byte, isFatal bool) {
	buf := texts.Get().(*bytes.Buffer)
	buf.Reset()
	buf.Write(p)
	if isFatal {
		keepFatal(entry{text: buf.Bytes()})
	} else {
		texts.Put(buf)
	}
}

func logDropped(p []byte, isFatal bool) {
	buf := texts.Get().(*bytes.Buffer) // want `buf from texts.Get is not put back when the function returns at line 92: the pool loses it`
	buf.Reset()
	buf.Write(p)
	if isFatal {
		texts.Put(buf)
	}
}

// requests gets requests of a pool that has no receiver.
func requests(n int) func() int {
	return func() int {
		for range n {
			req := fasthttp.AcquireRequest()
			req.Reset()
			fasthttp.ReleaseRequest(req)
		}
		return n
	}
}
