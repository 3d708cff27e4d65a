package fault

import "sync/atomic"

// Repeated keeps what a server made of refusals to say them. Under overload there are many that say the same, and to make it takes a part
// of the time of such a request. Where numbers differ by a few, as the length of a queue does, there is a place for each. The zero Repeated
// is ready. Its method may be called from any goroutine.
type Repeated[T any] [4]atomic.Pointer[said[T]]

// said is a refusal and what was made of it.
type said[T any] struct {
	fault Error
	made  T
}

// Of returns what form makes of f, or made of an equal one before. Who gets it must not change it: others may have the same.
func (r *Repeated[T]) Of(f *Error, form func(*Error) T) T {
	if f.Kind != Busy || f.Err != nil {
		return form(f)
	}
	place := &r[uint64(f.Got)%uint64(len(r))]
	if last := place.Load(); last != nil && last.fault == *f {
		return last.made
	}
	made := form(f)
	place.Store(&said[T]{*f, made})
	return made
}
