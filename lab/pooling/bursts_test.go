package pooling

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/bytedance/gopkg/lang/mcache"
	libp2p "github.com/libp2p/go-buffer-pool"
	"google.golang.org/grpc/mem"

	"github.com/steadyframe/steadyframe/pool"
)

// BenchmarkBursts measures what pools hold on to through bursts of mixed sizes: eight bursts, each of 64 buffers of 64 KiB to 2 MiB that
// are leased at the same time, filled, and given back, with one collection after each, so that sync.Pool keeps what it had. The sizes of
// each burst are near one of its own. Metrics are MiB of the Go heap: the most while all is leased, what is held after the last
// burst, and what is left after two more collections, when nothing is leased. asked is the most that was asked for.
//
// The rivals lend powers of two. The floor of handle_floor is 64 MiB, and its half-life passes between two bursts, and eight
// times at the end.
func BenchmarkBursts(b *testing.B) {
	for _, rival := range []struct {
		name string
		make func() burstPool
	}{
		{"handle", func() burstPool { return handles(&pool.Options{}) }},
		{"handle_floor", func() burstPool {
			return handles(&pool.Options{Floor: 64 << 20, HalfLife: 20 * time.Millisecond})
		}},
		{"syncpool_powers", syncPools},
		{"mcache", func() burstPool {
			return burstPool{lease: func(n int) ([]byte, func()) {
				buf := mcache.Malloc(n)
				return buf, func() { mcache.Free(buf) }
			}}
		}},
		{"libp2p", func() burstPool {
			p := new(libp2p.BufferPool)
			return burstPool{lease: func(n int) ([]byte, func()) {
				buf := p.Get(n)
				return buf, func() { p.Put(buf) }
			}}
		}},
		{"grpc_mem", func() burstPool {
			p := mem.DefaultBufferPool()
			return burstPool{lease: func(n int) ([]byte, func()) {
				buf := p.Get(n)
				return *buf, func() { p.Put(buf) }
			}}
		}},
	} {
		b.Run("of="+rival.name, func(b *testing.B) {
			var f burstFigures
			for b.Loop() {
				f = bursts(rival.make())
			}
			b.ReportMetric(mib(f.asked), "MiB-asked")
			b.ReportMetric(mib(f.leased), "MiB-leased")
			b.ReportMetric(mib(f.held), "MiB-held")
			b.ReportMetric(mib(f.idle), "MiB-idle")
			b.ReportMetric(mib(f.made)/float64(burstCount), "MiB-made/burst")
		})
	}
}

// burstPool is a pool under bursts.
type burstPool struct {
	lease func(n int) (buf []byte, release func())
	pause time.Duration // what it needs between bursts for its own decay
}

func handles(o *pool.Options) burstPool {
	p := pool.New(o)
	return burstPool{pause: o.HalfLife, lease: func(n int) ([]byte, func()) {
		buf, err := p.Get(n)
		if err != nil {
			panic(err)
		}
		return buf.Bytes(), buf.Release
	}}
}

// syncPools is a sync.Pool for each power of two.
func syncPools() burstPool {
	var pools [32]sync.Pool
	return burstPool{lease: func(n int) ([]byte, func()) {
		class := 0
		for 1<<class < n {
			class++
		}
		buf, ok := pools[class].Get().(*[]byte)
		if !ok {
			made := make([]byte, 1<<class)
			buf = &made
		}
		return (*buf)[:n], func() { pools[class].Put(buf) }
	}}
}

const (
	burstCount = 8
	burstSize  = 64
)

type burstFigures struct{ asked, leased, held, idle, made uint64 }

func mib(n uint64) float64 { return float64(n) / (1 << 20) }

// bursts measures a pool under a fixed sequence of bursts.
func bursts(p burstPool) burstFigures {
	random := rand.New(rand.NewPCG(1, 2))
	var f burstFigures
	runtime.GC()
	runtime.GC()
	start := heap()
	for range burstCount {
		center := 128<<10 + random.IntN(3<<19)
		asked := uint64(0)
		var releases []func()
		for range burstSize {
			n := center/2 + random.IntN(center)
			buf, release := p.lease(n)
			for i := 0; i < len(buf); i += 4096 {
				buf[i] = 1
			}
			asked += uint64(n)
			releases = append(releases, release)
		}
		f.asked = max(f.asked, asked)
		now := heap()
		f.leased = max(f.leased, now.HeapAlloc-min(now.HeapAlloc, start.HeapAlloc))
		for _, release := range releases {
			release()
		}
		clear(releases)
		wait(p.pause)
		runtime.GC()
	}
	now := heap()
	f.held = now.HeapAlloc - min(now.HeapAlloc, start.HeapAlloc)
	f.made = now.TotalAlloc - start.TotalAlloc
	for range 8 {
		wait(p.pause)
	}
	runtime.GC()
	runtime.GC()
	now = heap()
	f.idle = now.HeapAlloc - min(now.HeapAlloc, start.HeapAlloc)
	runtime.KeepAlive(p)
	return f
}

func heap() (stats runtime.MemStats) {
	runtime.ReadMemStats(&stats)
	return stats
}

// wait waits a little longer than a half-life.
func wait(halfLife time.Duration) {
	if halfLife > 0 {
		<-time.After(halfLife * 5 / 4)
	}
}
