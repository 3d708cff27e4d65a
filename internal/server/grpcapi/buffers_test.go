package grpcapi

import (
	"runtime"
	"testing"
	"time"
)

// TestFrameBuffersAreCounted: while they exist, in use or idle, and until the collector takes those that were dropped.
func TestFrameBuffersAreCounted(t *testing.T) {
	f := newFrameBuffers()
	used, idle := f.Get(10_000), f.Get(1<<20)
	f.Put(idle) // larger than any class: dropped
	f.Get(3000) // dropped, as grpc-go does
	if got, want := f.held.Load(), int64(1<<14+1<<20+1<<12); got != want {
		t.Errorf("got %d bytes held, want %d", got, want)
	}
	deadline := time.Now().Add(2 * time.Minute)
	for f.held.Load() != 1<<14 && time.Now().Before(deadline) {
		runtime.GC()
		runtime.Gosched()
	}
	if got := f.held.Load(); got != 1<<14 {
		t.Errorf("got %d bytes held after a collection, want those in use", got)
	}
	runtime.KeepAlive(used)
}
