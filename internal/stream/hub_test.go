package stream_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
)

func TestCheckName(t *testing.T) {
	tests := []struct {
		name string
		ok   bool
	}{
		{"cam1", true}, {"A", true}, {"0", true}, {"front-door_2.left", true}, {"-", true}, {"_", true}, {"a.", true}, {"a..b", true},
		{strings.Repeat("x", 64), true}, {strings.Repeat("x", 65), false}, {"", false}, {".", false}, {"..", false}, {".hidden", false},
		{"a/b", false}, {"a b", false}, {"a%20b", false}, {"a\x00", false}, {"é", false}, {"a\n", false}, {"@", false}, {"[", false}, {"`", false}, {"{", false},
	}
	h := stream.New(stream.Options{MaxStreams: len(tests)})
	for _, tt := range tests {
		err := stream.CheckName(tt.name)
		var bad *stream.NameError
		if (err == nil) != tt.ok || (err != nil && (!errors.As(err, &bad) || bad.Name != tt.name)) {
			t.Errorf("%q: got %v, want ok %v", tt.name, err, tt.ok)
		}
		_, publishErr := h.Publish(tt.name, stream.PublisherOptions{})
		if addErr := h.Add(tt.name); fmt.Sprint(addErr) != fmt.Sprint(err) || fmt.Sprint(publishErr) != fmt.Sprint(err) {
			t.Errorf("%q: got %v of Add, %v of Publish, want %v", tt.name, addErr, publishErr, err)
		}
	}
}

// A viewer is given the newest image at once, each new one, and never an older one.
func TestNewestWins(t *testing.T) {
	f := newFixture(t, stream.Options{})
	p := f.publisher(t, "cam1")
	early := f.viewer(t, "cam1", stream.ViewerOptions{})
	wantNone(t, early)
	f.show(t, p, 1)
	if got := wantNext(t, early, 1); got.Seq != 1 || got.Repeat || got.Offline || got.Width != 640 || got.Height != 360 || got.Captured.IsZero() || got.Encoded.IsZero() {
		t.Errorf("got %+v, want the first of 640x360, with its times", got)
	}
	wantNone(t, early)
	f.show(t, p, 2)
	third := f.image(t, 3)
	third.Offline, third.Repeat, third.Seq = true, true, 99 // fields that Publish sets
	if err := p.Publish(third); err != nil {
		t.Fatal(err)
	}
	if got := wantNext(t, f.viewer(t, "cam1", stream.ViewerOptions{}), 3); got.Offline || got.Repeat || got.Seq != 3 {
		t.Errorf("got %+v, want the third image, of a source that is there", got)
	}
	late := f.viewer(t, "cam1", stream.ViewerOptions{})
	f.show(t, p, 4)
	wantNext(t, early, 4)
	wantNext(t, late, 4)
	wantNone(t, early)
	wantNone(t, late)
	viewers := f.info(t, "cam1").Viewers
	if viewers[0].Dropped != 2 || viewers[2].Dropped != 1 {
		t.Errorf("dropped: got %d and %d, want 2 and 1", viewers[0].Dropped, viewers[2].Dropped)
	}
}

// An image that equals the last one is counted and not sent; its time is the image's.
func TestSame(t *testing.T) {
	f := newFixture(t, stream.Options{})
	p := f.publisher(t, "cam1")
	v := f.viewer(t, "cam1", stream.ViewerOptions{})
	captured := time.Now().Add(-time.Hour)
	for i, n := range []int{7, 7, 7, 8, 7} {
		pic := f.image(t, n)
		pic.Captured = captured.Add(time.Duration(i) * time.Second)
		if err := p.Publish(pic); err != nil {
			t.Fatal(err)
		}
		switch i {
		case 1, 2:
			wantNone(t, v)
		default:
			wantNext(t, v, n)
		}
		late := f.viewer(t, "cam1", stream.ViewerOptions{})
		if got := wantNext(t, late, n); !got.Captured.Equal(pic.Captured) {
			t.Errorf("image %d: got captured at %v, want %v", i, got.Captured, pic.Captured)
		}
		late.Close()
	}
	if i := f.info(t, "cam1"); i.Published != 3 || i.Same != 2 || i.Arrived != 5 {
		t.Errorf("got %d published, %d the same, %d arrived; want 3, 2, 5", i.Published, i.Same, i.Arrived)
	}
}

func TestPublishEmpty(t *testing.T) {
	f := newFixture(t, stream.Options{})
	p := f.publisher(t, "cam1")
	empty := f.image(t, 1)
	empty.Buf.SetLen(0)
	if err := p.Publish(empty); !errors.Is(err, stream.ErrEmpty) {
		t.Errorf("no bytes: got %v, want ErrEmpty", err)
	}
	if err := p.Publish(stream.Image{}); !errors.Is(err, stream.ErrEmpty) {
		t.Errorf("no buffer: got %v, want ErrEmpty", err)
	}
}

