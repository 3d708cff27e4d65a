// Package resets has types with a Reset of other kinds: an interface, one that is told what to read, one that its user sets in part.
package resets

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"sync"
)

// transformer is of another package, for all that is known: an interface with a Reset.
type transformer interface {
	Transform(dst, src []byte) int
	Reset()
}

var transformers = sync.Pool{}

var apply func(t transformer, b []byte) []byte

func transformed(b []byte) []byte {
	t := transformers.Get().(transformer)
	b = apply(t, b)
	t.Reset()
	transformers.Put(t)
	return b
}

func forgotten(b []byte) []byte {
	t := transformers.Get().(transformer) // want `t from transformers.Get is used in line \d+ without Reset`
	t.Transform(b, b)
	transformers.Put(t)
	return b
}

// Right, for all that is known: the function may reset it.
func given(b []byte) []byte {
	t := ownTransformers.Get().(transformer)
	b = apply(t, b)
	ownTransformers.Put(t)
	return b
}

var ownTransformers = sync.Pool{}

func givenReset(b []byte) []byte {
	t := ownTransformers.Get().(transformer)
	b = apply(t, b)
	t.Reset()
	ownTransformers.Put(t)
	return b
}

var byteReaders = sync.Pool{New: func() any { return new(bytes.Reader) }}

func unmarshal(b []byte, v any) error {
	r := byteReaders.Get().(*bytes.Reader) // want `r from byteReaders.Get is used in line \d+ without Reset`
	defer byteReaders.Put(r)
	return binary.Read(r, binary.NativeEndian, v)
}

func unmarshalReset(b []byte, v any) error {
	r := byteReaders.Get().(*bytes.Reader)
	defer byteReaders.Put(r)
	r.Reset(b)
	return binary.Read(r, binary.NativeEndian, v)
}

type encoder struct {
	w io.Writer
	n int
}

func (e *encoder) Reset(w io.Writer)  { e.w, e.n = w, 0 }
func (e *encoder) Encode(s string)    { e.n++; io.WriteString(e.w, s) }
func newEncoder(w io.Writer) *encoder { e := new(encoder); e.Reset(w); return e }

var encoders = sync.Pool{New: func() any { return newEncoder(nil) }}

func putEncoder(e *encoder) {
	e.w = nil
	encoders.Put(e)
}

func encode(s string) string {
	e := encoders.Get().(*encoder) // want `e from encoders.Get is used in line \d+ without Reset`
	var b strings.Builder
	e.Encode(s)
	putEncoder(e)
	return b.String()
}

// route has a Reset that clears more than its user sets.
type route struct {
	owner  string
	params []string
}

func (r *route) Reset()       { r.owner, r.params = "", r.params[:0] }
func (r *route) add(p string) { r.params = append(r.params, p) }
func (r *route) match() int   { r.add("x"); return len(r.params) }

var routes = sync.Pool{New: func() any { return new(route) }}

func serve(owner string) int {
	r := routes.Get().(*route) // want `r from routes.Get is used in line \d+ without Reset`
	r.owner = owner
	n := r.match()
	routes.Put(r)
	return n
}

// call has one that clears no more than that.
type call struct {
	name string
	err  error
	done int
}

func (c *call) Reset()     { c.name, c.err = "", nil }
func (c *call) run() error { c.done++; return c.err }

var calls = sync.Pool{New: func() any { return new(call) }}

func start(name string) error {
	c := calls.Get().(*call)
	c.name, c.err = name, nil
	err := c.run()
	calls.Put(c)
	return err
}
