// Package wire reads steadyframe.v1.EncodeRequest and writes EncodeResponse as protobuf has them on the wire
// (protobuf.dev/programming-guides/encoding), between gRPC's buffers and those of the pool, without the generated
// types: pixels are copied once, from gRPC's 16 KiB pieces to where the pipeline reads them, and nothing is allocated
// in steady state.
package wire

import "github.com/steadyframe/steadyframe/pool"

// Request is one EncodeRequest. It is used again from message to message.
type Request struct {
	ID      uint64
	Spec    []byte // the bytes of spec
	HasSpec bool
	Frames  []Frame
}

// Frame is one of a Request's frames.
type Frame struct {
	Size int      // bytes of it that were sent
	Buf  pool.Buf // has them, and is the Request's own; zero when the frame is empty, or Source had no use for it
}

// Release releases the frames and empties r for another message, keeping its memory.
func (r *Request) Release() {
	for i := range r.Frames {
		r.Frames[i].Buf.Release()
	}
	clear(r.Frames)
	*r = Request{Spec: r.Spec[:0], Frames: r.Frames[:0]}
}
