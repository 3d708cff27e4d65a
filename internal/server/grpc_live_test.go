package server_test

import (
	"bytes"
	"errors"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/pipeline"
)

// numbered is a stream whose frames carry numbers.
var numbered = pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 160, Height: 96}}

// numberedFrame returns frame n of numbered.
func numberedFrame(t testing.TB, n int) []byte {
	t.Helper()
	size, err := numbered.Input.Size()
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]byte, size)
	f, err := frame.WrapBytes(numbered.Input, pixels)
	if err != nil {
		t.Fatal(err)
	}
	synth.Fill(&f, synth.Index(numbered.Input.Width, numbered.Input.Height, n))
	return pixels
}

// numberOf returns the number that an image carries, or an error.
func numberOf(image []byte) (int, error) {
	img, err := jpeg.Decode(bytes.NewReader(image))
	if err != nil {
		return 0, err
	}
	return synth.ReadIndex(img)
}

// publish makes c the publisher of a stream of spec's images.
func publish(t testing.TB, c *client.Client, name string, spec pipeline.Spec) *client.Publisher {
	t.Helper()
	p, err := c.Publish(timeout(t), name, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// watch begins to watch a stream, until the test ends.
func watch(t testing.TB, c *client.Client, name string, o *client.WatchOptions) *client.Watcher {
	t.Helper()
	w, err := c.Watch(timeout(t), name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// nextNumber returns the number of the next image of w that is of a frame, and no repeat.
func nextNumber(t testing.TB, w *client.Watcher, p *client.LiveImage) int {
	t.Helper()
	for {
		if err := w.Next(p); err != nil {
			t.Fatal(err)
		}
		if p.Repeat || p.Offline { // Where processors are busy, a source may look lost.
			continue
		}
		n, err := numberOf(p.Data)
		if err != nil {
			t.Fatalf("image %d: %v", p.Seq, err)
		}
		return n
	}
}

// TestLiveFramesInOrder: each frame that is sent after the image of the one before has come becomes an image, that of
// its own number, and all counts agree.
func TestLiveFramesInOrder(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	p := publish(t, c, "cam1", numbered)
	w := watch(t, c, "cam1", nil)
	var pic client.LiveImage
	const frames = 50
	begin := time.Now()
	for n := range frames {
		captured := time.UnixMicro(begin.Add(-time.Minute).UnixMicro() + int64(n))
		if err := p.SendCaptured(captured, numberedFrame(t, n)); err != nil {
			t.Fatal(err)
		}
		if got := nextNumber(t, w, &pic); got != n {
			t.Fatalf("got image %d, want %d", got, n)
		}
		if pic.Seq != uint64(n+1) || !pic.Captured.Equal(captured) || pic.Sent.Before(begin) || pic.Width != 160 || pic.Height != 96 || pic.Offline {
			t.Fatalf("image %d: got %d of %dx%d, captured %v, sent %v, offline %v; want it captured %v",
				n, pic.Seq, pic.Width, pic.Height, pic.Captured, pic.Sent, pic.Offline, captured)
		}
	}
	streams, err := c.ListStreams(timeout(t))
	if err != nil || len(streams) != 1 {
		t.Fatalf("got %v, %v, want one stream", streams, err)
	}
	i := streams[0]
	if i.Name != "cam1" || i.State != client.Online || !strings.HasPrefix(i.Source, "grpc 127.0.0.1:") || i.Format != "bgr24 160x96" ||
		i.Width != 160 || i.Height != 96 || i.Arrived != frames || i.Published != frames || i.ImageBytes == 0 || i.FPSIn <= 0 {
		t.Errorf("got %+v", i)
	}
	if v := i.Viewers; len(v) != 1 || v[0].Transport != "grpc" || v[0].Delivered < frames-1 || v[0].Dropped != 0 || v[0].Bytes == 0 {
		t.Errorf("got viewers %v, want one of gRPC that has all images", v)
	}
	status, err := p.Close()
	if want := (client.PublishStatus{Arrived: frames, Published: frames, Viewers: 1, FPSOut: status.FPSOut}); err != nil || status != want {
		t.Errorf("got %+v, %v, want %+v", status, err, want)
	}
}

// feed publishes numbered frames, one after the other, each when the image of the one before has come to a viewer of
// the feed's own.
type feed struct {
	t      testing.TB
	p      *client.Publisher
	w      *client.Watcher
	pic    client.LiveImage
	frames int
}

// startFeed publishes a stream.
func startFeed(t testing.TB, c *client.Client, name string) *feed {
	t.Helper()
	return &feed{t: t, p: publish(t, c, name, numbered), w: watch(t, c, name, nil)}
}

// next publishes the next n frames, and returns the number of the last.
func (f *feed) next(n int) int {
	f.t.Helper()
	for range n {
		if err := f.p.Send(numberedFrame(f.t, f.frames)); err != nil {
			f.t.Fatal(err)
		}
		if got := nextNumber(f.t, f.w, &f.pic); got != f.frames {
			f.t.Fatalf("got image %d, want %d", got, f.frames)
		}
		f.frames++
	}
	return f.frames - 1
}

// TestLiveNewestWins: a viewer that asks for an image gets the newest, however many there were since its last.
func TestLiveNewestWins(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	f := startFeed(t, c, "cam1")
	f.next(1)
	var pic client.LiveImage
	for _, inFlight := range []int{1, 2, 5} {
		slow := watch(t, s.dial(t), "cam1", &client.WatchOptions{InFlight: inFlight})
		last := nextNumber(t, slow, &pic)
		for range 3 {
			newest := f.next(40)
			for ahead := 0; last != newest; ahead++ { // Some were asked for before.
				n := nextNumber(t, slow, &pic)
				if n <= last || ahead >= inFlight {
					t.Fatalf("in flight %d: got image %d after %d and %d others, want the newest, %d, after fewer than %d others", inFlight, n, last, ahead, newest, inFlight)
				}
				last = n
			}
		}
		slow.Close()
	}
	if status, err := f.p.Close(); err != nil || status.Dropped != (client.Dropped{}) {
		t.Errorf("got %+v, %v, want no frame dropped for a slow viewer", status, err)
	}
}

// TestLiveOneEncode: twenty viewers are given the images of one encoding of each frame.
func TestLiveOneEncode(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	f := startFeed(t, c, "cam1")
	const viewers, frames = 20, 25
	watchers := make([]*client.Watcher, viewers)
	for i := range watchers {
		watchers[i] = watch(t, c, "cam1", nil)
	}
	var pic client.LiveImage
	for range frames {
		want := f.next(1)
		for i, w := range watchers {
			if n := nextNumber(t, w, &pic); n != want {
				t.Fatalf("viewer %d: got image %d, want %d", i, n, want)
			}
			if !bytes.Equal(pic.Data, f.pic.Data) {
				t.Fatalf("viewer %d: got other bytes for image %d", i, want)
			}
		}
	}
	status, err := f.p.Close()
	if err != nil || status.Viewers != viewers+1 || status.Published != frames {
		t.Errorf("got %+v, %v, want %d viewers and %d images", status, err, viewers+1, frames)
	}
	if got := s.Stats().Frames; got != frames {
		t.Errorf("got %d frames encoded, want %d", got, frames)
	}
}

// TestLiveReplaced: a second publisher of a stream takes it over, and viewers stay.
func TestLiveReplaced(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Streams = map[string]config.Stream{"own": {Source: "testsrc:64x48@5"}} })
	c := s.dial(t)
	f := startFeed(t, c, "cam1")
	f.next(3)
	first := f.p
	f.p = publish(t, s.dial(t), "cam1", numbered)
	f.next(3)
	err := first.Send(numberedFrame(t, 0))
	for err == nil { // By then, at the latest, it has been told.
		err = first.Send(numberedFrame(t, 0))
	}
	wantError(t, err, codes.Aborted, "took the stream over")
	_, err = first.Close()
	wantError(t, err, codes.Aborted, "took the stream over")
	f.next(3)
	if status, err := f.p.Close(); err != nil || status.Arrived != 6 || status.Published != 6 {
		t.Errorf("got %+v, %v, want the six frames of the second publisher", status, err)
	}
	_, err = c.Publish(timeout(t), "own", numbered, nil)
	wantError(t, err, codes.FailedPrecondition, "source of its own")
}

// wantError checks that err is the client's, of that code, and says so.
func wantError(t testing.TB, err error, code codes.Code, reason string) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Reason, reason) {
		t.Errorf("got %v, want %s with %q", err, code, reason)
		return &client.Error{}
	}
	return e
}

