package engine

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/internal/lookout"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

const (
	// shedEvery is how often unread responses are looked for.
	shedEvery = 50 * time.Millisecond
	// patience is how long a client may read nothing of a response while others wait for memory, or unread responses have
	// more than half of it; littlePatience the same where they have more than three quarters. A client that is merely slow
	// reads some within that time. The client that has read nothing for longest is disconnected first.
	patience       = 500 * time.Millisecond
	littlePatience = 100 * time.Millisecond
)

// unsent is the responses of all APIs that clients have not read yet.
type unsent struct {
	mu    sync.Mutex
	open  map[*Sending]struct{}
	begun bool // whether one has begun since the last look
	watch *lookout.Lookout
}

// Sending is a response on its way, or several, one after the other. Its methods may be called from any goroutine.
type Sending struct {
	engine *Engine
	cut    func(*fault.Error)
	bytes  atomic.Int64
	taken  func() int64 // of Follow, or nil
	seen   int64        // of it, at the last look; unsent.mu guards it
	moved  atomic.Int64 // when the client last read some, in nanoseconds since Engine.Started
}

// NewSending returns a Sending. cut ends a response, for the reason that it is given: it is called from another
// goroutine when the client reads nothing and others need the memory, must not wait, and counts it.
func (e *Engine) NewSending(cut func(*fault.Error)) *Sending { return &Sending{engine: e, cut: cut} }

// Follow has the client's progress be seen from taken, which grows as the client reads, beside Moved. It is called before
// the first Begin.
func (s *Sending) Follow(taken func() int64) { s.taken = taken }

// Begin says that a response holds n bytes of the pool until End.
func (s *Sending) Begin(n int64) {
	if n == 0 {
		return
	}
	s.Moved()
	s.bytes.Store(n)
	u := &s.engine.unsent
	u.mu.Lock()
	if u.open == nil {
		u.open = map[*Sending]struct{}{}
	}
	u.open[s] = struct{}{}
	first := !u.begun
	u.begun = true
	if s.taken != nil {
		s.seen = s.taken()
	}
	u.mu.Unlock()
	if first {
		u.watch.Wake()
	}
}

// Moved says that the client has read some of the response.
func (s *Sending) Moved() { s.moved.Store(int64(time.Since(s.engine.Started))) }

// End says that the response holds nothing any more. A second call does nothing.
func (s *Sending) End() {
	if s.bytes.Swap(0) == 0 {
		return
	}
	u := &s.engine.unsent
	u.mu.Lock()
	delete(u.open, s)
	u.mu.Unlock()
}

// still returns for how long the client has read nothing.
func (s *Sending) still(now time.Duration) time.Duration { return now - time.Duration(s.moved.Load()) }

// bytes returns what all responses hold.
func (u *unsent) bytes() (n int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for s := range u.open {
		n += s.bytes.Load()
	}
	return n
}

// some reports whether there was a response since it was called last.
func (u *unsent) some() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	begun := u.begun
	u.begun = false
	return begun || len(u.open) > 0
}

// longest returns the responses of which nothing was read for least or longer, the longest first.
func (u *unsent) longest(now, least time.Duration) (found []*Sending) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for s := range u.open {
		if s.taken != nil {
			if n := s.taken(); n != s.seen {
				s.seen = n
				s.moved.Store(int64(now))
			}
		}
		if s.still(now) >= least {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *Sending) int { return cmp.Compare(a.moved.Load(), b.moved.Load()) })
	return found
}

// shed cuts unread responses where the memory is needed, and reports whether there was a response since it was called last.
func (e *Engine) shed() bool {
	some := e.unsent.some()
	held := e.unsent.bytes()
	if held == 0 {
		return some
	}
	p := e.Pool.Stats()
	now := time.Since(e.Started)
	e.cut(now, littlePatience, held-p.Budget/4*3, "unread responses held three quarters of the memory")
	excess, why := held-p.Budget/2, "unread responses held half of the memory"
	if p.Waiting > 0 && excess <= 0 {
		excess, why = 1, "others waited for memory"
	}
	e.cut(now, patience, excess, why)
	return true
}

// cut cuts responses of which nothing was read for least or longer, until they hold excess bytes less.
func (e *Engine) cut(now, least time.Duration, excess int64, why string) {
	if excess <= 0 {
		return
	}
	for _, s := range e.unsent.longest(now, least) {
		if excess <= 0 {
			return
		}
		excess -= s.bytes.Load()
		s.cut(fault.Errorf(fault.Slow, "the response was not read for %v, while %s", s.still(now).Round(time.Millisecond), why))
	}
}

// Shed cuts unread responses where the memory is needed, until ctx ends. It is for one goroutine.
func (e *Engine) Shed(ctx context.Context) {
	e.unsent.watch.Run(ctx.Done(), shedEvery, func(time.Time) bool { return e.shed() })
}
