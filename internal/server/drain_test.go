package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
)

// TestDrainUnderLoad: when the server stops, each call in flight is answered in full or refused as Unavailable, streams
// end with Unavailable after the responses to what the server has accepted, and nothing is sent twice or out of order.
func TestDrainUnderLoad(t *testing.T) {
	s := start(t, nil)
	frames := makeFrames(t, w1.Input, 4)
	want := encodeDirectly(t, w1, frames)
	var responses atomic.Int64
	var load sync.WaitGroup
	for range 3 {
		c := s.dial(t)
		load.Go(func() { // one call after the other
			var a client.Response
			for id := uint64(1); ; id++ {
				err := c.Encode(timeout(t), &client.Batch{ID: id, Spec: w1, Frames: frames}, &a)
				var e *client.Error
				if errors.As(err, &e) && e.Code == codes.Unavailable {
					return
				}
				if err != nil || a.ID != id {
					t.Errorf("call %d: got response %d, %v", id, a.ID, err)
					return
				}
				checkImages(t, images(t, &a), want)
				responses.Add(1)
			}
		})
		load.Go(func() { // a stream, sending ahead of the responses
			stream, err := c.EncodeStream(timeout(t))
			if err != nil {
				t.Error(err)
				return
			}
			var sent atomic.Uint64
			load.Go(func() {
				for id := uint64(0); stream.Send(&client.Batch{ID: id, Spec: w1, Frames: frames}) == nil; id++ {
					sent.Add(1)
				}
			})
			var a client.Response
			for id := uint64(0); ; id++ {
				if err := stream.Recv(&a); err != nil {
					var e *client.Error
					if !errors.As(err, &e) || e.Code != codes.Unavailable {
						t.Errorf("stream: got %v after %d responses to %d batches, want Unavailable", err, id, sent.Load())
					}
					return
				}
				if a.ID != id {
					t.Errorf("stream: got response %d, want %d", a.ID, id)
				}
				checkImages(t, images(t, &a), want)
				responses.Add(1)
			}
		})
	}
	eventually(t, "responses come", func() bool { return responses.Load() > 20 })
	s.stop()
	wantComplete(t, s)
	load.Wait()
	if got, want := s.Stats().Frames, uint64(responses.Load())*4; got < want {
		t.Errorf("got %d frames counted, want at least the %d answered", got, want)
	}
}

// TestDrainEndsIdleStreams: an open stream with nothing in flight does not keep the server from stopping.
func TestDrainEndsIdleStreams(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	unused, err := c.EncodeStream(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	used, err := c.EncodeStream(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	var a client.Response
	if err := errors.Join(used.Send(&client.Batch{Spec: small, Frames: makeFrames(t, small.Input, 1)}), used.Recv(&a)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stream that was used is open", func() bool { return s.Stats().OpenRequests == 1 })
	s.stop()
	for _, stream := range []*client.EncodeStream{unused, used} {
		var e *client.Error
		if err := stream.Recv(&a); !errors.As(err, &e) || e.Code != codes.Unavailable {
			t.Errorf("got %v, want Unavailable", err)
		}
	}
}

// TestDrainEndsEndlessBodies: the frames of an endless body that have come get their images, and the trailer says why
// no more do.
func TestDrainEndsEndlessBodies(t *testing.T) {
	s := start(t, nil)
	frames := makeFrames(t, small.Input, 3)
	want := encodeDirectly(t, small, frames)
	body, feed := io.Pipe()
	go func() {
		if _, err := feed.Write(bytes.Join(frames, nil)); err != nil {
			t.Error(err)
		}
	}()
	resp := s.post(t, query(t, small), body, "Accept", "video/x-motion-jpeg", "TE", "trailers")
	got := make([]byte, len(bytes.Join(want, nil)))
	if _, err := io.ReadFull(resp.Body, got); err != nil {
		t.Fatal(err)
	}
	checkImages(t, [][]byte{got}, [][]byte{bytes.Join(want, nil)})
	s.stop()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %d more bytes, %v, want none", len(rest), err)
	}
	if got := resp.Trailer.Get("Steadyframe-Error"); got != "draining: the server is stopping" {
		t.Errorf("got trailer %q", got)
	}
	if err := feed.Close(); err != nil {
		t.Error(err)
	}
}

// TestDrainTimeout: requests that do not end are cut.
func TestDrainTimeout(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.DrainTimeout = server.Duration(50 * time.Millisecond)
		narrow(c)
	})
	free := make(chan struct{})
	go func() {
		defer close(free)
		var a client.Response
		if err := s.dial(t).Encode(timeout(t), heavy(t), &a); err == nil {
			t.Error("a heavy batch was answered")
		}
	}()
	eventually(t, "the batch runs", func() bool { return s.Stats().Running == 1 })
	s.stop()
	<-free
	if log := s.log.String(); !strings.Contains(log, "complete=false") {
		t.Errorf("want a drain that was cut in the log:\n%s", log)
	}
}

// wantComplete checks that the server, which has stopped, did not have to cut requests at drain_timeout.
func wantComplete(t *testing.T, s *running) {
	t.Helper()
	if log := s.log.String(); !strings.Contains(log, "complete=true") {
		t.Errorf("want all requests ended before drain_timeout:\n%s", log)
	}
}

// TestNotReadyWhileDraining: the admin API responds until all else has ended, and says that the server is not ready.
func TestNotReadyWhileDraining(t *testing.T) {
	s := start(t, narrow)
	free := s.occupy(t, 1)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	eventually(t, "the server is not ready", func() bool {
		status, body := s.admin(t, "/readyz")
		return status == http.StatusServiceUnavailable && bytes.Contains([]byte(body), []byte("stopping"))
	})
	free()
	<-stopped
}

// TestDrainIsBounded: Run returns soon after drain_timeout, with an error, even if a request does not end.
func TestDrainIsBounded(t *testing.T) {
	c := server.Default()
	c.HTTP.Listen, c.GRPC.Listen, c.Ring.Listen, c.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0", "off", "127.0.0.1:0"
	c.DrainTimeout = server.Duration(200 * time.Millisecond)
	var log logtest.Buffer
	s, err := server.New(c, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	hanging := make(chan struct{})
	s.Hang(hanging)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	cancel()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "drain_timeout (200ms)") {
			t.Errorf("got %v, want an error that names drain_timeout", err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("Run has not returned two minutes later")
	}
	if text := log.String(); !strings.Contains(text, "level=ERROR") || strings.Contains(text, "drained") {
		t.Errorf("want an error and nothing of being drained in the log:\n%s", text)
	}
	close(hanging) // The rest must end, or the check for leaked goroutines fails.
}