// TestLiveLostSource: viewers of a lost source see an image that says so, and the next frame when there is one.
func TestLiveLostSource(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Live.OfflineAfter = server.Duration(200 * time.Millisecond) })
	c := s.dial(t)
	f := startFeed(t, c, "cam1")
	var pic client.LiveImage
	offline := func() {
		t.Helper()
		for pic.Offline = false; !pic.Offline; {
			if err := f.w.Next(&pic); err != nil {
				t.Fatal(err)
			}
		}
		if img, err := jpeg.Decode(bytes.NewReader(pic.Data)); err != nil || img.Bounds().Dx() != 160 || img.Bounds().Dy() != 96 {
			t.Errorf("got an offline image %v, %v, want one of 160x96", img.Bounds(), err)
		}
	}
	f.next(2)
	offline() // silent
	f.next(2)
	if _, err := f.p.Close(); err != nil {
		t.Error(err)
	}
	offline() // disconnected
	f.p = publish(t, c, "cam1", numbered)
	f.next(2)
}

// TestLivePassesJPEGs: without an input in the spec, frames are JPEGs, and are not touched.
func TestLivePassesJPEGs(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	jpegs := encodeDirectly(t, numbered, [][]byte{numberedFrame(t, 0), numberedFrame(t, 1), numberedFrame(t, 2)})
	p, err := c.Publish(timeout(t), "cam1", pipeline.Spec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t, c, "cam1", nil)
	var pic client.LiveImage
	for i, want := range jpegs {
		if err := p.Send(want); err != nil {
			t.Fatal(err)
		}
		if n := nextNumber(t, w, &pic); n != i || !bytes.Equal(pic.Data, want) || pic.Width != 160 || pic.Height != 96 {
			t.Errorf("got image %d, %d bytes, %dx%d, want JPEG %d as it was", n, len(pic.Data), pic.Width, pic.Height, i)
		}
	}
	if status, err := p.Close(); err != nil || status.Published != 3 {
		t.Errorf("got %+v, %v, want three images", status, err)
	}
}

