package escape

import (
	"bytes"
	"io"
	"sync"
)

// A function may store what it is given in something else that it is given.
type entry struct {
	key   string
	value []byte
	out   *bytes.Buffer
}

type table struct{ entries map[string]*entry }

func (e *entry) setValue(v []byte) { e.value = v }
func (e *entry) set(v []byte)      { e.setValue(v) }
func (e *entry) copyValue(v []byte) {
	e.value = append(e.value[:0], v...)
}
func (t *table) put(key string, v []byte) { t.entries[key] = &entry{key: key, value: v} }
func (e *entry) reset(b *bytes.Buffer)    { e.out = b }

func fill(e *entry) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.WriteString(e.key)
	e.set(buf.Bytes()) // want `buf from bufs.Get stays in what set stores it in`
}

func fillCaptured(e *entry, unlock func(string)) {
	defer func() { unlock(e.key) }()
	buf := bufs.Get().(*bytes.Buffer)
	buf.WriteString(e.key)
	e.value = buf.Bytes() // want `buf from bufs.Get stays in the field value`
	defer func() { bufs.Put(buf) }()
}

// Right.

func fillCopy(e *entry) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.WriteString(e.key)
	e.copyValue(buf.Bytes())
}

func fillNew(key string, unlock func(string)) int {
	e := &entry{key: key}
	defer func() { unlock(e.key) }()
	buf := bufs.Get().(*bytes.Buffer)
	buf.WriteString(key)
	e.value = buf.Bytes()
	n := len(e.value)
	bufs.Put(buf)
	return n
}

func fillLocal(key string) int {
	var e entry
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.WriteString(key)
	e.set(buf.Bytes())
	return len(e.value)
}

func fillForNow(e *entry) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	e.set(buf.Bytes())
	defer e.set(nil)
	println(len(e.value))
}

func resetTo(e *entry) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	e.reset(buf)
	e.out.WriteString(e.key)
}

type pair struct{ body, raw []byte }

var pairs = sync.Pool{New: func() any { return new(pair) }}

func swap(a, b *pair) { a.body, b.body = b.body, a.body }

func swapped(p *pair) int {
	q := pairs.Get().(*pair)
	swap(p, q)
	n := len(q.body)
	pairs.Put(q)
	return n
}

// add stores it unless it returns an error.
func (t *table) add(e *entry) error {
	if len(t.entries) > 8 {
		return errFull
	}
	t.entries[e.key] = e
	return nil
}

var errFull error

var entries = sync.Pool{New: func() any { return new(entry) }}

func added(t *table, key string) {
	e := entries.Get().(*entry)
	e.key = key
	if err := t.add(e); err != nil {
		entries.Put(e)
	}
}

// What is kept may have been made of the memory, by a constructor or a reader.

func newEntry(v []byte) *entry { return &entry{value: v} }

func copyEntry(v []byte) *entry { return &entry{value: bytes.Clone(v)} }

type log struct {
	last  *entry
	lines chan *entry
	next  io.Reader
}

func (l *log) add(text string) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.WriteString(text)
	l.last = newEntry(buf.Bytes()) // want `buf from bufs.Get stays in the field last`
}

func (l *log) send(text string) {
	buf := bufs.Get().(*bytes.Buffer)
	buf.WriteString(text)
	l.lines <- newEntry(buf.Bytes()) // want `buf from bufs.Get stays in a channel`
	bufs.Put(buf)
}

func (l *log) read(text string) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	l.next = io.NopCloser(bytes.NewReader(buf.Bytes())) // want `buf from bufs.Get stays in the field next`
}

func output(to *[]byte, text string) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.WriteString(text)
	*to = buf.Bytes() // want `buf from bufs.Get stays in what to points to`
}

func (l *log) addCopy(text string) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.WriteString(text)
	l.last = copyEntry(buf.Bytes())
}

func (l *log) readNow(text string, parse func(io.Reader)) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	l.next = bytes.NewReader(buf.Bytes())
	parse(l.next)
	l.next = nil
}

type request struct{ body io.Reader }

func forward(handle func(*request), r *request) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	r.body = io.NopCloser(bytes.NewReader(buf.Bytes()))
	handle(r)
}

func outputCopy(to *[]byte, text string) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.WriteString(text)
	*to = append((*to)[:0], buf.Bytes()...)
}
