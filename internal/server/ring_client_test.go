//go:build linux

package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

var ringSpec = pipeline.Spec{
	Input:  frame.Desc{Format: frame.BGR24, Width: 64, Height: 48},
	Resize: pipeline.Resize{Width: 32, Height: 32},
}

// startRing runs a server with a ring, and returns clients of it over the ring and over gRPC.
func startRing(t *testing.T, changes ...func(*server.Config)) (s *running, overRing, overGRPC *client.Client) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ring") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	s = start(t, func(c *server.Config) {
		c.Ring.Listen = "unix:" + path
		for _, change := range changes {
			change(c)
		}
	})
	if got := s.Addrs().Ring; got != "unix:"+path {
		t.Errorf("got address %q of the ring, want unix:%s", got, path)
	}
	if _, body := s.admin(t, "/readyz"); !strings.Contains(body, "ring unix:"+path) {
		t.Errorf("/readyz: got %q, want the ring's path in it", body)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: got %v, %v, want mode 0600", info.Mode(), err)
	}
	overRing, err = client.DialRing("ring:"+path, &client.RingOptions{GRPC: s.Addrs().GRPC})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { overRing.Close() })
	overGRPC, err = client.Dial(s.Addrs().GRPC, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { overGRPC.Close() })
	if overRing.Via() != "ring" || overGRPC.Via() != "grpc" {
		t.Errorf("got %s and %s, want ring and grpc", overRing.Via(), overGRPC.Via())
	}
	return s, overRing, overGRPC
}

// ringFrames returns n different frames of ringSpec.
func ringFrames(n int) [][]byte {
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = make([]byte, 64*48*3)
		for j := range frames[i] {
			frames[i][j] = byte(j*(i+1)/50 + i*30)
		}
	}
	return frames
}

// sameImages fails the test unless a and b are the same images and errors.
func sameImages(t *testing.T, a, b *client.Response) {
	t.Helper()
	if a.ID != b.ID || len(a.Images) != len(b.Images) {
		t.Fatalf("got ids %d and %d with %d and %d images, want the same", a.ID, b.ID, len(a.Images), len(b.Images))
	}
	for i := range a.Images {
		x, y := a.Images[i], b.Images[i]
		if !bytes.Equal(x.Data, y.Data) || (x.Err == nil) != (y.Err == nil) {
			t.Errorf("image %d: got %d bytes, %v, and %d bytes, %v, want the same", i, len(x.Data), x.Err, len(y.Data), y.Err)
		}
	}
}

// TestRingClientIsAsGRPC: the same calls give the same images and errors over the ring and over gRPC.
func TestRingClientIsAsGRPC(t *testing.T) {
	if clientTLS != nil {
		t.Skip("the gRPC client beside it is a plain one")
	}
	_, overRing, overGRPC := startRing(t)
	ctx := t.Context()
	var a, b client.Response
	for n := range 5 {
		batch := client.Batch{ID: uint64(n) + 7, Spec: ringSpec, Frames: ringFrames(5 - n)}
		if n == 2 {
			batch.Frames[1] = batch.Frames[1][:100] // It fails alone.
		}
		if err := errors.Join(overRing.Encode(ctx, &batch, &a), overGRPC.Encode(ctx, &batch, &b)); err != nil {
			t.Fatal(err)
		}
		sameImages(t, &a, &b)
	}
	for _, tt := range []struct {
		change       func(*pipeline.Spec)
		field, limit string
	}{
		{func(s *pipeline.Spec) { s.Output.Quality = 200 }, "output.quality", ""},
		{func(s *pipeline.Spec) { s.Resize.Width, s.Resize.Height = 65535, 65535 }, "", "limits.max_pixels"},
	} {
		wrong := client.Batch{Spec: ringSpec, Frames: ringFrames(1)}
		tt.change(&wrong.Spec)
		for _, c := range []*client.Client{overRing, overGRPC} {
			var e *client.Error
			if err := c.Encode(ctx, &wrong, &a); !errors.As(err, &e) || e.Code != codes.InvalidArgument || e.Field != tt.field || e.Limit != tt.limit {
				t.Errorf("%s: got %+v, want InvalidArgument with field %q, limit %q", c.Via(), err, tt.field, tt.limit)
			}
		}
	}
}

