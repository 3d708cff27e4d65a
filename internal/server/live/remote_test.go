package live

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// origin is another server, whose Watch sends what a test gives it.
type origin struct {
	api.UnimplementedFrameServiceServer
	address string
	images  chan *api.WatchPicture
	sound   chan *api.Sound

	mu      sync.Mutex
	refuse  error
	watches int // calls that are open
	tokens  []string
}

// newOrigin starts an origin, which ends with t.
func newOrigin(t *testing.T) *origin {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{address: l.Addr().String(), images: make(chan *api.WatchPicture), sound: make(chan *api.Sound)}
	g := grpc.NewServer()
	api.RegisterFrameServiceServer(g, o)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = g.Serve(l) // It ends with Stop.
	}()
	t.Cleanup(func() {
		g.Stop()
		<-served
	})
	return o
}

func (o *origin) Watch(s api.FrameService_WatchServer) error {
	r, err := s.Recv()
	if err != nil {
		return err
	}
	if r.GetStream() != "there" {
		return status.Error(codes.NotFound, "no such stream")
	}
	md, _ := metadata.FromIncomingContext(s.Context())
	o.mu.Lock()
	o.tokens = append(o.tokens, md.Get("authorization")...)
	err = o.refuse
	o.watches++
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		o.watches--
		o.mu.Unlock()
	}()
	if err != nil {
		return err
	}
	if err := s.SendHeader(nil); err != nil {
		return err
	}
	go func() { // what the caller asks for, which is more images
		for err := error(nil); err == nil; _, err = s.Recv() {
		}
	}()
	for {
		select {
		case i := <-o.images:
			if err := s.Send(i); err != nil {
				return err
			}
		case <-s.Context().Done():
			return s.Context().Err()
		}
	}
}

func (o *origin) Listen(_ *api.ListenRequest, s api.FrameService_ListenServer) error {
	if err := s.SendHeader(nil); err != nil {
		return err
	}
	for {
		select {
		case p := <-o.sound:
			if err := s.Send(p); err != nil {
				return err
			}
		case <-s.Context().Done():
			return s.Context().Err()
		}
	}
}

// open returns how many calls of Watch are open.
func (o *origin) open() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.watches
}

// send gives an image to the call that is open, or the next one.
func (o *origin) send(t *testing.T, i *api.WatchPicture) {
	t.Helper()
	select {
	case o.images <- i:
	case <-time.After(time.Minute):
		t.Fatal("nobody asks for images")
	}
}

// jpegOf returns a JPEG of that size, and of that gray.
func jpegOf(t *testing.T, w, h int, gray uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = gray
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// startRemote starts a server with the stream here, which is the stream there of o.
func startRemote(t *testing.T, o *origin, s config.Stream) *running {
	t.Helper()
	s.Source = "grpc://:hunter2@" + o.address + "/there"
	return start(t, func(c *config.Config) { c.Streams = config.Streams{"here": s} })
}

// next returns the next image of v that is none of a lost source, and no repeat.
func next(t *testing.T, v *stream.Viewer) stream.Image {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		p, err := v.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Offline && !p.Repeat {
			return p
		}
		p.Release()
	}
}

