package grpcapi

import (
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// writer fills chunks.
type writer struct {
	chunks mem.BufferPool // whose buffers have chunkSize bytes
	out    mem.BufferSlice
	chunk  *[]byte // being filled, nil when there is none
	n      int     // bytes in it
}

// room returns what is left of the current chunk, or a new one.
func (w *writer) room() []byte {
	if w.chunk != nil && w.n == len(*w.chunk) {
		w.flush()
	}
	if w.chunk == nil {
		w.chunk, w.n = w.chunks.Get(chunkSize), 0
	}
	return (*w.chunk)[w.n:]
}

func (w *writer) flush() {
	*w.chunk = (*w.chunk)[:w.n]
	w.out = append(w.out, mem.NewBuffer(w.chunk, w.chunks))
	w.chunk = nil
}

func (w *writer) close() mem.BufferSlice {
	if w.chunk != nil {
		w.flush()
	}
	return w.out
}

func (w *writer) write(p []byte) {
	for len(p) > 0 {
		n := copy(w.room(), p)
		w.n += n
		p = p[n:]
	}
}

func (w *writer) writeString(s string) {
	for len(s) > 0 {
		n := copy(w.room(), s)
		w.n += n
		s = s[n:]
	}
}

func (w *writer) varint(v uint64) {
	for v >= 0x80 {
		w.room()[0] = byte(v) | 0x80
		w.n++
		v >>= 7
	}
	w.room()[0] = byte(v)
	w.n++
}

func (w *writer) fixed64(v uint64) {
	for range 8 {
		w.room()[0] = byte(v)
		w.n++
		v >>= 8
	}
}

func (w *writer) varintField(field protowire.Number, v uint64) {
	if v != 0 {
		w.varint(protowire.EncodeTag(field, protowire.VarintType))
		w.varint(v)
	}
}

// varintFields writes fields that follow one another in their numbers.
func (w *writer) varintFields(first protowire.Number, values []uint64) {
	for i, v := range values {
		w.varintField(first+protowire.Number(i), v)
	}
}

// length writes the tag and length of a length-delimited field.
func (w *writer) length(field protowire.Number, n int) {
	w.varint(protowire.EncodeTag(field, protowire.BytesType))
	w.varint(uint64(n))
}

// varintFieldSize returns the bytes of a varint field: none for zero, which is not sent.
func varintFieldSize(field protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(v)
}

// bytesFieldSize returns the bytes of a length-delimited field of n bytes: none for an empty one, which is not sent.
func bytesFieldSize(field protowire.Number, n int) int {
	if n == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}

// varintFieldsSize returns the bytes of varintFields.
func varintFieldsSize(first protowire.Number, values []uint64) int {
	n := 0
	for i, v := range values {
		n += varintFieldSize(first+protowire.Number(i), v)
	}
	return n
}
