package pooling

import (
	"sync"

	"github.com/valyala/bytebufferpool"

	"github.com/steadyframe/steadyframe/pool"
)

// syncPoolSlice is sync.Pool as the origin had it: Put takes an any, and a slice's header that becomes one is allocated.
type syncPoolSlice struct {
	batchless
	sizes [kinds]int
	pools [kinds]sync.Pool
}

func newSyncPoolSlice(n need) func() lender {
	s := &syncPoolSlice{sizes: n.sizes}
	for k := range s.pools {
		size := n.sizes[k]
		s.pools[k].New = func() any { return make([]byte, size) }
	}
	return shared(s)
}

func (s *syncPoolSlice) get(k kind) lease {
	b := s.pools[k].Get().([]byte)
	return lease{b: b[:s.sizes[k]], kind: k}
}

func (s *syncPoolSlice) put(l lease) {
	//poolvet:ignore the header that moves to the heap is what this option is here to show
	s.pools[l.kind].Put(l.b[:cap(l.b)]) //lint:ignore SA6002 the same
}

// syncPoolPointer is sync.Pool as its documentation advises: what is put is a pointer.
type syncPoolPointer struct {
	batchless
	sizes [kinds]int
	pools [kinds]sync.Pool
}

func newSyncPoolPointer(n need) func() lender {
	s := &syncPoolPointer{sizes: n.sizes}
	for k := range s.pools {
		size := n.sizes[k]
		s.pools[k].New = func() any {
			b := make([]byte, size)
			return &b
		}
	}
	return shared(s)
}

func (s *syncPoolPointer) get(k kind) lease {
	p := s.pools[k].Get().(*[]byte)
	return lease{b: (*p)[:s.sizes[k]], kind: k, pointer: p}
}

func (s *syncPoolPointer) put(l lease) {
	*l.pointer = l.b[:cap(l.b)]
	s.pools[l.kind].Put(l.pointer)
}

// byteBufferPool is bytebufferpool with a pool for each kind, as its documentation advises. What is put back has the length
// that was used, from which that package learns which sizes to keep.
type byteBufferPool struct {
	batchless
	sizes [kinds]int
	pools [kinds]bytebufferpool.Pool
}

func newByteBufferPool(n need) func() lender { return shared(&byteBufferPool{sizes: n.sizes}) }

func (o *byteBufferPool) get(k kind) lease {
	buffer := o.pools[k].Get()
	if cap(buffer.B) < o.sizes[k] {
		buffer.B = make([]byte, o.sizes[k])
	}
	return lease{b: buffer.B[:o.sizes[k]], kind: k, buffer: buffer}
}

func (o *byteBufferPool) put(l lease) {
	l.buffer.B = l.b
	o.pools[l.kind].Put(l.buffer)
}

// pooled is package pool.
type pooled struct {
	batchless
	sizes [kinds]int
	pool  *pool.Pool
}

func newPool(n need) func() lender {
	return shared(&pooled{sizes: n.sizes, pool: pool.New(nil)})
}

func (o *pooled) get(k kind) lease {
	buf, err := o.pool.Get(o.sizes[k])
	if err != nil {
		panic("pooling: a pool without a budget refused a buffer")
	}
	return lease{b: buf.Bytes(), kind: k, buf: buf}
}

func (o *pooled) put(l lease) { l.buf.Release() }