// TestRingClientStream: batches of changing Specs and sizes come back in order; one goroutine sends while another receives.
func TestRingClientStream(t *testing.T) {
	_, overRing, _ := startRing(t)
	s, err := overRing.EncodeStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const batches = 60
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range batches {
			b := client.Batch{ID: uint64(i), Frames: ringFrames(1 + i%4)}
			if i%20 == 0 {
				b.Spec = ringSpec
				b.Spec.Output.Quality = 50 + i
			}
			if err := s.Send(&b); err != nil {
				t.Errorf("batch %d: %v", i, err)
				return
			}
		}
		s.CloseSend()
	})
	var r client.Response
	for i := range batches {
		if err := s.Recv(&r); err != nil || r.ID != uint64(i) || len(r.Images) != 1+i%4 || r.Images[i%4].Err != nil {
			t.Fatalf("got response %d with %d images, %v, want %d with %d", r.ID, len(r.Images), err, i, 1+i%4)
		}
	}
	if err := s.Recv(&r); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
	sending.Wait()
}

// TestRingClientStreamCanceled: the end of its context ends a stream, whatever waits.
func TestRingClientStreamCanceled(t *testing.T) {
	_, overRing, _ := startRing(t)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := overRing.EncodeStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&client.Batch{Spec: ringSpec, Frames: ringFrames(1)}); err != nil {
		t.Fatal(err)
	}
	var r client.Response
	if err := s.Recv(&r); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Recv(&r) }()
	cancel()
	var e *client.Error
	if err := <-done; !errors.As(err, &e) || e.Code != codes.Canceled {
		t.Errorf("got %v, want Canceled", err)
	}
	if err := s.Send(&client.Batch{Frames: ringFrames(1)}); err != io.EOF {
		t.Errorf("got %v of Send, want io.EOF", err)
	}
}

