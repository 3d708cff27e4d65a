// Package asked has functions that ask a value for its size or its state, and lose it for another reason.
package asked

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

var errClosed = errors.New("closed")

// Bufs can be used by others.
var Bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

type conn struct {
	closed bool
	queue  []*bytes.Buffer
	w      io.Writer
}

// Wrong: it grows, and later fails.
func grows(c *conn, n int) error {
	b := Bufs.Get().(*bytes.Buffer) // want `b from Bufs.Get is not put back when the function returns at line 29`
	if b.Cap() < n {
		b.Grow(n)
	}
	if c.closed {
		return errClosed
	}
	Bufs.Put(b)
	return nil
}

// Wrong: it would be handed on.
func queues(c *conn, p []byte) error {
	b := Bufs.Get().(*bytes.Buffer) // want `b from Bufs.Get is not put back when the function returns at line 44`
	if b.Cap() < len(p) {
		Bufs.Put(b)
		return io.ErrShortBuffer
	}
	b.Write(p)
	if c.closed {
		return errClosed
	}
	c.queue = append(c.queue, b)
	return nil
}

// Wrong: it is lost whatever the size is.
func whatever(n int) int {
	b := Bufs.Get().(*bytes.Buffer) // want `b from Bufs.Get is never put back`
	if b.Cap() < n {
		return -1
	}
	return b.Len()
}

// Right: too large to keep, and too small to use.
func tooLarge(p []byte) {
	b := Bufs.Get().(*bytes.Buffer)
	b.Write(p)
	if b.Cap() > 1<<16 {
		return
	}
	Bufs.Put(b)
}

func tooSmall(n int) *bytes.Buffer {
	b := Bufs.Get().(*bytes.Buffer)
	if b.Cap() < n {
		b = bytes.NewBuffer(make([]byte, 0, n))
	}
	return b
}

// Lists can be used by others.
var Lists sync.Pool

// Right: what is too small is dropped, and another put back.
func replaced(n int) [][]byte {
	var work [][]byte
	if w, ok := Lists.Get().([][]byte); ok {
		work = w
	}
	if cap(work) >= n {
		work = work[:n]
	} else {
		work = make([][]byte, n)
	}
	for i := range work {
		if cap(work[i]) < n {
			work[i] = make([]byte, n)
		} else {
			work[i] = work[i][:n]
		}
	}
	defer Lists.Put(work)
	for i := range work {
		if len(work[i]) > 1 {
			return nil
		}
	}
	return nil
}

// Blocks can be used by others.
var Blocks = sync.Pool{New: func() any { return new([64]byte) }}

// Wrong: what is in a buffer says nothing of whose it is.
func content(r io.Reader) (int, error) {
	b := Blocks.Get().(*[64]byte) // want `b from Blocks.Get is not put back when the function returns at line 118 \(b\[0\] > 127\)`
	if _, err := io.ReadFull(r, b[:]); err != nil {
		Blocks.Put(b)
		return 0, err
	}
	if b[0] > 127 {
		return 0, errClosed
	}
	n := int(b[1])
	Blocks.Put(b)
	return n, nil
}

type source interface {
	Read(p []byte, from int) (int, error)
}

// Wrong: a loop gets another.
func loop(s source) error {
	for {
		b := Blocks.Get().(*[64]byte) // want `b from Blocks.Get is not put back before another is got in its place \(n == 0\)`
		n, err := s.Read(b[:], 1)
		if err != nil {
			Blocks.Put(b)
			return err
		}
		if n == 0 {
			continue
		}
		Blocks.Put(b)
	}
}

// Right: all of them are put back in the end, and one in the next turn.
func gather(n int) {
	var all []*[64]byte
	for range n {
		all = append(all, Blocks.Get().(*[64]byte))
	}
	for _, b := range all {
		Blocks.Put(b)
	}
}

func swap(s source) {
	last := Blocks.Get().(*[64]byte)
	for {
		b := Blocks.Get().(*[64]byte)
		n, _ := s.Read(b[:], 1)
		Blocks.Put(last)
		last = b
		if n == 0 {
			break
		}
	}
	Blocks.Put(last)
}

func deferred(n int) {
	for range n {
		b := Blocks.Get().(*[64]byte)
		defer Blocks.Put(b)
		b[0]++
	}
}

// Wrong: a function that is given a writer cannot put it back.
func written(write func(w io.Writer)) int {
	b := Bufs.Get().(*bytes.Buffer) // want `b from Bufs.Get is never put back`
	write(b)
	return b.Len()
}

// Right: it may close that.
func closable(use func(c io.ReadCloser)) {
	f := files.Get().(*file)
	use(f)
}

