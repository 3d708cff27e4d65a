package pool_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

// rivals are ways to have n bytes for a moment; all but the last keep them. Each writes the first byte.
var rivals = []struct {
	name string
	make func(b *testing.B, n int) func()
}{
	{"handle", func(b *testing.B, n int) func() { return leasing(b, pool.Options{}, n) }},
	{"handle_budget", func(b *testing.B, n int) func() { return leasing(b, pool.Options{Budget: 1 << 30}, n) }},
	{"handle_checked", func(b *testing.B, n int) func() {
		return leasing(b, pool.Options{Floor: 1 << 30, Check: &pool.Check{}}, n)
	}},
	{"syncpool_pointer", func(_ *testing.B, n int) func() {
		p := sync.Pool{New: func() any { mem := make([]byte, n); return &mem }}
		return func() {
			mem := p.Get().(*[]byte)
			(*mem)[0]++
			p.Put(mem)
		}
	}},
	{"syncpool_slice", func(_ *testing.B, n int) func() {
		p := sync.Pool{New: func() any { return make([]byte, n) }}
		return func() {
			mem := p.Get().([]byte)
			mem[0]++
			//lint:ignore SA6002 the header that moves to the heap is what this rival is here to show
			p.Put(mem)
		}
	}},
	{"channel", func(_ *testing.B, n int) func() {
		free := make(chan []byte, 16)
		for range cap(free) {
			free <- make([]byte, n)
		}
		return func() {
			mem := <-free
			mem[0]++
			free <- mem
		}
	}},
	{"mutex", func(_ *testing.B, n int) func() {
		var mu sync.Mutex
		free := make([][]byte, 16)
		for i := range free {
			free[i] = make([]byte, n)
		}
		return func() {
			mu.Lock()
			mem := free[len(free)-1]
			free = free[:len(free)-1]
			mu.Unlock()
			mem[0]++
			mu.Lock()
			free = append(free, mem)
			mu.Unlock()
		}
	}},
	{"make", func(_ *testing.B, n int) func() {
		return func() {
			mem := make([]byte, n)
			mem[0]++
			escape(mem)
		}
	}},
}

//go:noinline
func escape([]byte) {}

func leasing(tb testing.TB, o pool.Options, n int) func() {
	p := pool.New(&o)
	if err := p.Prewarm(n, 16); err != nil {
		tb.Fatal(err)
	}
	return func() {
		b, err := p.Get(n)
		if err != nil {
			tb.Error(err)
			return
		}
		b.Bytes()[0]++
		b.Release()
	}
}

// BenchmarkLease compares Get+Bytes+Release with the rivals, for the 691,200 bytes of a BGR24 frame of 640x360, on one goroutine
// and on GOMAXPROCS of them.
func BenchmarkLease(b *testing.B) {
	const n = 640 * 360 * 3
	for _, rival := range rivals {
		b.Run("of="+rival.name+"/goroutines=1", func(b *testing.B) {
			f := rival.make(b, n)
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
		b.Run("of="+rival.name+"/goroutines=max", func(b *testing.B) {
			f := rival.make(b, n)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					f()
				}
			})
		})
	}
}

// BenchmarkBytes is what checking a handle costs at each use.
func BenchmarkBytes(b *testing.B) {
	p := pool.New(nil)
	buf := get(b, p, 100)
	defer buf.Release()
	for b.Loop() {
		buf.Bytes()[0]++
	}
}

func BenchmarkRetain(b *testing.B) {
	p := pool.New(nil)
	buf := get(b, p, 100)
	defer buf.Release()
	for b.Loop() {
		buf.Retain().Release()
	}
}

func BenchmarkAdmit(b *testing.B) {
	p := pool.New(&pool.Options{Budget: 1 << 30})
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		g, err := p.Admit(ctx, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		g.Release()
	}
}

// BenchmarkStats is what a scrape costs, by the number of slabs that live.
func BenchmarkStats(b *testing.B) {
	for _, slabs := range []int{10, 1000} {
		b.Run(fmt.Sprintf("slabs=%d", slabs), func(b *testing.B) {
			p := pool.New(&pool.Options{Floor: 1 << 30})
			if err := p.Prewarm(1, slabs); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				p.Stats()
			}
		})
	}
}

// BenchmarkGrow is the cost per slab of a class that grows to so many leases at once: misses only.
func BenchmarkGrow(b *testing.B) {
	for _, leases := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("leases=%d", leases), func(b *testing.B) {
			for b.Loop() {
				if err := pool.New(nil).Prewarm(1, leases); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*leases), "ns/slab")
		})
	}
}

// BenchmarkRefused is a Get that is refused, by the number of leases.
func BenchmarkRefused(b *testing.B) {
	for _, leases := range []int{100, 100_000} {
		b.Run(fmt.Sprintf("leases=%d", leases), func(b *testing.B) {
			p := pool.New(&pool.Options{Budget: int64(leases) * pool.MinSize})
			held := make([]pool.Buf, leases)
			for i := range held {
				held[i] = get(b, p, 1)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Get(1); err == nil {
					b.Fatal("not refused")
				}
			}
			for _, buf := range held {
				buf.Release()
			}
		})
	}
}

// BenchmarkAdmitBehind is an Admit with priority that goes before so many that wait.
func BenchmarkAdmitBehind(b *testing.B) {
	for _, waiting := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			const budget = 1 << 20
			p := pool.New(&pool.Options{Budget: budget})
			q := p.NewPriority()
			g, err := q.Admit(b.Context(), 1)
			if err != nil {
				b.Fatal(err)
			}
			var wg sync.WaitGroup
			for range waiting {
				wg.Go(func() {
					for b.Context().Err() == nil {
						if g, err := p.Admit(b.Context(), budget); err == nil {
							g.Release()
						}
					}
				})
			}
			for p.Stats().Waiting < waiting {
				runtime.Gosched()
			}
			for b.Loop() {
				g.Release()
				if g, err = q.Admit(b.Context(), 1); err != nil {
					b.Fatal(err)
				}
			}
			g.Release()
			b.Cleanup(wg.Wait)
		})
	}
}
