package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// slabBytes is the memory of one image of the tests.
var slabBytes = int64(pool.ClassSize(imageBytes))

// hold gives v the newest image, which it keeps.
func hold(t testing.TB, v *stream.Viewer) stream.Image {
	t.Helper()
	p, ok, _, err := v.Poll()
	if !ok || err != nil {
		t.Fatalf("got no image: %v", err)
	}
	return p
}

// evicted returns which of views are evicted, as a string of 0 and 1.
func evicted(views []*stream.Viewer) string {
	var s []byte
	for _, v := range views {
		select {
		case <-v.Evicted():
			s = append(s, '1')
		default:
			s = append(s, '0')
		}
	}
	return string(s)
}

// TestOldestHoldersAreEvicted: of viewers that each hold a different image, those with the oldest are evicted first, as
// soon as there is one more than the limit allows beside the publisher's two.
func TestOldestHoldersAreEvicted(t *testing.T) {
	f := newFixture(t, stream.Options{Pinned: stream.PinnedLimits{PerStream: 3 * slabBytes}})
	p := f.publisher(t, "cam1")
	var views []*stream.Viewer
	var held []stream.Image
	calls := 0
	for n := range 6 {
		f.show(t, p, n)
		v := f.viewer(t, "cam1", stream.ViewerOptions{Transport: "test"})
		v.OnEvict(func() { calls++ })
		views, held = append(views, v), append(held, hold(t, v))
		if got := evicted(views); got != "000000"[:n+1] {
			t.Fatalf("%d images: got %s evicted, want none", n+1, got)
		}
	}
	shared := f.viewer(t, "cam1", stream.ViewerOptions{}) // of image 5
	sharedImage := hold(t, shared)
	var others []stream.Image
	for n, want := range []string{"100000", "110000", "111000", "111100"} {
		f.show(t, p, 6+n)
		others = append(others, hold(t, f.viewer(t, "cam1", stream.ViewerOptions{})))
		if got := evicted(views); got != want || calls != n+1 {
			t.Errorf("image %d: got %s evicted and %d calls, want %s", 6+n, got, calls, want)
		}
	}
	if got, want := f.info(t, "cam1").PinnedBytes, 9*slabBytes; got != want || f.PinnedBytes() != want {
		t.Errorf("got %d and %d bytes pinned, want %d: the evicted ones still hold theirs", got, f.PinnedBytes(), want)
	}
	if _, err := views[0].Next(t.Context()); !errors.Is(err, stream.ErrEvicted) {
		t.Errorf("Next of an evicted viewer: got %v, want ErrEvicted", err)
	}
	views[0].OnEvict(func() { calls += 100 })
	if calls != 104 {
		t.Errorf("OnEvict of an evicted viewer: got %d calls, want one more", calls)
	}
	if got := f.Totals().Transports[1].Evicted; got != 4 {
		t.Errorf("got %d evicted viewers in the totals, want 4", got)
	}
	for i := range held[:4] { // When they release, there is room again.
		held[i].Release()
		others[i].Release()
		views[i].Close()
	}
	f.show(t, p, 20)
	if got := evicted(views); got != "111100" {
		t.Errorf("after the release: got %s evicted, want no more", got)
	}
	p.Close() // The two images that it had memory for count now: no more than the limit.
	f.show(t, f.publisher(t, "cam1"), 21)
	if got := evicted(views) + evicted([]*stream.Viewer{shared}); got != "1111000" {
		t.Errorf("another publisher: got %s evicted, want no more", got)
	}
	held[4].Release()
	held[5].Release()
	sharedImage.Release()
	if got := f.PinnedBytes(); got != 0 {
		t.Errorf("all released: got %d bytes pinned, want 0", got)
	}
}

// TestLimitOfOneViewer: a viewer that holds more than its share is evicted, even if others hold older images.
func TestLimitOfOneViewer(t *testing.T) {
	f := newFixture(t, stream.Options{Pinned: stream.PinnedLimits{PerViewer: slabBytes}})
	p := f.publisher(t, "cam1")
	var held []stream.Image
	defer func() {
		for i := range held {
			held[i].Release()
		}
	}()
	modest, greedy := f.viewer(t, "cam1", stream.ViewerOptions{}), f.viewer(t, "cam1", stream.ViewerOptions{})
	f.show(t, p, 0)
	held = append(held, hold(t, modest))
	for n := range 4 {
		f.show(t, p, 1+n)
		if got := evicted([]*stream.Viewer{modest, greedy}); got != "00" {
			t.Errorf("image %d: got %s evicted, want none", 1+n, got)
		}
		v := greedy
		if n >= 2 {
			v = f.viewer(t, "cam1", stream.ViewerOptions{})
		}
		held = append(held, hold(t, v))
	}
	f.show(t, p, 5) // now both of greedy's count
	if got := evicted([]*stream.Viewer{modest, greedy}); got != "01" {
		t.Errorf("got %s evicted, want the greedy one", got)
	}
}

