package others

import (
	"errors"
	"io"

	"github.com/valyala/bytebufferpool"
)

type message struct {
	in chan *bytebufferpool.ByteBuffer
}

var errTwice = errors.New("twice")

func readMessage(r io.Reader) (*bytebufferpool.ByteBuffer, error) {
	b := bytebufferpool.Get()
	if _, err := r.Read(b.B); err != nil {
		bytebufferpool.Put(b)
		return nil, err
	}
	return b, nil
}

// receive loses what it does not send; what it loses on a failure before is not told of.
func receive(r io.Reader, open map[int]*message, done chan struct{}) error {
	for n := 0; ; n++ {
		b, err := readMessage(r) // want `b from readMessage is not put back when the function returns at line 42: the pool loses it`
		if err != nil {
			return err
		}
		m, ok := open[n]
		switch n % 2 {
		case 0:
			if ok {
				return errTwice
			}
		default:
			select {
			case m.in <- b:
			case <-done:
				return nil
			}
		}
	}
}
