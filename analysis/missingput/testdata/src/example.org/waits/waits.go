// Package waits has functions that wait for what they have got, or write it by what others have.
package waits

import (
	"bytes"
	"errors"
	"html/template"
	"io"
	"net"
	"sync"
	"time"
)

var errClosed = errors.New("closed")

// Timers can be used by others, and so can Bufs.
var (
	Timers sync.Pool
	Bufs   = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// Wrong: it is lost whatever comes first.
func send(q chan<- int, done <-chan struct{}) error {
	t := Timers.Get().(*time.Timer) // want `t from Timers.Get is never put back`
	t.Reset(time.Second)
	defer t.Stop()
	select {
	case q <- 1:
		return nil
	case <-done:
		return errClosed
	case <-t.C:
		return errors.New("late")
	}
}

// Right.
func sendRight(q chan<- int, done <-chan struct{}) error {
	t := Timers.Get().(*time.Timer)
	t.Reset(time.Second)
	defer func() {
		t.Stop()
		Timers.Put(t)
	}()
	select {
	case q <- 1:
		return nil
	case <-done:
		return errClosed
	case <-t.C:
		return errors.New("late")
	}
}

type request struct {
	done  chan struct{}
	reply []byte
}

// Requests can be used by others, too.
var Requests = sync.Pool{New: func() any { return &request{done: make(chan struct{}, 1)} }}

// Right: where it ends before the reply has come, who replies has it.
func ask(q chan<- *request, end <-chan struct{}) []byte {
	r := Requests.Get().(*request)
	q <- r
	select {
	case <-r.done:
		reply := bytes.Clone(r.reply)
		Requests.Put(r)
		return reply
	case <-end:
		return nil
	}
}

// Right: it is in the queue, or was not taken.
func offer(q chan<- *request) {
	r := Requests.Get().(*request)
	select {
	case q <- r:
	default:
		Requests.Put(r)
	}
}

// GetBuf is called by others, who put the buffer back.
func GetBuf() *bytes.Buffer { return Bufs.Get().(*bytes.Buffer) }

// PutBuf puts it back.
func PutBuf(b *bytes.Buffer) {
	b.Reset()
	Bufs.Put(b)
}

// A Component writes itself.
type Component interface {
	Render(name string, w io.Writer) error
	Attach(w io.Writer)
	Encoder(w io.Writer) io.Writer
	WriteThrough(w io.WriteCloser)
}

// Wrong: what renders writes to it and is done.
func html(c Component) (template.HTML, error) {
	b := GetBuf() // want `b from GetBuf is never put back`
	if err := c.Render("x", b); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}

// Right.
func htmlRight(c Component) (template.HTML, error) {
	b := GetBuf()
	defer PutBuf(b)
	if err := c.Render("x", b); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}

// Right: the component may have it.
func attached(c Component) int {
	b := GetBuf()
	c.Attach(b)
	return b.Len()
}

func encoder(c Component) io.Writer {
	b := GetBuf()
	return c.Encoder(b)
}

type closing struct{ *bytes.Buffer }

func (c closing) Close() error {
	PutBuf(c.Buffer)
	return nil
}

func through(c Component) {
	b := GetBuf()
	c.WriteThrough(closing{b})
}

var turns = sync.Pool{New: func() any { return time.NewTimer(time.Hour) }}

// Wrong: whether the timer was stopped before it fired, it is lost where there is a turn.
func turn(queue <-chan int, done <-chan struct{}) bool {
	t := turns.Get().(*time.Timer) // want `t from turns.Get is not put back when the function returns at line \d+`
	t.Reset(time.Second)
	select {
	case <-done:
		if !t.Stop() {
			<-t.C
		}
		turns.Put(t)
		return false
	case <-queue:
		if !t.Stop() {
			<-t.C
		}
		return true
	case <-t.C:
		turns.Put(t)
		return false
	}
}

var conns sync.Pool

// Right: what is broken does not go back.
func exchange(dial func() net.Conn, p []byte) error {
	c, ok := conns.Get().(net.Conn)
	if !ok {
		c = dial()
	}
	if _, err := c.Write(p); err != nil {
		return err
	}
	conns.Put(c)
	return nil
}

// Right: neither does what another answer was read from than was expected.
func exchangeTwice(dial func() net.Conn, p []byte, again bool) error {
	c, ok := conns.Get().(net.Conn)
	if !ok {
		c = dial()
	}
	if _, err := c.Write(p); err != nil {
		return err
	}
	if again {
		return nil
	}
	conns.Put(c)
	return nil
}