type file struct{ bytes.Reader }

func (f *file) Close() error {
	files.Put(f)
	return nil
}

var files = sync.Pool{New: func() any { return new(file) }}

// printer is put back by its own method.
type printer struct{ buf []byte }

func (p *printer) free() {
	p.buf = p.buf[:0]
	printers.Put(p)
}

var printers = sync.Pool{New: func() any { return new(printer) }}

func newPrinter() *printer { return printers.Get().(*printer) }

// Print is what others may call on a printer.
func (p *printer) Print(s string) { p.buf = append(p.buf, s...) }

// Printer is what they see of it.
type Printer interface{ Print(s string) }

// Wrong: nobody but this package can put a printer back.
func sprint(print func(p Printer)) string {
	p := newPrinter() // want `p from newPrinter is never put back`
	print(p)
	return string(p.buf)
}

// Right.
func sprintRight(print func(p Printer)) string {
	p := newPrinter()
	print(p)
	s := string(p.buf)
	p.free()
	return s
}

// Filter is a wrapper's value that is returned unless something fails.
type Filter struct{ ids []int }

var filters = sync.Pool{New: func() any { return new(Filter) }}

func newFilter() *Filter { return filters.Get().(*Filter) }

// Close puts it back.
func (f *Filter) Close() { filters.Put(f) }

func (f *Filter) init(n int) error {
	if n < 0 {
		return errClosed
	}
	f.ids = append(f.ids[:0], n)
	return nil
}

// Wrong.
func filter(n int) (*Filter, error) {
	f := newFilter() // want `f from newFilter is not put back when the function returns at line 256 \(err != nil\)`
	if err := f.init(n); err != nil {
		return nil, err
	}
	return f, nil
}

// Right: they are gathered in a slice that is put back from time to time.
func queue(in <-chan byte, flush, die <-chan bool) {
	var all []struct{ block *[64]byte }
	for {
		select {
		case c := <-in:
			b := Blocks.Get().(*[64]byte)
			b[0] = c
			all = append(all, struct{ block *[64]byte }{b})
		case <-flush:
			for _, x := range all {
				Blocks.Put(x.block)
			}
			all = all[:0]
		case <-die:
			return
		}
	}
}

// Status is how a call went.
type Status int

func next(n int) (*[64]byte, Status) {
	if n == 0 {
		return nil, 1
	}
	return Blocks.Get().(*[64]byte), 0
}

// Right: a status says that there is none.
func byStatus(n int) byte {
	b, status := next(n)
	if status != 0 {
		return 0
	}
	c := b[0]
	Blocks.Put(b)
	return c
}

type matcher interface{ Match(string) bool }

// made is what could be made, or why it could not: such a value is of no use to anybody.
type made struct {
	matcher matcher
	err     error
}

var matchers sync.Pool

// Right: the value says that it is none.
func matches(text string) (bool, error) {
	got := matchers.Get().(made)
	if got.err != nil {
		return false, got.err
	}
	if got.matcher == nil {
		return false, nil
	}
	ok := got.matcher.Match(text)
	matchers.Put(made{got.matcher, nil})
	return ok, nil
}

// Wrong: it is lost for another reason.
func matchesOpen(c *conn, text string) (bool, error) {
	got := matchers.Get().(made) // want `got from matchers.Get is not put back when the function returns at line \d+: the pool`
	if got.matcher == nil {
		return false, got.err
	}
	if c.closed {
		return false, errClosed
	}
	ok := got.matcher.Match(text)
	matchers.Put(got)
	return ok, nil
}

type tables struct{ hash, chain []int32 }

var kept sync.Pool

const maxKept = 1 << 16

// Right: what is too small is made larger, or dropped where another would be too large to keep.
func getTables(n int) *tables {
	if t, _ := kept.Get().(*tables); t != nil {
		if cap(t.hash) >= n {
			t.hash = t.hash[:n]
			return t
		}
		if n <= maxKept {
			t.hash = make([]int32, n)
			return t
		}
	}
	return &tables{hash: make([]int32, n)}
}

func putTables(t *tables) {
	if cap(t.hash) <= maxKept {
		kept.Put(t)
	}
}

// Wrong: whether it is lost has nothing to do with its size.
func getTablesOpen(c *conn, n int) *tables {
	if t, _ := kept.Get().(*tables); t != nil { // want `is not put back when the function returns at line \d+`
		if cap(t.hash) >= n {
			t.hash = t.hash[:n]
			return t
		}
		if !c.closed {
			t.hash = make([]int32, n)
			return t
		}
	}
	return &tables{hash: make([]int32, n)}
}
