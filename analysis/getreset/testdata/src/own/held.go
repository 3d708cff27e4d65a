package own

import "sync"

type span struct{ id int }

// What a reset leaves is kept by the pool: elastic/fleet-server#5317.
type block struct {
	action, flags int
	done          chan bool
	log           *span // of the pool's New, for good
	next          *block
	span          *span
}

type wishes struct {
	refresh bool
	span    *span
}

type bulk struct{ pool sync.Pool }

func newBulk(log *span) *bulk {
	return &bulk{pool: sync.Pool{New: func() any { return &block{done: make(chan bool, 1), log: log} }}}
}

func (b *bulk) take(action int, opts wishes) *block {
	k := b.pool.Get().(*block)
	k.action = action
	if opts.refresh {
		k.flags |= 1
	}
	k.span = opts.span
	return k
}

func (b *bulk) free(k *block) {
	k.reset()
	b.pool.Put(k)
}

func (k *block) reset() {
	k.action = 0
	k.flags = 0
	k.next = nil // want `span is not reset with the others, although take sets it: bulk.pool keeps what it points to`
}

func (k *block) id() int {
	if k.span != nil && k.log != nil {
		return k.span.id
	}
	return k.action
}

// Right: what it leaves it has for good, or sets back in another function.
type cell struct {
	n, m  int
	owner *span
	next  *cell
	last  *span
}

var cells = sync.Pool{New: func() any { return new(cell) }}

func takeCell(last *span) *cell {
	c := cells.Get().(*cell)
	c.last = last
	if c.owner == nil {
		c.owner = &span{id: 1}
	}
	return c
}

func (c *cell) release() {
	c.n, c.m = 0, 0
	c.next = nil
	c.forget()
	cells.Put(c)
}

func (c *cell) forget() { c.last = nil }

func (c *cell) sum() int {
	if c.last != nil && c.owner != nil {
		return c.n + c.m + c.owner.id + c.last.id
	}
	return 0
}

// Right: what an interface has may be there for good.
type clock interface{ now() int }

type timer struct {
	n, m  int
	clock clock
	next  *timer
}

var timers = sync.Pool{New: func() any { return new(timer) }}

func takeTimer(c clock) *timer {
	t := timers.Get().(*timer)
	t.clock = c
	return t
}

func (t *timer) release() {
	t.n, t.m = 0, 0
	t.next = nil
	timers.Put(t)
}

func (t *timer) sum() int {
	if t.clock == nil {
		return 0
	}
	return t.n + t.m + t.clock.now()
}
