package pooling

import (
	"sync"
	"testing"

	"github.com/bytedance/gopkg/lang/mcache"
	libp2p "github.com/libp2p/go-buffer-pool"
	"google.golang.org/grpc/mem"

	"github.com/steadyframe/steadyframe/pool"
)

// BenchmarkRivals compares a lease of the 691,200 bytes of a BGR24 frame of 640x360 with pools that others use, on one goroutine and
// on GOMAXPROCS of them. Each writes one byte, and gives the buffer back. The rivals lend powers of two, and check nothing.
func BenchmarkRivals(b *testing.B) {
	const n = 640 * 360 * 3
	p := pool.New(nil)
	pointers := sync.Pool{New: func() any { mem := make([]byte, n); return &mem }}
	grpc := mem.DefaultBufferPool()
	lp := new(libp2p.BufferPool)
	for _, rival := range []struct {
		name  string
		lease func()
	}{
		{"handle", func() {
			buf, err := p.Get(n)
			if err != nil {
				panic(err)
			}
			buf.Bytes()[0]++
			buf.Release()
		}},
		{"syncpool_pointer", func() {
			mem := pointers.Get().(*[]byte)
			(*mem)[0]++
			pointers.Put(mem)
		}},
		{"mcache", func() {
			mem := mcache.Malloc(n)
			mem[0]++
			mcache.Free(mem)
		}},
		{"libp2p", func() {
			mem := lp.Get(n)
			mem[0]++
			lp.Put(mem)
		}},
		{"grpc_mem", func() {
			mem := grpc.Get(n)
			(*mem)[0]++
			grpc.Put(mem)
		}},
	} {
		b.Run("of="+rival.name+"/goroutines=1", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rival.lease()
			}
		})
		b.Run("of="+rival.name+"/goroutines=max", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					rival.lease()
				}
			})
		})
	}
}
