package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
	"github.com/steadyframe/steadyframe/pipeline"
)

// heavy is a batch that keeps a worker busy for longer than any test needs, unless it is canceled.
func heavy(t testing.TB) *client.Batch {
	t.Helper()
	spec := pipeline.Spec{
		Input:  frame.Desc{Format: frame.Gray8, Width: 16, Height: 16},
		Resize: pipeline.Resize{Width: 7000, Height: 7000},
		Output: pipeline.Output{Quality: 95},
	}
	return &client.Batch{Spec: spec, Frames: makeFrames(t, spec.Input, 64)}
}

// occupy makes the server busy with n heavy batches, sent one after the other. The returned function cancels them and
// waits.
func (s *running) occupy(t testing.TB, n int) (free func()) {
	t.Helper()
	c, batch := s.dial(t), heavy(t)
	ctx, cancel := context.WithCancel(timeout(t))
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			var a client.Response
			var e *client.Error
			if err := c.Encode(ctx, batch, &a); !errors.As(err, &e) || e.Code != codes.Canceled {
				t.Errorf("heavy batch: got %v, want it canceled", err)
			}
		})
		eventually(t, "a heavy batch is running or waiting", func() bool { st := s.Stats(); return st.Running+st.Waiting == i+1 })
	}
	return func() { cancel(); calls.Wait() }
}

func narrow(c *server.Config) {
	c.Workers, c.Limits.QueueDepth, c.Limits.MemoryBudget = 1, 1, 8<<30
}

// TestFullQueueRefusesAtOnce: one batch runs, one waits; a third is refused at once, with advice when to try again,
// before its frames are read.
func TestFullQueueRefusesAtOnce(t *testing.T) {
	s := start(t, narrow)
	free := s.occupy(t, 2)
	defer free()
	leased := s.Stats().Pool.Admitted
	frames := makeFrames(t, small.Input, 1)
	t.Run("grpc", func(t *testing.T) {
		var a client.Response
		var e *client.Error
		err := s.dial(t).Encode(timeout(t), &client.Batch{Spec: small, Frames: frames}, &a)
		if !errors.As(err, &e) || e.Code != codes.ResourceExhausted || e.RetryAfter <= 0 || e.Limit != "limits.queue_depth" {
			t.Errorf("got %v, limit and advice of %+v, want ResourceExhausted by limits.queue_depth, with advice", err, e)
		}
	})
	t.Run("http", func(t *testing.T) {
		resp := s.post(t, query(t, small), bytes.NewReader(frames[0]))
		p := checkProblem(t, resp, http.StatusTooManyRequests, "", "limits.queue_depth", "the queue is full (limits.queue_depth: got 2, want at most 1)")
		if resp.Header.Get("Retry-After") != "1" || p.RetryAfter != 1 {
			t.Errorf("got Retry-After %q and retry_after %d, want 1", resp.Header.Get("Retry-After"), p.RetryAfter)
		}
	})
	t.Run("not-ready", func(t *testing.T) {
		if status, body := s.admin(t, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "limits.queue_depth") {
			t.Errorf("/readyz: got %d, %q, want 503 with the limit", status, body)
		}
		if status, body := s.admin(t, "/healthz"); status != http.StatusOK {
			t.Errorf("/healthz: got %d, %q, want 200: a busy server is healthy", status, body)
		}
	})
	if got := s.Stats().Pool.Admitted; got != leased {
		t.Errorf("got %d bytes admitted after the refusals, want %d as before", got, leased)
	}
}

