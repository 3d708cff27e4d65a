package pooling

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/valyala/bytebufferpool"

	"github.com/steadyframe/steadyframe/pool"
)

// Options returns the options, in the order of tables: those that a program might have, from the least to the most.
func Options() []Option {
	return []Option{
		{Name: "none", About: "make for each buffer; the collector takes it back", lenders: newNone},
		{Name: "mutex", About: "as many buffers as can be in use, under a mutex", keeps: true, lenders: newMutex},
		{Name: "channel", About: "a channel of 16 buffers of each size; make when it is empty, dropped when it is full", holds: channelCapacity, lenders: newChannel},
		{Name: "syncpool-slice", About: "a sync.Pool of []byte for each size", keeps: true, lenders: newSyncPoolSlice},
		{Name: "syncpool-pointer", About: "a sync.Pool of *[]byte for each size", keeps: true, lenders: newSyncPoolPointer},
		{Name: "bytebufferpool", About: "a bytebufferpool.Pool of valyala's for each size", keeps: true, lenders: newByteBufferPool},
		{Name: "arena", About: "one allocation for a batch, cut into its buffers and dropped at its end", lenders: newArena},
		{Name: "pool", About: "package pool of this project: handles, size classes", ours: true, keeps: true, lenders: newPool},
	}
}

// optionsNamed returns the options of these names among known, in the order given.
func optionsNamed(known []Option, names []string) ([]Option, error) {
	var found []Option
	for _, name := range names {
		i := slices.IndexFunc(known, func(o Option) bool { return o.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("options: got %q, want some of %s", name, optionNames(known))
		}
		found = append(found, known[i])
	}
	return found, nil
}

// optionNames returns the names, for a reader.
func optionNames(options []Option) string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.Name
	}
	return strings.Join(names, ", ")
}

// lease is a buffer that a lender has lent. It is one struct for all options, so that lending allocates nothing but what
// the option itself does.
type lease struct {
	b    []byte // the borrower's; an encoder that needs more room puts a longer one here
	kind kind

	// What the option needs to know the buffer again: at most one of these.
	buf     pool.Buf
	pointer *[]byte
	buffer  *bytebufferpool.ByteBuffer
}

// lender lends the buffers of one request's batches, one batch after the other. The buffers of a batch are lent after begin,
// and all put back before end. get and put may be called from any number of goroutines in between.
type lender interface {
	begin()
	get(k kind) lease // of need.sizes[k] bytes of any content
	put(l lease)
	end()
}

// need is what a run will ask of an option.
type need struct {
	sizes    [kinds]int // bytes of a buffer; 0: there are none of this kind
	perBatch [kinds]int // buffers that a batch asks for
	atOnce   [kinds]int // buffers lent at any time, at most, by all requests together
}

// Option is a place where buffers come from.
type Option struct {
	Name  string
	About string // a few words, for a reader
	ours  bool
	keeps bool // keeps all that is put back, so that it need not make what it lends
	holds int  // buffers of each size that it keeps from the collector when nothing is lent: at most so many, and of those that come

	// lenders returns a function that makes the lender of one request, which share what the option shares.
	lenders func(n need) func() lender
}

// batchless is the part of a lender to which batches are nothing.
type batchless struct{}

func (batchless) begin() {}
func (batchless) end()   {}

// shared returns what Option.lenders does where all requests have one lender.
func shared(l lender) func() lender { return func() lender { return l } }

// none makes each buffer.
type none struct {
	batchless
	sizes [kinds]int
}

func newNone(n need) func() lender { return shared(&none{sizes: n.sizes}) }

func (o *none) get(k kind) lease { return lease{b: make([]byte, o.sizes[k]), kind: k} }
func (o *none) put(lease)        {}

// arena makes one piece of memory for a batch and hands out parts of it. Nothing is put back; the memory goes with the last
// of its parts. Package arena of the standard library, which would free it at once, is an experiment on hold.
type arena struct {
	sizes [kinds]int
	total int
	slab  []byte
	used  atomic.Int64
}

// arenaAlign keeps two workers off one cache line.
const arenaAlign = 64

func newArena(n need) func() lender {
	total := 0
	for k := range kinds {
		total += n.perBatch[k] * aligned(n.sizes[k])
	}
	return func() lender { return &arena{sizes: n.sizes, total: total} }
}

func aligned(n int) int { return (n + arenaAlign - 1) &^ (arenaAlign - 1) }

func (a *arena) begin() {
	a.slab = make([]byte, a.total)
	a.used.Store(0)
}

func (a *arena) get(k kind) lease {
	n := aligned(a.sizes[k])
	end := int(a.used.Add(int64(n)))
	return lease{b: a.slab[end-n:][:a.sizes[k]:n], kind: k}
}

func (a *arena) put(lease) {}
func (a *arena) end()      { a.slab = nil }

// mutexLists has as many buffers of each kind as are ever in use.
type mutexLists struct {
	batchless
	sizes [kinds]int
	mu    sync.Mutex
	free  [kinds][][]byte
}

func newMutex(n need) func() lender {
	m := &mutexLists{sizes: n.sizes}
	for k := range kinds {
		for range n.atOnce[k] {
			m.free[k] = append(m.free[k], make([]byte, n.sizes[k]))
		}
	}
	return shared(m)
}

func (m *mutexLists) get(k kind) lease {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := len(m.free[k]) - 1
	b := m.free[k][last]
	m.free[k] = m.free[k][:last]
	return lease{b: b[:m.sizes[k]], kind: k}
}

func (m *mutexLists) put(l lease) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free[l.kind] = append(m.free[l.kind], l.b[:cap(l.b)])
}

// channelCapacity is how many buffers a channel keeps: as many as the origin's.
const channelCapacity = 16

// channels has a channel of buffers for each kind. It never waits: waiting in the middle of a batch is a deadlock.
type channels struct {
	batchless
	sizes [kinds]int
	free  [kinds]chan []byte
}

func newChannel(n need) func() lender {
	c := &channels{sizes: n.sizes}
	for k := range c.free {
		c.free[k] = make(chan []byte, channelCapacity)
	}
	return shared(c)
}

func (c *channels) get(k kind) lease {
	select {
	case b := <-c.free[k]:
		return lease{b: b[:c.sizes[k]], kind: k}
	default:
		return lease{b: make([]byte, c.sizes[k]), kind: k}
	}
}

func (c *channels) put(l lease) {
	select {
	case c.free[l.kind] <- l.b[:cap(l.b)]:
	default:
	}
}

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
