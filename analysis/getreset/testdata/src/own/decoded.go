package own

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"io"
	"sync"
)

// A decoder sets the fields that it finds in the text, and leaves the others.
type request struct {
	Name string
	Tags []string
}

var requests = sync.Pool{New: func() any { return new(request) }}

func decode(text []byte, do func(string, []string)) error {
	r := requests.Get().(*request) // want `r from requests.Get is used in line \d+ without Reset`
	defer requests.Put(r)
	if err := json.Unmarshal(text, r); err != nil {
		return err
	}
	do(r.Name, r.Tags)
	return nil
}

func decodeFrom(from io.Reader, do func(string, []string)) error {
	r := requests.Get().(*request) // want `r from requests.Get is used in line \d+ without Reset`
	defer requests.Put(r)
	if err := json.NewDecoder(from).Decode(r); err != nil {
		return err
	}
	do(r.Name, r.Tags)
	return nil
}

func decodeNew(text []byte, do func(string, []string)) error {
	r := requests.Get().(*request)
	defer requests.Put(r)
	*r = request{}
	if err := json.Unmarshal(text, r); err != nil {
		return err
	}
	do(r.Name, r.Tags)
	return nil
}

func decodeSet(text []byte, do func(string, []string)) error {
	r := requests.Get().(*request)
	defer requests.Put(r)
	r.Name, r.Tags = "", r.Tags[:0]
	if err := json.Unmarshal(text, r); err != nil {
		return err
	}
	do(r.Name, r.Tags)
	return nil
}

// encode reads the value: it adds nothing to it.
func encode() ([]byte, error) {
	r := requests.Get().(*request)
	defer requests.Put(r)
	r.Name = "a"
	return json.Marshal(r)
}

// What a function of the package writes to is written to.
func writeName(b *bytes.Buffer, name string) { b.WriteString(name) }

func writeNames(b *bytes.Buffer, names []string) {
	for _, n := range names {
		writeName(b, n)
	}
}

func rewrite(b *bytes.Buffer, name string) { b.Reset(); b.WriteString(name) }

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func join(names []string) string {
	b := buffers.Get().(*bytes.Buffer) // want `b from buffers.Get is used in line \d+ without Reset`
	defer buffers.Put(b)
	writeNames(b, names)
	return b.String()
}

func joinReset(names []string) string {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	defer buffers.Put(b)
	writeNames(b, names)
	return b.String()
}

func rewritten(name string) string {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	rewrite(b, name)
	return b.String()
}

var mapHashes = sync.Pool{New: func() any { return new(maphash.Hash) }}

func addTo(h *maphash.Hash, s string) { h.WriteString(s) }

func sumOf(s string) uint64 {
	h := mapHashes.Get().(*maphash.Hash) // want `h from mapHashes.Get is used in line \d+ without Reset`
	defer mapHashes.Put(h)
	addTo(h, s)
	return h.Sum64()
}

// encoder is a buffer.
type encoder struct {
	bytes.Buffer
	depth int
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

func encodeName(s string) string {
	e := encoders.Get().(*encoder) // want `e from encoders.Get is used in line \d+ without Reset`
	e.depth = 0
	e.WriteString(s)
	out := e.String()
	encoders.Put(e)
	return out
}

func encodeReset(s string) string {
	e := encoders.Get().(*encoder)
	e.Reset()
	e.WriteString(s)
	out := e.String()
	encoders.Put(e)
	return out
}
