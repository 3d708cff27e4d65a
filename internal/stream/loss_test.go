package stream_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// offlineImage returns an Options.Offline for f that makes image -1, and records its arguments.
func offlineImage(t *testing.T, f **fixture, calls *[]string) func(string, int, int) (pool.Buf, error) {
	return func(name string, width, height int) (pool.Buf, error) {
		*calls = append(*calls, fmt.Sprintf("%s %dx%d", name, width, height))
		return (*f).jpeg(t, -1), nil
	}
}

// A stream whose source falls silent is offline 1.5 s later, to the next tick. Viewers stay, see that, and are given
// the first new image at once.
func TestOffline(t *testing.T) {
	for _, closed := range []bool{false, true} {
		back := map[bool]int{false: 9, true: -1}[closed] // equal to the image before the loss, or to that of the loss: new all the same
		t.Run(fmt.Sprintf("closed=%v", closed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f *fixture
				var calls []string
				f = newFixture(t, stream.Options{Offline: offlineImage(t, &f, &calls)})
				start := time.Now()
				p := f.publisher(t, "cam1")
				v, late := f.viewer(t, "cam1", stream.ViewerOptions{}), f.viewer(t, "cam1", stream.ViewerOptions{})
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				defer cancel()
				got := make(chan []receipt)
				go func() { got <- take(ctx, v, start) }()
				for i := range 10 { // to 360 ms
					p.Arrived()
					f.show(t, p, i)
					time.Sleep(40 * time.Millisecond)
				}
				if closed {
					p.Close()
				}
				time.Sleep(1950*time.Millisecond - time.Since(start))
				i := f.info(t, "cam1")
				if since := i.Since.Sub(start); i.State != stream.Offline || since != 1900*time.Millisecond || i.FPSIn != 0 || i.FPSOut != 0 || i.Width != 640 {
					t.Errorf("got %v since %v, %v fps in, %v out, %d wide; want offline since 1.9 s, no fps, 640", i.State, since, i.FPSIn, i.FPSOut, i.Width)
				}
				time.Sleep(2900*time.Millisecond - time.Since(start))
				if late.State() != stream.Offline || f.Totals().Online != 0 {
					t.Errorf("got %v, %d online, want offline and none", late.State(), f.Totals().Online)
				}
				if p, _, _, _ := late.Poll(); !p.Offline || p.Seq != 11 || p.Width != 640 || p.Height != 360 {
					t.Errorf("got %+v, want the offline image of 640x360, the eleventh", p)
				} else {
					p.Release()
				}
				if closed {
					p = f.publisher(t, "cam1")
				}
				f.show(t, p, back)
				if late.State() != stream.Online || f.Totals().Online != 1 {
					t.Errorf("got %v, %d online, want online and one", late.State(), f.Totals().Online)
				}
				want := []receipt{{1260 * time.Millisecond, 9, false, true}, {1900 * time.Millisecond, -1, true, false},
					{2800 * time.Millisecond, -1, true, true}, {2900 * time.Millisecond, back, false, false}, {3800 * time.Millisecond, back, false, true}}
				if got := (<-got)[10:]; !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v\nwant %+v", got, want)
				}
				if want := []string{"cam1 640x360"}; !slices.Equal(calls, want) {
					t.Errorf("Offline was called for %v, want %v", calls, want)
				}
				if got := f.info(t, "cam1").Viewers; got[0].Dropped != 0 || got[1].Dropped != 10 {
					t.Errorf("dropped: got %d and %d, want none, and the 10 before the loss", got[0].Dropped, got[1].Dropped)
				}
			})
		})
	}
}

// A hub that had no streams for an hour, and so did not look for any, sees the loss of the next.
func TestLossAfterIdleHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		time.Sleep(time.Hour)
		f.show(t, f.publisher(t, "cam1"), 1)
		seen := time.Now()
		time.Sleep(2 * time.Second)
		if i := f.info(t, "cam1"); i.State != stream.Offline || i.Since.Sub(seen) > 1700*time.Millisecond {
			t.Errorf("got %v %v after the last frame, want offline within 1.7 s", i.State, i.Since.Sub(seen))
		}
	})
}

// An offline image that takes long to make does not delay the loss of another stream.
func TestManyLossesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const others = 20
		var f *fixture
		f = newFixture(t, stream.Options{Offline: func(string, int, int) (pool.Buf, error) {
			time.Sleep(400 * time.Millisecond) // as for many megapixels on a busy machine
			return f.jpeg(t, -1), nil
		}})
		for n := range others {
			f.show(t, f.publisher(t, fmt.Sprintf("cam%02d", n)), n)
		}
		last := f.publisher(t, "last")
		for i := range 50 {
			f.show(t, last, i)
			time.Sleep(40 * time.Millisecond)
		}
		seen := time.Now().Add(-40 * time.Millisecond)
		time.Sleep(3 * time.Second)
		if i := f.info(t, "last"); i.State != stream.Offline || i.Since.Sub(seen) > 2*time.Second {
			t.Errorf("got %v %v after the last frame, want offline within 2 s", i.State, i.Since.Sub(seen))
		}
		time.Sleep((others + 1) * 500 * time.Millisecond)
		for _, i := range f.Infos(nil) {
			v := f.viewer(t, i.Name, stream.ViewerOptions{})
			if p, ok, _, _ := v.Poll(); !ok || !p.Offline {
				t.Errorf("%s: got no image of the loss", i.Name)
			} else {
				p.Release()
			}
		}
	})
}

