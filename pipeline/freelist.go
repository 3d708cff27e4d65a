package pipeline

import (
	"sync"

	"github.com/steadyframe/steadyframe/pool"
)

// freeList keeps what is used again from run to run. The first of them are held strongly, so that neither an idle
// minute nor a goroutine's move to another processor makes a run allocate; what a burst needs beyond goes through a
// pool.Of, from which the collector takes it.
type freeList[T any] struct {
	more pool.Of[T]

	mu   sync.Mutex
	kept []*T // at most its capacity
}

func (l *freeList[T]) init(keep int, create func() *T) {
	l.more.New = create
	l.kept = make([]*T, 0, keep)
}

// len returns how many are kept strongly, and not in use.
func (l *freeList[T]) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.kept)
}

func (l *freeList[T]) get() *T {
	l.mu.Lock()
	if last := len(l.kept) - 1; last >= 0 {
		t := l.kept[last]
		l.kept[last] = nil
		l.kept = l.kept[:last]
		l.mu.Unlock()
		return t
	}
	l.mu.Unlock()
	return l.more.Get()
}

func (l *freeList[T]) put(t *T) {
	l.mu.Lock()
	if len(l.kept) < cap(l.kept) {
		l.kept = append(l.kept, t)
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	l.more.Put(t)
}
