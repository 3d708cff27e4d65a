package stream_test

import (
	"context"
	"fmt"
	"runtime/debug"
	"testing"

	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
)

// An image allocates nothing on its way to any number of viewers: by Poll, as a connection with many streams calls it,
// and by Next, which waits in a goroutine for each viewer.
func TestNothingIsAllocated(t *testing.T) {
	for _, viewers := range []int{1, 50} {
		t.Run(fmt.Sprintf("poll/viewers=%d", viewers), func(t *testing.T) {
			f := newFixtureOn(t, pool.New(nil), stream.Options{})
			p := f.publisher(t, "cam1")
			wake := make(chan struct{}, 1)
			var views []*stream.Viewer
			for range viewers {
				views = append(views, f.viewer(t, "cam1", stream.ViewerOptions{Wake: wake}))
			}
			n := 0
			alloctest.Zero(t, 100, func() {
				n++
				p.Arrived()
				f.show(t, p, n)
				f.show(t, p, n) // the same
				<-wake
				for _, v := range views {
					wantNext(t, v, n)
					wantNone(t, v)
				}
				p.Dropped(stream.Newer)
			})
		})
		t.Run(fmt.Sprintf("next/viewers=%d", viewers), func(t *testing.T) {
			f := newFixtureOn(t, pool.New(nil), stream.Options{})
			out := newFanOut(t, f, viewers)
			// The runtime allocates records of waiting goroutines until each processor has a stock of them, which a collection
			// shrinks.
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			for range 2000 {
				out.frame(t)
			}
			alloctest.Waiting(t, 100, func() { out.frame(t) })
			out.end()
		})
	}
}

// fanOut is a stream whose viewers each have a goroutine in Next.
type fanOut struct {
	f         *fixture
	publisher *stream.Publisher
	n         int
	viewers   int
	took      chan int // image numbers
	stop      context.CancelFunc
}

func newFanOut(t testing.TB, f *fixture, viewers int) *fanOut {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out := &fanOut{f: f, publisher: f.publisher(t, "cam1"), viewers: viewers, took: make(chan int, viewers), stop: cancel}
	for range viewers {
		v := f.viewer(t, "cam1", stream.ViewerOptions{})
		go func() {
			defer v.Close()
			for {
				p, err := v.Next(ctx)
				if err != nil {
					out.took <- -1
					return
				}
				n := number(p)
				v.Delivered(&p)
				p.Release()
				if !p.Repeat {
					out.took <- n
				}
			}
		}()
	}
	return out
}

// frame publishes an image and returns when all viewers have received it.
func (out *fanOut) frame(t testing.TB) {
	out.n++
	out.f.show(t, out.publisher, out.n)
	for range out.viewers {
		if n := <-out.took; n != out.n {
			t.Fatalf("a viewer was given image %d, want %d", n, out.n)
		}
	}
}

// end ends the viewers.
func (out *fanOut) end() {
	out.stop()
	for range out.viewers {
		<-out.took
	}
}