// TestMemoryForOldImages: memory is reserved for the pinned images of all streams. Without it the oldest holders are
// evicted, and released images give their memory back.
func TestMemoryForOldImages(t *testing.T) {
	for _, limit := range []string{"total", "reserve"} {
		t.Run(limit, func(t *testing.T) {
			var reserved, room atomic.Int64
			room.Store(4 * slabBytes)
			limits := stream.PinnedLimits{Reserve: func(n int64) bool {
				if limit == "reserve" && n > room.Load() {
					return false
				}
				reserved.Store(n)
				return true
			}}
			if limit == "total" {
				limits.Total = 4 * slabBytes
			}
			f := newFixture(t, stream.Options{Pinned: limits})
			var publishers []*stream.Publisher
			for s := range 2 {
				publishers = append(publishers, f.publisher(t, fmt.Sprint("cam", s)))
			}
			var views []*stream.Viewer
			var held []stream.Image
			for n := range 8 { // one stream after the other, so that of each two are covered
				p := publishers[n%2]
				f.show(t, p, n)
				v := f.viewer(t, fmt.Sprint("cam", n%2), stream.ViewerOptions{})
				views, held = append(views, v), append(held, hold(t, v))
			}
			f.show(t, publishers[0], 100)
			f.show(t, publishers[1], 100)
			if got := evicted(views); got != "00000000" || reserved.Load() != 4*slabBytes {
				t.Fatalf("got %s evicted and %d bytes reserved, want none and %d", got, reserved.Load(), 4*slabBytes)
			}
			v := f.viewer(t, "cam1", stream.ViewerOptions{})
			views, held = append(views, v), append(held, hold(t, v))
			f.show(t, publishers[1], 101) // the third of cam1 counts now, and cam0's first is older than cam1's
			if got := evicted(views); got != "100000000" || reserved.Load() != 4*slabBytes {
				t.Errorf("got %s evicted and %d bytes reserved, want the first and %d", got, reserved.Load(), 4*slabBytes)
			}
			for i := range held {
				held[i].Release()
				views[i].Close()
			}
			f.show(t, publishers[0], 200)
			if f.PinnedBytes() != 0 || reserved.Load() != 0 {
				t.Errorf("all released: got %d bytes pinned and %d reserved, want 0", f.PinnedBytes(), reserved.Load())
			}
		})
	}
}

// TestMemoryIsReady: while there are viewers memory is set aside, if there is some, with which slow ones stay when others take all the
// rest. Without viewers, nothing is.
func TestMemoryIsReady(t *testing.T) {
	var reserved, room atomic.Int64
	room.Store(10 * slabBytes)
	f := newFixture(t, stream.Options{Pinned: stream.PinnedLimits{Ready: 2 * slabBytes, Reserve: func(n int64) bool {
		if n > max(room.Load(), reserved.Load()) {
			return false
		}
		reserved.Store(n)
		return true
	}}})
	p := f.publisher(t, "cam1")
	f.show(t, p, 0)
	if reserved.Load() != 0 {
		t.Errorf("got %d bytes reserved without viewers, want none", reserved.Load())
	}
	quick := f.viewer(t, "cam1", stream.ViewerOptions{})
	f.show(t, p, 1)
	if reserved.Load() != 2*slabBytes {
		t.Errorf("got %d bytes reserved with a viewer, want %d", reserved.Load(), 2*slabBytes)
	}
	room.Store(0) // Others have taken the rest.
	var views []*stream.Viewer
	var held []stream.Image
	for n := range 5 {
		f.show(t, p, 2+n)
		if got := evicted(views); got != "00000"[:n] || reserved.Load() != 2*slabBytes {
			t.Errorf("image %d: got %s evicted and %d bytes reserved, want none and what was ready", n, got, reserved.Load())
		}
		v := f.viewer(t, "cam1", stream.ViewerOptions{})
		views, held = append(views, v), append(held, hold(t, v))
	}
	f.show(t, p, 10)
	if got := evicted(views); got != "10000" {
		t.Errorf("got %s evicted, want the oldest: three count, and two are ready", got)
	}
	for i := range held {
		held[i].Release()
		views[i].Close()
	}
	quick.Close()
	f.show(t, p, 20)
	if reserved.Load() != 0 {
		t.Errorf("got %d bytes reserved when the viewers have left, want none", reserved.Load())
	}
}

