package grpcapi

import (
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/mem"
)

// chunkPool keeps the memory that answers are sent from. The zero Chunks is ready.
//
// A chunk is not a lease of the pool: grpc-go, when a stream or connection breaks, forgets what it has queued without
// freeing it (internal/transport: loopyWriter.preprocessData, and run on its end), so that leases would be lost. A
// chunk it forgets is garbage.
type chunkPool struct{ free sync.Pool } // of *[]byte

// chunkSize is large enough for a picture of W1, so that a batch of one is one chunk, and a whole number of HTTP/2
// frames.
const chunkSize = 32 << 10

// Get returns a chunk. It is part of mem.BufferPool.
func (c *chunkPool) Get(int) *[]byte {
	if p, _ := c.free.Get().(*[]byte); p != nil {
		*p = (*p)[:chunkSize]
		return p
	}
	p := make([]byte, chunkSize)
	return &p
}

// Put takes a chunk back. It is part of mem.BufferPool.
func (c *chunkPool) Put(p *[]byte) { c.free.Put(p) }

// chunksFor returns how many chunks size bytes take.
func chunksFor(size int) int { return (size + chunkSize - 1) / chunkSize }

// slot holds one message of a call on its way to the caller, and tells when it has left: when the transport has written
// all of it, as the caller's flow control lets it. Who waits for that before the next message has no queue. Messages are
// marshalled into a Slot, one at a time, by one goroutine.
type slot struct {
	chunks *chunkPool
	taken  atomic.Int32
	left   chan struct{}
	// The slices of the last two messages, used again in turn. When a message has left, grpc-go may still hold its slice,
	// empty as it is by then, until it takes up the next one.
	slices [2]mem.BufferSlice
}

// newSlot returns an empty Slot of chunks from c.
func newSlot(c *chunkPool) *slot { return &slot{chunks: c, left: make(chan struct{}, 1)} }

// Left returns a channel that receives once for each message, when it has left. A message that grpc-go forgets, since
// its stream has ended, never does.
func (s *slot) Left() <-chan struct{} { return s.left }

// Waiting returns how many chunks of the message have not left.
func (s *slot) Waiting() int { return int(s.taken.Load()) }

// begin returns a writer of a message of size bytes.
func (s *slot) begin(size int) writer {
	out := s.slices[0][:0]
	if n := chunksFor(size); cap(out) < n {
		out = make(mem.BufferSlice, 0, n)
	}
	if size == 0 { // No chunk will tell.
		s.tell()
	}
	s.slices[0], s.slices[1] = s.slices[1], out
	return writer{chunks: s, out: out}
}

// Get is part of mem.BufferPool.
func (s *slot) Get(n int) *[]byte {
	s.taken.Add(1)
	return s.chunks.Get(n)
}

// Put is part of mem.BufferPool.
func (s *slot) Put(p *[]byte) {
	s.chunks.Put(p)
	if s.taken.Add(-1) == 0 {
		s.tell()
	}
}

// tell leaves word that a message has left. It never waits: it is grpc-go's writing goroutine that calls it.
func (s *slot) tell() {
	select {
	case s.left <- struct{}{}:
	default:
	}
}
