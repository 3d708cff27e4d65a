// Package uses works on values that were put back.
package uses

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/steadyframe/steadyframe/pool"
)

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

type request struct {
	id   int
	body []byte
	err  error
}

var requests = sync.Pool{New: func() any { return new(request) }}

// Wrong.

func call() int {
	buf := bufs.Get().(*bytes.Buffer)
	bufs.Put(buf)
	return buf.Len() // want `use of a value after it was put back in line 27: by now it may be somebody else's`
}

func field() {
	r := requests.Get().(*request)
	requests.Put(r)
	fmt.Println(r.id) // want `use of a value after it was put back`
}

func write() {
	r := requests.Get().(*request)
	requests.Put(r)
	r.id = 3 // want `use of a value after it was put back`
}

func bytesOf(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	data := buf.Bytes()
	bufs.Put(buf)
	w.Write(data) // want `use of a value after it was put back`
}

func sliceOfBytes(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	data := buf.Bytes()[2:]
	bufs.Put(buf)
	w.Write(data[1:]) // want `use of a value after it was put back`
}

func structField(w io.Writer) {
	r := requests.Get().(*request)
	body := r.body
	requests.Put(r)
	w.Write(body) // want `use of a value after it was put back`
}

func element(p *sync.Pool) byte {
	bp := p.Get().(*[]byte)
	b := *bp
	p.Put(bp)
	return b[0] // want `use of a value after it was put back`
}

func onePath(n int) int {
	buf := bufs.Get().(*bytes.Buffer)
	if n > 0 {
		bufs.Put(buf)
	}
	n += buf.Len() // want `use of a value after it was put back`
	return n
}

func loop(n int) {
	buf := bufs.Get().(*bytes.Buffer)
	for range n {
		buf.Reset() // want `use of a value after it was put back`
		bufs.Put(buf)
	}
}

func parameter(buf *bytes.Buffer) {
	bufs.Put(buf)
	buf.Reset() // want `use of a value after it was put back`
}

func wrapper() int {
	buf := bufs.Get().(*bytes.Buffer)
	put(buf)
	return buf.Len() // want `use of a value after it was put back`
}

func put(buf *bytes.Buffer) {
	if buf.Cap() < 1<<16 {
		bufs.Put(buf)
	}
}

func ours(p *pool.Pool) byte {
	b, err := p.Get(10)
	if err != nil {
		return 0
	}
	data := b.Bytes()
	b.Release()
	return data[0] // want `use of a value after it was put back`
}

func given(c chan *bytes.Buffer) {
	buf := bufs.Get().(*bytes.Buffer)
	bufs.Put(buf)
	c <- buf // want `a value put back in line \d+ is given away here`
}

// Right.

func before(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	w.Write(buf.Bytes())
	bufs.Put(buf)
}

func copied(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	s := buf.String()
	c := bytes.Clone(buf.Bytes())
	n := buf.Len()
	bufs.Put(buf)
	fmt.Fprint(w, s, c, n)
}

func plainField() (int, error) {
	r := requests.Get().(*request)
	id, err := r.id, r.err
	requests.Put(r)
	return id, err
}

func movedOut(w io.Writer) {
	r := requests.Get().(*request)
	body := r.body
	r.body = nil
	requests.Put(r)
	w.Write(body)
}

func gotAnew(n int) {
	buf := bufs.Get().(*bytes.Buffer)
	for range n {
		buf.Reset()
		bufs.Put(buf)
		buf = bufs.Get().(*bytes.Buffer)
	}
	bufs.Put(buf)
}

func eachTurn(n int) {
	for range n {
		buf := bufs.Get().(*bytes.Buffer)
		buf.Reset()
		bufs.Put(buf)
	}
}

func otherPath(n int) int {
	buf := bufs.Get().(*bytes.Buffer)
	if n > 0 {
		bufs.Put(buf)
		return 0
	}
	n = buf.Len()
	bufs.Put(buf)
	return n
}

func sameCondition(keep bool) int {
	buf := bufs.Get().(*bytes.Buffer)
	if !keep {
		bufs.Put(buf)
	}
	if keep {
		return buf.Len()
	}
	return 0
}

func retained(p *pool.Pool) byte {
	b, err := p.Get(10)
	if err != nil {
		return 0
	}
	data := b.Bytes()
	c := b.Retain()
	b.Release()
	defer c.Release()
	return data[0]
}

func comparedOnly(other *bytes.Buffer) bool {
	buf := bufs.Get().(*bytes.Buffer)
	bufs.Put(buf)
	return buf == other
}

func partElsewhere(parts *sync.Pool) {
	r := requests.Get().(*request)
	parts.Put(&r.body)
	r.id = 0
	requests.Put(r)
}

func (r *request) Bytes() []byte { return r.body }

func lentMemory(dst []byte) []byte {
	r := requests.Get().(*request)
	old := r.body
	r.body = dst
	out := r.Bytes()
	r.body = old
	requests.Put(r)
	return out
}

// plug returns what it is given where there is nothing to change.
func plug(t *term) *term {
	if len(t.value) == 0 {
		return t
	}
	return &term{value: t.value + "!"}
}

type term struct{ value string }

var terms = sync.Pool{New: func() any { return new(term) }}

// Right: what plug returns of a term that has a value is another.
func plugged(v string) string {
	t := terms.Get().(*term)
	t.value = v + "."
	p := plug(t)
	terms.Put(t)
	return p.value
}

func same(t *term) *term {
	t.value += "!"
	return t
}

func changed(v string) string {
	t := terms.Get().(*term)
	t.value = v
	p := same(t)
	terms.Put(t)
	return p.value // want `use of a value after it was put back`
}