// TestLiveSettings: what the configuration says of a stream holds where its publisher says nothing.
func TestLiveSettings(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Streams = map[string]config.Stream{"cam1": {Color: config.ColorSpace{Value: frame.BT709, Set: true}, Quality: 30, Resize: config.ImageSize{Width: 32}}}
	})
	c := s.dial(t)
	sent := pipeline.Spec{Input: frame.Desc{Format: frame.I420, Width: 64, Height: 48}}
	made := sent
	made.Input.Color, made.Output.Quality, made.Resize = frame.BT709, 30, pipeline.Resize{Width: 32}
	frames := makeFrames(t, sent.Input, 1)
	p := publish(t, c, "cam1", sent)
	w := watch(t, c, "cam1", nil)
	if err := p.Send(frames...); err != nil {
		t.Fatal(err)
	}
	var pic client.LiveImage
	if err := w.Next(&pic); err != nil {
		t.Fatal(err)
	}
	checkImages(t, [][]byte{pic.Data}, encodeDirectly(t, made, frames))
	if pic.Width != 32 || pic.Height != 24 {
		t.Errorf("got %dx%d, want 32x24", pic.Width, pic.Height)
	}
}

// statusEvery is how often a publisher is sent a status.
const statusEvery = time.Second

// TestLiveStatus: a publisher learns soon that the first viewer has come and that the last has left, and how many
// frames were not encoded because nobody watched.
func TestLiveStatus(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	p := publish(t, c, "cam1", numbered)
	if err := p.Send(numberedFrame(t, 0), numberedFrame(t, 1)); err != nil {
		t.Fatal(err)
	}
	took := time.Hour
	for range 50 { // Where processors are busy, not every time.
		begin := time.Now()
		w := watch(t, c, "cam1", nil)
		eventually(t, "the publisher knows of the viewer", func() bool { return p.Status().Viewers == 1 })
		w.Close()
		eventually(t, "the publisher knows that it has gone", func() bool { return p.Status().Viewers == 0 })
		if took = time.Since(begin); took < statusEvery {
			break
		}
	}
	if took >= statusEvery {
		t.Errorf("it took %v, want both sooner than the next status", took)
	}
	if err := p.Send(numberedFrame(t, 2)); err != nil {
		t.Fatal(err)
	}
	status, err := p.Close()
	sum := status.Published + status.Same + status.Dropped.Unseen + status.Dropped.Newer
	if err != nil || status.Arrived != 3 || sum != 3 || status.Dropped.Unseen == 0 {
		t.Errorf("got %+v, %v, want three frames, of which some were unseen", status, err)
	}
}

// TestPublishedJPEGEndsAtItsEnd: bytes behind the end of a JPEG, as some cameras send, are accepted over gRPC as over
// HTTP, and do not reach viewers.
func TestPublishedJPEGEndsAtItsEnd(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	jpeg := encodeDirectly(t, small, makeFrames(t, small.Input, 1))[0]
	for _, behind := range []string{"", "\x00", "\r\n", "trailer", string(jpeg)} {
		p, err := c.Publish(timeout(t), "cam1", pipeline.Spec{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := watch(t, c, "cam1", nil)
		if err := p.Send(append(slices.Clone(jpeg), behind...)); err != nil {
			t.Fatalf("%q: %v", behind, err)
		}
		var pic client.LiveImage
		for pic.Offline = true; pic.Offline; {
			if err := w.Next(&pic); err != nil {
				t.Fatalf("%q: %v", behind, err)
			}
		}
		if !bytes.Equal(pic.Data, jpeg) {
			t.Errorf("%.10q: got %d bytes, want the JPEG's %d", behind, len(pic.Data), len(jpeg))
		}
		w.Close()
		if _, err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}
