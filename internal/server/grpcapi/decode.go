package grpcapi

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pool"
)

// messageKind is a kind of message that a decoder reads.
type messageKind uint8

// The kinds.
const (
	encodeRequest messageKind = iota
	publishRequest
	melRequest // its one frame is sound
	sceneFile
)

// layout is the numbers of the fields of a kind of message, 0 for those that it does not have.
type layout struct {
	name                                                       string
	id, stream, spec, maxFPS, capturedUS, frames, images, file protowire.Number
}

var layouts = [...]layout{
	encodeRequest:  {name: "an EncodeRequest", id: 1, spec: 2, frames: 3, images: 4},
	publishRequest: {name: "a PublishRequest", stream: 1, spec: 2, maxFPS: 3, capturedUS: 4, frames: 5, images: 6},
	sceneFile:      {name: "a SceneFile", stream: 1, file: 2, frames: 3},
	melRequest:     {name: "a MelRequest", spec: 1, frames: 2},
}

const (
	maxSpecBytes  = 4 << 10 // all fields of a Spec at their longest take less than 200
	maxImageBytes = 1 << 10 // of a SceneImage: 16 rectangles at their longest take less
	maxFileBytes  = 512     // of the name of a scene's file
	maxNameBytes  = 256     // of a stream; that names above 64 are invalid is checked later
	maxGroups     = 16      // nested groups in unknown fields; nobody sends one
	// headBytes of a frame must have come before it gets memory: what is only declared costs nothing.
	headBytes = 512
)

// frameSource provides the bytes of a message and memory for its frames, and is told of complete ones.
type frameSource interface {
	// Fill fills p with the message's next bytes. It borrows p.
	Fill(p []byte) error
	// More reports whether a message of unknownLength has further bytes.
	More() (bool, error)
	// Lease returns a buffer for a frame of n bytes, whose first bytes have come. Its spec, if it precedes the frames, is
	// in the request. A zero Buf means that the frame is to be skipped.
	Lease(n int) (pool.Buf, error)
	// Complete is called when all of the request's last frame has come. It may take that frame out of the request.
	Complete() error
}

// decoder reads EncodeRequests, PublishRequests, MelRequests or SceneFiles. It accepts what google.golang.org/protobuf accepts, but
// for the limits, and what no encoder writes: unknown groups nested more than 16 deep, a spec of more than 4 KiB, a spec or pcm given
// twice, and a stream's name of more than 256 bytes. Fields may come in any order. The spec is parsed later, by
// parseSpec. A decoder is used again from message to message.
type decoder struct {
	kind      messageKind
	MaxFrames int // limits.max_batch
	MaxBytes  int // limits.max_message_bytes, which bounds a message of unknownLength

	source frameSource
	req    *request
	frames int  // of the message that have begun
	left   int  // bytes of the message not yet read
	open   bool // whether the message is of unknownLength: left is the most that there may be
	groups [maxGroups]protowire.Number
	depth  int
	small  [headBytes]byte
}

// Decode reads a message of length bytes, or of unknownLength, from source into req, which must be empty. It returns
// source's errors as they are; all others are *fault.Error of kind Invalid. On an error, too, req owns the frames read
// so far.
func (d *decoder) Decode(req *request, source frameSource, length int) error {
	d.source, d.req, d.frames, d.left, d.depth = source, req, 0, length, 0
	if d.open = length == unknownLength; d.open {
		d.left = d.MaxBytes
	}
	defer func() { d.source, d.req = nil, nil }()
	for {
		if more, err := d.more(); err != nil {
			return err
		} else if !more {
			break
		}
		if err := d.field(); err != nil {
			return err
		}
	}
	if d.depth > 0 {
		return d.malformed("it ends inside group %d", d.groups[d.depth-1])
	}
	return nil
}

// more reports whether the message has further bytes.
func (d *decoder) more() (bool, error) {
	if d.open {
		return d.source.More()
	}
	return d.left > 0, nil
}

// beyond is the error for n bytes more than are left, where the message is of unknownLength.
func (d *decoder) beyond(n uint64) error {
	got := uint64(d.MaxBytes-d.left) + min(n, math.MaxInt32)
	return fault.LimitOf("limits.max_message_bytes", int64(got), int64(d.MaxBytes), "the decompressed request is too large")
}

