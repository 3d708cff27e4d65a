package own

import "sync"

type verdict struct{ status int }

// What neither the Get nor the Put sets: corazawaf/coraza#1641 and #1642.
type transaction struct {
	verdict   *verdict
	dryRun    *verdict
	buf       *verdict
	id, last  string
	phase     int
	audit     bool
	HashBody  bool
	ForceBody bool
	ForceHead bool
	kept      bool
}

// lender is a sync.Pool, or what stands for one where there is none.
type lender interface {
	Get() any
	Put(x any)
}

var transactions lender = &sync.Pool{New: func() any { return &transaction{kept: true} }}

func NewTransaction(id string) *transaction { return newTransaction(id) }

func newTransaction(id string) *transaction {
	t := transactions.Get().(*transaction)
	t.id = id
	t.verdict = nil // want `dryRun is not reset with the others, although Interrupt sets it: who gets a value from transactions has it as it was left`
	t.last = ""
	t.phase = 0
	t.audit = false
	t.HashBody = false
	t.ForceBody = false // want `ForceHead is not reset with the others, and others may set it: who gets a value from transactions has it as it was left`
	return t
}

func (t *transaction) Interrupt(v *verdict, on bool) {
	if on {
		t.verdict = v
	} else if t.dryRun == nil {
		t.dryRun = v
	}
}

func (t *transaction) Status() int {
	if t.buf == nil { // made once, and used again
		t.buf = new(verdict)
	}
	if t.dryRun != nil {
		return t.dryRun.status
	}
	if t.audit || t.HashBody || t.ForceBody || t.ForceHead || t.kept {
		return 1
	}
	return t.verdict.status + len(t.last) + len(t.id) + t.phase
}

func (t *transaction) Close() { transactions.Put(t) }

// Right: what one sets, the Get or the Put, the other need not.
type call struct {
	err, cause *verdict
	done, sent bool
	failed     bool
}

var calls = sync.Pool{New: func() any { return new(call) }}

func newCall() *call {
	c := calls.Get().(*call)
	c.err = nil
	c.done = false
	c.sent = false
	return c
}

func (c *call) Fail(v *verdict, hard bool) {
	if hard {
		c.err = v
	} else {
		c.cause = v
	}
	c.failed = true
}

func (c *call) Failed() bool { return c.failed && c.cause != c.err && c.done && c.sent }

func (c *call) Free() {
	c.clear()
	calls.Put(c)
}

func (c *call) clear() { c.cause, c.failed = nil, false }

// What is appended to, where what is beside it is emptied.
type trace struct {
	names, tags []string
	spare       []string // is emptied by who uses it
	depth       int
}

var traces = sync.Pool{New: func() any { return new(trace) }}

func freeTrace(t *trace) {
	t.names = t.names[:0] // want `tags is not reset with the others, although Tag sets it: who gets a value from traces has it as it was left`
	t.depth = 0
	traces.Put(t)
}

func (t *trace) Name(name string) { t.names = append(t.names, name) }
func (t *trace) Tag(tag string)   { t.tags = append(t.tags, tag) }

func (t *trace) spell() int {
	t.spare = t.spare[:0]
	for _, tag := range t.tags {
		t.spare = append(t.spare, tag)
	}
	return len(t.spare) + len(t.names) + t.depth
}

func traced(names []string) int {
	t := traces.Get().(*trace)
	defer freeTrace(t)
	for _, name := range names {
		t.Name(name)
		t.Tag(name)
	}
	return t.spell()
}

// Maps: one that is emptied, one that is not, and one that is a cache.
type scope struct {
	names  map[string]int
	values map[string]int
	known  map[string]int
	depth  int
}

var scopes = sync.Pool{New: func() any {
	return &scope{names: map[string]int{}, values: map[string]int{}, known: map[string]int{}}
}}

func freeScope(s *scope) {
	clear(s.names) // want `values is not reset with the others, although set sets it: who gets a value from scopes has it as it was left`
	s.depth = 0
	scopes.Put(s)
}

func (s *scope) set(name string, v int) { s.names[name], s.values[name] = v, v }
func (s *scope) value(name string) int  { return s.names[name] + s.values[name] + s.depth }
func (s *scope) seen(name string) (n int) {
	n, ok := s.known[name]
	if !ok {
		s.known[name] = len(name)
	}
	return n
}

func scoped(names []string) (n int) {
	s := scopes.Get().(*scope)
	defer freeScope(s)
	for _, name := range names {
		s.set(name, len(name))
		n += s.value(name) + s.seen(name)
	}
	return n
}

// Right: who has a value sets it, here to what a loop leads back to.
type tally struct {
	total, most int
	last, sum   int
}

var tallies = sync.Pool{New: func() any { return new(tally) }}

func freeTally(c *tally) {
	c.total, c.most = 0, 0
	tallies.Put(c)
}

func (c *tally) count(text string, n int) {
	for i := range text {
		if text[i] == ' ' {
			n = 1
		}
	}
	if n > 0 {
		c.sum = n
	}
	m := c.total
	for range text {
		m += 2
	}
	c.last = m
}

func tallied(text string) int {
	c := tallies.Get().(*tally)
	defer freeTally(c)
	func() { c.count(text, 0) }()
	return c.last + c.most
}

func (c *tally) average(n int) int { return (c.sum + c.last) / n }
