// Package buffers wraps a pool for others.
package buffers

import (
	"bytes"
	"sync"
)

var pool = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Get returns an empty buffer.
func Get() *bytes.Buffer {
	buf := pool.Get().(*bytes.Buffer)
	buf.Reset()
	return buf
}

// Put puts a buffer back with its memory.
func Put(buf *bytes.Buffer) { pool.Put(buf) }

// Drop puts a buffer back without its memory, which is the caller's.
func Drop(buf *bytes.Buffer) {
	*buf = *bytes.NewBuffer(nil)
	pool.Put(buf)
}
