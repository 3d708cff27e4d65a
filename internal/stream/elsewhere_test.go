package stream_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// others are streams elsewhere, which come here with a Guest.
type others struct {
	hub     *stream.Hub
	changes atomic.Int64

	mu     sync.Mutex
	names  []string
	full   error
	guests []*stream.Publisher
}

func (o *others) Bring(name string) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Contains(o.names, name) {
		return false, nil
	}
	if o.full != nil {
		return false, o.full
	}
	p, err := o.hub.Publish(name, stream.PublisherOptions{Source: "elsewhere", Guest: true})
	if err == nil {
		o.guests = append(o.guests, p)
	}
	return err == nil || errors.Is(err, stream.ErrReplaced), nil
}

func (o *others) Names() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.names)
}

func (o *others) Settle(context.Context, string) {}
func (o *others) Changed()                       { o.changes.Add(1) }

func (o *others) Infos(dst []stream.Info) []stream.Info {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range o.names {
		dst = append(dst, stream.Info{Name: name, Node: "there", State: stream.Online})
	}
	return dst
}

// guest returns the Guest that came n-th.
func (o *others) guest(t *testing.T, n int) *stream.Publisher {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.guests) <= n {
		t.Fatalf("got %d guests, want %d at least", len(o.guests), n+1)
	}
	return o.guests[n]
}

func (o *others) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.guests)
}

func newOthers(t *testing.T, names ...string) (*fixture, *others) {
	o := &others{names: names}
	f := newFixture(t, stream.Options{Elsewhere: o, MaxStreams: 4})
	o.hub = f.Hub
	return f, o
}

// TestElsewhereIsBrought: a stream that is elsewhere comes with its first viewer, once, and leaves when nobody watches.
func TestElsewhereIsBrought(t *testing.T) {
	f, o := newOthers(t, "cam", "full")
	first := f.viewer(t, "cam", stream.ViewerOptions{})
	second := f.viewer(t, "cam", stream.ViewerOptions{})
	if n := o.count(); n != 1 {
		t.Fatalf("got %d guests, want one", n)
	}
	p := o.guest(t, 0)
	f.show(t, p, 1)
	wantNext(t, first, 1)
	wantNext(t, second, 1)
	p.Route(stream.Route{Node: "there", Via: "between", Hops: 2, Epoch: 5})
	p.Came(time.Millisecond)
	if i, _ := f.Info("cam"); i.Fed != stream.FedByGuest || i.Node != "there" || i.Via != "between" || i.Hops != 2 || i.Epoch != 5 || i.Age != time.Millisecond {
		t.Errorf("got %+v", i)
	}
	if p.Leave() {
		t.Error("a stream with viewers has left")
	}
	first.Close()
	second.Close()
	for range 2 { // What has left stays so.
		if !p.Leave() || p.Err() == nil {
			t.Error("a stream without viewers has not left")
		}
	}
	if _, ok := f.Info("cam"); ok {
		t.Error("the stream is still here")
	}
	var missing *stream.NotFoundError
	if _, err := f.View("nowhere", stream.ViewerOptions{}); !errors.As(err, &missing) || !reflect.DeepEqual(missing.Names, []string{"cam", "full"}) {
		t.Errorf("got %v, want the names of streams elsewhere", err)
	}
	o.full = &stream.LimitError{Limit: "streams", Max: 4}
	var full *stream.LimitError
	if _, err := f.View("full", stream.ViewerOptions{}); !errors.As(err, &full) {
		t.Errorf("got %v, want that there is no room", err)
	}
	if _, err := f.Listen("full", nil); !errors.As(err, &full) {
		t.Errorf("got %v of Listen, want that there is no room", err)
	}
	if _, err := f.Listen("cam", nil); !errors.Is(err, stream.ErrFixed) && !errors.As(err, &full) {
		t.Errorf("got %v of Listen", err)
	}
}

// TestPublisherIsBeforeGuest: a publisher here replaces a guest, and no guest a publisher. When it ends, those who watch get a guest again.
func TestPublisherIsBeforeGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newOthers(t, "cam")
		defer f.stop()
		v := f.viewer(t, "cam", stream.ViewerOptions{})
		guest := o.guest(t, 0)
		p, err := f.Publish("cam", stream.PublisherOptions{Epoch: 7, Began: time.Now().Add(-time.Hour)})
		if err != nil || guest.Err() != stream.ErrReplaced {
			t.Fatalf("got %v, and %v of the guest", err, guest.Err())
		}
		if _, err := f.Publish("cam", stream.PublisherOptions{Guest: true}); err != stream.ErrReplaced {
			t.Errorf("got %v of a second guest, want that it is replaced", err)
		}
		f.show(t, p, 1)
		wantNext(t, v, 1)
		if i, _ := f.Info("cam"); i.Fed != stream.FedHere || i.Node != "" || i.Epoch != 7 {
			t.Errorf("got %+v, want a stream of this server", i)
		}
		if f.TakenOver("cam", 6) || f.TakenOver("other", 9) || p.Err() != nil {
			t.Error("taken over by an older one")
		}
		before := o.changes.Load()
		if !f.TakenOver("cam", 8) || p.Err() != stream.ErrReplaced || f.TakenOver("cam", 9) {
			t.Errorf("got %v after a newer one elsewhere", p.Err())
		}
		if o.changes.Load() == before {
			t.Error("nobody was told")
		}
		time.Sleep(time.Second) // synctest's
		if n := o.count(); n != 2 {
			t.Fatalf("got %d guests, want one more for who still watches", n)
		}
		f.show(t, o.guest(t, 1), 2)
		wantNext(t, v, 2)
		v.Close()
	})
}

// TestEverywhere: lists have streams that are here and elsewhere once, in order.
func TestEverywhere(t *testing.T) {
	f, _ := newOthers(t, "a", "both", "idle", "z")
	f.publisher(t, "both")
	f.publisher(t, "mine")
	if err := f.Add("idle"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range f.Everywhere([]stream.Info{{Name: "before"}}) {
		got = append(got, i.Name+":"+i.Node)
	}
	if want := []string{"before:", "a:there", "both:", "idle:there", "mine:", "z:there"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestLeaveOfAStreamOfTheSettings: it stays, as one that waits.
func TestLeaveOfAStreamOfTheSettings(t *testing.T) {
	f, o := newOthers(t, "cam")
	if err := f.Add("cam"); err != nil {
		t.Fatal(err)
	}
	v := f.viewer(t, "cam", stream.ViewerOptions{})
	p := o.guest(t, 0)
	f.show(t, p, 1)
	wantNext(t, v, 1)
	v.Close()
	if !p.Leave() {
		t.Fatal("it has not left")
	}
	if i, ok := f.Info("cam"); !ok || i.Fed != stream.Unfed || i.State != stream.Waiting || i.ImageBytes != 0 || i.Source != "" {
		t.Errorf("got %+v, %v, want a stream that waits", i, ok)
	}
}
