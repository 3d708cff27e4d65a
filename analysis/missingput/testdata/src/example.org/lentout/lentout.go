// Package lentout gives values to functions of which nothing is known, and puts them back after.
package lentout

import (
	"bytes"
	"encoding/xml"
	"io"
	"net"
	"sync"
)

var lentPool = sync.Pool{New: func() any { return new(bytes.Buffer) }}

type coder interface{ code(*bytes.Buffer) bool }

type wrapper struct{ w io.Writer }

func newWrapper(w io.Writer) *wrapper { return &wrapper{w} }

func fillAll(*wrapper, coder) error { return nil }

// holder gives the buffer to what holds it; the Put in the end shows that it comes back.
func holder(c coder) error {
	buf := lentPool.Get().(*bytes.Buffer) // want `buf from lentPool.Get is not put back when the function returns at line 27 \(err != nil\)`
	w := newWrapper(buf)
	if err := fillAll(w, c); err != nil {
		return err
	}
	lentPool.Put(buf)
	return nil
}

// refused gives the buffer to a function that fails by false.
func refused(c coder) bool {
	buf := lentPool.Get().(*bytes.Buffer) // want `buf from lentPool.Get is not put back when the function returns at line 37 \(not c.code\(buf\)\)`
	if !c.code(buf) {
		return false
	}
	lentPool.Put(buf)
	return true
}

// queued is right: who returns true has taken the buffer.
func queued(c coder) {
	buf := lentPool.Get().(*bytes.Buffer)
	if !c.code(buf) {
		lentPool.Put(buf)
	}
}

// never gives the buffer to a package that cannot put it back.
func never(v any) error {
	buf := lentPool.Get().(*bytes.Buffer) // want `buf from lentPool.Get is never put back`
	e := xml.NewEncoder(buf)
	return e.Encode(v)
}

// received asks whether something came: an address holds no buffer.
func received(c *net.UDPConn, note func(net.Addr)) {
	buf := lentPool.Get().(*bytes.Buffer) // want `buf from lentPool.Get is not put back when the function returns at line 64 \(err != nil\)`
	_, from, err := c.ReadFromUDP(buf.AvailableBuffer())
	if err != nil {
		note(from)
		return
	}
	lentPool.Put(buf)
}

// empty asks whether the buffer is: that decides nothing.
func empty(r io.Reader) int {
	buf := lentPool.Get().(*bytes.Buffer) // want `buf from lentPool.Get is not put back when the function returns at line 74`
	buf.ReadFrom(r)
	if buf.Len() > 0 {
		return 1
	}
	lentPool.Put(buf)
	return 0
}

// into returns what it is given, or a new one where there is none.
func into(dst *bytes.Buffer, s string) *bytes.Buffer {
	if dst == nil {
		dst = lentPool.Get().(*bytes.Buffer)
	}
	dst.WriteString(s)
	return dst
}

// given is right: into takes nothing out of the pool here.
func given(s string) string {
	var b bytes.Buffer
	into(&b, s)
	return b.String()
}
