package escape

import (
	"bytes"
	"slices"
	"sync"
)

var parts = sync.Pool{New: func() any { return new(bytes.Buffer) }}

type record struct{ raw []byte }

type list struct {
	rows    [][]byte
	records []record
}

// Wrong.

func (r *record) keep(s string) {
	b := parts.Get().(*bytes.Buffer)
	b.Reset()
	defer parts.Put(b)
	b.WriteString(s)
	r.raw = b.Bytes() // want `b from parts.Get stays in the field raw although this function puts it back`
}

func (l *list) add(s string) {
	b := parts.Get().(*bytes.Buffer)
	b.Reset()
	defer parts.Put(b)
	b.WriteString(s)
	l.rows = append(l.rows, b.Bytes()) // want `stays in the field rows`
}

func (l *list) addRecord(s string) {
	b := parts.Get().(*bytes.Buffer)
	b.Reset()
	defer parts.Put(b)
	b.WriteString(s)
	l.records = append(l.records, record{b.Bytes()}) // want `stays in the field records`
}

// Right.

func (r *record) copied(s string) {
	b := parts.Get().(*bytes.Buffer)
	b.Reset()
	defer parts.Put(b)
	b.WriteString(s)
	r.raw = slices.Clone(b.Bytes())
}

func (r *record) appended(s string) {
	b := parts.Get().(*bytes.Buffer)
	b.Reset()
	defer parts.Put(b)
	b.WriteString(s)
	r.raw = append(r.raw[:0], b.Bytes()...)
}

func (l *list) addCopy(s string) {
	b := parts.Get().(*bytes.Buffer)
	b.Reset()
	defer parts.Put(b)
	b.WriteString(s)
	l.rows = append(l.rows, bytes.Clone(b.Bytes()))
}
