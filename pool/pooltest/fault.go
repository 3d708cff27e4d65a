package pooltest

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/pool"
)

// FailAt returns a pool.Check's Fault by which the n-th Get, counted from 1, returns a *pool.BudgetError (ErrBudget),
// though there is room. The others go on.
func FailAt(n int) func(bytes int) error {
	return at(n, func(bytes int) error {
		size := int64(pool.ClassSize(bytes))
		return &pool.BudgetError{Want: size, InUse: size, Budget: size} // would fit if nothing else were leased
	})
}

// PanicAt returns a pool.Check's Fault by which the n-th Get, counted from 1, panics with a Panic, as a stage may that
// fails where it asks for memory.
func PanicAt(n int) func(bytes int) error {
	return at(n, func(int) error { panic(Panic(n)) })
}

// Panic is what PanicAt panics with: which Get it was.
type Panic int

// Error says which Get it was.
func (p Panic) Error() string {
	return fmt.Sprintf("pooltest: panic at Get %d, as the test wants it", int(p))
}

// at returns a Fault that is f the n-th time and nothing otherwise.
func at(n int, f func(bytes int) error) func(int) error {
	var gets atomic.Int64
	return func(bytes int) error {
		if gets.Add(1) == int64(n) {
			return f(bytes)
		}
		return nil
	}
}

// EndAt returns a context that ends at the n-th call of its Err, counted from 1, with context.Canceled: code that
// checks its context between steps is canceled at each of them in turn. Call stop when done with it. It ends with
// parent too.
func EndAt(parent context.Context, n int) (ctx context.Context, stop context.CancelFunc) {
	inner, cancel := context.WithCancel(parent)
	return &ending{Context: inner, cancel: cancel, n: int64(n)}, cancel
}

// ending is a context that counts the calls of Err.
type ending struct {
	context.Context
	cancel context.CancelFunc
	n      int64
	calls  atomic.Int64
}

// Err implements context.Context.
func (e *ending) Err() error {
	if e.calls.Add(1) == e.n {
		e.cancel()
	}
	return e.Context.Err()
}
