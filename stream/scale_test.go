package stream_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
	"github.com/steadyframe/steadyframe/stream"
)

// Two minutes of 200 viewers, of which 50 a second leave and are followed by others, beside one that holds what it took first and one that
// takes a picture a second: one picture is made a frame, everybody healthy sees every one at the moment it is made, and at the end nothing
// is left.
func TestScale(t *testing.T) {
	const (
		viewers  = 200
		churn    = 50       // a second
		twoSizes = 2 * 5120 // of the pool's class for pictureBytes
	)
	seconds := 120
	if race.Enabled || testing.Short() {
		seconds = 12
	}
	frames := 25 * seconds
	memory := pooltest.New(t, pool.Options{Check: &pool.Check{Leaks: pool.LeaksOff}})
	synctest.Test(t, func(t *testing.T) {
		f := newFixtureOn(t, memory, stream.Options{})
		p := f.publisher(t, "cam1")
		var leaves []context.CancelFunc // oldest first
		var wg sync.WaitGroup
		arrive := func() {
			ctx, cancel := context.WithCancel(t.Context())
			leaves = append(leaves, cancel)
			v := f.viewer(t, "cam1", stream.ViewerOptions{Transport: "healthy"})
			wg.Go(func() {
				defer v.Close()
				watch(ctx, t, v)
			})
		}
		for range viewers {
			arrive()
		}
		slow, stalled := f.viewer(t, "cam1", stream.ViewerOptions{Transport: "slow"}), f.viewer(t, "cam1", stream.ViewerOptions{Transport: "stalled"})
		var held stream.Picture
		for step := range seconds * churn {
			if step%(churn/25) == 0 {
				n := step / (churn / 25)
				f.show(t, p, n)
				if n == 0 {
					held, _, _, _ = stalled.Poll()
				}
				if n%25 == 0 {
					wantNext(t, slow, n)
				}
			}
			synctest.Wait()
			if in := memory.Stats().InUse; in > twoSizes {
				t.Fatalf("after %d steps: got %d bytes of pictures, want the newest and what the stalled one holds", step, in)
			}
			time.Sleep(time.Second / churn)
			leaves[0]()
			leaves = leaves[1:]
			arrive()
			synctest.Wait()
		}
		if i := f.info(t, "cam1"); i.Published != uint64(frames) || len(i.Viewers) != viewers+2 {
			t.Errorf("got %d pictures, %d viewers; want %d, %d", i.Published, len(i.Viewers), frames, viewers+2)
		}
		if number(held) != 0 {
			t.Error("the picture of the stalled viewer has changed")
		}
		held.Release()
		for _, leave := range leaves {
			leave()
		}
		wg.Wait()
		slow.Close()
		stalled.Close()
		got := f.Totals().Transports
		want := []stream.TransportTotals{
			{Transport: "healthy", Delivered: got[0].Delivered, Bytes: got[0].Delivered * pictureBytes}, // by the watchers
			{Transport: "slow", Delivered: uint64(seconds), Dropped: uint64(frames - seconds - 1), Bytes: uint64(seconds * pictureBytes)},
			{Transport: "stalled", Dropped: uint64(frames - 2)}, // all but the one it took and the one it could have taken now
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		f.stop()
	})
	for _, c := range memory.Stats().Classes {
		if c.Gets != uint64(frames) || c.InUse != 0 {
			t.Errorf("got %d buffers leased, %d in use; want %d, one a frame, and none", c.Gets, c.InUse, frames)
		}
	}
}

// watch takes every picture until ctx ends, at once when it comes.
func watch(ctx context.Context, t *testing.T, v *stream.Viewer) {
	last := -1
	for {
		p, err := v.Next(ctx)
		if err != nil {
			return
		}
		if n := number(p); last >= 0 && (n != last+1 || time.Since(p.Captured) != 0) {
			t.Errorf("got picture %d, %v old, after %d; want each, at once", n, time.Since(p.Captured), last)
		}
		last = number(p)
		v.Delivered(&p)
		p.Release()
	}
}
