package clean

import (
	"bytes"
	"encoding/json"
	"sync"
)

// What is put back was set to 0 element by element: gorgonia.org/tensor.
var ints [9]sync.Pool

func borrowInts(size int) []int {
	v := ints[size].Get()
	if v == nil {
		return make([]int, size)
	}
	return v.([]int)[:size]
}

func returnInts(is []int) {
	for i := range is {
		is[i] = 0
	}
	ints[cap(is)].Put(is)
}

func cloneInts(is []int) []int {
	c := borrowInts(len(is))
	copy(c, is)
	return c
}

func without(is []int, skip int) int {
	c := cloneInts(is)
	c = append(c[:skip], c[skip+1:]...)
	sum := 0
	for _, i := range c {
		sum += i
	}
	returnInts(c)
	return sum
}

var lines = sync.Pool{New: func() any { return new([]string) }}

func putLines(l *[]string) {
	for i := range *l {
		(*l)[i] = ""
	}
	lines.Put(l)
}

func addLine(s string) int {
	l := lines.Get().(*[]string)
	*l = append(*l, s)
	defer putLines(l)
	return len(*l)
}

// What its fields point to was reset, and its own Reset is not called: TykTechnologies/graphql-go-tools.
type pair struct{ data, errors *bytes.Buffer }

func (p *pair) Reset() { p.data.Reset(); p.errors.Reset() }

var pairs = sync.Pool{New: func() any { return &pair{new(bytes.Buffer), new(bytes.Buffer)} }}

func freePair(p *pair) {
	p.data.Reset()
	p.errors.Reset()
	pairs.Put(p)
}

func (p *pair) render(s string) { p.data.WriteString(s) }

func render(s string) string {
	p := pairs.Get().(*pair)
	defer freePair(p)
	p.render(s)
	return p.data.String()
}

// An allocator lends memory of the length that was asked for: lesismal/nbio.
var memory = sync.Pool{New: func() any { b := make([]byte, 64); return &b }}

func malloc(size int) *[]byte {
	b := memory.Get().(*[]byte)
	if n := cap(*b); n < size {
		*b = append((*b)[:n], make([]byte, size-n)...)
	}
	*b = (*b)[:size]
	return b
}

func realloc(old []byte, size int) *[]byte {
	b := memory.Get().(*[]byte)
	if n := cap(*b); n < size {
		*b = append((*b)[:n], make([]byte, size-n)...)
	}
	*b = (*b)[:size]
	copy(*b, old)
	return b
}

func free(b *[]byte) { memory.Put(b) }

// What a text is decoded into is emptied by hand.
type request struct {
	Name string
	Tags []string
}

var requests = sync.Pool{New: func() any { return new(request) }}

func decode(text []byte) (string, error) {
	r := requests.Get().(*request)
	defer func() { forget(r); requests.Put(r) }()
	err := json.Unmarshal(text, r)
	return r.Name, err
}

func forget(r *request) { r.Name, r.Tags = "", r.Tags[:0] }

func decodeAll(texts [][]byte) error {
	for _, text := range texts {
		r := requests.Get().(*request)
		err := json.Unmarshal(text, r)
		r.Name, r.Tags = "", nil
		requests.Put(r)
		if err != nil {
			return err
		}
	}
	return nil
}

// It is reset behind the defer that puts it back.
var late = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func resetLate(s string) string {
	b := late.Get().(*bytes.Buffer)
	defer late.Put(b)
	b.WriteString(s)
	s = b.String()
	b.Reset()
	return s
}

func resetByDefer(s string) string {
	b := late.Get().(*bytes.Buffer)
	defer late.Put(b)
	defer b.Reset()
	b.WriteString(s)
	return b.String()
}

func resetByLiteral(s string) string {
	b := late.Get().(*bytes.Buffer)
	defer late.Put(b)
	defer func() { b.Reset() }()
	b.WriteString(s)
	return b.String()
}

func resetTwice(s string) string {
	b := late.Get().(*bytes.Buffer)
	defer late.Put(b)
	b.Reset()
	b.WriteString(s)
	s = b.String()
	b.Reset()
	return s
}
