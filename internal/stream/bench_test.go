package stream_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// BenchmarkFanOut is an image's way to all viewers, each of which waits in a goroutine of its own: Publish, and for
// each viewer the wake-up, Next, Delivered and Release, and a channel that tells the benchmark.
func BenchmarkFanOut(b *testing.B) {
	for _, viewers := range []int{1, 50, 500} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			f := newFixtureOn(b, pool.New(nil), stream.Options{})
			out := newFanOut(b, f, viewers)
			out.frame(b)
			b.ReportAllocs()
			for b.Loop() {
				out.frame(b)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*viewers), "ns/viewer")
			out.end()
		})
	}
}

// BenchmarkTake is the cost of Publish and of each viewer without goroutines to wake: Poll, Delivered and Release.
func BenchmarkTake(b *testing.B) {
	for _, viewers := range []int{1, 50, 500} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			f := newFixtureOn(b, pool.New(nil), stream.Options{})
			p := f.publisher(b, "cam1")
			var views []*stream.Viewer
			for range viewers {
				views = append(views, f.viewer(b, "cam1", stream.ViewerOptions{}))
			}
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				f.show(b, p, n)
				for _, v := range views {
					wantNext(b, v, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*viewers), "ns/viewer")
		})
	}
}

// BenchmarkStreams is concurrent publishers, one for each stream with one viewer: they share nothing.
func BenchmarkStreams(b *testing.B) {
	f := newFixtureOn(b, pool.New(nil), stream.Options{MaxStreams: 1000})
	var names atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		name := fmt.Sprint("cam", names.Add(1))
		p := f.publisher(b, name)
		v := f.viewer(b, name, stream.ViewerOptions{})
		for n := 1; pb.Next(); n++ {
			f.show(b, p, n)
			wantNext(b, v, n)
		}
	})
}