// A newer publisher takes the stream over, unless the older one is Fixed. Viewers stay.
func TestReplace(t *testing.T) {
	f := newFixture(t, stream.Options{})
	first := f.publisher(t, "cam1")
	f.show(t, first, 1)
	v := f.viewer(t, "cam1", stream.ViewerOptions{})
	wantNext(t, v, 1)

	fixed, err := f.Publish("cam1", stream.PublisherOptions{Source: "testsrc", Format: "yuv420p 640x360", Fixed: true})
	if err != nil {
		t.Fatal(err)
	}
	<-first.Done()
	if err := first.Publish(f.image(t, 2)); err != stream.ErrReplaced || first.Err() != stream.ErrReplaced {
		t.Errorf("the first: got %v of Publish, %v of Err, want ErrReplaced", err, first.Err())
	}
	first.Arrived() // was replaced
	first.Skip()
	first.Describe("nothing")
	first.Close()
	if i := f.info(t, "cam1"); i.Source != "testsrc" || i.Format != "yuv420p 640x360" || i.Arrived != 1 || i.ImageBytes != imageBytes {
		t.Errorf("got %+v, want what the second publisher says, and the first's image", i)
	}
	f.show(t, fixed, 3)
	wantNext(t, v, 3)
	fixed.Describe("nv12 640x360")
	if got := f.info(t, "cam1").Format; got != "nv12 640x360" {
		t.Errorf("got format %q, want what Describe says", got)
	}

	if _, err := f.Publish("cam1", stream.PublisherOptions{}); err != stream.ErrFixed {
		t.Errorf("over a fixed one: got %v, want ErrFixed", err)
	}
	select {
	case <-fixed.Done():
		t.Error("the fixed publisher has ended")
	default:
	}
	fixed.Close()
	fixed.Close()
	<-fixed.Done()
	if err := fixed.Publish(f.image(t, 4)); err != stream.ErrClosed {
		t.Errorf("after Close: got %v, want ErrClosed", err)
	}
	f.show(t, f.publisher(t, "cam1"), 5)
	wantNext(t, v, 5)
}

// TestReplaceByAge: of two publishers the one that began later has the stream, whichever comes first.
func TestReplaceByAge(t *testing.T) {
	f := newFixture(t, stream.Options{})
	began := time.Now()
	late, err := f.Publish("cam1", stream.PublisherOptions{Source: "late", Began: began.Add(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := f.Publish("cam1", stream.PublisherOptions{Source: "early", Began: began}); err != stream.ErrReplaced || p != nil {
		t.Errorf("one that began earlier: got %v, %v, want ErrReplaced", p, err)
	}
	if i := f.info(t, "cam1"); i.Source != "late" || late.Err() != nil {
		t.Errorf("got source %q, %v of the later one, want it to go on", i.Source, late.Err())
	}
	late.Close()
	early, err := f.Publish("cam1", stream.PublisherOptions{Source: "early", Began: began})
	if err != nil {
		t.Fatalf("when the later one has ended: %v", err)
	}
	early.Close()
}

// No viewer is shown an old image as the newest.
func TestSkip(t *testing.T) {
	f := newFixture(t, stream.Options{})
	p := f.publisher(t, "cam1")
	p.Arrived()
	f.show(t, p, 1)
	p.Arrived()
	p.Dropped(stream.Unseen)
	p.Skip()
	if p.Watched() {
		t.Error("watched without viewers")
	}
	v := f.viewer(t, "cam1", stream.ViewerOptions{})
	<-p.Wanted()
	if !p.Watched() {
		t.Error("not watched with a viewer")
	}
	wantNone(t, v)
	p.Skip() // nothing to be dropped
	f.show(t, p, 1)
	wantNext(t, v, 1)
	v.Close()
	if i := f.info(t, "cam1"); i.Arrived != 2 || i.Published != 2 || i.Same != 0 || i.Dropped != [5]uint64{stream.Unseen: 1} {
		t.Errorf("got %+v, want 2 arrived, 2 published, 1 unseen", i)
	}
	if got := f.Totals().Transports[0]; got.Dropped != 0 {
		t.Errorf("got %d dropped, want 0", got.Dropped)
	}
}

// Wanted receives when a first viewer comes, and not for later ones.
func TestWanted(t *testing.T) {
	f := newFixture(t, stream.Options{})
	p := f.publisher(t, "cam1")
	wanted := func() bool {
		select {
		case <-p.Wanted():
			return true
		default:
			return false
		}
	}
	first, second := f.viewer(t, "cam1", stream.ViewerOptions{}), f.viewer(t, "cam1", stream.ViewerOptions{})
	if !wanted() || wanted() {
		t.Error("two viewers: want one receive")
	}
	first.Close()
	f.viewer(t, "cam1", stream.ViewerOptions{})
	if wanted() {
		t.Error("a viewer beside another: want no receive")
	}
	second.Close()
	if got := f.info(t, "cam1").Viewers; len(got) != 1 || got[0].ID != 3 {
		t.Errorf("got viewers %+v, want the third alone", got)
	}
}

func TestLimits(t *testing.T) {
	f := newFixture(t, stream.Options{MaxStreams: 3, MaxViewers: 2})
	var missing *stream.NotFoundError
	if _, err := f.View("cam1", stream.ViewerOptions{}); !errors.As(err, &missing) || missing.Name != "cam1" || missing.Names == nil || len(missing.Names) != 0 {
		t.Errorf("View of no stream: got %v", err)
	}
	if err := f.Add("c"); err != nil {
		t.Fatal(err)
	}
	f.publisher(t, "b")
	idle := f.publisher(t, "a")
	if _, err := f.View("d", stream.ViewerOptions{}); !errors.As(err, &missing) || !reflect.DeepEqual(missing.Names, []string{"a", "b", "c"}) {
		t.Errorf("View of an unknown stream: got %v, want the names a, b, c", err)
	}
	var limit *stream.LimitError
	if _, err := f.Publish("d", stream.PublisherOptions{}); !errors.As(err, &limit) || *limit != (stream.LimitError{Limit: "streams", Max: 3}) {
		t.Errorf("a fourth stream: got %v, want a LimitError", err)
	}
	if err := f.Add("d"); !errors.As(err, &limit) {
		t.Errorf("a fourth stream by Add: got %v, want a LimitError", err)
	}
	f.show(t, idle, 1)
	idle.Close()
	f.publisher(t, "d") // replaces a, which has no publisher
	if _, ok := f.Info("a"); ok {
		t.Error("a is still there, want it removed for d")
	}
	first, _ := f.viewer(t, "b", stream.ViewerOptions{}), f.viewer(t, "c", stream.ViewerOptions{})
	if _, err := f.View("d", stream.ViewerOptions{}); !errors.As(err, &limit) || *limit != (stream.LimitError{Limit: "viewers", Max: 2}) {
		t.Errorf("a third viewer: got %v, want a LimitError", err)
	}
	first.Close()
	first.Close()
	f.viewer(t, "d", stream.ViewerOptions{})
	if _, err := f.View("d", stream.ViewerOptions{}); !errors.As(err, &limit) {
		t.Errorf("a third viewer after one was closed twice: got %v, want a LimitError", err)
	}
}

// The stream that has been idle for longest makes room.
func TestMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{MaxStreams: 4})
		for _, name := range []string{"d", "b", "c"} {
			f.publisher(t, name).Close()
			time.Sleep(time.Second)
		}
		f.viewer(t, "d", stream.ViewerOptions{}) // the oldest, but watched
		if err := f.Add("a"); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"a c d x0", "a d x0 x1"} {
			f.publisher(t, fmt.Sprint("x", i))
			var names []string
			for _, info := range f.Infos(nil) {
				names = append(names, info.Name)
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("got streams %s, want %s", got, want)
			}
		}
	})
}

