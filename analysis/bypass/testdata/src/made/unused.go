package made

import (
	"bytes"
	"compress/gzip"
	"io"
	"sync"
)

var writers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// Wrong.

func compress(b []byte) []byte {
	zw := writers.Get().(*gzip.Writer) // want `zw from writers.Get is reset and put back, and used for nothing: something else does its work`
	defer writers.Put(zw)
	var buf bytes.Buffer
	zw.Reset(&buf)
	other := gzip.NewWriter(&buf)
	other.Write(b)
	other.Close()
	return buf.Bytes()
}

// Right.

func compressed(b []byte) []byte {
	zw := writers.Get().(*gzip.Writer)
	defer writers.Put(zw)
	var buf bytes.Buffer
	zw.Reset(&buf)
	zw.Write(b)
	zw.Close()
	return buf.Bytes()
}

func warm() {
	zw := writers.Get()
	writers.Put(zw)
}

func prepare(w io.Writer) *gzip.Writer {
	zw := writers.Get().(*gzip.Writer)
	zw.Reset(w)
	return zw
}
