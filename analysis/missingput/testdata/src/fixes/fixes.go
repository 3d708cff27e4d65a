// Package fixes never puts back: the fix inserts a defer.
package fixes

import (
	"bytes"
	"sync"

	"github.com/steadyframe/steadyframe/pool"
)

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func direct(s string) string {
	buf := bufs.Get().(*bytes.Buffer) // want `never put back`
	buf.Reset()
	buf.WriteString(s)
	return buf.String()
}

func withError(p *pool.Pool) (int, error) {
	b, err := p.Get(10) // want `never put back`
	if err != nil {
		return 0, err
	}
	return len(b.Bytes()), nil
}

func loop(n int) {
	for range n {
		buf := bufs.Get().(*bytes.Buffer) // want `never put back`
		buf.Reset()
	}
}

func inIf(v []byte) {
	if buf := bufs.Get().(*bytes.Buffer); v != nil { // want `never put back`
		buf.Write(v)
	}
}

func replaced() int {
	buf, ok := bufs.Get().(*bytes.Buffer) // want `never put back`
	if !ok {
		buf = new(bytes.Buffer)
	}
	buf.Reset()
	return buf.Len()
}

func checked(v []byte) {
	buf, ok := bufs.Get().(*bytes.Buffer) // want `never put back`
	if !ok {
		return
	}
	buf.Write(v)
}

func changed() {
	buf := bufs.Get().(*bytes.Buffer) // want `never put back`
	buf.Reset()
	buf = nil
	_ = buf
}

func inCase(n int) {
	switch n {
	case 1:
		buf := bufs.Get().(*bytes.Buffer) // want `never put back`
		buf.Reset()
	}
}

func suppressed(v []byte) {
	buf := bufs.Get().(*bytes.Buffer) //nolint:poolvet // the caller has it
	buf.Write(v)
	//lint:ignore missingput the caller has it
	other := bufs.Get().(*bytes.Buffer)
	other.Write(v)
	//poolvet:ignore the caller has it
	third := bufs.Get().(*bytes.Buffer)
	third.Write(v)
	//lint:ignore missingput
	fourth := bufs.Get().(*bytes.Buffer) // want `never put back`
	fourth.Write(v)
	fifth := bufs.Get().(*bytes.Buffer) //nolint:errcheck // want `never put back`
	fifth.Write(v)
}
