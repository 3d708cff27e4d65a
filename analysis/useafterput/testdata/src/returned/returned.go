// Package returned returns memory that a defer puts back.
package returned

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Wrong.

func encode(v any) ([]byte, error) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.Reset()
	err := json.NewEncoder(buf).Encode(v)
	return buf.Bytes(), err // want `encode returns memory that goes back to the pool when the function returns \(defer in line 19\)`
}

func itself() *bytes.Buffer {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return buf // want `itself returns memory that goes back`
}

func closure(v any) []byte {
	buf := bufs.Get().(*bytes.Buffer)
	defer func() {
		buf.Reset()
		bufs.Put(buf)
	}()
	json.NewEncoder(buf).Encode(v)
	return bytes.TrimSpace(buf.Bytes()) // want `returns memory that goes back`
}

func slice(p *sync.Pool, data string) []byte {
	bp := p.Get().(*[]byte)
	defer p.Put(bp)
	*bp = append((*bp)[:0], data...)
	return *bp // want `returns memory that goes back`
}

func row(p *pool.Pool, d frame.Desc) ([]byte, error) {
	f, err := frame.New(p, d)
	if err != nil {
		return nil, err
	}
	defer f.Release()
	return f.Row(0, 0), nil // want `returns memory that goes back`
}

func direct(p *pool.Pool) []byte {
	b, err := p.Get(10)
	if err != nil {
		return nil
	}
	b.Release()
	return b.Bytes() // want `use of a value after it was put back`
}

func afterPut(v any) []byte {
	buf := bufs.Get().(*bytes.Buffer)
	json.NewEncoder(buf).Encode(v)
	out := buf.Bytes()
	bufs.Put(buf)
	return out // want `afterPut returns memory that was put back in line \d+`
}

// Right.

func copied(v any) ([]byte, error) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	err := json.NewEncoder(buf).Encode(v)
	return bytes.Clone(buf.Bytes()), err
}

func text(v any) string {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	json.NewEncoder(buf).Encode(v)
	return string(buf.Bytes())
}

func appended(dst []byte, v any) []byte {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	json.NewEncoder(buf).Encode(v)
	return append(dst, buf.Bytes()...)
}

func onError(v any) (buf *bytes.Buffer, err error) {
	buf = bufs.Get().(*bytes.Buffer)
	defer func() {
		if err != nil {
			bufs.Put(buf)
		}
	}()
	err = json.NewEncoder(buf).Encode(v)
	return buf, err
}

func length() int {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return len(buf.Bytes())
}
