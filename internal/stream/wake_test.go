package stream_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// Viewers of many streams that share a Wake, as those of one connection do, miss nothing: a new image is seen when it
// is published, and repeats and slots when they are due.
func TestSharedWake(t *testing.T) {
	const streams, images = 20, 200
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		wake, stop := make(chan struct{}, 1), make(chan struct{})
		var views []*stream.Viewer
		var publishers sync.WaitGroup
		for i := range streams {
			name := fmt.Sprint("cam", i)
			p := f.publisher(t, name)
			views = append(views, f.viewer(t, name, stream.ViewerOptions{Wake: wake}))
			publishers.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				for n := range images {
					f.show(t, p, n)
					time.Sleep(time.Duration(r.IntN(4)) * 20 * time.Millisecond) // many at the same time
				}
			})
		}
		last := make([]int, streams)
		var connection sync.WaitGroup
		connection.Go(func() {
			timer := time.NewTimer(0)
			defer timer.Stop()
			for {
				select {
				case <-stop:
					return
				case <-wake:
				case <-timer.C:
				}
				wait := time.Hour
				for i, v := range views {
					p, ok, due, err := v.Poll()
					if err != nil {
						t.Error(err)
					}
					if !ok {
						wait = min(wait, due)
						continue
					}
					if late := time.Since(p.Captured); late != 0 && !p.Repeat {
						t.Errorf("stream %d: got image %d after %v, want it at once", i, number(p), late)
					}
					last[i] = number(p)
					p.Release()
					wait = 0 // there may be more
				}
				timer.Reset(wait)
			}
		})
		publishers.Wait()
		synctest.Wait()
		close(stop)
		connection.Wait()
		for i, n := range last {
			if n != images-1 {
				t.Errorf("stream %d: the last image was %d, want %d", i, n, images-1)
			}
		}
	})
}

// A token waits for a viewer that is busy: it finds the image that was published meanwhile.
func TestWakeKeepsAToken(t *testing.T) {
	f := newFixture(t, stream.Options{})
	p := f.publisher(t, "cam1")
	v := f.viewer(t, "cam1", stream.ViewerOptions{})
	for n := range 3 {
		f.show(t, p, n)
	}
	<-v.Wake()
	wantNext(t, v, 2)
	select {
	case <-v.Wake():
		t.Error("a second token, want one for all three images")
	default:
	}
	v.Close()
	<-v.Wake() // a waiting viewer sees the end
	if _, _, _, err := v.Poll(); err != stream.ErrClosed {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
