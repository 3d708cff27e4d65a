// Package filled bounds what it writes into its buffers.
package filled

import (
	"bytes"
	"errors"
	"sync"
)

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func decode(buf *bytes.Buffer, src []byte, max int) error {
	for _, b := range src {
		if buf.Len() == max {
			return errors.New("too long")
		}
		buf.WriteByte(b)
	}
	return nil
}

func use(src []byte) (string, error) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.Reset()
	err := decode(buf, src, 100)
	return buf.String(), err
}
