// Package waitlist keeps goroutines that wait for their turn, in the order in which they came. The owner of the list
// decides who is next, and when. Waiters are used again: in steady state nothing is allocated.
package waitlist

// List is a queue of waiters, each with a value of its own. The zero List is empty. Its owner guards it with a lock, which
// is not held while a waiter waits.
type List[T any] struct {
	first, last *Waiter[T]
	len         int
	free        *Waiter[T] // to be used again, linked by next
}

// Waiter is a place in a List. It stays its caller's until Free.
type Waiter[T any] struct {
	Value T

	turn       chan struct{} // holds one token from Wake until it is received
	prev, next *Waiter[T]
	waiting    bool
}

// New returns a waiter that is not in the list. Its Value is that of an earlier use, or zero.
func (l *List[T]) New() *Waiter[T] {
	w := l.free
	if w == nil {
		return &Waiter[T]{turn: make(chan struct{}, 1)}
	}
	l.free, w.next = w.next, nil
	return w
}

// Free takes w, which is not in the list, for another New. A token that was not received is dropped.
func (l *List[T]) Free(w *Waiter[T]) {
	select {
	case <-w.turn:
	default:
	}
	w.next, l.free = l.free, w
}

// Len returns how many wait.
func (l *List[T]) Len() int { return l.len }

// First returns the waiter that has waited longest, nil when the list is empty.
func (l *List[T]) First() *Waiter[T] { return l.first }

// Append puts w at the end of the list.
func (l *List[T]) Append(w *Waiter[T]) {
	w.waiting, w.prev = true, l.last
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.len++
}

// Remove takes w out of the list.
func (l *List[T]) Remove(w *Waiter[T]) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.waiting, w.prev, w.next = false, nil, nil
	l.len--
}

// Wake takes w out of the list and gives it its turn.
func (l *List[T]) Wake(w *Waiter[T]) {
	l.Remove(w)
	w.turn <- struct{}{}
}

// Turn returns the channel that w receives from once, when Wake was called for it.
func (w *Waiter[T]) Turn() <-chan struct{} { return w.turn }

// Waiting reports whether w is in the list.
func (w *Waiter[T]) Waiting() bool { return w.waiting }

// Next returns the waiter after w, nil when w is the last.
func (w *Waiter[T]) Next() *Waiter[T] { return w.next }
