package pooling

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

// BenchmarkLeaseParts shows what a lease is made of: a sync.Pool of pointers, that with one and with two atomic instructions on the
// buffer's state, and a handle, which has two (ADR 1).
func BenchmarkLeaseParts(b *testing.B) {
	const n = 640 * 360 * 3
	type slab struct {
		state uint64
		_     [56]byte
		mem   []byte
	}
	slabs := sync.Pool{New: func() any { return &slab{mem: make([]byte, n)} }}
	p := pool.New(nil)
	for _, part := range []struct {
		name  string
		lease func()
	}{
		{"syncpool", func() {
			s := slabs.Get().(*slab)
			s.mem[0]++
			slabs.Put(s)
		}},
		{"syncpool_1_atomic", func() {
			s := slabs.Get().(*slab)
			s.mem[0]++
			if old := s.state; !atomic.CompareAndSwapUint64(&s.state, old, old+1) {
				panic("somebody else has it")
			}
			slabs.Put(s)
		}},
		{"syncpool_2_atomics", func() {
			s := slabs.Get().(*slab)
			if old := atomic.LoadUint64(&s.state); !atomic.CompareAndSwapUint64(&s.state, old, old+1) {
				panic("somebody else has it")
			}
			s.mem[0]++
			if old := atomic.LoadUint64(&s.state); !atomic.CompareAndSwapUint64(&s.state, old, old+1) {
				panic("somebody else has it")
			}
			slabs.Put(s)
		}},
		{"handle", func() {
			buf, err := p.Get(n)
			if err != nil {
				panic(err)
			}
			buf.Bytes()[0]++
			buf.Release()
		}},
	} {
		b.Run("of="+part.name, func(b *testing.B) {
			for b.Loop() {
				part.lease()
			}
		})
	}
}
