package stream_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// Two minutes of 200 viewers, of which 50 a second are replaced, beside one that holds its first image and one that
// receives an image a second. Each frame is encoded once, every healthy viewer gets each image at the moment it is
// made, and at the end nothing is left.
func TestScale(t *testing.T) {
	const (
		viewers = 200
		churn   = 50 // a second
	)
	seconds := 120
	if race.Enabled || testing.Short() {
		seconds = 12
	}
	frames := 25 * seconds
	memory := pooltest.New(t, &pool.Options{Check: &pool.Check{Leaks: pool.LeaksOff}})
	synctest.Test(t, func(t *testing.T) {
		f := newFixtureOn(t, memory, stream.Options{})
		p := f.publisher(t, "cam1")
		crowd := crowd{f: f, t: t}
		for range viewers {
			crowd.arrive()
		}
		slow, stalled := f.viewer(t, "cam1", stream.ViewerOptions{Transport: "slow"}), f.viewer(t, "cam1", stream.ViewerOptions{Transport: "stalled"})
		f.show(t, p, 0)
		held, _, _, _ := stalled.Poll()
		for step := range seconds * churn {
			if n := step / 2; step%2 == 0 {
				f.show(t, p, n) // the first again, which counts as the same
				if n%25 == 0 {
					wantNext(t, slow, n)
				}
			}
			synctest.Wait()
			if in, most := memory.Stats().InUse, 2*int64(pool.ClassSize(imageBytes)); in > most {
				t.Fatalf("after %d steps: got %d bytes of images, want the newest and the one that the stalled viewer holds, %d", step, in, most)
			}
			time.Sleep(time.Second / churn)
			crowd.leave(1)
			crowd.arrive()
			synctest.Wait()
		}
		if i := f.info(t, "cam1"); i.Published != uint64(frames) || len(i.Viewers) != viewers+2 {
			t.Errorf("got %d images, %d viewers; want %d, %d", i.Published, len(i.Viewers), frames, viewers+2)
		}
		if number(held) != 0 {
			t.Error("the image of the stalled viewer has changed")
		}
		held.Release()
		crowd.leave(viewers)
		slow.Close()
		stalled.Close()
		got := f.Totals().Transports
		want := []stream.TransportTotals{
			{Transport: "healthy", Delivered: got[0].Delivered, Bytes: got[0].Delivered * imageBytes}, // as the crowd counted
			{Transport: "slow", Delivered: uint64(seconds), Dropped: uint64(frames - seconds - 1), Bytes: uint64(seconds * imageBytes)},
			{Transport: "stalled", Dropped: uint64(frames - 2)}, // all but the one it has and the newest, which it could still get
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		f.stop()
	})
	for _, c := range memory.Stats().Classes {
		if made := uint64(frames + 1); c.Gets != made || c.InUse != 0 {
			t.Errorf("got %d buffers leased, %d in use; want %d, one a frame, and none", c.Gets, c.InUse, made)
		}
	}
}

// crowd is viewers that receive every image at once.
type crowd struct {
	f      *fixture
	t      *testing.T
	leaves []func() // the oldest first; each returns when its viewer has left
}

func (c *crowd) arrive() {
	v := c.f.viewer(c.t, "cam1", stream.ViewerOptions{Transport: "healthy"})
	ctx, cancel := context.WithCancel(c.t.Context())
	left := make(chan struct{})
	c.leaves = append(c.leaves, func() {
		cancel()
		<-left
	})
	go func() {
		defer close(left)
		defer v.Close()
		c.watch(ctx, v)
	}()
}

// leave lets the n oldest leave.
func (c *crowd) leave(n int) {
	for _, leave := range c.leaves[:n] {
		leave()
	}
	c.leaves = c.leaves[n:]
}

// watch receives every image until ctx ends.
func (c *crowd) watch(ctx context.Context, v *stream.Viewer) {
	for last := -1; ; {
		p, err := v.Next(ctx)
		if err != nil {
			return
		}
		n, late := number(p), time.Since(p.Captured)
		if last >= 0 && (n != last+1 || late != 0) {
			c.t.Errorf("got image %d, %v old, after %d; want each, at once", n, late, last)
		}
		last = n
		v.Delivered(&p)
		p.Release()
	}
}
