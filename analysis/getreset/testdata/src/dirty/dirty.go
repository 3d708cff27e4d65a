// Package dirty resets on neither side of its pools.
package dirty

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
)

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func method(s string) {
	buf := bufs.Get().(*bytes.Buffer) // want `buf from bufs.Get is used in line 15 without Reset, and the Put in line \d+ does not reset it either: it holds what its last user left`
	buf.WriteString(s)
	bufs.Put(buf)
}

func writer(id int) string {
	buf := bufs.Get().(*bytes.Buffer) // want `used in line \d+ without Reset`
	defer bufs.Put(buf)
	fmt.Fprintf(buf, "user %d", id)
	return buf.String()
}

func onePath(s string, fresh bool) {
	buf := bufs.Get().(*bytes.Buffer) // want `used in line \d+ without Reset`
	if fresh {
		buf.Reset()
	}
	buf.WriteString(s)
	bufs.Put(buf)
}

func closure(s string) {
	buf := bufs.Get().(*bytes.Buffer) // want `used in line \d+ without Reset`
	defer func() { bufs.Put(buf) }()
	buf.WriteString(s)
}

var builders = sync.Pool{New: func() any { return new(strings.Builder) }}

func builder(s string) string {
	b := builders.Get().(*strings.Builder) // want `b from builders.Get is used in line \d+ without Reset`
	b.WriteString(s)
	defer builders.Put(b)
	return b.String()
}

var wrapped = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func get() *bytes.Buffer { return wrapped.Get().(*bytes.Buffer) }

func put(buf *bytes.Buffer) { wrapped.Put(buf) }

func byWrapper(s string) string {
	buf := get() // want `buf from get is used in line \d+ without Reset`
	defer put(buf)
	buf.WriteString(s)
	return buf.String()
}

// Right, beside the others: this one resets for itself.
func resets(s string) {
	buf := bufs.Get().(*bytes.Buffer)
	buf.Reset()
	buf.WriteString(s)
	bufs.Put(buf)
}

func truncates(s string) {
	buf := bufs.Get().(*bytes.Buffer)
	buf.Truncate(0)
	buf.WriteString(s)
	bufs.Put(buf)
}

func assigns(s string) {
	buf := bufs.Get().(*bytes.Buffer)
	*buf = bytes.Buffer{}
	buf.WriteString(s)
	bufs.Put(buf)
}

func looks() int {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return buf.Cap()
}
