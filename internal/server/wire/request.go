// Package wire reads and writes the messages of steadyframe.v1 that carry frames and pictures, as protobuf has them on
// the wire (protobuf.dev/programming-guides/encoding), between gRPC's buffers and those of the pool, without the
// generated types: pixels are copied once, from gRPC's 16 KiB pieces to where the pipeline reads them, and nothing is
// allocated in steady state.
package wire

import "github.com/steadyframe/steadyframe/pool"

// Request is one EncodeRequest or PublishRequest. It is used again from message to message.
type Request struct {
	Spec    []byte // the bytes of spec
	HasSpec bool
	Frames  []Frame

	ID uint64 // of an EncodeRequest

	Stream     []byte // of a PublishRequest, as the others below
	MaxFPS     float64
	CapturedUS uint64 // microseconds since the Unix epoch; 0: not said
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
	*r = Request{Spec: r.Spec[:0], Frames: r.Frames[:0], Stream: r.Stream[:0]}
}
