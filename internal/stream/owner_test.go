package stream_test

import (
	"errors"
	"testing"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// TestOwners: an owner has its part of streams, viewers and listeners, however it takes them, and gives back what it ends.
func TestOwners(t *testing.T) {
	f := newFixture(t, stream.Options{MaxStreams: 5, MaxStreamsPerOwner: 2, MaxViewersPerOwner: 2})
	refused := func(err error, limit string) {
		t.Helper()
		var full *stream.LimitError
		if !errors.As(err, &full) || full.Limit != limit || full.Max != 2 {
			t.Errorf("got %v, want the limit %s of 2", err, limit)
		}
	}
	publish := func(owner, name string) (*stream.Publisher, error) {
		return f.Publish(name, stream.PublisherOptions{Owner: owner})
	}
	view := func(owner, name string) (*stream.Viewer, error) {
		return f.View(name, stream.ViewerOptions{Transport: "test", Owner: owner})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.Add("kept"))
	a, err := publish("x", "a")
	must(err)
	_, err = publish("x", "b")
	must(err)
	_, err = publish("x", "kept") // It takes nobody's place.
	must(err)
	_, err = publish("x", "c")
	refused(err, "streams_per_identity")
	format := stream.SoundFormat{Rate: 8000, Channels: 1}
	ring, err := f.pool.Get(stream.SoundBytes(format))
	must(err)
	_, err = f.PublishSoundAs("x", "c", format, ring)
	refused(err, "streams_per_identity")
	_, err = publish("y", "a") // It takes the stream over, and its place.
	must(err)
	if a.Err() != stream.ErrReplaced {
		t.Errorf("got %v, want that it was replaced", a.Err())
	}
	c, err := publish("x", "c")
	must(err)
	v, err := view("x", "c")
	must(err)
	c.Close()
	_, err = publish("x", "d") // A viewer of its own keeps a stream alive.
	refused(err, "streams_per_identity")

	w, err := view("x", "a")
	must(err)
	_, err = view("x", "b")
	refused(err, "viewers_per_identity")
	_, err = view("y", "b")
	must(err)
	for range 3 {
		_, err = view("", "b")
		must(err)
	}
	w.Close()
	w.Close()
	_, err = view("x", "b")
	must(err)
	_, err = view("x", "b")
	refused(err, "viewers_per_identity")

	v.Close()
	d, err := publish("x", "d") // An idle stream makes room for others.
	must(err)
	ring, err = f.pool.Get(stream.SoundBytes(format))
	must(err)
	sound, err := f.PublishSoundAs("x", "d", format, ring)
	must(err)
	one, err := f.ListenAs("x", "d", nil)
	must(err)
	_, err = f.ListenAs("x", "d", nil)
	must(err)
	_, err = f.ListenAs("x", "d", nil)
	refused(err, "viewers_per_identity")
	one.Close()
	one.Close()
	_, err = f.ListenAs("x", "d", nil)
	must(err)
	d.Close()
	sound.Close()
}
