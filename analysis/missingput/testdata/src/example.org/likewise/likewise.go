// Package likewise has functions that do with what they get as others do.
package likewise

import (
	"errors"
	"io"
	"sync"
)

// Iter reads what it is given. Its visitors may keep it, for all that is known of them.
type Iter struct {
	data []byte
	n    int
}

// Visitor is what others have.
type Visitor interface{ Visit(i *Iter) error }

// Config has a pool of iterators.
type Config struct {
	iters    sync.Pool
	visitors map[string]Visitor
	queue    chan *Iter
}

// Borrow lends an iterator.
func (c *Config) Borrow(p []byte) *Iter {
	i, ok := c.iters.Get().(*Iter)
	if !ok {
		i = new(Iter)
	}
	i.data, i.n = p, 0
	return i
}

// Return puts it back.
func (c *Config) Return(i *Iter) { c.iters.Put(i) }

func (c *Config) visit(name string, i *Iter) error {
	if v := c.visitors[name]; v != nil {
		return v.Visit(i)
	}
	return io.EOF
}

func (c *Config) skip(name string, i *Iter) int {
	if c.visit(name, i) != nil {
		return -1
	}
	return i.n
}

func (c *Config) push(i *Iter) bool {
	select {
	case c.queue <- i:
		return true
	default:
		return false
	}
}

func (c *Config) offer(name string, i *Iter) bool {
	if v := c.visitors[name]; v != nil {
		return v.Visit(i) == nil
	}
	return false
}

func (c *Config) count(p []byte) int {
	i := c.Borrow(p)
	defer c.Return(i)
	return i.n
}

func (c *Config) skipped(p []byte) int {
	i := c.Borrow(p)
	n := c.skip("one", i)
	c.Return(i)
	return n
}

func (c *Config) visited(p []byte) error {
	i := c.Borrow(p)
	err := c.visit("all", i)
	c.Return(i)
	return err
}

// Wrong: others put it back after skip.
func (c *Config) skippedWrong(p []byte) int {
	i := c.Borrow(p) // want `i from c.Borrow is never put back`
	return c.skip("two", i)
}

// Wrong: visit and skip.
func (c *Config) both(p []byte) (int, error) {
	i := c.Borrow(p) // want `i from c.Borrow is never put back`
	if err := c.visit("some", i); err != nil {
		return 0, err
	}
	return c.skip("two", i), nil
}

// Right: it is in the queue, or goes back.
func (c *Config) queued(p []byte) {
	i := c.Borrow(p)
	if !c.push(i) {
		c.Return(i)
	}
}

func (c *Config) queuedForSure(p []byte) {
	i := c.Borrow(p)
	c.push(i)
}

func (c *Config) offered(p []byte) {
	i := c.Borrow(p)
	if !c.offer("one", i) {
		c.Return(i)
	}
}

func (c *Config) offeredForSure(p []byte) {
	i := c.Borrow(p)
	c.offer("one", i)
}

// Right: another function, of which nothing is known, may keep it.
func (c *Config) other(p []byte, v Visitor) error {
	i := c.Borrow(p)
	return v.Visit(i)
}

func (c *Config) report(i *Iter) error { return c.visit("report", i) }

// Wrong: it is given to report alone, which stores nothing.
func (c *Config) reported(p []byte) error {
	i := c.Borrow(p) // want `i from c.Borrow is never put back`
	return c.report(i)
}

type batch struct {
	index map[string]*Iter
	items []any
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func newBatch() *batch { return batches.Get().(*batch) }

// Release puts it back.
func (b *batch) Release() { batches.Put(b) }

type pipeline struct {
	last  []any
	stage interface{ Run(b *batch) error }
}

// apply has others run it, who may have it for longer when it fails.
func (l *pipeline) apply(b *batch) error {
	l.last = append(l.last, b.items...)
	l.last[0] = b.items[0]
	return l.stage.Run(b)
}

// Right.
func (l *pipeline) set(key string) error {
	b := newBatch()
	b.index[key] = nil
	if err := l.apply(b); err != nil {
		return err
	}
	// Only release the batch on success.
	b.Release()
	return nil
}

// Right: another does, and run puts it back.
func (l *pipeline) run(key string, use func(b *batch)) {
	b := newBatch()
	defer b.Release()
	use(b)
}

// NewReleaser makes the value boxed, so that others may release it.
func NewReleaser() interface{ Release() } { return newBatch() }

// Constants are made of a value that another function gets, and nobody puts one back.

type term struct {
	value float64
	name  string
}

var terms = sync.Pool{New: func() any { return new(term) }}

func newTerm() *term { return terms.Get().(*term) }

// FreeTerm puts one back.
func FreeTerm(t *term) { terms.Put(t) }

func constant(v float64) *term {
	t := newTerm()
	t.value = v
	return t
}

func named(name string) *term {
	t := newTerm()
	t.name = name
	return t
}

// Right: constants stay.
func scale(c *collection, ready func() error) error {
	k := constant(2)
	if err := ready(); err != nil {
		return err
	}
	c.terms = append(c.terms, k)
	return nil
}

// Wrong: others put back what has a name.
func label(c *collection, ready func() error) error {
	t := named("x") // want `t from named is not put back when the function returns at line \d+ \(err != nil\)`
	if err := ready(); err != nil {
		return err
	}
	c.terms = append(c.terms, t)
	return nil
}

func length(ready func() error) int {
	t := named("y")
	n := len(t.name)
	FreeTerm(t)
	return n
}

// Wrong: it is got of the pool.
func plain(c *collection, ready func() error) error {
	t := newTerm() // want `t from newTerm is not put back when the function returns at line \d+ \(err != nil\)`
	if err := ready(); err != nil {
		return err
	}
	c.terms = append(c.terms, t)
	return nil
}

type collection struct{ terms []*term }

var slots [8]*term

// Right: where there is no place, it is dropped.
func placed() int {
	t := terms.Get().(*term)
	for i := range slots {
		if slots[i] == nil {
			slots[i] = t
			return i
		}
	}
	return -1
}

// Wrong: it is an error that there is none.
func placedOrError() (int, error) {
	t := terms.Get().(*term) // want `t from terms.Get is not put back when the function returns at line \d+`
	for i := range slots {
		if slots[i] == nil {
			slots[i] = t
			return i, nil
		}
	}
	return -1, errors.New("no place")
}

// scanner has an iterator, for all that is known of what makes it.
type scanner struct{ step func() int }

func newScanner(i *Iter, make func(*Iter) (*scanner, error)) (*scanner, error) { return make(i) }

func (s *scanner) next() int { return s.step() }

func (c *Config) scanRight(p []byte, make func(*Iter) (*scanner, error)) int {
	i := c.Borrow(p)
	defer c.Return(i)
	s, err := newScanner(i, make)
	if err != nil {
		return -1
	}
	return s.next()
}

// scan loses it: the scanner is nobody's when it returns.
func (c *Config) scan(p []byte, make func(*Iter) (*scanner, error)) int {
	i := c.Borrow(p) // want `i from c.Borrow is never put back: the pool loses it on every call`
	s, err := newScanner(i, make)
	if err != nil {
		return -1
	}
	return s.next()
}

// scanLater is right: who has the scanner may put it back.
func (c *Config) scanLater(p []byte, make func(*Iter) (*scanner, error)) *scanner {
	i := c.Borrow(p)
	s, err := newScanner(i, make)
	if err != nil {
		return nil
	}
	return s
}
