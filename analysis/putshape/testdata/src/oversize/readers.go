package oversize

import (
	"bufio"
	"io"
	"sync"
)

var readers = sync.Pool{New: func() any { return bufio.NewReader(nil) }}

// A reader of another stream has the same size.
func readOther(r io.Reader) (byte, error) {
	br, ok := readers.Get().(*bufio.Reader)
	if !ok {
		br = bufio.NewReader(r)
	} else {
		br.Reset(r)
	}
	defer readers.Put(br)
	return br.ReadByte()
}

var sized = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}

func readSized(r io.Reader, size int) (byte, error) {
	br, ok := sized.Get().(*bufio.Reader)
	if !ok {
		br = bufio.NewReaderSize(r, size)
	} else {
		br.Reset(r)
	}
	c, err := br.ReadByte()
	sized.Put(br) // want `sized makes values of one size, but may be given one of another`
	return c, err
}
