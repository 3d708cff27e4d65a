package live

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pool"
)

// growthWait is how long a stream waits for memory beyond what was admitted when it began.
const growthWait = 100 * time.Millisecond

// share is a part of the memory budget, so that others always have the rest. Small uses are not counted, so that large ones
// cannot shut them out. Its methods may be called from any goroutine.
type share struct {
	total, small int64  // bytes: of all uses together, and of one that is not counted
	alone        int64  // what one may have that is alone, if that is more than total
	within       *share // which has this share's part, too; may be nil

	mu    sync.Mutex
	used  int64
	freed chan struct{} // closed when some was given back; nil while nobody waits
}

// setShares makes the shares of live streams. All of them have three quarters of the pool together, for what each has from its
// beginning (frames, images) and for its JPEGs: requests have the rest. Streams of small frames are not counted. JPEGs
// have half of the budget for what a stream does not have from its beginning: for their size, which is known only once they are read,
// and to decode them; those of usual cameras are not counted in that.
func (l *Live) setShares() {
	budget, pool := int64(l.engine.Config.Limits.MemoryBudget), l.engine.Pool.Stats().Budget
	l.streams = share{total: pool / 4 * 3, small: pool / 512, alone: min(aloneMost, pool)}
	l.jpegs = share{total: budget / 2, small: budget / 32, within: &l.streams}
}

// aloneMost is what a stream may have that is alone, however small the budget is: what 4K video takes.
const aloneMost = 64 << 20

// grant is memory that was admitted, within the share or beside it. The zero grant is none.
type grant struct {
	memory pool.Grant
	share  *share
	bytes  int64 // that are counted in share and in those that it is within
}

// Release gives it back, once.
func (g *grant) Release() {
	g.memory.Release()
	g.share.giveAll(g.bytes)
	*g = grant{}
}

// admit waits a moment for n bytes of the share and of the budget. The error is pool.ErrBudget.
func (s *share) admit(e *engine.Engine, n int64, order *engine.Stream) (grant, error) {
	if n > s.total {
		return grant{}, fmt.Errorf("live: got %d bytes to hold for a JPEG, want at most %d, half of limits.memory_budget: %w", n, s.total, pool.ErrBudget)
	}
	ctx, cancel := context.WithTimeout(context.Background(), growthWait)
	defer cancel()
	if s.takeAll(ctx, n) {
		memory, err := e.Admit(ctx, n, order)
		if err == nil {
			return grant{memory, s, n}, nil
		}
		s.giveAll(n)
	}
	return grant{}, fmt.Errorf("live: %d more bytes for a JPEG: %w", n, pool.ErrBudget)
}

// admitFirst waits for the n bytes that a stream has from its beginning, timeouts.queue at most for each of share and budget. The
// error is a *fault.Error.
func (s *share) admitFirst(ctx context.Context, e *engine.Engine, n int64) (grant, error) {
	if most := max(s.total, s.alone); n > most {
		return grant{}, fault.LimitOf("limits.memory_budget", n, most, "it needs more memory than there is for live streams and the ring, three quarters of the pool")
	}
	wait, cancel := context.WithTimeout(ctx, time.Duration(e.Config.Timeout.Queue))
	defer cancel()
	switch {
	case s.takeAll(wait, n):
	case ctx.Err() != nil:
		return grant{}, fault.From(context.Cause(ctx))
	default:
		return grant{}, fault.BusyOf("limits.memory_budget", s.now()+n, s.total, "no memory within timeouts.queue: live streams and the ring have all that they may")
	}
	memory, err := e.Admit(ctx, n, nil)
	if err != nil {
		s.giveAll(n)
		return grant{}, err
	}
	return grant{memory, s, n}, nil
}

// Hold waits for n bytes that the caller holds as long as its connection is open, timeouts.queue at most. They are in the share of
// live streams: a request gives back what it has soon, but these could have all memory for as long as they like. release gives them
// back, once. The error is a *fault.Error.
func (l *Live) Hold(ctx context.Context, n int64) (release func(), err error) {
	g, err := l.streams.admitFirst(ctx, l.engine, n)
	if err != nil {
		return nil, err
	}
	return g.Release, nil
}

// counted returns how much of a use of n bytes counts.
func (s *share) counted(n int64) int64 {
	if n <= s.small {
		return 0
	}
	return n
}

// takeAll waits for n bytes of s and of those that it is within until ctx ends, and reports whether it got them.
func (s *share) takeAll(ctx context.Context, n int64) bool {
	for at := s; at != nil; at = at.within {
		if !at.take(ctx, at.counted(n)) {
			for back := s; back != at; back = back.within {
				back.give(back.counted(n))
			}
			return false
		}
	}
	return true
}

// giveAll gives back what takeAll took. It may be called on nil.
func (s *share) giveAll(n int64) {
	for ; s != nil; s = s.within {
		s.give(s.counted(n))
	}
}

// now returns how much is used.
func (s *share) now() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// take waits for n bytes until ctx ends, and reports whether it got them.
func (s *share) take(ctx context.Context, n int64) bool {
	for {
		s.mu.Lock()
		if n == 0 || s.used+n <= s.total || s.used == 0 && n <= s.alone {
			s.used += n
			s.mu.Unlock()
			return true
		}
		if s.freed == nil {
			s.freed = make(chan struct{})
		}
		freed := s.freed
		s.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return false
		}
	}
}

// give gives n bytes back.
func (s *share) give(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
	if s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
}
