package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/client"
)

// fakeServer serves batches one after the other, as many at a time as it has workers.
type fakeServer struct {
	took    time.Duration // by a batch
	stall   time.Duration // it does nothing from stall to awake, counted from its first batch
	awake   time.Duration
	refuse  func(n int) *Error // may be nil
	workers int                // 0: 1

	mu    sync.Mutex
	begun time.Time
	sent  []sending // in order
}

// sending is when a batch was sent, and over which link.
type sending struct {
	n, link int
	at      time.Duration
}

// fakeLink is a link to a fakeServer.
type fakeLink struct {
	linkOptions
	server *fakeServer
	index  int
	calls  chan *call
	wait   sync.WaitGroup
}

// on makes g's links those to s.
func (s *fakeServer) on(g *Generator) *Generator {
	links := 0
	g.dial = func(o linkOptions) (link, error) {
		l := &fakeLink{linkOptions: o, server: s, index: links, calls: make(chan *call, 10_000)}
		links++
		for range max(s.workers, 1) {
			l.wait.Go(l.serve)
		}
		return l, nil
	}
	return g
}

func (l *fakeLink) send(c *call) {
	s := l.server
	s.mu.Lock()
	if s.begun.IsZero() {
		s.begun = time.Now()
	}
	s.sent = append(s.sent, sending{c.n, l.index, time.Since(s.begun)})
	s.mu.Unlock()
	l.calls <- c
}

func (l *fakeLink) serve() {
	s := l.server
	for c := range l.calls {
		if s.refuse != nil {
			if err := s.refuse(c.n); err != nil {
				l.receiver.failed(c, err)
				continue
			}
		}
		s.mu.Lock()
		now := time.Since(s.begun)
		s.mu.Unlock()
		if now >= s.stall && now < s.awake {
			time.Sleep(s.awake - now)
		}
		time.Sleep(s.took)
		l.receiver.answered(c, make([]client.Image, len(c.frames)))
	}
}

func (l *fakeLink) close() {
	close(l.calls)
	l.wait.Wait()
}

// bare are options of a load whose images nobody looks at.
func bare() Options {
	o := small()
	o.Verify, o.Requests = false, 0
	return o
}

// Each second of a load has its row, the last one too, which ends before it is over.
func TestEverySecondHasItsRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := bare() // ten batches of five frames a second
		o.Duration = 3 * time.Second
		server := &fakeServer{took: 10 * time.Millisecond}
		r, err := server.on(newGenerator(t, o)).Run(t.Context())
		if err != nil || len(r.Seconds) != 3 {
			t.Fatalf("got %v, %v, want three seconds", r.Seconds, err)
		}
		for _, s := range r.Seconds {
			if s.FPS < 49.9 || s.FPS > 50.1 || *s.Max != 10 {
				t.Errorf("got %v frames/s and at most %v ms up to %v s, want 50 and 10", s.FPS, *s.Max, s.End)
			}
		}
	})
}

// A server that stalls for a second shows in the latencies of all batches that were due in it, however few of them could
// be sent meanwhile.
func TestStallShows(t *testing.T) {
	measure := func(outstanding int) (latencies []time.Duration, r Result) {
		synctest.Test(t, func(t *testing.T) {
			o := bare()
			o.Duration, o.Outstanding = 3*time.Second, outstanding
			o.Answered = func(a *Response) error {
				latencies = append(latencies, a.Latency)
				return nil
			}
			server := &fakeServer{took: 10 * time.Millisecond, stall: 995 * time.Millisecond, awake: 1995 * time.Millisecond}
			var err error
			if r, err = server.on(newGenerator(t, o)).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
		return latencies, r
	}
	var want []time.Duration
	free := time.Duration(0) // when the server has answered all so far
	for n := range 30 {
		due := time.Duration(n) * 100 * time.Millisecond
		begun := max(due, free)
		if begun >= 995*time.Millisecond && begun < 1995*time.Millisecond {
			begun = 1995 * time.Millisecond
		}
		free = begun + 10*time.Millisecond
		want = append(want, free-due)
	}
	for _, tt := range []struct{ outstanding, held int }{{16, 0}, {1, 10}, {3, 7}} {
		got, r := measure(tt.outstanding)
		if !slices.Equal(got, want) {
			t.Errorf("%d outstanding: got latencies\n%v\nwant\n%v", tt.outstanding, got, want)
		}
		if r.HeldSends < tt.held || tt.held == 0 && r.HeldSends > 0 || r.LateSends != 0 {
			t.Errorf("%d outstanding: got %d sends held and %d late, want at least %d and none", tt.outstanding, r.HeldSends, r.LateSends, tt.held)
		}
		if slow := slices.IndexFunc(r.Curve, func(p CurvePoint) bool { return p.MS > 100 }); slow < 0 || r.Curve[slow].Fraction < 0.6 || r.Curve[slow].Fraction > 0.7 {
			t.Errorf("%d outstanding: got the curve %v, want a third of it above 100 ms", tt.outstanding, r.Curve)
		}
		if r.Batches != 30 || r.Images != 150 || r.Max < 1004 || r.Max > 1006 {
			t.Errorf("%d outstanding: got %d batches, %d images, max %v ms", tt.outstanding, r.Batches, r.Images, r.Max)
		}
	}
}

// Connections take turns, and all together keep the rate.
func TestConnectionsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := bare()
		o.Connections, o.Requests = 3, 10
		server := &fakeServer{took: time.Millisecond}
		r, err := server.on(newGenerator(t, o)).Run(t.Context())
		if err != nil || r.Answered != 10 {
			t.Fatalf("got %d responses, %v", r.Answered, err)
		}
		for i, s := range server.sent {
			if want := (sending{i, i % 3, time.Duration(i) * 100 * time.Millisecond}); s != want {
				t.Errorf("got %+v, want %+v", s, want)
			}
		}
		if r.Duration != 1 || r.FPS != 50 || r.Pace < 49.99 || r.Pace > 50.01 {
			t.Errorf("got %v fps, pace %v, in %v s, want 50 in 1 s", r.FPS, r.Pace, r.Duration)
		}
	})
}

