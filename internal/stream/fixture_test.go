package stream_test

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// imageBytes is the length of the tests' images.
const imageBytes = 5000

// fixture is a Hub that runs until the test ends, and a checked pool for its images.
type fixture struct {
	*stream.Hub
	pool *pool.Pool
	stop func() // ends Run and returns when it has ended
}

func newFixture(t testing.TB, o stream.Options) *fixture {
	t.Helper()
	return newFixtureOn(t, pooltest.New(t, nil), o)
}

// newFixtureOn is newFixture on a pool of the test's own.
func newFixtureOn(t testing.TB, p *pool.Pool, o stream.Options) *fixture {
	t.Helper()
	f := &fixture{Hub: stream.New(o), pool: p}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	f.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(f.stop)
	return f
}

// image returns image number n: bytes that begin with n.
func (f *fixture) image(t testing.TB, n int) stream.Image {
	t.Helper()
	return stream.Image{Buf: f.jpeg(t, n), Width: 640, Height: 360}
}

func (f *fixture) jpeg(t testing.TB, n int) pool.Buf {
	t.Helper()
	b, err := f.pool.Get(imageBytes)
	if err != nil {
		t.Fatal(err)
	}
	clear(b.Bytes())
	binary.BigEndian.PutUint64(b.Bytes(), uint64(n))
	return b
}

// number returns n of image number n.
func number(p stream.Image) int { return int(binary.BigEndian.Uint64(p.Buf.Bytes())) }

// publisher is Hub.Publish for a name that is not fixed.
func (f *fixture) publisher(t testing.TB, name string) *stream.Publisher {
	t.Helper()
	p, err := f.Publish(name, stream.PublisherOptions{Source: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// show publishes image number n.
func (f *fixture) show(t testing.TB, p *stream.Publisher, n int) {
	t.Helper()
	if err := p.Publish(f.image(t, n)); err != nil {
		t.Fatal(err)
	}
}

// viewer is Hub.View for a stream that exists.
func (f *fixture) viewer(t testing.TB, name string, o stream.ViewerOptions) *stream.Viewer {
	t.Helper()
	v, err := f.View(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// info is Hub.Info of a stream that exists.
func (f *fixture) info(t testing.TB, name string) stream.Info {
	t.Helper()
	i, ok := f.Info(name)
	if !ok {
		t.Fatalf("no stream %q", name)
	}
	return i
}

// receipt is an image that a viewer was given.
type receipt struct {
	At      time.Duration
	Number  int
	Offline bool
	Repeat  bool
}

// take returns the images that v is given until its Next fails, with times since start. It counts each as delivered.
func take(ctx context.Context, v *stream.Viewer, start time.Time) []receipt {
	var got []receipt
	for {
		p, err := v.Next(ctx)
		if err != nil {
			return got
		}
		got = append(got, receipt{time.Since(start), number(p), p.Offline, p.Repeat})
		v.Delivered(&p)
		p.Release()
	}
}

// wantNone fails t if an image is due for v now.
func wantNone(t testing.TB, v *stream.Viewer) {
	t.Helper()
	p, ok, _, err := v.Poll()
	if ok || err != nil {
		t.Errorf("got image %d, %v; want none", p.Seq, err)
	}
	if ok {
		p.Release()
	}
}

// wantNext fails t unless image number n is due for v now.
func wantNext(t testing.TB, v *stream.Viewer, n int) stream.Image {
	t.Helper()
	p, ok, wait, err := v.Poll()
	if !ok || err != nil {
		t.Fatalf("got no image, wait %v, error %v; want image %d", wait, err, n)
	}
	defer p.Release()
	if got := number(p); got != n {
		t.Errorf("got image %d, want %d", got, n)
	}
	v.Delivered(&p)
	return p
}
