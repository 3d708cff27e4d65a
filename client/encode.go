package client

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Batch is frames of one geometry, to be encoded together.
type Batch struct {
	ID     uint64        // the caller's own; the response has it too
	Spec   pipeline.Spec // what the frames are and what to make of them; on an EncodeStream, zero: as before
	Frames [][]byte      // tightly packed planes, one after the other; of a scene its regions, an empty one leaves its place out
	Images []SceneImage  // with Spec.Scene: the images; none: one for each frame
}

// Response is the images of one Batch. It is filled again and again; what it lends is valid until the next time.
type Response struct {
	ID     uint64
	Images []Image       // one for each frame, in order; of a scene for each SceneImage
	Queue  time.Duration // how long the batch waited for a worker
	Run    time.Duration // how long its encoding took

	memory []byte // what Images' Data points into
}

// Image is one encoded frame, or why there is none.
type Image struct {
	Data []byte // a JPEG, or raw pixels, as Spec.Output.Format says; lent by the Response
	Err  error  // *Error; nil when Data is the image
	// Alpha is a gray JPEG, lent, of an image of a transparent scene. Data has the color multiplied by it.
	Alpha []byte
}

// Encode sends one batch, which must have a Spec, and puts its images into r. It borrows the frames until it returns;
// after an error, until Close, since gRPC may still be sending them. What is wrong with one frame alone is its Image.Err.
// With several servers, a batch that one could not serve, since it stopped, died or had no room, goes to another. The error
// is an *Error.
func (c *Client) Encode(ctx context.Context, b *Batch, r *Response) error {
	if c.ring != nil {
		return c.ring.encode(ctx, b, r)
	}
	spec, err := c.marshalSpec(b.Spec)
	if err != nil {
		return err
	}
	if c.balances {
		return c.encodeAnywhere(ctx, b, spec, r)
	}
	return toError(c.conn.Invoke(c.context(ctx), api.FrameService_Encode_FullMethodName, &encodeRequest{batch: b, spec: spec}, r))
}

// EncodeStream opens a stream of batches. It lasts until its CloseSend and last Recv, an error, or the end of ctx. The
// error is an *Error.
func (c *Client) EncodeStream(ctx context.Context) (*EncodeStream, error) {
	if c.ring != nil {
		return &EncodeStream{client: c, ring: newRingStream(ctx, c.ring)}, nil
	}
	s, err := c.open(ctx, api.FrameService_EncodeStream_FullMethodName)
	if err != nil {
		return nil, err
	}
	return &EncodeStream{client: c, stream: s}, nil
}

// EncodeStream is a stream of batches and their responses, in the same order. One goroutine may Send while another Recvs.
type EncodeStream struct {
	client  *Client
	stream  grpc.ClientStream
	request encodeRequest // of Send
	ring    *ringStream   // nil: it is a call of gRPC
}

// Send sends a batch. The first must have a Spec; it holds until another batch has one. Send waits while the server takes
// no more. It retains the frames until their response is there, or, after an error, until the Client's Close; the Batch
// itself it borrows. io.EOF means that the stream has ended: Recv says why. Any other error is an *Error.
func (s *EncodeStream) Send(b *Batch) error {
	if s.ring != nil {
		return s.ring.send(b)
	}
	spec, err := s.client.marshalSpec(b.Spec)
	if err != nil {
		return err
	}
	s.request = encodeRequest{batch: b, spec: spec}
	err = s.stream.SendMsg(&s.request)
	s.request = encodeRequest{}
	return toError(err)
}

// Recv waits for the next response and puts it into r. It returns io.EOF after the last response, when CloseSend was
// called; any other error is an *Error. Through the ring, the end of a server shows when a batch is sent.
func (s *EncodeStream) Recv(r *Response) error {
	if s.ring != nil {
		return s.ring.recv(r)
	}
	return toError(s.stream.RecvMsg(r))
}

// CloseSend says that no further batch comes. The responses to those sent still do.
func (s *EncodeStream) CloseSend() error {
	if s.ring != nil {
		return s.ring.closeSend()
	}
	return toError(s.stream.CloseSend())
}

// encodeRequest is an EncodeRequest on its way.
type encodeRequest struct {
	batch     *Batch
	spec      []byte     // the bytes of its Spec's message
	departure *departure // nil: nobody asks when it has left
}

// The tags of EncodeRequest, EncodeResponse and Picture: the numbers that api/steadyframe/v1/frame.proto gives the
// fields, and their wire types.
const (
	tagID      = 1<<3 | uint64(protowire.VarintType)
	tagSpec    = 2<<3 | uint64(protowire.BytesType)
	tagFrames  = 3<<3 | uint64(protowire.BytesType)
	tagOfScene = 4<<3 | uint64(protowire.BytesType)

	tagImages  = 2<<3 | uint64(protowire.BytesType)
	tagQueueUS = 3<<3 | uint64(protowire.VarintType)
	tagRunUS   = 4<<3 | uint64(protowire.VarintType)

	tagData    = 1<<3 | uint64(protowire.BytesType)
	tagCode    = 2<<3 | uint64(protowire.VarintType)
	tagMessage = 3<<3 | uint64(protowire.BytesType)
	tagAlpha   = 4<<3 | uint64(protowire.BytesType)
)

