// Package wrapped takes from pools through functions and methods.
package wrapped

import (
	"bytes"
	"fmt"
	"sync"
)

var pool = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func getBuf() *bytes.Buffer {
	buf := pool.Get().(*bytes.Buffer)
	buf.Reset()
	return buf
}

func putBuf(buf *bytes.Buffer) {
	if buf.Cap() > 1<<16 {
		return
	}
	pool.Put(buf)
}

type request struct {
	id   int
	body []byte
}

var requests sync.Pool

func acquire(id int) (*request, error) {
	if id < 0 {
		return nil, fmt.Errorf("id %d", id)
	}
	r, ok := requests.Get().(*request)
	if !ok {
		r = new(request)
	}
	r.id = id
	return r, nil
}

func (r *request) release() {
	r.body = r.body[:0]
	requests.Put(r)
}

func borrow(buf *bytes.Buffer) int { return buf.Len() }

// Wrong.

func helper(v any) (string, error) {
	buf := getBuf() // want `buf from getBuf is not put back when the function returns at line \d+ \(err != nil\)`
	if _, err := fmt.Fprint(buf, v); err != nil {
		return "", err
	}
	s := buf.String()
	putBuf(buf)
	return s, nil
}

func neverReleased(id int) (int, error) {
	r, err := acquire(id) // want `r from acquire is never put back`
	if err != nil {
		return 0, err
	}
	return len(r.body), nil
}

func method(id int) error {
	r, err := acquire(id) // want `r from acquire is not put back when the function returns at line \d+ \(id > 100\)`
	if err != nil {
		return err
	}
	if id > 100 {
		return fmt.Errorf("id %d", id)
	}
	r.release()
	return nil
}

func borrowed(n int) int {
	buf := getBuf() // want `not put back`
	if borrow(buf) > n {
		return 0
	}
	putBuf(buf)
	return 1
}

// Right.

func right(id int) error {
	r, err := acquire(id)
	if err != nil {
		return err
	}
	defer r.release()
	if id > 100 {
		return fmt.Errorf("id %d", id)
	}
	return nil
}

func viaHelper(v any) string {
	buf := getBuf()
	defer putBuf(buf)
	fmt.Fprint(buf, v)
	return buf.String()
}

func closureHelper(v any) string {
	buf := getBuf()
	done := func() { putBuf(buf) }
	defer done()
	return buf.String()
}

func scoped() (*bytes.Buffer, func()) {
	buf := getBuf()
	return buf, func() { putBuf(buf) }
}

func useScoped() int {
	buf, done := scoped()
	defer done()
	return buf.Len()
}

type list struct{ all []*request }

func (l *list) add(id int) *request {
	r := requests.Get().(*request)
	l.all = append(l.all, r)
	return r
}

func fill(l *list) { l.add(1) }
