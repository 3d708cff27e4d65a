// Package twice puts values back twice.
package twice

import (
	"bytes"
	"sync"
	"sync/atomic"
)

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Wrong.

func straight() {
	buf := bufs.Get().(*bytes.Buffer)
	bufs.Put(buf)
	bufs.Put(buf) // want `a value is put back twice, first in line 16: the pool lends it to two at once`
}

func deferred(n int) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	if n > 0 {
		bufs.Put(buf) // want `a value is put back here and again by the defer in line \d+`
		return
	}
	buf.Reset()
}

func helper() {
	buf := bufs.Get().(*bytes.Buffer)
	release(buf)
	bufs.Put(buf) // want `put back twice`
}

func release(buf *bytes.Buffer) { bufs.Put(buf) }

func inLoop(n int) {
	buf := bufs.Get().(*bytes.Buffer)
	for range n {
		bufs.Put(buf) // want `put back twice`
	}
}

func errorPath(fail bool) {
	buf := bufs.Get().(*bytes.Buffer)
	if fail {
		bufs.Put(buf)
	}
	bufs.Put(buf) // want `put back twice`
}

// Right.

func oneOfTwo(fail bool) {
	buf := bufs.Get().(*bytes.Buffer)
	if fail {
		bufs.Put(buf)
		return
	}
	bufs.Put(buf)
}

func exclusive(fail bool) {
	buf := bufs.Get().(*bytes.Buffer)
	if fail {
		bufs.Put(buf)
	}
	println(fail)
	if !fail {
		bufs.Put(buf)
	}
}

func setNil(fail bool) {
	buf := bufs.Get().(*bytes.Buffer)
	if fail {
		bufs.Put(buf)
		buf = nil
	}
	if buf != nil {
		bufs.Put(buf)
	}
}

type shared struct {
	holders atomic.Int32
	data    []byte
}

var sharedPool = sync.Pool{New: func() any { return new(shared) }}

func (s *shared) drop() {
	if s.holders.Add(-1) == 0 {
		sharedPool.Put(s)
	}
}

func twoHolders() int {
	s := sharedPool.Get().(*shared)
	s.holders.Store(2)
	s.drop()
	n := len(s.data)
	defer s.drop()
	return n + cap(s.data)
}
