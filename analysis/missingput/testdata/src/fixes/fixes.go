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
