// Package handed has values that somebody else has, or that no pool loses: the shapes of what was reported wrongly elsewhere.
package handed

import (
	"errors"
	"net"
	"sync"
)

// The pool is the function's own variable: it ends with it.

func serve(l net.PacketConn, handle func([]byte)) error {
	bufs := &sync.Pool{New: func() any { return new([64]byte) }}
	for {
		buf := bufs.Get().(*[64]byte)
		n, _, err := l.ReadFrom(buf[:])
		if err != nil {
			return err
		}
		go func() {
			defer bufs.Put(buf)
			handle(buf[:n])
		}()
	}
}

var shared = sync.Pool{New: func() any { return new([64]byte) }}

func serveShared(l net.PacketConn, handle func([]byte)) error {
	for {
		buf := shared.Get().(*[64]byte) // want `buf from shared.Get is not put back when the function returns at line 34 \(err != nil\): the pool loses it`
		n, _, err := l.ReadFrom(buf[:])
		if err != nil {
			return err
		}
		go func() {
			defer shared.Put(buf)
			handle(buf[:n])
		}()
	}
}

// A second result says whether the first came out of a pool.

func sized(n int) (*[64]byte, *sync.Pool) {
	if n > 64 {
		return new([64]byte), nil
	}
	return shared.Get().(*[64]byte), &shared
}

func marshal(n int, fill func([]byte) error, send func([]byte)) error {
	buf, pool := sized(n)
	if err := fill(buf[:]); err != nil {
		if pool != nil {
			pool.Put(buf)
		}
		return err
	}
	send(buf[:])
	if pool != nil {
		pool.Put(buf)
	}
	return nil
}

// The getter puts what it returns into a list.

type element struct {
	next, prev *element
	list       *list
	value      int
}

type list struct {
	root element
	len  int
	pool *sync.Pool
}

func (l *list) insert(e, at *element) *element {
	e.prev = at
	e.next = at.next
	e.prev.next = e
	e.next.prev = e
	e.list = l
	l.len++
	return e
}

func (l *list) insertValue(v int, at *element) *element {
	var e *element
	if l.pool != nil {
		e = l.pool.Get().(*element)
	} else {
		e = &element{}
	}
	e.value = v
	return l.insert(e, at)
}

func (l *list) remove(e *element) {
	e.prev.next = e.next
	e.next.prev = e.prev
	l.len--
	if l.pool != nil {
		l.pool.Put(e)
	}
}

func (l *list) pushAll(values []int) {
	for _, v := range values {
		l.insertValue(v, l.root.prev)
	}
}

// What is given goes on by a variadic parameter.

type failure struct{ msg string }

func (f *failure) Error() string { return f.msg }

func (f *failure) Free() { failures.Put(f) }

var failures = sync.Pool{New: func() any { return new(failure) }}

func fail(msg string) *failure {
	f := failures.Get().(*failure)
	f.msg = msg
	return f
}

type many struct{ all []error }

func (m *many) add(errs ...error) {
	for _, err := range errs {
		if err == nil {
			continue
		}
		m.all = append(m.all, err)
	}
}

func (m *many) addNew(msg string) { m.add(fail(msg)) }

func count(fs ...*failure) int { return len(fs) }

func countNew(msg string) int {
	return count(fail(msg)) // want `a value from fail is never put back`
}

// What is returned may be what was given.

func enhance(err error, how string) error {
	if err == nil || how == "" {
		return err
	}
	var base *failure
	if f, ok := err.(*failure); ok {
		base = fail(f.msg)
	} else {
		base = fail(err.Error())
	}
	base.msg += how
	return base
}

func retry(log func(error), how string) {
	log(enhance(errors.New("x"), how))
	err := enhance(errors.New("y"), how)
	_ = err
}

// Close of what is inside puts back what is outside.

type iter struct {
	alloc *iterAlloc
	pos   int
}

type iterAlloc struct {
	it  iter
	buf [64]byte
}

var iters = sync.Pool{New: func() any { return new(iterAlloc) }}

func (i *iter) Close() error {
	if alloc := i.alloc; alloc != nil {
		*i = iter{}
		iters.Put(alloc)
	}
	return nil
}

func (i *iter) rewind() { i.pos = 0 }

func open(ready func() error) (*iter, error) {
	a := iters.Get().(*iterAlloc)
	it := &a.it
	*it = iter{alloc: a}
	if err := ready(); err != nil {
		_ = it.Close()
		return nil, err
	}
	return it, nil
}

func openLost(ready func() error) (*iter, error) {
	a := iters.Get().(*iterAlloc) // want `a from iters.Get is not put back when the function returns at line 215 \(err != nil\): the pool loses it`
	it := &a.it
	*it = iter{alloc: a}
	if err := ready(); err != nil {
		it.rewind()
		return nil, err
	}
	return it, nil
}
