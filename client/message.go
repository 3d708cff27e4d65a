package client

import (
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
)

// Batch is frames of one geometry, to be encoded together.
type Batch struct {
	ID     uint64    // the caller's own; the response has it too
	Spec   *api.Spec // what the frames are and what to make of them; nil on a stream: as before
	Frames [][]byte  // tightly packed planes, one after the other
}

// Response is the pictures of one Batch. It is filled again and again; what it lends is valid until the next time.
type Response struct {
	ID       uint64
	Pictures []Picture     // one for each frame, in order
	Queue    time.Duration // how long the batch waited for a worker
	Run      time.Duration // how long its encoding took

	memory []byte // what Pictures' Data points into
}

// Picture is one encoded frame, or why there is none.
type Picture struct {
	Data []byte // lent by the Response
	Err  error  // *Error; nil when Data is the picture
}

// The tags of EncodeRequest, EncodeResponse and Picture: the numbers that api/steadyframe/v1/frame.proto gives the
// fields, and their wire types.
const (
	tagID     = 1<<3 | uint64(protowire.VarintType)
	tagSpec   = 2<<3 | uint64(protowire.BytesType)
	tagFrames = 3<<3 | uint64(protowire.BytesType)

	tagPictures = 2<<3 | uint64(protowire.BytesType)
	tagQueueUS  = 3<<3 | uint64(protowire.VarintType)
	tagRunUS    = 4<<3 | uint64(protowire.VarintType)

	tagData    = 1<<3 | uint64(protowire.BytesType)
	tagCode    = 2<<3 | uint64(protowire.VarintType)
	tagMessage = 3<<3 | uint64(protowire.BytesType)
)

// The most that a tag, all below 128, and a varint take.
const (
	maxTag    = 1
	maxVarint = 10
)

// marshal returns b as protobuf.
func (b *Batch) marshal(heads *headPool) (mem.BufferSlice, error) {
	spec, err := b.marshalSpec()
	if err != nil {
		return nil, err
	}
	p := heads.Get(2*(maxTag+maxVarint) + len(spec) + headSizeOf(b.Frames))
	head := (*p)[:0]
	if b.ID != 0 {
		head = protowire.AppendVarint(protowire.AppendVarint(head, tagID), b.ID)
	}
	if b.Spec != nil {
		head = protowire.AppendBytes(protowire.AppendVarint(head, tagSpec), spec)
	}
	return appendFrames(mem.NewBuffer(p, heads), head, tagFrames, b.Frames, borrowed{}), nil
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

func (b *Batch) marshalSpec() ([]byte, error) {
	if b.Spec == nil {
		return nil, nil
	}
	return proto.Marshal(b.Spec)
}

var errResponse = errors.New("client: the response is not the message it should be")

// unmarshal sets a to what data says, copying it into memory of its own.
func (a *Response) unmarshal(data mem.BufferSlice) error {
	clear(a.Pictures)
	*a = Response{Pictures: a.Pictures[:0], memory: copyInto(a.memory, data)}
	return eachField(a.memory, func(tag, v uint64, body []byte) error {
		switch tag {
		case tagID:
			a.ID = v
		case tagQueueUS:
			a.Queue = time.Duration(v) * time.Microsecond
		case tagRunUS:
			a.Run = time.Duration(v) * time.Microsecond
		case tagPictures:
			a.Pictures = append(a.Pictures, Picture{})
			return a.Pictures[len(a.Pictures)-1].unmarshal(body)
		}
		return nil
	})
}

// copyInto returns a copy of data, in memory if there is room.
func copyInto(memory []byte, data mem.BufferSlice) []byte {
	n := data.Len()
	if cap(memory) < n {
		memory = make([]byte, n+n/4) // Pictures grow and shrink a little.
	}
	data.CopyTo(memory[:n])
	return memory[:n]
}

func (p *Picture) unmarshal(data []byte) error {
	var code codes.Code
	message := ""
	err := eachField(data, func(tag, v uint64, body []byte) error {
		switch tag {
		case tagData:
			p.Data = body
		case tagCode:
			code = codes.Code(v)
		case tagMessage:
			message = string(body)
		}
		return nil
	})
	if code != codes.OK {
		p.Err = &Error{Code: code, Reason: message}
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
