// Package given makes buffers of gRPC.
package given

import (
	"encoding/json"
	"errors"

	"google.golang.org/grpc/mem"
)

type codec struct{}

// Wrong: nspcc-dev/neofs-sdk-go 1f3abc2.
func (codec) Marshal(msg any) (mem.BufferSlice, error) {
	b, ok := msg.([]byte)
	if ok {
		return mem.BufferSlice{mem.NewBuffer(&b, mem.DefaultBufferPool())}, nil // want `mem.NewBuffer puts what Marshal was given into a pool when the buffer is freed, and its user still has it: use mem.SliceBuffer`
	}
	return nil, errors.New("no bytes")
}

// Right.

type sliceCodec struct{}

func (sliceCodec) Marshal(msg any) (mem.BufferSlice, error) {
	b, ok := msg.([]byte)
	if ok {
		return mem.BufferSlice{mem.SliceBuffer(b)}, nil
	}
	return nil, errors.New("no bytes")
}

func Unpooled(b []byte) mem.Buffer { return mem.NewBuffer(&b, nil) }

func Encode(msg any) (mem.Buffer, error) {
	b, err := json.Marshal(msg)
	if err != nil {
		return nil, err
	}
	return mem.NewBuffer(&b, mem.DefaultBufferPool()), nil
}

func own(b []byte) mem.Buffer { return mem.NewBuffer(&b, mem.DefaultBufferPool()) }

func Copy(b []byte) mem.Buffer { return own(append([]byte(nil), b...)) }