// A load ends when it should, whatever the server does not do; what was due and never sent is reported, and its wait counts.
func TestUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := bare()
		o.Duration, o.Outstanding = 2*time.Second, 2
		server := &fakeServer{took: 5 * time.Second}
		r, err := server.on(newGenerator(t, o)).Run(t.Context())
		if err != nil || r.Batches != 2 || r.Unsent != 18 || r.Answered != 2 {
			t.Errorf("got %d batches sent, %d not, %d answered, %v, want 2, 18 and 2", r.Batches, r.Unsent, r.Answered, err)
		}
		// Batches were due at 0.2 to 1.9 s, and the load ended at 2.1.
		if r.P50 < 900 || r.P50 > 1300 || r.Max < 9899 {
			t.Errorf("got p50 %v ms, max %v, want the waits of what was not sent in it", r.P50, r.Max)
		}
		if r.Wrong() == nil {
			t.Error("got nothing wrong")
		}
	})
}

// With the end of its context a load sends no more, and what is on its way is still answered.
func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		server := &fakeServer{took: time.Second, workers: 8}
		r, err := server.on(newGenerator(t, bare())).Run(ctx)
		if err != nil || r.Batches != 3 || r.Answered != 3 || r.Unsent != 0 {
			t.Errorf("got %d sent, %d answered, %d unsent, %v, want 3, 3 and none", r.Batches, r.Answered, r.Unsent, err)
		}
	})
}

func TestAnsweredEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enough, o, responses := errors.New("enough"), bare(), 0
		o.Answered = func(a *Response) error {
			if responses++; a.Batch == 2 {
				return enough
			}
			return nil
		}
		server := &fakeServer{took: time.Millisecond}
		r, err := server.on(newGenerator(t, o)).Run(t.Context())
		if err != enough || r.Error != "enough" || responses != 3 {
			t.Errorf("got %v, %q after %d responses, want the error of the third", err, r.Error, responses)
		}
	})
}

// What happens to batches is counted by kind; only responses and waits count as latencies.
func TestOutcomesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := bare()
		o.Requests = 20
		server := &fakeServer{took: time.Millisecond, refuse: func(n int) *Error {
			switch n % 5 {
			case 1:
				return &Error{Class: Rejected, Reason: fmt.Sprintf("full at %d", n), RetryAfter: time.Second}
			case 2:
				time.Sleep(50 * time.Millisecond)
				return &Error{Class: TimedOut, Reason: "late"}
			case 3:
				return &Error{Kind: "Internal", Reason: fmt.Sprintf("bug at %d", n)}
			}
			return nil
		}}
		var last Progress
		o.Second = func(p Progress) { last = p }
		r, err := server.on(newGenerator(t, o)).Run(t.Context())
		if err != nil || r.Answered != 8 || r.Rejects != 4 || r.Timeouts != 4 || r.RejectReason != "full at 1" {
			t.Errorf("got %d answered, %d rejected (%s), %d timed out, %v", r.Answered, r.Rejects, r.RejectReason, r.Timeouts, err)
		}
		if want := []Failure{{"Internal", 4, 20, "bug at 3"}}; !slices.Equal(r.Errors, want) || r.FailedFrames != 20 {
			t.Errorf("got %v, %d frames, want %v", r.Errors, r.FailedFrames, want)
		}
		if r.P50 > 1.1 || r.P95 < 49 || r.P95 > 51 {
			t.Errorf("got p50 %v, p95 %v, want 1 and 50: 8 responses and 4 that timed out", r.P50, r.P95)
		}
		if last.Rejects != 2 || last.Errors != 4 || last.FPS < 19 || last.FPS > 21 {
			t.Errorf("got %+v after a second, want 2 rejects, 4 errors, 20 fps", last)
		}
		want := "20 frames failed, 4 batches timed out, 4 batches were rejected"
		if got := r.Wrong(); got == nil || got.Error() != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

// TestGoneAdvice: a server that was never there says what may be wrong with the command line.
func TestGoneAdvice(t *testing.T) {
	for reason, want := range map[string]string{
		"connection refused":                "no server at h:1: connection refused (does it run, and listen there?)",
		"error reading server preface: EOF": "no gRPC without TLS at h:1: error reading server preface: EOF (check the port; where the server has TLS, add --tls)",
		"authentication handshake failed: tls: first record does not look like a TLS handshake": "the server at h:1 does not speak TLS: leave out --tls, --ca and --insecure",
	} {
		if got := (&GoneError{Target: "h:1", Reason: reason}).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A server that is gone ends the load, which says so.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeServer{took: time.Millisecond, refuse: func(n int) *Error {
			if n >= 5 {
				return &Error{Class: Gone, Reason: "connection refused"}
			}
			return nil
		}}
		r, err := server.on(newGenerator(t, bare())).Run(t.Context())
		want := "the server at 127.0.0.1:1 went away after 0.5 s: connection refused"
		if err == nil || err.Error() != want || r.Error != want || r.Answered != 5 {
			t.Errorf("got %v, %q after %d responses, want %s", err, r.Error, r.Answered, want)
		}
	})
}