// A publisher with rare frames stays online, but not after it was Interrupted.
func TestInterrupted(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		t.Run(fmt.Sprintf("interrupted=%v", interrupted), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, stream.Options{})
				p := f.publisher(t, "cam1")
				for range 3 {
					p.Arrived()
					time.Sleep(5 * time.Second)
				}
				p.Arrived()
				want := stream.Online
				if interrupted {
					p.Interrupted()
					want = stream.Offline
				}
				time.Sleep(2 * time.Second)
				if got := f.info(t, "cam1").State; got != want {
					t.Errorf("got %v 2 s after the last frame, want %v", got, want)
				}
				p.Arrived()
				if got := f.info(t, "cam1").State; got != stream.Online {
					t.Errorf("got %v with the next frame, want online", got)
				}
			})
		})
	}
}

// A stream whose source is gone is offline at once, though it was alive just now, and its viewers see that soon.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *fixture
		var calls []string
		f = newFixture(t, stream.Options{Offline: offlineImage(t, &f, &calls)})
		p := f.publisher(t, "cam1")
		v := f.viewer(t, "cam1", stream.ViewerOptions{})
		f.show(t, p, 1)
		wantNext(t, v, 1)
		p.Alive()
		p.Gone()
		if got := f.info(t, "cam1").State; got != stream.Offline {
			t.Errorf("got %v, want offline", got)
		}
		begin := time.Now()
		pic, err := v.Next(t.Context())
		if took := time.Since(begin); err != nil || !pic.Offline || took > time.Second/2 {
			t.Errorf("got %v, offline %v, after %v, want the offline image at the next look", err, pic.Offline, took)
		}
		pic.Release()
		f.show(t, p, 2)
		wantNext(t, v, 2)
		if got := f.info(t, "cam1").State; got != stream.Online {
			t.Errorf("got %v with the next frame, want online", got)
		}
	})
}

// A stream that never had a frame shows the image too, but is still waiting.
func TestOfflineBeforeTheFirstFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *fixture
		var calls []string
		f = newFixture(t, stream.Options{Offline: offlineImage(t, &f, &calls)})
		start := time.Now()
		if err := f.Add("cam1"); err != nil {
			t.Fatal(err)
		}
		v := f.viewer(t, "cam1", stream.ViewerOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if got, want := take(ctx, v, start), []receipt{{1500 * time.Millisecond, -1, true, false}}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if i := f.info(t, "cam1"); i.State != stream.Waiting || i.Published != 0 || !slices.Equal(calls, []string{"cam1 0x0"}) {
			t.Errorf("got %+v after calls for %v, want waiting, and one call without a size", i, calls)
		}
	})
}

// While its publisher is connected, a slow stream stays online for three of its intervals.
func TestOfflineOfSlowStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.publisher(t, "cam1")
		var offline time.Duration // in all
		for range 5 {
			p.Arrived()
			for range 40 {
				time.Sleep(100 * time.Millisecond)
				if f.info(t, "cam1").State == stream.Offline {
					offline += 100 * time.Millisecond
				}
			}
		}
		// Before the second frame its interval is unknown.
		if offline < 2400*time.Millisecond || offline > 2600*time.Millisecond {
			t.Errorf("with a frame in 4 s: offline for %v, want it for 2.5 s before the second frame", offline)
		}
		if i := f.info(t, "cam1"); i.State != stream.Online || i.FPSIn != 0.25 {
			t.Errorf("got %v at %v fps, want online at 0.25", i.State, i.FPSIn)
		}
		p.Close()
		time.Sleep(tick)
		synctest.Wait()
		if got := f.info(t, "cam1").State; got != stream.Offline {
			t.Errorf("4 s after the last frame, with the publisher closed: got %v, want offline", got)
		}
	})
}

// One pause does not make a stream slow: after the frame that follows it, silence is a loss as before.
func TestOfflineAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.publisher(t, "cam1")
		for _, gap := range []time.Duration{0, 40 * time.Millisecond, 40 * time.Millisecond, time.Minute} {
			time.Sleep(gap)
			p.Arrived()
		}
		time.Sleep(1500*time.Millisecond + tick)
		synctest.Wait()
		if got := f.info(t, "cam1").State; got != stream.Offline {
			t.Errorf("1.6 s after the last frame: got %v, want offline", got)
		}
	})
}

// tick is how much later than due Run may do things.
const tick = 100 * time.Millisecond

