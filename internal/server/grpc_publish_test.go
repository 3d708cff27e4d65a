package server_test

import (
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestPublishErrors(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Limits.MaxPixels, c.Limits.MemoryBudget, c.Limits.MemoryFloor = 100_000, 1<<20, 0
		c.Timeout.Queue = server.Duration(50 * time.Millisecond)
	})
	c := s.dial(t)
	with := func(change func(*pipeline.Spec)) pipeline.Spec {
		spec := numbered
		change(&spec)
		return spec
	}
	good := with(func(*pipeline.Spec) {})
	for _, tt := range []struct {
		name         string
		stream       string
		spec         pipeline.Spec
		fps          float64
		code         codes.Code
		field, limit string
	}{
		{"name", "../cam", good, 0, codes.InvalidArgument, "stream", ""},
		{"no-name", "", good, 0, codes.InvalidArgument, "stream", ""},
		{"long-name", strings.Repeat("x", 300), good, 0, codes.InvalidArgument, "stream", ""},
		{"fps", "cam1", good, math.NaN(), codes.InvalidArgument, "max_fps", ""},
		{"raw", "cam1", with(func(s *pipeline.Spec) { s.Output.Format = pipeline.RawRGBA }), 0, codes.InvalidArgument, "", ""},
		{"format", "cam1", pipeline.Spec{Input: frame.Desc{Width: 64, Height: 64}}, 0, codes.InvalidArgument, "input.format", ""},
		{"quality", "cam1", with(func(s *pipeline.Spec) { s.Output.Quality = 101 }), 0, codes.InvalidArgument, "output.quality", ""},
		{"pixels", "cam1", with(func(s *pipeline.Spec) { s.Input.Width = 2000 }), 0, codes.InvalidArgument, "", "limits.max_pixels"},
		{"budget", "cam1", with(func(s *pipeline.Spec) { s.Input.Width = 1000 }), 0, codes.InvalidArgument, "", "limits.memory_budget"},
	} {
		_, err := c.Publish(timeout(t), tt.stream, tt.spec, &client.PublishOptions{MaxFPS: tt.fps})
		if e := wantError(t, err, tt.code, ""); e.Field != tt.field || e.Limit != tt.limit {
			t.Errorf("%s: got %v, field %q, limit %q, want %q and %q", tt.name, err, e.Field, e.Limit, tt.field, tt.limit)
		}
	}

	// Two streams of this size fit the budget one after the other.
	large := with(func(s *pipeline.Spec) { s.Input.Width = 500 })
	p, err := c.Publish(timeout(t), "cam1", large, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Publish(timeout(t), "cam2", large, nil)
	if e := wantError(t, err, codes.ResourceExhausted, "no memory"); e.Limit != "limits.memory_budget" || e.RetryAfter <= 0 {
		t.Errorf("got %+v, want the limit and when to come again", e)
	}
	if _, err := p.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "there is memory for the second", func() bool {
		p, err = c.Publish(timeout(t), "cam2", large, nil)
		return err == nil
	})
	jpegs, err := c.Publish(timeout(t), "cam3", pipeline.Spec{}, nil)
	for err == nil {
		err = jpegs.Send(make([]byte, 1<<20+1))
	}
	if e := wantError(t, err, codes.InvalidArgument, "more memory than there is"); e.Limit != "limits.memory_budget" {
		t.Errorf("got %+v, want the limit", e)
	}
	if err = p.Send(make([]byte, 7)); err == nil { // It may be refused before all of it was sent.
		_, err = p.Close()
	}
	if e := wantError(t, err, codes.InvalidArgument, "got a frame of 7 bytes, want 144000 for bgr24 500x96"); e.Field != "frames" {
		t.Errorf("got field %q, want frames", e.Field)
	}
}

// TestPublishSaysMore: what the first request says of the stream, no later one may; requests without frames are accepted.
func TestPublishSaysMore(t *testing.T) {
	s := start(t, nil)
	first := &api.PublishRequest{Stream: "cam1", Spec: specMessage(t, numbered), Frames: [][]byte{numberedFrame(t, 0), numberedFrame(t, 1)}}
	for name, last := range map[string]*api.PublishRequest{
		"stream": {Stream: "cam1"}, "spec": {Spec: &api.Spec{}}, "max_fps": {MaxFps: 5, Frames: [][]byte{numberedFrame(t, 2)}}, "": {},
	} {
		stream, err := s.stock(t).Publish(timeout(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []*api.PublishRequest{first, {}, {Frames: first.Frames}, last} {
			if err := stream.Send(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		got := &api.PublishStatus{}
		for err == nil {
			var next *api.PublishStatus
			if next, err = stream.Recv(); err == nil {
				got = next
			}
		}
		switch {
		case name == "" && (err != io.EOF || got.GetArrived() != 4):
			t.Errorf("got %v, %v, want four frames", got, err)
		case name != "" && (status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "want them in the first request alone")):
			t.Errorf("%s again: got %v, want InvalidArgument", name, err)
		}
	}
}

// TestLiveWithoutMemory: a frame that there is no memory for is dropped and counted, and the stream goes on.
func TestLiveWithoutMemory(t *testing.T) {
	s := startFaulty(t)
	f := startFeed(t, s.dial(t), "cam1")
	f.next(2)
	lost := uint64(0)
	for n := 1; n <= 2; n++ { // the frame's memory, and the image's
		s.arm(pooltest.FailAt(n))
		if err := f.p.Send(numberedFrame(t, 1)); err != nil { // not the last: that would be the same image
			t.Fatal(err)
		}
		eventually(t, "the memory was asked for", s.fired.Load)
		s.arm(nil)
		lost++
		f.next(2)
	}
	if got, err := f.p.Close(); err != nil || got.Dropped != (client.Dropped{NoMemory: lost}) || got.Published != 6 {
		t.Errorf("got %+v, %v, want 6 images and %d frames dropped", got, err, lost)
	}
}

// TestLiveToken: live streams need the token as all else.
func TestLiveToken(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Auth.Token = "hunter2" })
	c := s.dial(t)
	_, err := c.Publish(timeout(t), "cam1", pipeline.Spec{}, nil)
	wantError(t, err, codes.Unauthenticated, "token")
	_, err = c.Watch(timeout(t), "cam1", nil)
	wantError(t, err, codes.Unauthenticated, "token")
	_, err = c.ListStreams(timeout(t))
	wantError(t, err, codes.Unauthenticated, "token")
}
