package grpcapi

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// frameBuffers is where grpc-go puts what it reads: an HTTP/2 frame a buffer, of 16 KiB at most, and what it puts together of
// many small ones. A buffer is at most twice as large as what is in it, and unlike those of grpc-go's own pool it is not
// cleared before it is overwritten.
type frameBuffers struct {
	free [largestShift - smallestShift + 1]sync.Pool // of *[]byte, by size
	held atomic.Int64                                // bytes of the buffers that exist, idle ones too
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
		return f.create(n)
	}
	p, _ := f.free[c].Get().(*[]byte)
	if p == nil {
		p = f.create(1 << (c + smallestShift))
	}
	*p = (*p)[:n]
	return p
}

// create makes a buffer, which is counted until the collector takes it: grpc-go drops buffers of calls that have ended.
func (f *frameBuffers) create(n int) *[]byte {
	b := make([]byte, n)
	f.held.Add(int64(n))
	runtime.AddCleanup(&b, func(n int64) { f.held.Add(-n) }, int64(n))
	return &b
}

// Put is part of mem.BufferPool.
func (f *frameBuffers) Put(p *[]byte) {
	if c := sizeClass(max(cap(*p), 1)); c < len(f.free) && cap(*p) == 1<<(c+smallestShift) {
		f.free[c].Put(p)
	}
}
