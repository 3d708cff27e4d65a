package reuse

import (
	"sync"

	"github.com/steadyframe/steadyframe/pool"
)

// FreeList keeps objects from run to run. It holds some of them strongly, so that a run does not allocate after an idle
// minute, nor when its goroutine moves to another processor. Objects of a burst beyond that go through a pool.Of, from
// which the collector frees them.
type FreeList[T any] struct {
	more pool.Of[T]

	mu   sync.Mutex
	kept []*T // at most its capacity
}

// Init sets how many objects are held strongly at most, and what makes a new one. It is called once, before the others.
func (l *FreeList[T]) Init(keep int, create func() *T) {
	l.more.New = create
	l.kept = make([]*T, 0, keep)
}

// Len returns how many objects are held strongly. Those in use do not count.
func (l *FreeList[T]) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.kept)
}

// Get returns an object, that of the last Put or a new one. The caller owns it until Put.
func (l *FreeList[T]) Get() *T {
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

// Drop forgets the objects that are held strongly.
func (l *FreeList[T]) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.kept)
	l.kept = l.kept[:0]
}

// Put takes t back.
func (l *FreeList[T]) Put(t *T) {
	l.mu.Lock()
	if len(l.kept) < cap(l.kept) {
		l.kept = append(l.kept, t)
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	l.more.Put(t)
}