// TestPinnedModel: whatever publishers and viewers do, the pinned bytes are those of the buffers that viewers hold and
// that are not the newest, and nobody is evicted below the limit.
func TestPinnedModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	f := newFixture(t, stream.Options{Pinned: stream.PinnedLimits{PerStream: 5 * slabBytes}})
	p := f.publisher(t, "cam1")
	type viewing struct {
		v    *stream.Viewer
		held []stream.Image
	}
	var views []*viewing
	newest, n := uint64(0), 0
	for step := range 3000 {
		switch k := r.IntN(10); {
		case k < 4:
			f.show(t, p, n)
			n, newest = n+1, newest+1
		case k == 4 && len(views) < 20:
			views = append(views, &viewing{v: f.viewer(t, "cam1", stream.ViewerOptions{})})
		case k == 5:
			p.Close()
			p = f.publisher(t, "cam1")
		case len(views) == 0:
		case k == 6:
			i := r.IntN(len(views))
			for j := range views[i].held {
				views[i].held[j].Release()
			}
			views[i].v.Close()
			views = append(views[:i], views[i+1:]...)
		case k == 7:
			if v := views[r.IntN(len(views))]; len(v.held) > 0 {
				v.held[0].Release()
				v.held[0].Release() // A second one does nothing.
				v.held = v.held[1:]
			}
		default:
			v := views[r.IntN(len(views))]
			if pic, ok, _, err := v.v.Poll(); ok {
				v.held = append(v.held, pic)
			} else if err != nil && !errors.Is(err, stream.ErrEvicted) {
				t.Fatal(err)
			}
		}
		pinned := map[uint64]bool{}
		kept := map[uint64]bool{} // by viewers that are not evicted
		for _, v := range views {
			for _, pic := range v.held {
				if pic.Seq != newest {
					pinned[pic.Seq] = true
					if evicted([]*stream.Viewer{v.v}) == "0" {
						kept[pic.Seq] = true
					}
				}
			}
		}
		if want := int64(len(pinned)) * slabBytes; f.PinnedBytes() != want {
			t.Fatalf("step %d: got %d bytes pinned, want %d", step, f.PinnedBytes(), want)
		}
		if len(kept) > 5+2 {
			t.Fatalf("step %d: viewers that are not evicted hold %d old images, want at most 7", step, len(kept))
		}
	}
	for _, v := range views {
		for j := range v.held {
			v.held[j].Release()
		}
	}
	if f.PinnedBytes() != 0 {
		t.Errorf("all released: got %d bytes pinned, want 0", f.PinnedBytes())
	}
}

// TestSlowViewersBesideQuickOnes: viewers on goroutines of their own, some of which keep their images until they are
// evicted. Quick ones are never evicted, and the pool, which has room for the limit alone, never runs out.
func TestSlowViewersBesideQuickOnes(t *testing.T) {
	const quick, slow, atLeast, most = 4, 20, 400, 6
	// In memory at most: all that may be pinned, the newest, the two covered, the one being published, and those of
	// viewers that were evicted and have not released yet.
	buffers := pool.New(&pool.Options{Budget: int64(most+2+2+slow+quick) * slabBytes})
	f := newFixtureOn(t, buffers, stream.Options{Pinned: stream.PinnedLimits{Total: most * slabBytes}})
	p := f.publisher(t, "cam1")
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var quickTook atomic.Int64
	slowTook := make([]*atomic.Int64, slow)
	took := make(chan struct{}, quick)
	for range quick {
		v := f.viewer(t, "cam1", stream.ViewerOptions{})
		all.Go(func() {
			defer v.Close()
			for {
				pic, err := v.Next(ctx)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("a quick viewer: %v", err)
					}
					return
				}
				pic.Release()
				if !pic.Repeat {
					quickTook.Add(1)
					took <- struct{}{}
				}
			}
		})
	}
	for i := range slow {
		slowTook[i] = new(atomic.Int64)
		all.Go(func() {
			for ctx.Err() == nil {
				v, err := f.View("cam1", stream.ViewerOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				if pic, err := v.Next(ctx); err == nil {
					slowTook[i].Add(1)
					select {
					case <-v.Evicted():
					case <-ctx.Done():
					}
					pic.Release()
				}
				v.Close()
			}
		})
	}
	// On until each slow viewer has been given an image: with few processors, the quick ones alone
	// could keep them busy for many images.
	waiting := func() bool {
		return slices.ContainsFunc(slowTook, func(n *atomic.Int64) bool { return n.Load() == 0 })
	}
	images, deadline := 0, time.Now().Add(3*time.Minute)
	for images < atLeast || waiting() {
		if time.Now().After(deadline) {
			t.Error("not every slow viewer was given an image within three minutes")
			break
		}
		f.show(t, p, images)
		images++
		for range quick {
			<-took
		}
	}
	cancel()
	all.Wait()
	if got := quickTook.Load(); got != int64(quick*images) {
		t.Errorf("quick viewers took %d images, want all %d", got, quick*images)
	}
	if f.PinnedBytes() != 0 {
		t.Errorf("got %d bytes pinned at the end, want 0", f.PinnedBytes())
	}
	p.Close()
}