// TestRefusalSaysTheLoad: the first refusal of a connection says the load in its trailer, so that clients know it. The
// others, which say nothing new, come before the call has a handler, with the same advice, also while the frames are on their way. The
// load may be measured once more between them, of the last batch that was served.
func TestRefusalSaysTheLoad(t *testing.T) {
	s := start(t, narrow)
	frame := makeFrames(t, small.Input, 1)[0]
	eventually(t, "the load is known", func() bool {
		resp := s.post(t, query(t, small), bytes.NewReader(frame))
		readAll(t, resp.Body)
		return resp.Header.Get("Endpoint-Load-Metrics") != ""
	})
	free := s.occupy(t, 2)
	defer free()
	conn := s.dial(t).Conn()
	request := &api.EncodeRequest{Frames: [][]byte{make([]byte, 1<<20)}}
	var first *status.Status
	var said []string
	for i := range 20 {
		var trailer metadata.MD
		st := status.Convert(conn.Invoke(timeout(t), api.FrameService_Encode_FullMethodName, request, &api.EncodeResponse{}, grpc.Trailer(&trailer)))
		if i == 0 {
			first = st
		}
		if st.Code() != codes.ResourceExhausted || len(st.Details()) != 2 || !proto.Equal(st.Proto(), first.Proto()) {
			t.Errorf("call %d: got %v, want ResourceExhausted with advice and limit", i, st.Proto())
		}
		load := trailer["endpoint-load-metrics-bin"]
		if i == 0 && len(load) == 0 {
			t.Error("the first call does not say the load")
		}
		if len(load) > 0 && (len(said) == 2 || slices.Contains(said, load[0])) {
			t.Errorf("call %d: says a load, want it said once, or another one a second time", i)
		}
		said = append(said, load...)
	}
}

// TestDeadlineInTheQueue: a batch whose deadline passes while it waits is refused, and nothing is done for it.
func TestDeadlineInTheQueue(t *testing.T) {
	s := start(t, narrow)
	free := s.HoldTurns(1)
	defer free()
	c, batch := s.dial(t), &client.Batch{Spec: small, Frames: makeFrames(t, small.Input, 3)}
	waited := false
	for patience := 200 * time.Millisecond; !waited; patience *= 2 { // On a busy machine it may not be in the queue by then.
		ctx, cancel := context.WithTimeout(timeout(t), patience)
		watching := make(chan struct{})
		go func() {
			defer close(watching)
			for ctx.Err() == nil && !waited {
				waited = s.Stats().Waiting == 1
				runtime.Gosched()
			}
		}()
		var a client.Response
		var e *client.Error
		err := c.Encode(ctx, batch, &a)
		<-watching
		cancel()
		if !errors.As(err, &e) || e.Code != codes.DeadlineExceeded {
			t.Fatalf("got %v, want DeadlineExceeded", err)
		}
	}
	eventually(t, "the batch is out of the queue", func() bool { return s.Stats().Waiting == 0 && s.Stats().Failed >= 3 })
	if got := s.Stats().Frames; got != 0 {
		t.Errorf("got %d frames encoded, want none", got)
	}
}

// TestStreamsWaitTheirTurn: a stream is not refused when the queue is full; it goes on when there is room.
func TestStreamsWaitTheirTurn(t *testing.T) {
	s := start(t, narrow)
	free := s.HoldTurns(1)
	stream, err := s.dial(t).EncodeStream(timeout(t))
	if err != nil {
		free()
		t.Fatal(err)
	}
	frames := makeFrames(t, small.Input, 1)
	if err := stream.Send(&client.Batch{Spec: small, Frames: frames}); err != nil {
		t.Error(err)
	}
	eventually(t, "the stream's batch waits", func() bool { return s.Stats().Waiting == 1 })
	free()
	var a client.Response
	if err := stream.Recv(&a); err != nil {
		t.Fatal(err)
	}
	checkImages(t, images(t, &a), encodeDirectly(t, small, frames))
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
}