// When the Hub closes, all end: waiting viewers, publishers, and images.
func TestHubCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.publisher(t, "cam1")
		f.show(t, p, 1)
		v, idle := f.viewer(t, "cam1", stream.ViewerOptions{Transport: "mjpeg"}), f.viewer(t, "cam1", stream.ViewerOptions{})
		ended := make(chan []receipt)
		go func() { ended <- take(t.Context(), v, time.Now()) }()
		synctest.Wait()
		held, _, _, _ := idle.Poll()
		f.stop()
		if got := <-ended; len(got) != 1 {
			t.Errorf("got %+v, want one image and the end", got)
		}
		<-p.Done()
		_, viewErr := f.View("cam1", stream.ViewerOptions{})
		_, publishErr := f.Publish("cam1", stream.PublisherOptions{})
		_, nextErr := v.Next(context.Background())
		_, _, _, pollErr := idle.Poll()
		for _, err := range []error{viewErr, publishErr, nextErr, pollErr, f.Add("cam1"), p.Publish(f.image(t, 2)), p.Err()} {
			if err != stream.ErrClosed {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
		if number(held) != 1 {
			t.Error("a held image has changed")
		}
		held.Release()
		v.Close()
		idle.Close()
		p.Close()
		if got := f.Totals().Transports; got[0].Viewers != 0 || got[1].Viewers != 0 || got[1].Delivered != 1 {
			t.Errorf("got totals %+v, want no viewers, one image delivered", got)
		}
	})
}

// Next ends with its context, for the context's cause, and with Close from another goroutine.
func TestNextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		if err := f.Add("cam1"); err != nil {
			t.Fatal(err)
		}
		v := f.viewer(t, "cam1", stream.ViewerOptions{})
		ended := make(chan error)
		next := func(ctx context.Context) {
			_, err := v.Next(ctx)
			ended <- err
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		go next(ctx)
		synctest.Wait()
		cause := errors.New("enough")
		cancel(cause)
		if err := <-ended; err != cause {
			t.Errorf("ctx ended: got %v, want its cause", err)
		}
		f.show(t, f.publisher(t, "cam1"), 1)
		if _, err := v.Next(ctx); err != cause {
			t.Errorf("ctx has ended, and there is an image: got %v, want its cause", err)
		}
		wantNext(t, v, 1)
		go next(t.Context())
		synctest.Wait()
		v.Close()
		if err := <-ended; err != stream.ErrClosed {
			t.Errorf("closed: got %v, want ErrClosed", err)
		}
	})
}
