// Package inner gives what it gets to functions that keep a part of it, or nothing.
package inner

import (
	"io"
	"strings"
	"sync"
)

type key interface{ Name() string }

type search struct {
	id     key
	seen   map[string]bool
	parts  []string
	ugly   bool
	plain  bool
	prefix string
}

var searches = sync.Pool{New: func() any { return &search{seen: map[string]bool{}} }}

func getSearch() *search { return searches.Get().(*search) }

func putSearch(s *search) {
	s.id = nil
	clear(s.seen)
	searches.Put(s)
}

type finder struct {
	answers map[key]bool
	running []*search
}

// check keeps what the search is for, not the search.
func (f *finder) check(s *search, v key) bool {
	if s.seen[v.Name()] {
		return false
	}
	f.answers[s.id] = true
	return true
}

// remember keeps the search.
func (f *finder) remember(s *search) { f.running = append(f.running, s) }

// Wrong: the finder has the key, and nobody the search.
func (f *finder) find(id key) bool {
	s := getSearch() // want `s from getSearch is never put back`
	s.id = id
	return f.check(s, id)
}

// Right.
func (f *finder) start(id key) {
	s := getSearch()
	s.id = id
	f.remember(s)
}

func (s *search) isIndex() bool { return strings.HasSuffix(s.prefix, "index") }

// Wrong: whatever the search is like, it is lost.
func path(name string) string {
	s := getSearch() // want `s from getSearch is never put back`
	s.prefix = name
	for range 3 {
		if s.ugly {
			s.parts = append(s.parts, "ugly")
		}
		if s.plain {
			s.parts = append(s.parts, "plain")
		}
		if s.isIndex() {
			s.parts = append(s.parts, "index")
		}
		if !s.ugly && name != "" {
			s.parts = append(s.parts, name)
		}
		if s.prefix == "a" {
			s.ugly = true
		}
		if s.prefix == "b" {
			s.plain = true
		}
		if s.prefix == "c" {
			s.plain = false
		}
	}
	return strings.Join(s.parts, "/")
}

// Right.
func pathAndBack(name string) string {
	s := getSearch()
	defer putSearch(s)
	s.prefix = name
	if s.isIndex() {
		return ""
	}
	return s.prefix
}

type transformer interface {
	Transform(dst, src []byte) int
	Reset()
}

var transformers = sync.Pool{New: func() any { return transformer(nil) }}

// Transform makes bytes of bytes.
var transform func(t transformer, b []byte) []byte

// Wrong: bytes cannot put a transformer back.
func plain(b []byte) []byte {
	t := transformers.Get().(transformer) // want `t from transformers.Get is never put back`
	b = transform(t, b)
	t.Reset()
	return b
}

func plainAndBack(b []byte) []byte {
	t := transformers.Get().(transformer)
	defer transformers.Put(t)
	return transform(t, b)
}

// Encoder writes values.
type Encoder struct {
	w   io.Writer
	buf []byte
}

// Value writes itself.
type Value interface{ EncodeTo(e *Encoder) error }

var encoders = sync.Pool{New: func() any { return new(Encoder) }}

// GetEncoder lends an encoder, PutEncoder puts it back.
func GetEncoder() *Encoder { return encoders.Get().(*Encoder) }

func PutEncoder(e *Encoder) { encoders.Put(e) }

// Encode writes a value, which may be of those that write themselves.
func (e *Encoder) Encode(v any) error {
	if v, ok := v.(Value); ok {
		return v.EncodeTo(e)
	}
	_, err := e.w.Write(e.buf)
	return err
}

// Serve works until somebody else is done with it.
func (e *Encoder) Serve(v Value) error { return v.EncodeTo(e) }

// Wrong: Encode is done when it returns.
func marshal(w io.Writer, v any) error {
	e := GetEncoder() // want `e from GetEncoder is never put back`
	e.w = w
	return e.Encode(v)
}

// Right: whoever serves may put it back.
func serve(w io.Writer, v Value) error {
	e := GetEncoder()
	e.w = w
	return e.Serve(v)
}

// Decoder reads values.
type Decoder struct {
	p     []byte
	other func(d *Decoder) (any, error)
}

var decoders = sync.Pool{New: func() any { return new(Decoder) }}

// GetDecoder lends a decoder, PutDecoder puts it back.
func GetDecoder() *Decoder { return decoders.Get().(*Decoder) }

func PutDecoder(d *Decoder) { decoders.Put(d) }

// Decode keeps what it reads.
func (d *Decoder) Decode(into map[string]any) error {
	v, err := d.other(d)
	if err != nil {
		return err
	}
	into["value"] = v
	return nil
}

type later struct{ d *Decoder }

func newLater(d *Decoder) *later { return &later{d} }

// DecodeLater keeps the decoder, too.
func (d *Decoder) DecodeLater(into map[string]any) { into["later"] = newLater(d) }

// Wrong: the value is kept, not the decoder.
func unmarshal(p []byte, into map[string]any) error {
	d := GetDecoder() // want `d from GetDecoder is never put back`
	d.p = p
	return d.Decode(into)
}

// Right.
func unmarshalLater(p []byte, into map[string]any) {
	d := GetDecoder()
	d.p = p
	d.DecodeLater(into)
}

var readers = sync.Pool{New: func() any { return new(source) }}

type source struct{ io.ReadCloser }

// Wrong: its Close, of another package, cannot put it back.
func drain(rc io.ReadCloser, p []byte) (int, error) {
	r := readers.Get().(*source) // want `r from readers.Get is never put back`
	r.ReadCloser = rc
	defer r.Close()
	return r.Read(p)
}

func drainAndBack(rc io.ReadCloser, p []byte) (int, error) {
	r := readers.Get().(*source)
	r.ReadCloser = rc
	defer readers.Put(r)
	return r.Read(p)
}