// TestMemoryBudget: a request that can never fit is refused at once; one that does not fit now waits for
// timeouts.queue. Both errors name the limit, and nothing beyond the budget is leased.
func TestMemoryBudget(t *testing.T) {
	const budget = 16 << 20
	s := start(t, func(c *server.Config) {
		c.Limits.MemoryBudget, c.Limits.MemoryFloor, c.Timeout.Queue, c.Limits.QueueDepth = budget, 0, server.Duration(50*time.Millisecond), 100
	})
	big := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 1000, Height: 1000}, Resize: pipeline.Resize{Width: 100, Height: 100}}
	frames := makeFrames(t, big.Input, 1)
	c := s.dial(t)
	t.Run("never", func(t *testing.T) {
		var a client.Response
		var e *client.Error
		batch := &client.Batch{Spec: big, Frames: [][]byte{frames[0], frames[0], frames[0], frames[0], frames[0]}}
		if err := c.Encode(timeout(t), batch, &a); !errors.As(err, &e) || e.Code != codes.InvalidArgument || e.Limit != "limits.memory_budget" {
			t.Errorf("got %v, want InvalidArgument by limits.memory_budget", err)
		}
	})
	t.Run("not-now", func(t *testing.T) {
		// Requests that have begun, and hold memory, until there is no more.
		for range 3 {
			conn := beginPost(t, s.Addrs().HTTP, query(t, big), len(frames[0]), frames[0][:600])
			defer func() { _ = conn.Close() }()
		}
		eventually(t, "all are open", func() bool { return s.Stats().OpenRequests == 3 })
		eventually(t, "memory is admitted", func() bool { return s.Stats().Pool.Admitted > budget/3 }) // Large requests have three quarters at most.
		var a client.Response
		var e *client.Error
		err := c.Encode(timeout(t), &client.Batch{Spec: big, Frames: [][]byte{frames[0], frames[0]}}, &a)
		if !errors.As(err, &e) || e.Code != codes.ResourceExhausted || e.Limit != "limits.memory_budget" || e.RetryAfter <= 0 {
			t.Errorf("got %v, want ResourceExhausted by limits.memory_budget with advice", err)
		}
	})
	if st := s.Stats().Pool; st.InUse+st.Idle > budget {
		t.Errorf("got %d bytes in the pool, want at most %d", st.InUse+st.Idle, budget)
	}
}

// beginPost sends the head of a request to /v1/encode and the first bytes of its body of length bytes, and no more.
func beginPost(t testing.TB, addr, query string, length int, first []byte) net.Conn {
	t.Helper()
	conn, err := dialRaw("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "POST /v1/encode?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", query, length, first); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestMaxStreams(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.MaxRequests = 2 })
	c := s.dial(t)
	ctx, cancel := context.WithCancel(timeout(t))
	defer cancel()
	for range 2 {
		stream, err := c.EncodeStream(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&client.Batch{Spec: small, Frames: makeFrames(t, small.Input, 1)}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "two streams are open", func() bool { return s.Stats().OpenRequests == 2 })
	resp := s.post(t, query(t, small), bytes.NewReader(makeFrames(t, small.Input, 1)[0]))
	checkProblem(t, resp, http.StatusTooManyRequests, "", "limits.max_requests", "got 3, want at most 2")
}

// TestOverload: with three times the callers that there is room for, some are served and the others are refused, faster
// than those are served. When the load ends, the server is as before.
func TestOverload(t *testing.T) {
	patience.Grow(t, 1500*time.Millisecond, overload)
}

func overload(t testing.TB, lasting time.Duration) {
	s := start(t, func(c *server.Config) { c.Workers, c.Limits.QueueDepth = 2, 4 })
	batch := &client.Batch{Spec: w1, Frames: makeFrames(t, w1.Input, 8)}
	var served, refused metrics.Histogram
	var callers sync.WaitGroup
	ctx, cancel := context.WithTimeout(timeout(t), lasting)
	defer cancel()
	for range 18 {
		c := s.dial(t)
		callers.Go(func() {
			var a client.Response
			for ctx.Err() == nil {
				begin := time.Now()
				err := c.Encode(timeout(t), batch, &a)
				var e *client.Error
				switch {
				case err == nil:
					served.Observe(time.Since(begin))
				case errors.As(err, &e) && e.Code == codes.ResourceExhausted && e.RetryAfter > 0:
					refused.Observe(time.Since(begin))
				default:
					t.Errorf("got %v, want a response or ResourceExhausted with advice", err)
					return
				}
			}
		})
	}
	callers.Wait()
	t.Logf("%d served, half within %v; %d refused, half within %v", served.Count(), served.Quantile(0.5), refused.Count(), refused.Quantile(0.5))
	if served.Count() == 0 || refused.Count() == 0 || refused.Quantile(0.5) >= served.Quantile(0.5) {
		t.Error("want some served, some refused, and these faster")
	}
	var a client.Response
	if err := s.dial(t).Encode(timeout(t), batch, &a); err != nil {
		t.Errorf("after the load: %v", err)
	}
	if st := s.Stats(); st.Frames != 8*(served.Count()+1) {
		t.Errorf("got %d frames counted, want 8 for each of %d batches served", st.Frames, served.Count()+1)
	}
}
