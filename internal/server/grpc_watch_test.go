package server_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
	"github.com/steadyframe/steadyframe/pipeline"
)

// stockWatch is a Watch by the generated client, whose library reads 64 KiB ahead.
func (s *running) stockWatch(t testing.TB, requests ...*api.WatchRequest) api.FrameService_WatchClient {
	t.Helper()
	conn, err := grpc.NewClient(s.Addrs().GRPC, transportCredentials(), grpc.WithStaticStreamWindowSize(64<<10-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	stream, err := api.NewFrameServiceClient(conn).Watch(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	return stream
}

// TestWatchLagIsBounded: a viewer that only reads, and asks for nothing, lags behind by what its own library buffers and
// the image that the server is sending, and no more.
func TestWatchLagIsBounded(t *testing.T) {
	s := start(t, nil)
	f := startFeed(t, s.dial(t), "cam1")
	f.next(1)
	slow := s.stockWatch(t, &api.WatchRequest{Stream: "cam1"})
	if _, err := slow.Recv(); err != nil {
		t.Fatal(err)
	}
	newest := f.next(200)
	most := (64<<10)/len(f.pic.Data) + 2
	for read := 0; ; read++ {
		p, err := slow.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := numberOf(p.GetData()); err != nil {
			t.Fatal(err)
		} else if n == newest {
			t.Logf("the newest is image %d of those read, of %d bytes each", read, len(p.GetData()))
			return
		}
		if read == most {
			t.Fatalf("got %d images before the newest, want at most %d of %d bytes", read, most, len(p.GetData()))
		}
	}
}

// TestWatchSoMany: a call that asks for a number of images gets them and ends.
func TestWatchSoMany(t *testing.T) {
	s := start(t, nil)
	f := startFeed(t, s.dial(t), "cam1")
	f.next(1)
	one := s.stockWatch(t, &api.WatchRequest{Stream: "cam1", Pictures: 1})
	if p, err := one.Recv(); err != nil || p.GetSeq() != 1 {
		t.Errorf("got image %d, %v, want the newest, 1", p.GetSeq(), err)
	}
	if _, err := one.Recv(); err != io.EOF {
		t.Errorf("got %v after the image, want io.EOF", err)
	}
	three := s.stockWatch(t, &api.WatchRequest{Stream: "cam1", Pictures: 1}, &api.WatchRequest{Pictures: 2})
	seq := uint64(1)
	for range 3 {
		p, err := three.Recv()
		if p.GetRepeat() { // On a busy machine the image before has been still for a second. It counts as one that was asked for.
			seq--
		}
		if err != nil || p.GetSeq() != seq {
			t.Errorf("got image %d, %v, want %d", p.GetSeq(), err, seq)
		}
		if seq++; !p.GetRepeat() {
			f.next(1)
		}
	}
	if _, err := three.Recv(); err != io.EOF {
		t.Errorf("got %v after three images, want io.EOF", err)
	}
	eventually(t, "they are viewers no more", func() bool { return s.viewers(t) == 1 })
}

// TestWatchErrors: an error has its code, says what is wrong, and, where there may be room later, when to try again.
func TestWatchErrors(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Live.MaxViewers, c.Live.MaxStreams = 1, 2 })
	c := s.dial(t)
	f := startFeed(t, c, "cam1")
	_, err := c.Watch(timeout(t), "cam1", nil)
	if e := wantError(t, err, codes.ResourceExhausted, "too many viewers"); e.Limit != "live.max_viewers" || e.RetryAfter <= 0 {
		t.Errorf("got %+v, want the limit and when to come again", e)
	}
	f.w.Close()
	eventually(t, "its viewer has gone", func() bool { return s.viewers(t) == 0 })
	publish(t, c, "cam2", numbered)
	_, err = c.Publish(timeout(t), "cam3", pipeline.Spec{}, nil)
	if e := wantError(t, err, codes.ResourceExhausted, "too many streams"); e.Limit != "live.max_streams" || e.RetryAfter <= 0 {
		t.Errorf("got %+v, want the limit and when to come again", e)
	}
	_, err = c.Watch(timeout(t), "cam9", nil)
	if e := wantError(t, err, codes.NotFound, "cam1"); e.Field != "stream" || !strings.Contains(e.Reason, "cam2") {
		t.Errorf("got %+v, want the streams that there are", e)
	}
	for _, tt := range []struct {
		name     string
		requests []*api.WatchRequest
		want     string
	}{
		{"no-request", nil, "ended without a request"},
		{"no-stream", []*api.WatchRequest{{Pictures: 1}}, "the first request has no stream"},
		{"stream-again", []*api.WatchRequest{{Stream: "cam1", Pictures: 1}, {Stream: "cam1"}}, "got stream, max_fps or pull again"},
		{"max-fps", []*api.WatchRequest{{Stream: "cam1", MaxFps: -1}}, "got max_fps -1"},
		{"long", []*api.WatchRequest{{Stream: strings.Repeat("x", 2000)}}, "want at most 1024"},
	} {
		stream := s.stockWatch(t, tt.requests...)
		for err = nil; err == nil; {
			_, err = stream.Recv()
		}
		eventually(t, "its place is free again", func() bool { return s.viewers(t) == 0 })
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want InvalidArgument with %q", tt.name, err, tt.want)
		}
	}
}

