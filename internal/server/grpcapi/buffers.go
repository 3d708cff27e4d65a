package grpcapi

import (
	"math/bits"
	"sync"
)

// frameBuffers is where grpc-go puts what it reads: an HTTP/2 frame a buffer, of 16 KiB at most, and what it puts together of
// many small ones. A buffer is at most twice as large as what is in it, and unlike those of grpc-go's own pool it is not
// cleared before it is overwritten.
type frameBuffers struct {
	free [largestShift - smallestShift + 1]sync.Pool // of *[]byte, by size
}

// The sizes are powers of two. grpc-go asks for no less than 1 KiB, and for no more than its read buffer.
const (
	smallestShift = 11
	largestShift  = 17
)

func newFrameBuffers() *frameBuffers { return &frameBuffers{} }

// sizeClass returns the class of a buffer of n bytes, above the last when there is none for it.
func sizeClass(n int) int { return max(bits.Len(uint(n-1)), smallestShift) - smallestShift }

// Get is part of mem.BufferPool.
func (f *frameBuffers) Get(n int) *[]byte {
	c := sizeClass(max(n, 1))
	if c >= len(f.free) {
		b := make([]byte, n)
		return &b
	}
	p, _ := f.free[c].Get().(*[]byte)
	if p == nil {
		b := make([]byte, 1<<(c+smallestShift))
		p = &b
	}
	*p = (*p)[:n]
	return p
}

// Put is part of mem.BufferPool.
func (f *frameBuffers) Put(p *[]byte) {
	if c := sizeClass(max(cap(*p), 1)); c < len(f.free) && cap(*p) == 1<<(c+smallestShift) {
		f.free[c].Put(p)
	}
}