// TestRingClientLive: what is published through the ring is watched through it, and the statuses say so.
func TestRingClientLive(t *testing.T) {
	_, overRing, overGRPC := startRing(t)
	p, err := overRing.Publish(t.Context(), "cam", ringSpec, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := overRing.Watch(t.Context(), "cam", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got client.LiveImage
	for i, f := range ringFrames(10) {
		if err := p.Send(f); err != nil {
			t.Fatal(err)
		}
		for first := true; first || got.Repeat; first = false {
			if err := w.Next(&got); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.HasPrefix(got.Data, []byte{0xff, 0xd8}) || got.Seq != uint64(i)+1 || got.Width != 32 || got.Offline || time.Since(got.Captured) > time.Minute {
			t.Errorf("frame %d: got %d bytes, image %d, width %d, captured %v", i, len(got.Data), got.Seq, got.Width, got.Captured)
		}
	}
	if err := p.KeepAlive(); err != nil {
		t.Error(err)
	}
	if clientTLS == nil {
		if list, err := overGRPC.ListStreams(t.Context()); err != nil || len(list) != 1 || len(list[0].Viewers) != 1 {
			t.Errorf("got %v, %v, want one stream with one viewer", list, err)
		}
	}
	if err := p.Send(make([]byte, 3)); err == nil {
		t.Error("a frame of 3 bytes: got no error")
	}
	status, err := p.Close()
	if err != nil || status.Arrived != 10 || status.Published != 10 || status.Dropped != (client.Dropped{}) {
		t.Errorf("got status %+v, %v, want 10 arrived and published", status, err)
	}
	w.Close()
	if err := w.Next(&got); err == nil {
		t.Error("Next after Close: got no error")
	}
	var e *client.Error
	if _, err := overRing.Watch(t.Context(), "nobody", nil); !errors.As(err, &e) || e.Code != codes.NotFound {
		t.Errorf("got %v, want NotFound", err)
	}
}

// TestRingClientFallsBack: without a ring gRPC is used, unless the ring was asked for.
func TestRingClientFallsBack(t *testing.T) {
	s := start(t, nil)
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("STEADYFRAME_URL", "")
	c, err := client.DialRing("", &client.RingOptions{GRPC: s.Addrs().GRPC})
	if err != nil || c.Via() != "grpc" {
		t.Fatalf("got %v, want a client over gRPC", err)
	}
	c.Close()
	t.Setenv("STEADYFRAME_URL", "grpc://"+s.Addrs().GRPC)
	if c, err = client.DialRing("", nil); err != nil || c.Via() != "grpc" {
		t.Fatalf("got %v, want a client over gRPC", err)
	}
	c.Close()
	for _, address := range []string{"ring:" + nowhere, "http://x"} {
		if _, err := client.DialRing(address, nil); err == nil {
			t.Errorf("%s: got no error", address)
		}
	}
	t.Setenv("STEADYFRAME_URL", "ring:"+nowhere)
	if _, err := client.DialRing("", nil); err == nil {
		t.Error("STEADYFRAME_URL: got no error")
	}
}

// TestRingClientAllocates: a batch there and back costs both sides no heap object.
func TestRingClientAllocates(t *testing.T) {
	_, overRing, _ := startRing(t)
	batch := client.Batch{Spec: ringSpec, Frames: ringFrames(4)}
	var r client.Response
	alloctest.Waiting(t, 100, func() {
		if err := overRing.Encode(context.Background(), &batch, &r); err != nil {
			t.Fatal(err)
		}
	})
}

// TestReuseOverTheRing is TestReuse for the ring, where a connection is the stream.
func TestReuseOverTheRing(t *testing.T) {
	s, overRing, _ := startRing(t)
	spec := pipeline.Spec{
		Input:  frame.Desc{Format: frame.BGR24, Width: 64, Height: 48},
		Output: pipeline.Output{Restart: 4, Reuse: pipeline.ReuseSegments},
	}
	still := ringFrames(1)[0]
	frames := [][]byte{still, still, still, still}
	want := encodeDirectly(t, spec, frames)
	checkImages(t, stream(t, overRing, spec, frames), want)
	if got := s.segmentsReused(t); got != 2*3 {
		t.Errorf("got %d segments reused, want the 3 of the last 2 of 4 frames", got)
	}
}

// TestRingScenes: scenes give the same images, alpha and errors over the ring and over gRPC, one batch at a time and in a stream,
// and are seen when they are published.
func TestRingScenes(t *testing.T) {
	if clientTLS != nil {
		t.Skip("the gRPC client beside it is a plain one")
	}
	_, overRing, overGRPC := startRing(t)
	ctx := timeout(t)
	if _, err := overRing.LoadScene(ctx, "anna", annas(t, `{"size": "160x96", "movable": true}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := overGRPC.LoadScene(ctx, "clear", clears); err != nil {
		t.Fatal(err)
	}
	f := makeFrames(t, patch, 3)
	rects := []pipeline.Rect{{}, {X: -3, Y: 4, Width: 50, Height: 60}}
	many := client.Batch{ID: 9, Spec: ofScene("anna")}
	for i := range 40 {
		many.Images = append(many.Images, client.SceneImage{Index: client.NextIndex, Regions: i % 3})
		many.Frames = append(many.Frames, f[:i%3]...)
	}
	batches := []client.Batch{
		{ID: 5, Spec: ofScene("anna"), Frames: [][]byte{f[0], f[1], nil, f[2]}, Images: []client.SceneImage{
			{Index: 4}, {Index: client.NextIndex, Regions: 2, Rects: rects}, {Index: client.NextIndex, Regions: 2}}},
		{Spec: ofScene("anna"), Frames: f},
		{Spec: pipeline.Spec{Scene: "anna"}, Images: []client.SceneImage{{Index: 2}}},
		{Spec: ofScene("anna"), Frames: [][]byte{f[0], f[1][:9], f[2]}},
		{Spec: ofScene("anna"), Frames: f, Images: []client.SceneImage{{Index: 7, Regions: 3}, {Index: 8}}},
		{Spec: ofScene("clear"), Frames: f, Images: []client.SceneImage{{Index: 1, Regions: 1}, {}, {Regions: 1}, {Index: 3, Regions: 1}}},
		many,
	}
	var a, b client.Response
	same := func(what string) {
		t.Helper()
		sameImages(t, &a, &b)
		for i := range a.Images {
			if !bytes.Equal(a.Images[i].Alpha, b.Images[i].Alpha) {
				t.Errorf("%s: image %d: got alpha of %d and %d bytes, want the same", what, i, len(a.Images[i].Alpha), len(b.Images[i].Alpha))
			}
		}
	}
	for i := range batches {
		if err := errors.Join(overRing.Encode(ctx, &batches[i], &a), overGRPC.Encode(ctx, &batches[i], &b)); err != nil {
			t.Fatal(err)
		}
		same("Encode")
	}
	// All batches are sent before a response is read: what is sent through the ring has a place there.
	var streams [2]*client.EncodeStream
	for i, c := range []*client.Client{overRing, overGRPC} {
		s, err := c.EncodeStream(ctx)
		if err != nil {
			t.Fatal(err)
		}
		streams[i] = s
		for j := range batches {
			if err := s.Send(&batches[j]); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
	}
	for range batches {
		if err := errors.Join(streams[0].Recv(&a), streams[1].Recv(&b)); err != nil {
			t.Fatal(err)
		}
		same("EncodeStream")
	}
	for _, s := range streams {
		if err := s.Recv(&a); err != io.EOF {
			t.Errorf("got %v, want io.EOF", err)
		}
	}
	wrong := client.Batch{Spec: ofScene("nobody"), Frames: f}
	for _, c := range []*client.Client{overRing, overGRPC} {
		var e *client.Error
		if err := c.Encode(ctx, &wrong, &a); !errors.As(err, &e) || e.Code != codes.NotFound || e.Field != "scene" {
			t.Errorf("%s: got %v, want NotFound with field scene", c.Via(), err)
		}
	}
}

// TestStreamsOfScenes: frames of a stream whose settings have a scene are regions of it, whoever sends them, and however; and so are those
// of a source.
func TestStreamsOfScenes(t *testing.T) {
	if clientTLS != nil {
		t.Skip("the gRPC client beside it is a plain one")
	}
	s, overRing, overGRPC := startRing(t, func(c *server.Config) {
		c.Streams = config.Streams{"head": {Scene: "anna"}, "film": {Source: "testsrc:24x20@20", Scene: "anna"}, "plain": {}}
	})
	files := annas(t, `{"size": "160x96"}`)
	f := makeFrames(t, patch, 1)
	const raw = "?format=rgb24&size=24x20"
	if resp, data := s.send(t, "POST", "/v1/streams/head"+raw, bytes.NewReader(f[0])); resp.StatusCode != 404 || !strings.Contains(string(data), "anna") {
		t.Errorf("without the scene: got %s, %s, want 404", resp.Status, data)
	}
	s.loadHTTP(t, "anna", files)
	lib := library(t, files, scene.Options{})
	w, err := overGRPC.Watch(timeout(t), "head", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var i client.LiveImage
	see := func(what string, want [2]string) {
		t.Helper()
		for string(i.Data) != want[0] {
			if err := w.Next(&i); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	post := func(query, kind, body string) {
		t.Helper()
		if resp, data := s.send(t, "POST", "/v1/streams/head"+query, strings.NewReader(body), "Content-Type", kind); resp.StatusCode != 200 {
			t.Errorf("%s: got %s, %s", kind, resp.Status, data)
		}
	}
	post(raw, "application/octet-stream", string(f[0]))
	see("HTTP", composed(t, lib, 0, nil, f[0]))
	post(raw, "application/x-steadyframe-images", "IMAGE index=3 regions=1\n"+string(f[0]))
	see("HTTP, with lines", composed(t, lib, 3, nil, f[0]))
	post("", "application/x-steadyframe-images", "IMAGE index=5\n")
	see("HTTP, the background", composed(t, lib, 5, nil))
	if resp, data := s.send(t, "POST", "/v1/streams/head", strings.NewReader("\xff\xd8"), "Content-Type", "image/jpeg"); resp.StatusCode != 415 {
		t.Errorf("JPEGs: got %s, %s, want 415", resp.Status, data)
	}
	for n, c := range []*client.Client{overGRPC, overRing} {
		p, err := c.Publish(timeout(t), "head", pipeline.Spec{Input: patch}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SendImage(time.Now(), client.SceneImage{Index: 6 + n, Regions: 1}, f[0]); err != nil {
			t.Fatal(err)
		}
		see(c.Via(), composed(t, lib, 6+n, nil, f[0]))
		if err := p.Send(f[0]); err != nil {
			t.Fatal(err)
		}
		see(c.Via()+", a frame", composed(t, lib, 7+n, nil, f[0]))
		if _, err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	film, err := overGRPC.Watch(timeout(t), "film", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer film.Close()
	for n := 0; n < 3; {
		if err := film.Next(&i); err != nil {
			t.Fatal(err)
		}
		if i.Offline { // It was lost until there was a scene.
			continue
		}
		if n++; i.Width != 160 || i.Height != 96 {
			t.Errorf("the source: got an image of %dx%d, want 160x96 of the scene", i.Width, i.Height)
		}
	}
}

// TestRingSceneManyImages: batches of more images than there are slots are as any, also where all are sent before one is received.
func TestRingSceneManyImages(t *testing.T) {
	if clientTLS != nil {
		t.Skip("the gRPC client beside it is a plain one")
	}
	_, overRing, overGRPC := startRing(t)
	ctx := timeout(t)
	if _, err := overRing.LoadScene(ctx, "anna", annas(t, `{"size": "160x96"}`)); err != nil {
		t.Fatal(err)
	}
	f := makeFrames(t, patch, 2)
	batch := func(id uint64, from, to int) *client.Batch {
		b := &client.Batch{ID: id}
		if from == 0 {
			b.Spec = ofScene("anna") // The others are of the same.
		}
		for i := from; i < to; i++ {
			b.Images = append(b.Images, client.SceneImage{Index: client.NextIndex, Regions: i % 3})
			b.Frames = append(b.Frames, f[:i%3]...)
		}
		return b
	}
	const few, many = 3, 150
	frames := &client.Batch{ID: 3} // one for each image
	for range 70 {
		frames.Frames = append(frames.Frames, f[0])
	}
	got := streamed(t, ctx, overRing, batch(1, 0, few), batch(2, few, few+many), frames, batch(4, few+many, few+many+few))
	half := client.Batch{Frames: frames.Frames[:35]} // The server takes 64.
	want := streamed(t, ctx, overGRPC, batch(1, 0, few), batch(2, few, few+50), batch(2, few+50, few+100), batch(2, few+100, few+many), &half, &half,
		batch(4, few+many, few+many+few))
	if len(got) != 4 || got[1].ID != 2 || len(got[1].Images) != many || len(got[2].Images) != 70 {
		t.Fatalf("got %d responses, of %+v", len(got), got)
	}
	var a, b []client.Image
	for _, r := range got {
		a = append(a, r.Images...)
	}
	for _, r := range want {
		b = append(b, r.Images...)
	}
	sameImages(t, &client.Response{Images: a}, &client.Response{Images: b})
	// What is wrong with it is told where its response is due.
	s, err := overRing.EncodeStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wrong := batch(1, 0, 70)
	wrong.Spec = ofScene("nobody")
	if err := s.Send(wrong); err != nil {
		t.Fatal(err)
	}
	var e *client.Error
	var r client.Response
	if err := s.Recv(&r); !errors.As(err, &e) || e.Code != codes.NotFound || e.Field != "scene" {
		t.Errorf("got %v, want NotFound with field scene", err)
	}
}

// streamed sends all batches on one EncodeStream before it returns the responses.
func streamed(t *testing.T, ctx context.Context, c *client.Client, batches ...*client.Batch) (all []*client.Response) {
	t.Helper()
	s, err := c.EncodeStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := s.Send(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for {
		r := new(client.Response)
		if err := s.Recv(r); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
}

// TestRingSceneStreams: images of a scene that are published through the ring are seen, with their alpha.
func TestRingSceneStreams(t *testing.T) {
	_, overRing, _ := startRing(t)
	ctx := timeout(t)
	s := library(t, nil, scene.Options{Transparent: true})
	if clientTLS != nil {
		t.Skip("the gRPC client beside it is a plain one")
	}
	if _, err := overRing.LoadScene(ctx, "clear", clears); err != nil {
		t.Fatal(err)
	}
	f := makeFrames(t, patch, 1)
	p, err := overRing.Publish(ctx, "clear", ofScene("clear"), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := overRing.Watch(ctx, "clear", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var got client.LiveImage
	for n, send := range []func() error{
		func() error { return p.SendImage(time.Now(), client.SceneImage{Index: 1, Regions: 1}, f[0]) },
		func() error { return p.SendImage(time.Now(), client.SceneImage{Index: client.NextIndex}) },
		func() error { return p.SendImage(time.Now(), client.SceneImage{Index: 4, Regions: 1}, nil) },
		func() error { return p.SendImage(time.Now(), client.SceneImage{Index: 2, Regions: 1}, f[0]) },
		func() error { return p.Send(f[0]) },
	} {
		want := [][2]string{composed(t, s, 1, nil, f[0]), composed(t, s, 2, nil), composed(t, s, 4, nil), composed(t, s, 2, nil, f[0]), composed(t, s, 3, nil, f[0])}[n]
		if err := send(); err != nil {
			t.Fatal(err)
		}
		for {
			if err := w.Next(&got); err != nil {
				t.Fatalf("image %d: %v", n, err)
			}
			if string(got.Data) == want[0] && string(got.Alpha) == want[1] {
				break
			}
		}
	}
	var e *client.Error
	if err := p.SendImage(time.Now(), client.SceneImage{Regions: 2}, f[0], f[0]); !errors.As(err, &e) || e.Code != codes.InvalidArgument {
		t.Errorf("two regions: got %v, want InvalidArgument", err)
	}
	if status, err := p.Close(); err != nil || status.Arrived != 5 {
		t.Errorf("got %+v, %v, want 5 arrived", status, err)
	}
}