func view(t *testing.T, l *running) *stream.Viewer {
	t.Helper()
	v, err := l.Hub.View("here", stream.ViewerOptions{Transport: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// TestRemoteImages: images come unchanged, with the time of their capture, unless that cannot be; what is no image is dropped.
func TestRemoteImages(t *testing.T) {
	o := newOrigin(t)
	l := startRemote(t, o, config.Stream{})
	v := view(t, l)
	color, alpha := jpegOf(t, 32, 16, 90), jpegOf(t, 32, 16, 200)
	at := time.Now().Add(-20 * time.Second).Truncate(time.Microsecond)
	for n, tt := range []struct {
		what  string
		image *api.WatchPicture
		drop  bool
	}{
		{"plain", &api.WatchPicture{Data: color, CapturedUs: uint64(at.UnixMicro())}, false},
		{"with alpha", &api.WatchPicture{Data: color, Alpha: alpha, CapturedUs: uint64(at.UnixMicro())}, false},
		{"no JPEG", &api.WatchPicture{Data: []byte("\xff\xd8 no JPEG")}, true},
		{"nothing", &api.WatchPicture{}, true},
		{"cut", &api.WatchPicture{Data: color[:len(color)-4]}, true},
		{"alpha of another size", &api.WatchPicture{Data: color, Alpha: jpegOf(t, 16, 16, 200)}, true},
		{"no alpha", &api.WatchPicture{Data: color, Alpha: []byte("none")}, true},
		{"bytes before alpha", &api.WatchPicture{Data: append(bytes.Clone(color), 1), Alpha: alpha}, true},
		{"captured never", &api.WatchPicture{Data: color, CapturedUs: 1 << 63}, false},
		{"captured in a year", &api.WatchPicture{Data: alpha, CapturedUs: uint64(at.AddDate(1, 0, 0).UnixMicro())}, false},
	} {
		o.send(t, tt.image)
		if tt.drop {
			until(t, tt.what+" to be dropped", func() bool {
				info, _ := l.Hub.Info("here")
				return info.Arrived == uint64(n+1) && info.Published+info.Same+info.Dropped[stream.Failed]+info.Dropped[stream.NoMemory] == uint64(n+1)
			})
			continue
		}
		p := next(t, v)
		if !bytes.Equal(p.JPEG(), tt.image.Data) || !bytes.Equal(p.Alpha(), tt.image.Alpha) {
			t.Errorf("%s: got other bytes than the origin's", tt.what)
		}
		if said := time.UnixMicro(int64(tt.image.CapturedUs)); n < 2 && !p.Captured.Equal(said) || n >= 2 && time.Since(p.Captured).Abs() > time.Minute {
			t.Errorf("%s: got the time %v, said was %v", tt.what, p.Captured, said)
		}
		if p.Width != 32 || p.Height != 16 {
			t.Errorf("%s: got %dx%d", tt.what, p.Width, p.Height)
		}
		p.Release()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.tokens) == 0 || o.tokens[0] != "Bearer hunter2" {
		t.Errorf("got the tokens %q", o.tokens)
	}
	if strings.Contains(l.log.String(), "hunter2") {
		t.Error("the token is in the log")
	}
}

// TestRemoteIsLazy: without a viewer one image is asked for, and no call stays open; with some there is one call.
func TestRemoteIsLazy(t *testing.T) {
	o := newOrigin(t)
	l := startRemote(t, o, config.Stream{})
	first, second := jpegOf(t, 32, 16, 1), jpegOf(t, 32, 16, 2)
	o.send(t, &api.WatchPicture{Data: first})
	state := func() stream.State { info, _ := l.Hub.Info("here"); return info.State }
	until(t, "the stream to be online, and no call", func() bool { return state() == stream.Online && o.open() == 0 })
	a, b := view(t, l), view(t, l)
	o.send(t, &api.WatchPicture{Data: second})
	for _, v := range []*stream.Viewer{a, b} {
		p := next(t, v)
		if !bytes.Equal(p.JPEG(), second) {
			t.Error("a viewer got an image from before it came")
		}
		p.Release()
	}
	if n := o.open(); n != 1 {
		t.Errorf("got %d calls for two viewers, want one", n)
	}
	if n := l.engine.Metrics.Pulls(); n != 1 {
		t.Errorf("got %d pulls in the metrics for two viewers, want 1", n)
	}
	a.Close()
	b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // An origin repeats its image about once a second.
		for repeat := (&api.WatchPicture{Data: second, Repeat: true}); ; {
			select {
			case o.images <- repeat:
			case <-ctx.Done():
				return
			}
			_ = pause.For(ctx, 100*time.Millisecond)
		}
	}()
	until(t, "the call to end after the last viewer", func() bool { return o.open() == 0 })
	until(t, "the end of the pull in the metrics", func() bool { return l.engine.Metrics.Pulls() == 0 })
	if state() != stream.Online {
		t.Error("the stream is not online while nobody watches")
	}
	// A viewer that comes again sees the image that is the same as before.
	p := next(t, view(t, l))
	if !bytes.Equal(p.JPEG(), second) {
		t.Error("a viewer that came again got another image")
	}
	p.Release()
}

// TestRemoteIsLost: viewers see an image of a lost source when the origin says so, or refuses, and the reason is told.
func TestRemoteIsLost(t *testing.T) {
	o := newOrigin(t)
	l := startRemote(t, o, config.Stream{})
	v := view(t, l)
	o.send(t, &api.WatchPicture{Data: jpegOf(t, 32, 16, 1)})
	p := next(t, v)
	p.Release()
	o.send(t, &api.WatchPicture{Data: jpegOf(t, 32, 16, 2), Offline: true})
	until(t, "the stream to be offline", func() bool { info, _ := l.Hub.Info("here"); return info.State == stream.Offline })
	o.send(t, &api.WatchPicture{Data: jpegOf(t, 32, 16, 3)})
	p = next(t, v)
	p.Release()

	o.mu.Lock()
	o.refuse = status.Error(codes.ResourceExhausted, "too many viewers")
	o.mu.Unlock()
	o.send(t, &api.WatchPicture{Data: make([]byte, mostRemote)}) // It ends the call.
	until(t, "the reason", func() bool {
		info, _ := l.Hub.Info("here")
		return strings.Contains(info.Lost, "too many viewers")
	})
}

// TestRemoteSound: sound comes with its times, once somebody watches.
func TestRemoteSound(t *testing.T) {
	o := newOrigin(t)
	l := startRemote(t, o, config.Stream{Sound: true})
	view(t, l)
	o.send(t, &api.WatchPicture{Data: jpegOf(t, 32, 16, 1)})
	at := time.Now().Add(-time.Second).Truncate(time.Microsecond)
	pcm := bytes.Repeat([]byte{1, 2}, 160)
	send := func() {
		select {
		case o.sound <- &api.Sound{CapturedUs: uint64(at.UnixMicro()), Rate: 8000, Channels: 1, Pcm: pcm}:
			at = at.Add(20 * time.Millisecond)
		case <-time.After(time.Minute):
			t.Fatal("nobody listens")
		}
	}
	send()
	until(t, "the sound", func() bool { info, _ := l.Hub.Info("here"); return info.Sound.Rate == 8000 })
	s, err := l.Hub.Listen("here", make(chan struct{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := at
	send()
	got := make([]byte, len(pcm))
	var n int
	var when time.Time
	until(t, "a piece", func() bool {
		n, when, err = s.Read(got)
		return n > 0 || err != nil && err != io.EOF
	})
	if err != nil || n != len(pcm) || !bytes.Equal(got, pcm) || when.Sub(want).Abs() > time.Millisecond {
		t.Errorf("got %d bytes of %v, %v, want %d of %v", n, when, err, len(pcm), want)
	}
}
