// Package later uses values when the function returns, or after it.
package later

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"sync"
)

var (
	writers = sync.Pool{New: func() any { return gzip.NewWriter(io.Discard) }}
	bufs    = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// Wrong.

func closedAfterPut(w io.Writer, p []byte) error {
	z := writers.Get().(*gzip.Writer)
	z.Reset(w)
	defer z.Close() // want `this defer uses a value that was put back before, in line 24`
	_, err := z.Write(p)
	writers.Put(z)
	return err
}

func wrongOrder(w io.Writer, p []byte) error {
	z := writers.Get().(*gzip.Writer)
	z.Reset(w)
	defer z.Close() // want `this defer uses a value that was put back before, in line 32`
	defer writers.Put(z)
	_, err := z.Write(p)
	return err
}

func closure(w io.Writer, p []byte) (err error) {
	z := writers.Get().(*gzip.Writer)
	z.Reset(w)
	defer func() { err = z.Close() }() // want `this defer uses a value`
	defer writers.Put(z)
	_, err = z.Write(p)
	return err
}

func request(s string) (*http.Request, error) {
	b := bufs.Get().(*bytes.Buffer)
	b.Reset()
	defer bufs.Put(b)
	b.WriteString(s)
	return http.NewRequest("POST", "http://127.0.0.1/", b) // want `request returns what reads memory that goes back`
}

func reader(s string) io.Reader {
	b := bufs.Get().(*bytes.Buffer)
	b.Reset()
	defer bufs.Put(b)
	b.WriteString(s)
	return bytes.NewReader(b.Bytes()) // want `reader returns what reads memory that goes back`
}

// Right.

func rightOrder(w io.Writer, p []byte) error {
	z := writers.Get().(*gzip.Writer)
	z.Reset(w)
	defer writers.Put(z)
	defer z.Close()
	_, err := z.Write(p)
	return err
}

func together(w io.Writer, p []byte) (err error) {
	z := writers.Get().(*gzip.Writer)
	z.Reset(w)
	defer func() {
		err = z.Close()
		writers.Put(z)
	}()
	_, err = z.Write(p)
	return err
}

func trade(b *bytes.Buffer, big bool) *bytes.Buffer {
	if !big {
		return b
	}
	larger := bufs.Get().(*bytes.Buffer)
	larger.Reset()
	larger.Write(b.Bytes())
	bufs.Put(b)
	return larger
}

func traded() int {
	b := bufs.Get().(*bytes.Buffer)
	b.Reset()
	b = trade(b, true)
	n := b.Len()
	bufs.Put(b)
	return n
}

func body(s string) io.Reader {
	b := bufs.Get().(*bytes.Buffer)
	b.Reset()
	defer bufs.Put(b)
	b.WriteString(s)
	return bytes.NewReader(bytes.Clone(b.Bytes()))
}
