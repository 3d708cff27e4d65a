package wire

import (
	"fmt"

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
)

// Decoder reads one EncodeRequest from pieces of any size, into a Request. It takes what google.golang.org/protobuf takes, but for the limits, and what no
// encoder writes: unknown groups nested more than 16 deep, a spec of more than 4 KiB, a spec given twice. What the spec's bytes say is read later, by ParseSpec.
// Memory for a frame is taken when its first byte is there.
type Decoder struct {
	Pool   *pool.Pool
	Limits Limits

	req   *Request
	left  int // bytes of the message not yet taken
	state state

	tag    protowire.Number
	kind   protowire.Type
	varint uint64
	shift  uint
	body   int // bytes left of a length-delimited or fixed value
	frame  []byte
	groups [maxGroups]protowire.Number
	depth  int
}

// state is what the next byte is part of.
type state uint8

const (
	inTag    state = iota
	inVarint       // a value of wire type varint
	inLength       // the length of a length-delimited value
	inSkip         // a value nobody wants
	inSpec
	inFrame
)

// Reset makes d ready to read a message of length bytes into req, which must be empty. The frames it gets are req's, also when reading ends in an error.
func (d *Decoder) Reset(req *Request, length int) {
	*d = Decoder{Pool: d.Pool, Limits: d.Limits, req: req, left: length}
}

// Write takes the next piece of the message. It borrows p. The error is a *fault.Error, and final.
func (d *Decoder) Write(p []byte) error {
	if len(p) > d.left {
		return malformed("got %d bytes more than its length", len(p)-d.left)
	}
	for len(p) > 0 {
		n, err := 1, error(nil)
		switch d.state {
		case inTag, inVarint, inLength:
			d.left--
			err = d.digit(p[0])
		default:
			n = min(len(p), d.body)
			d.left -= n
			err = d.take(p[:n])
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Close ends the message. It returns a *fault.Error when it ended inside a field or before its length.
func (d *Decoder) Close() error {
	if d.left > 0 || d.state != inTag || d.shift > 0 || d.depth > 0 {
		return malformed("the message ends inside a field")
	}
	return nil
}

// digit takes one byte of a varint: a tag, a value or a length.
func (d *Decoder) digit(b byte) error {
	if d.shift == 63 && b > 1 {
		return malformed("a varint has more than 64 bits")
	}
	d.varint |= uint64(b&0x7f) << d.shift
	if b >= 0x80 {
		d.shift += 7
		return nil
	}
	v := d.varint
	d.varint, d.shift = 0, 0
	switch d.state {
	case inVarint:
		if d.tag == fieldID && d.depth == 0 {
			d.req.ID = v
		}
		d.state = inTag
		return nil
	case inLength:
		return d.begin(v)
	}
	return d.field(v)
}

// field takes a field's tag.
func (d *Decoder) field(v uint64) error {
	if v>>3 < uint64(protowire.MinValidNumber) || v>>3 > uint64(protowire.MaxValidNumber) {
		return malformed("got field number %d, want %d..%d", v>>3, protowire.MinValidNumber, protowire.MaxValidNumber)
	}
	d.tag, d.kind = protowire.Number(v>>3), protowire.Type(v&7)
	switch d.kind {
	case protowire.VarintType:
		d.state = inVarint
	case protowire.BytesType:
		d.state = inLength
	case protowire.Fixed32Type:
		return d.skip(4)
	case protowire.Fixed64Type:
		return d.skip(8)
	case protowire.StartGroupType:
		if d.depth == maxGroups {
			return malformed("got groups nested more than %d deep", maxGroups)
		}
		d.groups[d.depth] = d.tag
		d.depth++
	case protowire.EndGroupType:
		if d.depth == 0 || d.groups[d.depth-1] != d.tag {
			return malformed("got the end of group %d, which is not open", d.tag)
		}
		d.depth--
	default:
		return malformed("got wire type %d of field %d, want 0..5", d.kind, d.tag)
	}
	return nil
}

// begin takes the length of a length-delimited value.
func (d *Decoder) begin(length uint64) error {
	if length > uint64(d.left) {
		return malformed("got a field of %d bytes with %d bytes of the message left", length, d.left)
	}
	n := int(length)
	if d.depth > 0 {
		return d.skip(n)
	}
	switch d.tag {
	case fieldSpec:
		return d.beginSpec(n)
	case fieldFrames:
		return d.beginFrame(n)
	}
	return d.skip(n)
}

func (d *Decoder) beginSpec(n int) error {
	if d.req.HasSpec {
		return malformed("got spec twice")
	}
	if n > maxSpecBytes {
		return &fault.Error{Kind: fault.Invalid, Field: "spec", Reason: fmt.Sprintf("wire: got a spec of %d bytes, want at most %d", n, maxSpecBytes)}
	}
	d.req.HasSpec = true
	d.enter(inSpec, n)
	return nil
}

func (d *Decoder) beginFrame(n int) error {
	i, most := len(d.req.Frames), d.Limits.MaxFrames
	if i == most {
		return &fault.Error{Kind: fault.Invalid, Field: "frames", Reason: "too many frames in one request",
			Limit: "limits.max_batch", Got: int64(most) + 1, Max: int64(most)}
	}
	if n > pool.MaxSize {
		return &fault.Error{Kind: fault.Invalid, Field: fmt.Sprintf("frames[%d]", i), Reason: "a frame is larger than any buffer",
			Limit: "bytes of a frame", Got: int64(n), Max: pool.MaxSize}
	}
	d.req.Frames = append(d.req.Frames, pool.Buf{})
	d.frame = nil
	d.enter(inFrame, n)
	return nil
}

// skip passes over n bytes.
func (d *Decoder) skip(n int) error {
	d.enter(inSkip, n)
	return nil
}

// enter goes on with a body of n bytes.
func (d *Decoder) enter(s state, n int) {
	d.state, d.body = s, n
	if n == 0 {
		d.state = inTag
	}
}

// take takes bytes of a value's body.
func (d *Decoder) take(p []byte) error {
	switch d.state {
	case inSpec:
		d.req.Spec = append(d.req.Spec, p...)
	case inFrame:
		if d.frame == nil {
			b, err := d.Pool.Get(d.body)
			if err != nil {
				return fault.From(err)
			}
			d.req.Frames[len(d.req.Frames)-1] = b
			d.frame = b.Bytes()
		}
		d.frame = d.frame[copy(d.frame, p):]
	}
	if d.body -= len(p); d.body == 0 {
		d.state = inTag
	}
	return nil
}

func malformed(format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "wire: not an EncodeRequest: "+format, args...)
}
