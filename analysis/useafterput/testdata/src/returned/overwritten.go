package returned

import (
	"bytes"
	"sync"

	"example.org/buffers"
)

// What a Put overwrites before is no memory of the pool: it is the caller's.

func framed(write func(*bytes.Buffer)) []byte {
	buf := buffers.Get()
	defer buffers.Drop(buf)
	write(buf)
	return buf.Bytes()
}

func framedKept(write func(*bytes.Buffer)) []byte {
	buf := buffers.Get()
	defer buffers.Put(buf)
	write(buf)
	return buf.Bytes() // want `framedKept returns memory that goes back to the pool`
}

var plain = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func here(write func(*bytes.Buffer)) []byte {
	buf := plain.Get().(*bytes.Buffer)
	write(buf)
	b := buf.Bytes()
	*buf = bytes.Buffer{}
	plain.Put(buf)
	return b
}

func inDefer(write func(*bytes.Buffer)) []byte {
	buf := plain.Get().(*bytes.Buffer)
	defer func() {
		*buf = bytes.Buffer{}
		plain.Put(buf)
	}()
	write(buf)
	return buf.Bytes()
}

// view is returned with the memory in it.
type view struct{ data []byte }

func viewed(write func(*bytes.Buffer)) view {
	buf := buffers.Get()
	defer buffers.Drop(buf)
	write(buf)
	return view{buf.Bytes()}
}

type packer struct {
	out   []byte
	names []string
}

var packers = sync.Pool{New: func() any { return new(packer) }}

func (p *packer) add(s string) { p.out = append(p.out, s...) }

func (p *packer) free() {
	p.out = nil
	packers.Put(p)
}

func (p *packer) reset() { p.out = nil }

func (p *packer) freeByReset() {
	p.reset()
	packers.Put(p)
}

func (p *packer) freeNames() {
	*p = packer{out: p.out[:0]}
	packers.Put(p)
}

func (p *packer) freeOther() {
	p.names = nil
	packers.Put(p)
}

func pack(s string) []byte {
	p := packers.Get().(*packer)
	p.add(s)
	out := p.out
	p.free()
	return out
}

func packByReset(s string) []byte {
	p := packers.Get().(*packer)
	defer p.freeByReset()
	p.add(s)
	return p.out
}

func packOther(s string) []byte {
	p := packers.Get().(*packer)
	p.add(s)
	out := p.out
	p.freeOther()
	return out // want `packOther returns memory that was put back`
}

func packCut(s string) []byte {
	p := packers.Get().(*packer)
	p.add(s)
	out := p.out
	p.freeNames()
	return out // want `packCut returns memory that was put back`
}
