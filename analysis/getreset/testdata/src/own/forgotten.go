package own

import "sync"

// What Reset leaves: cloudwego/hertz b80180a.
type message struct {
	parsedURI  bool
	parsedArgs bool
	isTLS      bool
	keep       bool // emptied by hand
	strict     bool // set by who makes one, for good
	tags       []string
	notes      []string
	free       [][]byte
	last       int
}

func (m *message) SetTLS(tls bool)     { m.isTLS = tls }
func (m *message) SetKeep(keep bool)   { m.keep = keep }
func (m *message) copyTo(to *message)  { to.isTLS = m.isTLS }
func (m *message) parse(uri string)    { m.parsedURI, m.parsedArgs = true, len(uri) > 5 }
func (m *message) Tag(tag string)      { m.tags = append(m.tags, tag) }
func (m *message) Note(note string)    { m.notes = append(m.notes, note) }
func (m *message) secure() string      { return map[bool]string{true: "https"}[m.isTLS] }
func (m *message) keeps() bool         { return m.keep && m.strict }
func (m *message) all() []string       { return append(m.tags, m.notes...) }
func (m *message) memory(n int) []byte { return m.chunk(n) }

// chunk gives memory that is used again after a reset: nothing to empty.
func (m *message) chunk(n int) []byte {
	if m.last == len(m.free) {
		m.free = append(m.free, make([]byte, n))
	}
	m.last++
	return m.free[m.last-1]
}

func (m *message) Reset() { // want `Reset leaves tags, to which something is appended and which nothing empties: who gets a value from messages has it too`
	m.resetURI()
	m.notes = m.notes[:0]
	m.last = 0
}

func (m *message) resetURI() {
	m.parsedURI = false
	m.parsedArgs = false // want `isTLS is not reset with the others, although SetTLS sets it: who gets a value from messages has it as it was left`
}

var messages = sync.Pool{New: func() any { return &message{strict: true} }}

func AcquireMessage() *message { return messages.Get().(*message) }

func release(m *message) {
	m.Reset()
	m.keep = false
	messages.Put(m)
}

func receive(uri string) string {
	m := messages.Get().(*message)
	defer release(m)
	m.parse(uri)
	return m.secure()
}

// Right: all is made as new.
type reply struct {
	sent, failed, isTLS bool
	tags                []string
}

func (r *reply) SetTLS(tls bool) { r.isTLS = tls }
func (r *reply) Tag(tag string)  { r.tags = append(r.tags, tag) }

func (r *reply) Reset() {
	r.sent, r.failed = false, false
	r.renew()
}

func (r *reply) renew() { *r = reply{} }

var replies = sync.Pool{New: func() any { return new(reply) }}

func respond() bool {
	r := replies.Get().(*reply)
	r.Tag("a")
	ok := r.isTLS
	r.Reset()
	replies.Put(r)
	return ok
}

// A function without parameters sets a field, too.
type mode struct{ strict bool }

var current = new(mode)

func Strict() { current.strict = true }

// Right, for all that is known: nobody sets what a value of the pool has for good.
type printed struct {
	open, last, Sorted bool
	compact            bool
}

func (p *printed) SetCompact(on bool) { p.compact = on }
func (p *printed) Reset()             { p.open, p.last = false, false }

var printeds = sync.Pool{New: func() any { return new(printed) }}

func printAll(names []string) (n int) {
	p := printeds.Get().(*printed)
	for range names {
		if p.open = true; !p.compact {
			n++
		}
	}
	p.Reset()
	printeds.Put(p)
	return n
}
