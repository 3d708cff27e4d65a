package live

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/pool"
)

// growthWait is how long a stream waits for memory beyond what was admitted when it began.
const growthWait = 100 * time.Millisecond

// share is the part of the memory budget that JPEGs of all streams may take beyond what a stream has from its
// beginning: for their size, which is known only once they are read, and to decode them. So frames, and requests,
// always have the rest. Small uses, of usual cameras, are not counted, so that large ones cannot shut them out. Its
// methods may be called from any goroutine.
type share struct {
	total, small int64 // bytes: of all uses together, and of one that is not counted

	mu    sync.Mutex
	used  int64
	freed chan struct{} // closed when some was given back; nil while nobody waits
}

// newShare returns that of a memory budget.
func newShare(budget int64) share { return share{total: budget / 2, small: budget / 32} }

// grant is memory that was admitted, within the share or beside it. The zero grant is none.
type grant struct {
	memory pool.Grant
	share  *share
	bytes  int64 // of the share
}

// Release gives it back, once.
func (g *grant) Release() {
	g.memory.Release()
	if g.share != nil {
		g.share.give(g.bytes)
	}
	*g = grant{}
}

// admit waits a moment for n bytes of the share and of the budget. The error is pool.ErrBudget.
func (s *share) admit(e *engine.Engine, n int64, order *engine.Stream) (grant, error) {
	if n > s.total {
		return grant{}, fmt.Errorf("live: got %d bytes to hold for a JPEG, want at most %d, half of limits.memory_budget: %w", n, s.total, pool.ErrBudget)
	}
	ctx, cancel := context.WithTimeout(context.Background(), growthWait)
	defer cancel()
	counted := n
	if n <= s.small {
		counted = 0
	}
	if s.take(ctx, counted) {
		memory, err := e.Admit(ctx, n, order)
		if err == nil {
			return grant{memory, s, counted}, nil
		}
		s.give(counted)
	}
	return grant{}, fmt.Errorf("live: %d more bytes for a JPEG: %w", n, pool.ErrBudget)
}

// take waits for n bytes until ctx ends, and reports whether it got them.
func (s *share) take(ctx context.Context, n int64) bool {
	for {
		s.mu.Lock()
		if n == 0 || s.used+n <= s.total {
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
