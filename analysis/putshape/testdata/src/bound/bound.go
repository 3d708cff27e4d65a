// Package bound has pools of buffers that grow.
package bound

import (
	"bytes"
	"sync"
)

// Wrong.

var unbounded = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func use(data []byte) {
	buf := unbounded.Get().(*bytes.Buffer)
	buf.Reset()
	buf.Write(data)
	unbounded.Put(buf) // want `unbounded.Put takes buffers of any size: the largest ever put back stays in unbounded; look at Cap before`
}

func useAgain(data []byte) {
	buf := unbounded.Get().(*bytes.Buffer)
	defer unbounded.Put(buf) // one report for a pool
	buf.Reset()
	buf.Write(data)
}

var slices = sync.Pool{New: func() any { return new([]byte) }}

func grow(data []byte) {
	bp := slices.Get().(*[]byte)
	*bp = append((*bp)[:0], data...)
	slices.Put(bp) // want `slices.Put takes buffers of any size`
}

// Right.

var bounded = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func put(buf *bytes.Buffer) {
	if buf.Cap() > 1<<16 {
		return
	}
	buf.Reset()
	bounded.Put(buf)
}

var byCaller = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func putAny(buf *bytes.Buffer) { byCaller.Put(buf) }

func looks(data []byte) {
	buf := byCaller.Get().(*bytes.Buffer)
	buf.Write(data)
	if buf.Cap() < 1<<16 {
		putAny(buf)
	}
}

var fixed = sync.Pool{New: func() any {
	b := make([]byte, 512)
	return &b
}}

func fill(data []byte) int {
	bp := fixed.Get().(*[]byte)
	defer fixed.Put(bp)
	return copy(*bp, data)
}
