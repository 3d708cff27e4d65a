package own

import (
	"bytes"
	"other"
	"sync"
)

// Wrong: neither does anybody reset the buffers, nor can who gets one know that it has to: q191201771/naza fd716a0.
type buckets struct{ core sync.Pool }

func (b *buckets) Get() *bytes.Buffer {
	v := b.core.Get() // want `v from b.core.Get is returned with what its last user left: the Put in line \d+ does not reset it either, nor does anybody here`
	if v == nil {
		return nil
	}
	return v.(*bytes.Buffer)
}

func (b *buckets) Put(buf *bytes.Buffer) { b.core.Put(buf) }

// Right: the Put resets.
type emptied struct{ core sync.Pool }

func (e *emptied) Get() *bytes.Buffer { return e.core.Get().(*bytes.Buffer) }

func (e *emptied) Put(buf *bytes.Buffer) {
	buf.Reset()
	e.core.Put(buf)
}

// Right: those that get one here reset it, and so may others.
type raw struct{ core sync.Pool }

func (r *raw) Get() *bytes.Buffer { return r.core.Get().(*bytes.Buffer) }

func (r *raw) Put(buf *bytes.Buffer) { r.core.Put(buf) }

func (r *raw) text(s string) string {
	buf := r.Get()
	defer r.Put(buf)
	buf.Reset()
	buf.WriteString(s)
	return buf.String()
}

// Right: nobody else can ask the pool.
type hidden struct{ core sync.Pool }

func (h *hidden) get() *bytes.Buffer { return h.core.Get().(*bytes.Buffer) }

func (h *hidden) put(buf *bytes.Buffer) { h.core.Put(buf) }

func (h *hidden) size() int {
	buf := h.get()
	defer h.put(buf)
	return buf.Cap()
}

// Wrong: a message that is decoded into what it has, and goes back by way of what holds it: anyproto/any-sync 68612e0.
var letters = sync.Pool{New: func() any { return new(other.Message) }}

func NewMessage() *other.Message {
	return letters.Get().(*other.Message) // want `a value from letters.Get is returned with what its last user left: the Put in line \d+ does not reset it either`
}

type update struct {
	msg   *other.Message
	bytes []byte
}

func FreeUpdate(u *update) {
	if u.msg == nil {
		return
	}
	msg := u.msg
	u.bytes, u.msg = nil, nil
	letters.Put(msg)
}

// Right: the Put sets the fields.
var headers = sync.Pool{New: func() any { return new(other.Header) }}

func NewHeader() *other.Header { return headers.Get().(*other.Header) }

func FreeHeader(h *other.Header) {
	h.ID = 0
	headers.Put(h)
}

// Right: what decodes a message of this kind resets it.
var plain = sync.Pool{New: func() any { return new(other.Plain) }}

func NewPlain() *other.Plain { return plain.Get().(*other.Plain) }

func FreePlain(p *other.Plain) { plain.Put(p) }
