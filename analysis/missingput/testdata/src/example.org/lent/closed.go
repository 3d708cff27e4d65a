package lent

import (
	"bytes"
	"sync"
)

// Nobody but who gets a state puts it back: the pool is closed.

type state struct {
	errs  []error
	steps []func(*state)
	inner *state
}

var states = sync.Pool{New: func() any { return new(state) }}

// run gives the state to functions of which nothing is known.
func (s *state) run() {
	for _, step := range s.steps {
		step(s)
	}
}

// failed returns what the state refers to.
func (s *state) failed() []error { return s.errs }

func whole(steps []func(*state)) {
	s := states.Get().(*state)
	defer states.Put(s)
	s.steps = steps
	s.run()
}

// Wrong.

func lost(steps []func(*state)) []error {
	s := states.Get().(*state) // want `s from states.Get is never put back`
	s.steps = steps
	s.run()
	return s.failed()
}

func lostByField(visit func(*state)) {
	s := newState() // want `s from newState is never put back`
	visit(s)
}

func newState() *state {
	s := states.Get().(*state)
	s.errs = s.errs[:0]
	return s
}

// lookedInto asks what is in the buffer, and not whether to keep it.
func lookedInto(s sink, p []byte) {
	b := lentBufs.Get().(*bytes.Buffer) // want `b from lentBufs.Get is never put back`
	b.Reset()
	b.Write(p)
	if !bytes.Contains(b.Bytes(), p) {
		b.WriteByte(0)
	}
	s.Encode(b)
}

// byPointer has a pool by pointer.
type byPointer struct{ states *sync.Pool }

func newByPointer() *byPointer {
	return &byPointer{states: &sync.Pool{New: func() any { return new(state) }}}
}

func (p *byPointer) whole() {
	s := p.states.Get().(*state)
	s.run()
	p.states.Put(s)
}

func (p *byPointer) lost() []error {
	s := p.states.Get().(*state) // want `s from p.states.Get is never put back`
	s.run()
	return s.failed()
}

// tokens has the pool in a field, and a method that puts, which only functions of the package call.
type tokens struct{ p sync.Pool }

type token struct{ run func(*token) error }

func (t *tokens) Get() *token  { return t.p.Get().(*token) }
func (t *tokens) Put(x *token) { t.p.Put(x) }

var allTokens tokens

func tokenBack() error {
	t := allTokens.Get()
	defer allTokens.Put(t)
	return t.run(t)
}

func tokenLost() error {
	t := allTokens.Get() // want `t from allTokens.Get is never put back`
	return t.run(t)
}

// Right.

// chained puts what it finds in a field: who is given a link may do so, too.
type link struct {
	next *link
	run  func(*link)
}

var links = sync.Pool{New: func() any { return new(link) }}

type chain struct{ head *link }

func (c *chain) free() {
	for l := c.head; l != nil; {
		next := l.next
		links.Put(l)
		l = next
	}
}

func handOn(f func(*link)) {
	l := links.Get().(*link)
	f(l)
}

// nodes has a function that puts and that is used as a value.
type node struct{ visit func(*node) }

var nodes = sync.Pool{New: func() any { return new(node) }}

func freeNode(n *node) { nodes.Put(n) }

var onDone func(*node) = freeNode

func handNode() {
	n := nodes.Get().(*node)
	n.visit(n)
}

// items is given away as a whole.
type item struct{ use func(*item) }

var items = sync.Pool{New: func() any { return new(item) }}

func register(p *sync.Pool) { registered = append(registered, p) }

var registered []*sync.Pool

func init() { register(&items) }

func handItem() {
	x := items.Get().(*item)
	x.use(x)
}

// keptItem stores the state beyond the call.
var last *state

func keptState() {
	s := states.Get().(*state)
	last = s
}

// taken gives it to who may take it, and says so.
func taken(take func(*state) bool) {
	s := states.Get().(*state)
	if !take(s) {
		states.Put(s)
	}
}

// boxed has a method that puts, and goes into an interface.
type freer struct{ use func(*freer) }

var freers = sync.Pool{New: func() any { return new(freer) }}

func (f *freer) Free() { freers.Put(f) }

var _ interface{ Free() } = (*freer)(nil)

func asInterface(f *freer) interface{ Free() } { return f }

func handFreer() {
	f := freers.Get().(*freer)
	f.use(f)
}