// The most that a tag, all below 128, and a varint take.
const (
	maxTag    = 1
	maxVarint = 10
)

// marshal returns r as protobuf.
func (r *encodeRequest) marshal(heads *headPool) mem.BufferSlice {
	b := r.batch
	p := heads.Get(2*(maxTag+maxVarint) + len(r.spec) + imagesSizeOf(b.Images) + headSizeOf(b.Frames))
	head := (*p)[:0]
	if b.ID != 0 {
		head = protowire.AppendVarint(protowire.AppendVarint(head, tagID), b.ID)
	}
	if len(r.spec) > 0 {
		head = protowire.AppendBytes(protowire.AppendVarint(head, tagSpec), r.spec)
	}
	head = appendImages(head, tagOfScene, b.Images)
	if d := r.departure; d != nil {
		d.begin(b.Frames)
		return appendFrames(mem.NewBuffer(p, departingHead{d}), head, tagFrames, b.Frames, d)
	}
	return appendFrames(mem.NewBuffer(p, heads), head, tagFrames, b.Frames, borrowed{})
}

// isSmall reports whether a frame is copied into the head: grpc-go keeps no count of so small a buffer.
func isSmall(frame []byte) bool { return mem.IsBelowBufferPoolingThreshold(cap(frame)) }

// headSizeOf returns the bytes of a head that frames take at most.
func headSizeOf(frames [][]byte) int {
	n := len(frames) * (maxTag + maxVarint)
	for _, f := range frames {
		if isSmall(f) {
			n += len(f)
		}
	}
	return n
}

// appendFrames returns the message of root, which has the fields of head and room for headSizeOf(frames), and then the
// frames, each a field of that tag: what stands between them in root, and the frames where they are, in buffers of pool.
// It takes root.
func appendFrames(root mem.Buffer, head []byte, tag uint64, frames [][]byte, pool mem.BufferPool) mem.BufferSlice {
	out := make(mem.BufferSlice, 0, 2*len(frames)+1)
	start := 0
	for i := range frames {
		head = protowire.AppendVarint(protowire.AppendVarint(head, tag), uint64(len(frames[i])))
		if isSmall(frames[i]) {
			head = append(head, frames[i]...)
			continue
		}
		out = append(out, root.Slice(start, len(head)))
		start = len(head)
		if len(frames[i]) > 0 {
			out = append(out, mem.NewBuffer(&frames[i], pool))
		}
	}
	if start < len(head) {
		out = append(out, root.Slice(start, len(head)))
	}
	root.Free()
	return out
}

var errResponse = errors.New("client: the response is not the message it should be")

// unmarshal sets r to what data says, copying it into memory of its own.
func (r *Response) unmarshal(data mem.BufferSlice) error {
	clear(r.Images)
	*r = Response{Images: r.Images[:0], memory: copyInto(r.memory, data)}
	return eachField(r.memory, func(tag, v uint64, body []byte) error {
		switch tag {
		case tagID:
			r.ID = v
		case tagQueueUS:
			r.Queue = time.Duration(v) * time.Microsecond
		case tagRunUS:
			r.Run = time.Duration(v) * time.Microsecond
		case tagImages:
			r.Images = append(r.Images, Image{})
			return r.Images[len(r.Images)-1].unmarshal(body)
		}
		return nil
	})
}

// copyInto returns a copy of data, in memory if there is room.
func copyInto(memory []byte, data mem.BufferSlice) []byte {
	n := data.Len()
	if cap(memory) < n {
		memory = make([]byte, n+n/4) // Images grow and shrink a little.
	}
	data.CopyTo(memory[:n])
	return memory[:n]
}

func (i *Image) unmarshal(data []byte) error {
	var code codes.Code
	message := ""
	err := eachField(data, func(tag, v uint64, body []byte) error {
		switch tag {
		case tagData:
			i.Data = body
		case tagCode:
			code = codes.Code(v)
		case tagMessage:
			message = string(body)
		case tagAlpha:
			i.Alpha = body
		}
		return nil
	})
	if code != codes.OK {
		i.Err = &Error{Code: code, Reason: message}
	}
	return err
}

// eachField calls f for each varint and length-delimited field of a message, with the value of the one and the bytes of
// the other.
func eachField(data []byte, f func(tag, v uint64, body []byte) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errResponse
		}
		data = data[n:]
		var v uint64
		var body []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(data)
		case protowire.BytesType:
			body, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return errResponse
		}
		data = data[n:]
		if err := f(protowire.EncodeTag(number, kind), v, body); err != nil {
			return err
		}
	}
	return nil
}
