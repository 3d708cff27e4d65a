package engine

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pool"
)

// A Client is a connection, or a live stream, whose use of the server is counted. Where several wait for a turn, the
// next one is for the client whose turns took the least time recently. Where several wait for memory, those go first
// that were admitted first. Its methods may be called from any goroutine. The zero Client is new.
type Client struct {
	memory Stream // of requests that are not streams
	paced  paced  // its requests that take no turn

	// The queue's.
	known bool          // whether it had a turn
	used  time.Duration // of turns, as of at; halved every usedHalf since
	at    time.Time
}

const (
	// usedHalf is the half-life of a client's count of used time.
	usedHalf = time.Second
	// newcomer is what a client begins with. Without it one connection for each request would always come first.
	newcomer = 100 * time.Millisecond
)

// recent returns how much time its turns took recently. A nil Client is a newcomer.
func (c *Client) recent(now time.Time) time.Duration {
	if c == nil || !c.known {
		return newcomer
	}
	return time.Duration(float64(c.used) * math.Exp2(-float64(now.Sub(c.at))/float64(usedHalf)))
}

// count adds a turn that took so long.
func (c *Client) count(now time.Time, took time.Duration) {
	if c == nil {
		return
	}
	c.used, c.at, c.known = c.recent(now)+took, now, true
}

// clientKey is where a context has its Client.
type clientKey struct{}

// WithClient returns a context for requests of c.
func WithClient(ctx context.Context, c *Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// clientOf returns the Client of a context, nil when it has none.
func clientOf(ctx context.Context) *Client {
	c, _ := ctx.Value(clientKey{}).(*Client)
	return c
}

// A Stream asks for memory again and again. It goes before callers that began to ask later, unless it pauses. The zero
// Stream has not asked yet. Its methods may be called from any goroutine.
type Stream struct {
	mu       sync.Mutex
	priority *pool.Priority // nil: it has not asked yet
	admitted time.Time      // when it was last
}

// longestPause is how long a Stream may ask for nothing and keep its priority. Without it a caller could take a priority
// long before it needs one.
const longestPause = 10 * time.Second

// admit waits for n bytes of p.
func (s *Stream) admit(ctx context.Context, p *pool.Pool, n int64) (pool.Grant, error) {
	s.mu.Lock()
	if s.priority == nil {
		s.priority = p.NewPriority()
	} else if time.Since(s.admitted) > longestPause {
		s.priority.Reset()
	}
	s.admitted = time.Now() // While it waits it does not pause.
	priority := s.priority
	s.mu.Unlock()
	g, err := priority.Admit(ctx, n)
	s.mu.Lock()
	s.admitted = time.Now()
	s.mu.Unlock()
	return g, err
}

// Admit waits for n bytes of the budget. A stream waits as long as its ctx allows: that is its backpressure. A request,
// whose stream is nil, waits at most timeouts.queue, and is then refused with Busy. A request that can never fit is
// refused with TooLarge at once. A sixteenth of the budget or less finds room while larger requests wait.
func (e *Engine) Admit(ctx context.Context, n int64, stream *Stream) (pool.Grant, error) {
	if stream != nil {
		g, err := stream.admit(ctx, e.Pool, n)
		if err != nil {
			return pool.Grant{}, fault.From(err)
		}
		return g, nil
	}
	wait := errors.New("waited for timeouts.queue")
	limited, cancel := context.WithTimeoutCause(ctx, time.Duration(e.Config.Timeout.Queue), wait)
	defer cancel()
	g, err := e.admitRequest(limited, n)
	switch {
	case err == nil:
		return g, nil
	case context.Cause(limited) == wait:
		s, reason := e.Pool.Stats(), "no memory within timeouts.queue"
		if s.Admitted+n <= s.Budget {
			reason += ": what became free went to requests that had asked before"
		}
		return pool.Grant{}, fault.BusyOf("limits.memory_budget", s.Admitted+n, s.Budget, reason)
	}
	return pool.Grant{}, fault.From(err)
}

// admitRequest waits for n bytes in the order of ctx's client.
func (e *Engine) admitRequest(ctx context.Context, n int64) (pool.Grant, error) {
	if c := clientOf(ctx); c != nil {
		return c.memory.admit(ctx, e.Pool, n)
	}
	return e.Pool.Admit(ctx, n)
}
