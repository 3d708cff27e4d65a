// Package held has structs that hold a value of a pool, and put it back when they are closed.
package held

import (
	"bytes"
	"io"
	"sync"
)

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Iter holds a buffer.
type Iter struct {
	buf *bytes.Buffer
	n   int
}

// NewIter makes one.
func NewIter(p []byte) *Iter {
	b := bufs.Get().(*bytes.Buffer)
	b.Reset()
	b.Write(p)
	return &Iter{buf: b}
}

// Next returns the next byte.
func (i *Iter) Next() (byte, error) { return i.buf.ReadByte() }

// Close puts the buffer back.
func (i *Iter) Close() {
	bufs.Put(i.buf)
	i.buf = nil
}

func (i *Iter) finish() { i.Close() }

// Wrong: it is closed on one path alone.
func first(p []byte) (byte, error) {
	i := NewIter(p) // want `i from NewIter holds a value of bufs, which is not put back when the function returns at line 42 \(err != nil\)`
	c, err := i.Next()
	if err != nil {
		return 0, err
	}
	i.Close()
	return c, nil
}

// Wrong: never.
func never(p []byte) byte {
	i := NewIter(p) // want `i from NewIter holds a value of bufs, which is not put back when the function returns at line 52`
	c, _ := i.Next()
	return c
}

// Right: closed by a defer, by a closure, by a helper; handed on.
func byDefer(p []byte) (byte, error) {
	i := NewIter(p)
	defer i.Close()
	return i.Next()
}

func byClosure(p []byte) (byte, error) {
	i := NewIter(p)
	defer func() {
		if i.n > 0 {
			i.n--
		}
		i.Close()
	}()
	return i.Next()
}

func byHelper(p []byte) (byte, error) {
	i := NewIter(p)
	defer i.finish()
	return i.Next()
}

type owner struct{ it *Iter }

func kept(p []byte) *owner { return &owner{NewIter(p)} }

func cleanup(p []byte, at func(func())) *bytes.Buffer {
	i := NewIter(p)
	at(i.Close)
	return new(bytes.Buffer)
}

func nested(p []byte) {
	o := kept(p)
	o.it.Close()
}

func given(p []byte, use func(*Iter) error) error {
	i := NewIter(p)
	return use(i)
}

// stream is closed by who has it as an interface.
type stream struct{ buf *bytes.Buffer }

// Read is part of io.Reader.
func (s *stream) Read(p []byte) (int, error) { return s.buf.Read(p) }

// Close is part of io.Closer.
func (s *stream) Close() error {
	bufs.Put(s.buf)
	return nil
}

func open(p []byte) io.ReadCloser {
	b := bufs.Get().(*bytes.Buffer)
	b.Reset()
	b.Write(p)
	return &stream{b}
}

func readAll(p []byte) ([]byte, error) {
	s := open(p)
	defer s.Close()
	return io.ReadAll(s)
}

// Wrong.
func readOpen(p []byte) ([]byte, error) {
	s := open(p) // want `s from open holds a value of bufs, which is not put back when the function returns at line 127`
	return io.ReadAll(s)
}

// Right: the last read puts it back.
type once struct{ buf *bytes.Buffer }

func newOnce() *once { return &once{bufs.Get().(*bytes.Buffer)} }

func (o *once) take() string {
	s := o.buf.String()
	bufs.Put(o.buf)
	return s
}

func takes() string { return newOnce().take() }