// TestStalledViewersEnd: a viewer that reads nothing for live.stall is disconnected; one that is merely slow is not.
func TestStalledViewersEnd(t *testing.T) {
	t.Parallel()
	patience.Grow(t, time.Second, stalledViewersEnd)
}

func stalledViewersEnd(t testing.TB, stall time.Duration) {
	s := start(t, func(c *server.Config) { c.Live.Stall = server.Duration(stall) })
	c := s.dial(t)
	noise := pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 1000, Height: 1000}, Output: pipeline.Output{Quality: 95}}
	frames := makeFrames(t, noise.Input, 2)
	p := publish(t, c, "cam1", noise)
	w := watch(t, c, "cam1", nil)
	stalled, slow := s.stockWatch(t, &api.WatchRequest{Stream: "cam1"}), s.stockWatch(t, &api.WatchRequest{Stream: "cam1"})
	ctx, stop := context.WithCancel(timeout(t))
	var reading sync.WaitGroup
	received := 0
	reading.Go(func() { // one of some forty frames
		tick := time.NewTicker(2 * stall / 5)
		defer tick.Stop()
		for ctx.Err() == nil {
			if _, err := slow.Recv(); err != nil {
				t.Errorf("slow: %v", err)
				return
			}
			received++
			<-tick.C
		}
	})
	var pic client.LiveImage
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := 0; !strings.Contains(s.log.String(), "the image was not read within live.stall"); i++ {
		<-tick.C
		if err := p.Send(frames[i%2]); err != nil {
			t.Fatal(err)
		}
		if err := w.Next(&pic); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	reading.Wait()
	var err error
	for err == nil {
		_, err = stalled.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("got %v for the one that read nothing, want its connection ended", err)
	}
	if received == 0 {
		t.Error("the slow one got nothing")
	}
}

// TestDrainEndsLiveStreams: when the server stops, viewers get the image on its way whole and are told, as publishers
// are, and a viewer that reads nothing does not delay the stop.
func TestDrainEndsLiveStreams(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := s.dial(t)
	f := startFeed(t, c, "cam1")
	f.next(1)
	stuck := s.stockWatch(t, &api.WatchRequest{Stream: "cam1"})
	waiting := watch(t, s.dial(t), "cam1", nil)
	silent := publish(t, s.dial(t), "cam2", numbered)
	var ending sync.WaitGroup
	for range 3 {
		w := watch(t, s.dial(t), "cam1", nil)
		ending.Go(func() {
			var pic client.LiveImage
			var err error
			for err == nil {
				if err = w.Next(&pic); err == nil {
					if _, bad := numberOf(pic.Data); bad != nil {
						t.Errorf("got an image that is none: %v", bad)
					}
				}
			}
			wantError(t, err, codes.Unavailable, "")
		})
	}
	f.next(100)
	s.stop()
	wantComplete(t, s)
	ending.Wait()
	var pic client.LiveImage
	var err error
	for err == nil {
		err = waiting.Next(&pic)
	}
	wantError(t, err, codes.Unavailable, "")
	_, err = f.p.Close()
	wantError(t, err, codes.Unavailable, "")
	_, err = silent.Close()
	wantError(t, err, codes.Unavailable, "")
	for err = nil; err == nil; {
		_, err = stuck.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("got %v for the stuck one, want Unavailable", err)
	}
}
