// Package aibrix has the shape of vllm-project/aibrix#2440: a handler of one step of a request gives the request's context back
// to the pool on an error, the loop that called it goes on, and gives it back again at its end.
package aibrix

import "sync"

type context struct {
	requests int
	done     bool
}

var contexts = sync.Pool{New: func() any { return new(context) }}

func newContext() *context {
	c := contexts.Get().(*context)
	*c = context{}
	return c
}

func (c *context) delete() { contexts.Put(c) }

type message struct{ kind int }

func process(next func() (message, bool)) int {
	c := newContext()
	defer c.delete()
	for {
		m, ok := next()
		if !ok {
			return c.requests
		}
		failed := handle(c, m) // want `a value is put back here and again by the defer in line \d+: the pool lends it to two at once`
		if failed {
			return -1
		}
	}
}

func handle(c *context, m message) (failed bool) {
	defer func() {
		if failed {
			c.delete()
		}
	}()
	c.requests++
	return m.kind < 0
}

func processWithoutDefer(next func() (message, bool)) {
	c := newContext()
	m, _ := next()
	handle(c, m)
	c.delete() // want `a value is put back twice when handle has done so in line \d+`
}

func end(c *context) {
	defer c.delete()
	c.done = true
}

func goesOn(next func() (message, bool)) int {
	c := newContext()
	for {
		m, ok := next()
		if !ok {
			return c.requests // want `use of a value after it was put back`
		}
		if m.kind == 0 {
			end(c)
		}
	}
}

// The fix: who got it puts it back, once, at the end.
func right(next func() (message, bool)) int {
	c := newContext()
	defer c.delete()
	for {
		m, ok := next()
		if !ok {
			return c.requests
		}
		if step(c, m) {
			return -1
		}
	}
}

func step(c *context, m message) (failed bool) {
	c.requests++
	return m.kind < 0
}
