package wire

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pool"
)

// The fields of EncodeRequest.
const (
	fieldID     protowire.Number = 1
	fieldSpec   protowire.Number = 2
	fieldFrames protowire.Number = 3
)

const (
	maxSpecBytes = 4 << 10 // all fields of a Spec at their longest take less than 200
	maxGroups    = 16      // nested groups in unknown fields; nobody sends one
	// headBytes of a frame are there before it has memory: what is only declared costs nothing.
	headBytes = 512
)

// Source is where a message comes from, and memory for its frames.
type Source interface {
	// Fill fills p with the message's next bytes. It borrows p.
	Fill(p []byte) error
	// Lease returns a buffer for a frame of n bytes, whose first bytes are there, and whose spec, if it precedes the
	// frames, is in the Request. A zero Buf means that the bytes are of no use: they are passed over.
	Lease(n int) (pool.Buf, error)
}

// Decoder reads EncodeRequests. It takes what google.golang.org/protobuf takes, but for the limits, and what no encoder
// writes: unknown groups nested more than 16 deep, a spec of more than 4 KiB, a spec given twice. What the spec's bytes
// say is read later, by ParseSpec. It is used again from message to message.
type Decoder struct {
	MaxFrames int // limits.max_batch

	source Source
	req    *Request
	left   int // bytes of the message not yet read
	groups [maxGroups]protowire.Number
	depth  int
	small  [headBytes]byte
}

// Decode reads a message of length bytes from source into req, which must be empty. What source returns as an error, it
// returns; all others are *fault.Error of kind Invalid. The frames read so far are req's then, too.
func (d *Decoder) Decode(req *Request, source Source, length int) error {
	d.source, d.req, d.left, d.depth = source, req, length, 0
	defer func() { d.source, d.req = nil, nil }()
	for d.left > 0 {
		if err := d.field(); err != nil {
			return err
		}
	}
	if d.depth > 0 {
		return malformed("it ends inside group %d", d.groups[d.depth-1])
	}
	return nil
}

// fill reads len(p) bytes of the message.
func (d *Decoder) fill(p []byte) error {
	if len(p) > d.left {
		return malformed("it ends inside a field")
	}
	d.left -= len(p)
	return d.source.Fill(p)
}

// varint reads a varint.
func (d *Decoder) varint() (uint64, error) {
	var v uint64
	for shift := uint(0); ; shift += 7 {
		if err := d.fill(d.small[:1]); err != nil {
			return 0, err
		}
		b := d.small[0]
		if shift == 63 && b > 1 {
			return 0, malformed("a varint has more than 64 bits")
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
}

// field reads one field.
func (d *Decoder) field() error {
	tag, err := d.varint()
	if err != nil {
		return err
	}
	if tag>>3 < uint64(protowire.MinValidNumber) || tag>>3 > uint64(protowire.MaxValidNumber) {
		return malformed("got field number %d, want %d..%d", tag>>3, protowire.MinValidNumber, protowire.MaxValidNumber)
	}
	number := protowire.Number(tag >> 3)
	switch kind := protowire.Type(tag & 7); kind {
	case protowire.VarintType:
		v, err := d.varint()
		if number == fieldID && d.depth == 0 && err == nil {
			d.req.ID = v
		}
		return err
	case protowire.BytesType:
		return d.bytes(number)
	case protowire.Fixed32Type:
		return d.skip(4)
	case protowire.Fixed64Type:
		return d.skip(8)
	case protowire.StartGroupType:
		if d.depth == maxGroups {
			return malformed("got groups nested more than %d deep", maxGroups)
		}
		d.groups[d.depth] = number
		d.depth++
		return nil
	case protowire.EndGroupType:
		if d.depth == 0 || d.groups[d.depth-1] != number {
			return malformed("got the end of group %d, which is not open", number)
		}
		d.depth--
		return nil
	default:
		return malformed("got wire type %d of field %d, want 0..5", kind, number)
	}
}

// bytes reads a length-delimited field.
func (d *Decoder) bytes(number protowire.Number) error {
	length, err := d.varint()
	if err != nil {
		return err
	}
	if length > uint64(d.left) {
		return malformed("got a field of %d bytes with %d bytes of the message left", length, d.left)
	}
	n := int(length)
	switch {
	case d.depth > 0:
		return d.skip(n)
	case number == fieldSpec:
		return d.spec(n)
	case number == fieldFrames:
		return d.frame(n)
	}
	return d.skip(n)
}

func (d *Decoder) spec(n int) error {
	if d.req.HasSpec {
		return malformed("got spec twice")
	}
	if n > maxSpecBytes {
		return &fault.Error{Kind: fault.Invalid, Field: "spec", Reason: fmt.Sprintf("wire: got a spec of %d bytes, want at most %d", n, maxSpecBytes)}
	}
	d.req.Spec = slices.Grow(d.req.Spec[:0], n)[:n]
	if err := d.fill(d.req.Spec); err != nil {
		return err
	}
	d.req.HasSpec = true
	return nil
}

func (d *Decoder) frame(n int) error {
	i := len(d.req.Frames)
	if i == d.MaxFrames {
		return &fault.Error{Kind: fault.Invalid, Field: "frames", Reason: "too many frames in one request",
			Limit: "limits.max_batch", Got: int64(d.MaxFrames) + 1, Max: int64(d.MaxFrames)}
	}
	if n > pool.MaxSize {
		return &fault.Error{Kind: fault.Invalid, Field: fmt.Sprintf("frames[%d]", i), Reason: "a frame is larger than any buffer",
			Limit: "bytes of a frame", Got: int64(n), Max: pool.MaxSize}
	}
	if n == 0 {
		d.req.Frames = append(d.req.Frames, Frame{})
		return nil
	}
	head := d.small[:min(n, headBytes)]
	if err := d.fill(head); err != nil {
		return err
	}
	b, err := d.source.Lease(n)
	if err != nil {
		return err
	}
	d.req.Frames = append(d.req.Frames, Frame{Size: n, Buf: b})
	if b.Len() == 0 {
		return d.skip(n - len(head))
	}
	return d.fill(b.Bytes()[copy(b.Bytes(), head):])
}

// skip passes over n bytes.
func (d *Decoder) skip(n int) error {
	for n > 0 {
		part := min(n, headBytes)
		if err := d.fill(d.small[:part]); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

func malformed(format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "wire: not an EncodeRequest: "+format, args...)
}