// fill reads len(p) bytes of the message.
func (d *decoder) fill(p []byte) error {
	if len(p) > d.left {
		if d.open {
			return d.beyond(uint64(len(p)))
		}
		return d.malformed("it ends inside a field")
	}
	d.left -= len(p)
	return d.source.Fill(p)
}

// varint reads a varint.
func (d *decoder) varint() (uint64, error) {
	var v uint64
	for shift := uint(0); ; shift += 7 {
		if err := d.fill(d.small[:1]); err != nil {
			return 0, err
		}
		b := d.small[0]
		if shift == 63 && b > 1 {
			return 0, d.malformed("a varint has more than 64 bits")
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
}

// field reads one field.
func (d *decoder) field() error {
	tag, err := d.varint()
	if err != nil {
		return err
	}
	if tag>>3 < uint64(protowire.MinValidNumber) || tag>>3 > uint64(protowire.MaxValidNumber) {
		return d.malformed("got field number %d, want %d..%d", tag>>3, protowire.MinValidNumber, protowire.MaxValidNumber)
	}
	number := protowire.Number(tag >> 3)
	switch kind := protowire.Type(tag & 7); kind {
	case protowire.VarintType:
		return d.number(number)
	case protowire.BytesType:
		return d.bytes(number)
	case protowire.Fixed32Type:
		return d.skip(4)
	case protowire.Fixed64Type:
		return d.fixed64(number)
	case protowire.StartGroupType:
		if d.depth == maxGroups {
			return d.malformed("got groups nested more than %d deep", maxGroups)
		}
		d.groups[d.depth] = number
		d.depth++
		return nil
	case protowire.EndGroupType:
		if d.depth == 0 || d.groups[d.depth-1] != number {
			return d.malformed("got the end of group %d, which is not open", number)
		}
		d.depth--
		return nil
	default:
		return d.malformed("got wire type %d of field %d, want 0..5", kind, number)
	}
}

// known reports whether the field that has just begun has that number in the layout.
func (d *decoder) known(number, field protowire.Number) bool {
	return number == field && d.depth == 0
}

// number reads a varint field.
func (d *decoder) number(number protowire.Number) error {
	v, err := d.varint()
	if err != nil {
		return err
	}
	switch l := &layouts[d.kind]; {
	case d.known(number, l.id):
		d.req.ID = v
	case d.known(number, l.capturedUS):
		d.req.CapturedUS = v
	}
	return nil
}

// fixed64 reads a field of 8 bytes.
func (d *decoder) fixed64(number protowire.Number) error {
	if err := d.fill(d.small[:8]); err != nil {
		return err
	}
	if !d.known(number, layouts[d.kind].maxFPS) {
		return nil
	}
	d.req.MaxFPS = math.Float64frombits(binary.LittleEndian.Uint64(d.small[:8]))
	return nil
}

// bytes reads a length-delimited field.
func (d *decoder) bytes(number protowire.Number) error {
	length, err := d.varint()
	if err != nil {
		return err
	}
	if length > uint64(d.left) {
		if d.open {
			return d.beyond(length)
		}
		return d.malformed("got a field of %d bytes with %d bytes of the message left", length, d.left)
	}
	n := int(length)
	switch l := &layouts[d.kind]; {
	case d.known(number, l.frames):
		return d.frame(n)
	case d.known(number, l.spec):
		return d.spec(n)
	case d.known(number, l.stream):
		return d.stream(n)
	case d.known(number, l.images):
		return d.image(n)
	case d.known(number, l.file):
		return d.file(n)
	}
	return d.skip(n)
}

func (d *decoder) stream(n int) error {
	if n > maxNameBytes {
		return &fault.Error{Kind: fault.Invalid, Field: "stream", Reason: fmt.Sprintf("grpcapi: got a name of %d bytes, want at most 64", n)}
	}
	d.req.Stream = slices.Grow(d.req.Stream[:0], n)[:n]
	if err := d.fill(d.req.Stream); err != nil {
		return err
	}
	if !utf8.Valid(d.req.Stream) {
		return d.malformed("got a stream's name that is not UTF-8")
	}
	return nil
}

// file reads the name of a scene's file.
func (d *decoder) file(n int) error {
	if n > maxFileBytes {
		return &fault.Error{Kind: fault.Invalid, Field: "name", Reason: fmt.Sprintf("grpcapi: got a file's name of %d bytes, want at most %d", n, maxFileBytes)}
	}
	d.req.File = slices.Grow(d.req.File[:0], n)[:n]
	if err := d.fill(d.req.File); err != nil {
		return err
	}
	if !utf8.Valid(d.req.File) {
		return d.malformed("got a file's name that is not UTF-8")
	}
	return nil
}

// image reads a SceneImage.
func (d *decoder) image(n int) error {
	i := len(d.req.Images)
	switch {
	case i == d.MaxFrames:
		return &fault.Error{Kind: fault.Invalid, Field: "images", Reason: "too many images in one request",
			Limit: "limits.max_batch", Got: int64(d.MaxFrames) + 1, Max: int64(d.MaxFrames)}
	case n > maxImageBytes:
		return &fault.Error{Kind: fault.Invalid, Field: fmt.Sprintf("images[%d]", i), Reason: fmt.Sprintf("grpcapi: got %d bytes, want at most %d", n, maxImageBytes)}
	}
	d.req.scratch = slices.Grow(d.req.scratch[:0], n)[:n]
	if err := d.fill(d.req.scratch); err != nil {
		return err
	}
	d.req.Images = append(d.req.Images, inputImage{})
	return d.req.Images[i].parse(d.req.scratch)
}

func (d *decoder) spec(n int) error {
	if d.req.HasSpec {
		return d.malformed("got spec twice")
	}
	if n > maxSpecBytes {
		return &fault.Error{Kind: fault.Invalid, Field: "spec", Reason: fmt.Sprintf("grpcapi: got a spec of %d bytes, want at most %d", n, maxSpecBytes)}
	}
	d.req.Spec = slices.Grow(d.req.Spec[:0], n)[:n]
	if err := d.fill(d.req.Spec); err != nil {
		return err
	}
	d.req.HasSpec = true
	return nil
}

func (d *decoder) frame(n int) error {
	i := d.frames
	if d.kind == melRequest && i == 1 {
		return d.malformed("got pcm twice")
	}
	if i == d.MaxFrames {
		if d.kind == sceneFile {
			return d.malformed("got data twice")
		}
		return &fault.Error{Kind: fault.Invalid, Field: "frames", Reason: "too many frames in one request",
			Limit: "limits.max_batch", Got: int64(d.MaxFrames) + 1, Max: int64(d.MaxFrames)}
	}
	if n > pool.MaxSize {
		return &fault.Error{Kind: fault.Invalid, Field: fmt.Sprintf("frames[%d]", i), Reason: "a frame is larger than any buffer",
			Limit: "bytes of a frame", Got: int64(n), Max: pool.MaxSize}
	}
	d.frames++
	if n == 0 {
		d.req.Frames = append(d.req.Frames, inputFrame{})
		return d.source.Complete()
	}
	head := d.small[:min(n, headBytes)]
	if err := d.fill(head); err != nil {
		return err
	}
	b, err := d.source.Lease(n)
	if err != nil {
		return err
	}
	d.req.Frames = append(d.req.Frames, inputFrame{Size: n, Buf: b})
	if b.Len() == 0 {
		err = d.skip(n - len(head))
	} else {
		err = d.fill(b.Bytes()[copy(b.Bytes(), head):])
	}
	if err != nil {
		return err
	}
	return d.source.Complete()
}

// skip skips n bytes.
func (d *decoder) skip(n int) error {
	for n > 0 {
		part := min(n, headBytes)
		if err := d.fill(d.small[:part]); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

func (d *decoder) malformed(format string, args ...any) error {
	return notA(layouts[d.kind].name, format, args...)
}

// notA returns the error for bytes that are no message of that name.
func notA(name, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "grpcapi: not "+name+": "+format, args...)
}

// eachField calls f with each field of a message, as google.golang.org/protobuf reads them. The error is a *fault.Error of
// kind Invalid, or f's.
func eachField(name string, data []byte, f func(number protowire.Number, kind protowire.Type, value []byte) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 || number > protowire.MaxValidNumber {
			return notA(name, "got no field where one begins")
		}
		data = data[n:]
		if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
			return notA(name, "field %d: %v", number, protowire.ParseError(n))
		}
		if err := f(number, kind, data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
