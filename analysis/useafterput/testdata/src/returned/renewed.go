package returned

import "sync"

// A scratch has room for the parts of a description, which gets them or copies of them.
type scratch struct {
	parts []part
	text  []byte
}

type part struct {
	at   int
	size int
}

type description struct {
	parts []part
	text  []byte
}

var scratches = sync.Pool{New: func() any { return &scratch{text: make([]byte, 0, 64)} }}

// settle returns new memory where what it is given is to be used again.
func settle(parts []part, text []byte, shared bool) ([]part, []byte) {
	if !shared {
		return parts, text
	}
	return append([]part(nil), parts...), append([]byte(nil), text...)
}

// trimmed returns what it is given, or a part of it.
func trimmed(parts []part, text []byte, n int) ([]part, []byte) {
	if n < len(parts) {
		parts = parts[:n]
	}
	return parts, text[:n]
}

func (s *scratch) settled() []byte {
	if len(s.text) < 64 {
		return append([]byte(nil), s.text...)
	}
	return s.text
}

func describe(n int) *description {
	s := scratches.Get().(*scratch)
	d := new(description)
	d.parts, d.text = settle(s.parts[:n], s.text[:n], n < 8)
	scratches.Put(s)
	return d
}

func describeBySelf() *description {
	s := scratches.Get().(*scratch)
	d := &description{text: s.settled()}
	scratches.Put(s)
	return d
}

func describeWrong(n int) *description {
	s := scratches.Get().(*scratch)
	d := new(description)
	d.parts, d.text = trimmed(s.parts, s.text, n)
	scratches.Put(s)
	return d // want `describeWrong returns something that refers to memory that was put back`
}
