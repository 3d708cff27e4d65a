package twice

import (
	"io"
	"sync"
)

var parts = sync.Pool{New: func() any { b := make([]byte, 2048); return &b }}

type message struct {
	buf *[]byte
	n   int
}

func newMessage() *message { return &message{buf: parts.Get().(*[]byte)} }

func (m *message) Release() { parts.Put(m.buf) }

func (m *message) text() []byte { return (*m.buf)[:m.n] }

func (m *message) refill() { m.buf = parts.Get().(*[]byte) }

// guardedMessage may be released twice.
type guardedMessage struct{ buf *[]byte }

func (m *guardedMessage) Release() {
	if m.buf != nil {
		parts.Put(m.buf)
		m.buf = nil
	}
}

// Wrong.

func sendTwice(w io.Writer) error {
	m := newMessage()
	defer m.Release()
	if _, err := w.Write(m.text()); err != nil {
		m.Release() // want `m.Release puts back what is in buf a second time, after line 37: the pool lends it to two at once`
		return err
	}
	return nil
}

func releaseAll(m *message, last bool) {
	m.Release()
	if last {
		m.Release() // want `m.Release puts back what is in buf a second time, after line 46`
	}
}

// Right.

func send(w io.Writer) error {
	m := newMessage()
	if _, err := w.Write(m.text()); err != nil {
		m.Release()
		return err
	}
	m.Release()
	return nil
}

func again(w io.Writer) {
	m := newMessage()
	m.Release()
	m.refill()
	m.Release()
}

func sendGuarded(m *guardedMessage, last bool) {
	defer m.Release()
	if last {
		m.Release()
	}
}
