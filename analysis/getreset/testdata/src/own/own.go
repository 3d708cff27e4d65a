// Package own has types of its own with Write and Reset.
package own

import (
	"strconv"
	"sync"
)

type digest struct{ n int }

func (d *digest) Write(p []byte) (int, error) { d.n += len(p); return len(p), nil }
func (d *digest) Reset()                      { d.n = 0 }

var digests = sync.Pool{New: func() any { return new(digest) }}

func resets(p []byte) int {
	d := digests.Get().(*digest)
	d.Reset()
	d.Write(p)
	n := d.n
	digests.Put(d)
	return n
}

func forgets(p []byte) int {
	d := digests.Get().(*digest) // want `d from digests.Get is used in line \d+ without Reset`
	d.Write(p)
	n := d.n
	digests.Put(d)
	return n
}

// A type without a Reset needs none.
type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

var counters = sync.Pool{New: func() any { return new(counter) }}

func counts(p []byte) {
	c := counters.Get().(*counter)
	c.Write(p)
	counters.Put(c)
}

// parser has a reset that nobody calls.
type parser struct {
	depth int
	path  []string
}

func (p *parser) reset()             { p.depth, p.path = 0, p.path[:0] }
func (p *parser) parse(s string) int { p.path = append(p.path, s); return len(p.path) + p.depth }

var parsers = sync.Pool{New: func() any { return new(parser) }}

func parse(s string) int {
	p := parsers.Get().(*parser) // want `p from parsers.Get is used in line \d+ without Reset`
	defer parsers.Put(p)
	return p.parse(s)
}

// printer has one that nobody calls, either, but nothing adds up in what it sets.
type printer struct{ base int }

func (p *printer) reset()             { p.base = 10 }
func (p *printer) print(n int) string { return strconv.FormatInt(int64(n), p.base) }

var printers = sync.Pool{New: func() any { return &printer{10} }}

func print(n int) string {
	p := printers.Get().(*printer)
	defer printers.Put(p)
	return p.print(n)
}

// scanner has one that its own method calls, state one that others call.
type scanner struct{ n int }

func (s *scanner) reset()            { s.n = 0 }
func (s *scanner) scan(t string) int { s.reset(); s.n += len(t); return s.n }

var scanners = sync.Pool{New: func() any { return new(scanner) }}

func scan(t string) int {
	s := scanners.Get().(*scanner)
	defer scanners.Put(s)
	return s.scan(t)
}

type state struct{ seen map[string]bool }

func (s *state) reset()              { clear(s.seen) }
func (s *state) look(t string) bool  { defer func() { s.seen[t] = true }(); return s.seen[t] }
func (s *state) fresh(t string) bool { s.reset(); return s.look(t) }

var states = sync.Pool{New: func() any { return &state{seen: map[string]bool{}} }}

func look(t string) bool {
	s := states.Get().(*state)
	s.reset()
	ok := s.look(t)
	states.Put(s)
	return ok
}

func lookAgain(t string) bool {
	s := states.Get().(*state) // want `s from states.Get is used in line \d+ without Reset`
	ok := s.look(t)
	states.Put(s)
	return ok
}

func lookFresh(t string) bool {
	s := states.Get().(*state)
	ok := s.fresh(t)
	states.Put(s)
	return ok
}

func lookSet(t string) bool {
	s := states.Get().(*state)
	s.seen = map[string]bool{}
	ok := s.look(t)
	states.Put(s)
	return ok
}

// options goes to a function of which nothing is known, and is put back as it is.
var options = sync.Pool{New: func() any { return new([]any) }}

type recorder interface{ record(...any) }

func record(r recorder, o any) {
	opts := options.Get().(*[]any) // want `opts from options.Get is used in line \d+ without Reset`
	*opts = append(*opts, o)
	r.record(*opts...)
	options.Put(opts)
}

var cleanOptions = sync.Pool{New: func() any { return new([]any) }}

func recordReset(r recorder, o any) {
	opts := cleanOptions.Get().(*[]any)
	*opts = append(*opts, o)
	r.record(*opts...)
	*opts = (*opts)[:0]
	cleanOptions.Put(opts)
}

var chunks = sync.Pool{New: func() any { b := make([]byte, 0, 64); return &b }}

func chunk(data []byte) int {
	b := chunks.Get().(*[]byte)
	c := append((*b)[:4], data...)
	copy(c, "head")
	*b = c
	chunks.Put(b)
	return len(c)
}

// chain has a reset of a value, which nobody calls.
type chain struct{ links *[]string }

func (c chain) reset()           { *c.links = (*c.links)[:0] }
func (c chain) add(s string) int { *c.links = append(*c.links, s); return len(*c.links) }

var chains = sync.Pool{New: func() any { return &chain{new([]string)} }}

func link(s string) int {
	c := chains.Get().(*chain)
	defer chains.Put(c)
	return c.add(s)
}
