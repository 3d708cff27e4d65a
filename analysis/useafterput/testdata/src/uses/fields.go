package uses

import (
	"bytes"
	"sync"
)

// What is in a field of a parameter is followed as if the field were a variable.
type grower struct {
	buf   []byte
	out   *bytes.Buffer
	spare *bytes.Buffer
}

var slabs = sync.Pool{New: func() any { return make([]byte, 64) }}

func recycle(b []byte) { slabs.Put(b[:0]) }

func (g *grower) grow(n int) {
	var buf []byte
	if n < cap(g.buf) {
		buf = g.buf[:n]
	} else {
		buf = make([]byte, n)
		copy(buf, g.buf)
	}
	recycle(g.buf)
	g.buf = buf // want `a value put back in line \d+ stays in the field`
	g.buf = g.buf[:n]
}

func (g *grower) close() int {
	bufs.Put(g.out)
	return g.out.Len() // want `use of a value after it was put back in line \d+`
}

func (g *grower) closeTwice(err error) {
	if err != nil {
		bufs.Put(g.out)
	}
	bufs.Put(g.out) // want `a value is put back twice`
}

// Right.

func (g *grower) growRight(n int) {
	if n < cap(g.buf) {
		g.buf = g.buf[:n]
		return
	}
	buf := make([]byte, n)
	copy(buf, g.buf)
	recycle(g.buf)
	g.buf = buf
	g.buf = g.buf[:n]
}

func (g *grower) closeOnce() {
	if g.out != nil {
		bufs.Put(g.out)
		g.out = nil
	}
	if g.out != nil {
		bufs.Put(g.out)
	}
}

func (g *grower) renew() { g.out = bufs.Get().(*bytes.Buffer) }

func (g *grower) closeAndRenew() int {
	bufs.Put(g.out)
	g.renew()
	return g.out.Len()
}

func (g *grower) swap() {
	bufs.Put(g.out)
	g.out, g.spare = g.spare, nil
	g.out.WriteByte(0)
}

func closeBoth(a, b *grower) int {
	bufs.Put(a.out)
	return b.out.Len()
}

func (g *grower) closeAll(more []*grower) {
	for _, m := range more {
		bufs.Put(m.out)
	}
	bufs.Put(g.out)
	*g = grower{}
}
