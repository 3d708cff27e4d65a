package grpcapi

import (
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the stock codec
	"google.golang.org/grpc/mem"
)

// outgoing is a response of FrameService, already encoded.
type outgoing struct{ data mem.BufferSlice }

// codec passes FrameService's responses through, and leaves every other message, those of health and reflection, to the
// stock codec.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

// Unmarshal is part of encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if w, ok := v.(*wholeMessages); ok {
		w.unmarshal(data)
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}

// Marshal is part of encoding.CodecV2. It gives away the data of an outgoing.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if o, ok := v.(*outgoing); ok {
		data := o.data
		o.data = nil
		return data, nil
	}
	return c.CodecV2.Marshal(v)
}
