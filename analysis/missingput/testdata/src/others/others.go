// Package others uses the pools of other modules.
package others

import (
	"errors"

	"github.com/valyala/bytebufferpool"
	"google.golang.org/grpc/mem"
)

func byteBuffer(s string) (string, error) {
	b := bytebufferpool.Get() // want `b from bytebufferpool.Get is not put back`
	if s == "" {
		return "", errors.New("empty")
	}
	defer bytebufferpool.Put(b)
	return b.String(), nil
}

func byteBufferPool(p *bytebufferpool.Pool, s string) string {
	b := p.Get() // want `b from p.Get is never put back`
	b.WriteString(s)
	return b.String()
}

func grpcBuffer(p mem.BufferPool, n int) error {
	b := p.Get(n) // want `b from p.Get is not put back`
	copy(*b, "data")
	if n == 7 {
		return errors.New("seven")
	}
	p.Put(b)
	return nil
}

func rightByteBuffer(s string) string {
	b := bytebufferpool.Get()
	defer bytebufferpool.Put(b)
	b.WriteString(s)
	return b.String()
}

func rightNeverFails(s string) (string, error) {
	b := bytebufferpool.Get()
	if _, err := b.WriteString(s); err != nil {
		return "", err
	}
	defer bytebufferpool.Put(b)
	return b.String(), nil
}

func rightGRPC(p mem.BufferPool, n int) int {
	b := p.Get(n)
	defer p.Put(b)
	return copy(*b, "data")
}