// When the offline image cannot be made, the last one stays, and Offline is called again a second later.
func TestOfflineFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *fixture
		var calls []time.Duration
		start := time.Now()
		f = newFixture(t, stream.Options{Offline: func(string, int, int) (pool.Buf, error) {
			calls = append(calls, time.Since(start).Round(tick))
			switch len(calls) {
			case 1:
				return pool.Buf{}, errors.New("no memory")
			case 2:
				return pool.Buf{}, nil
			}
			return f.jpeg(t, -1), nil
		}})
		p := f.publisher(t, "cam1")
		f.show(t, p, 1)
		v := f.viewer(t, "cam1", stream.ViewerOptions{})
		wantNext(t, v, 1)
		time.Sleep(3 * time.Second)
		if p := wantNext(t, v, 1); !p.Repeat || f.info(t, "cam1").State != stream.Offline {
			t.Errorf("got %+v, want the last image of an offline stream", p)
		}
		time.Sleep(time.Second)
		if p := wantNext(t, v, -1); !p.Offline {
			t.Errorf("got %+v, want the offline image", p)
		}
		time.Sleep(10 * time.Second)
		if want := []time.Duration{1500 * time.Millisecond, 2500 * time.Millisecond, 3500 * time.Millisecond}; !slices.Equal(calls, want) {
			t.Errorf("Offline was called at %v, want %v", calls, want)
		}
	})
}

// Without an offline image the last one stays. When the stream is online again with the same image, its viewers wake
// all the same.
func TestOfflineWithoutImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.publisher(t, "cam1")
		f.show(t, p, 1)
		v := f.viewer(t, "cam1", stream.ViewerOptions{})
		wantNext(t, v, 1)
		<-v.Wake() // now offline
		if got := v.State(); got != stream.Offline {
			t.Errorf("got %v, want offline", got)
		}
		for _, back := range []func(){func() { f.show(t, p, 1) }, p.Arrived} {
			back()
			<-v.Wake()
			if got := v.State(); got != stream.Online {
				t.Errorf("got %v, want online", got)
			}
			<-v.Wake()
			if got := v.State(); got != stream.Offline {
				t.Errorf("got %v, want offline", got)
			}
		}
		if got := wantNext(t, v, 1); !got.Repeat || got.Offline {
			t.Errorf("got %+v, want the last image", got)
		}
	})
}

// A frame that comes while the offline image is made wins.
func TestBackWhileGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *fixture
		asked, goOn := make(chan bool), make(chan bool)
		f = newFixture(t, stream.Options{Offline: func(string, int, int) (pool.Buf, error) {
			asked <- true
			<-goOn
			return f.jpeg(t, -1), nil
		}})
		p := f.publisher(t, "cam1")
		f.show(t, p, 1)
		<-asked
		f.show(t, p, 2)
		goOn <- true
		synctest.Wait()
		wantNext(t, f.viewer(t, "cam1", stream.ViewerOptions{}), 2)
		if got := f.info(t, "cam1").State; got != stream.Online {
			t.Errorf("got %v, want online", got)
		}
		<-asked // the next loss: the Hub closes meanwhile
		closed := make(chan bool)
		go func() {
			f.stop()
			close(closed)
		}()
		goOn <- true
		<-closed
	})
}

// A stream that expires while its offline image is made does not keep it.
func TestForgottenWhileGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *fixture
		asked, goOn := make(chan bool), make(chan bool)
		f = newFixture(t, stream.Options{MaxStreams: 1, Offline: func(string, int, int) (pool.Buf, error) {
			asked <- true
			<-goOn
			return f.jpeg(t, -1), nil
		}})
		f.publisher(t, "cam1").Close()
		<-asked
		f.publisher(t, "cam2") // replaces it
		goOn <- true
		f.stop()
	})
}

// Idle streams expire after Keep, to the next tick; those of Add never do.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		if err := f.Add("added"); err != nil {
			t.Fatal(err)
		}
		fed, watched, idle := f.publisher(t, "fed"), f.publisher(t, "watched"), f.publisher(t, "idle")
		late := f.publisher(t, "added-late")
		f.show(t, watched, 1)
		f.show(t, idle, 1)
		v := f.viewer(t, "watched", stream.ViewerOptions{})
		watched.Close()
		idle.Close()
		late.Close()
		if err := f.Add("added-late"); err != nil {
			t.Fatal(err)
		}
		wantNames := func(after time.Duration, want ...string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			var got []string
			for _, i := range f.Infos(nil) {
				got = append(got, i.Name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got streams %v, want %v", got, want)
			}
		}
		wantNames(time.Minute-time.Millisecond, "added", "added-late", "fed", "idle", "watched")
		wantNames(tick, "added", "added-late", "fed", "watched")
		v.Close()
		fed.Close()
		wantNames(time.Minute-time.Millisecond, "added", "added-late", "fed", "watched")
		wantNames(tick, "added", "added-late")
		wantNames(time.Hour, "added", "added-late")
	})
}
