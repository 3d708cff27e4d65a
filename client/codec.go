package client

import (
	"sync"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the stock codec
	"google.golang.org/grpc/mem"
)

// codec writes an *encodeRequest and a *publishRequest, and reads a *Response and a *LiveImage. It leaves other messages to the stock
// codec, so that other services can use the connection.
type codec struct {
	encoding.CodecV2
	heads *headPool
}

func newCodec() codec { return codec{encoding.GetCodecV2("proto"), &headPool{}} }

// Marshal is part of encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	switch m := v.(type) {
	case *encodeRequest:
		return m.marshal(c.heads), nil
	case *publishRequest:
		return m.marshal(), nil
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal is part of encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	switch m := v.(type) {
	case *Response:
		return m.unmarshal(data)
	case *LiveImage:
		return m.unmarshal(data)
	}
	return c.CodecV2.Unmarshal(data, v)
}

// headPool keeps buffers for what stands between frames.
type headPool struct{ free sync.Pool } // of *[]byte

const headSize = 4 << 10

// Get is part of mem.BufferPool.
func (h *headPool) Get(n int) *[]byte {
	if n <= headSize {
		if p, _ := h.free.Get().(*[]byte); p != nil {
			return p
		}
		n = headSize
	}
	p := make([]byte, n)
	return &p
}

// Put is part of mem.BufferPool.
func (h *headPool) Put(p *[]byte) {
	if len(*p) == headSize {
		h.free.Put(p)
	}
}

// borrowed is the pool of frames, which stay the caller's.
type borrowed struct{}

func (borrowed) Get(n int) *[]byte { p := make([]byte, n); return &p }
func (borrowed) Put(*[]byte)       {}
