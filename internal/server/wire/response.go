package wire

import (
	"sync"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// Response is one EncodeResponse. It is used again from message to message.
type Response struct {
	ID       uint64
	Pictures []Picture
	QueueUS  uint64
	RunUS    uint64
}

// Picture is one picture of a Response, or why there is none.
type Picture struct {
	Data    []byte // borrowed until Marshal returns
	Code    int32  // a google.rpc.Code
	Message string
}

// Reset empties r, keeping its memory.
func (r *Response) Reset() {
	clear(r.Pictures)
	*r = Response{Pictures: r.Pictures[:0]}
}

// The fields of EncodeResponse and Picture.
const (
	fieldResponseID protowire.Number = 1
	fieldPictures   protowire.Number = 2
	fieldQueueUS    protowire.Number = 3
	fieldRunUS      protowire.Number = 4

	fieldData    protowire.Number = 1
	fieldCode    protowire.Number = 2
	fieldMessage protowire.Number = 3
)

// Chunks keeps the memory that answers are sent from. The zero Chunks is ready.
//
// A chunk is not a lease of the pool: grpc-go, when a stream or connection breaks, forgets what it has queued without
// freeing it (internal/transport: loopyWriter.preprocessData, and run on its end), so that leases would be lost. A
// chunk it forgets is garbage.
type Chunks struct{ free sync.Pool } // of *[]byte

// chunkSize is large enough for a picture of W1, so that a batch of one is one chunk, and a whole number of HTTP/2
// frames.
const chunkSize = 32 << 10

// Get returns a chunk. It is part of mem.BufferPool.
func (c *Chunks) Get(int) *[]byte {
	if p, _ := c.free.Get().(*[]byte); p != nil {
		*p = (*p)[:chunkSize]
		return p
	}
	p := make([]byte, chunkSize)
	return &p
}

// Put takes a chunk back. It is part of mem.BufferPool.
func (c *Chunks) Put(p *[]byte) { c.free.Put(p) }

// Marshal returns r as protobuf, copied into chunks of c, which return to c when they are freed. The bytes are those
// that proto.Marshal makes.
func (r *Response) Marshal(c *Chunks) mem.BufferSlice {
	size := varintFieldSize(fieldResponseID, r.ID) + varintFieldSize(fieldQueueUS, r.QueueUS) + varintFieldSize(fieldRunUS, r.RunUS)
	for i := range r.Pictures {
		size += protowire.SizeTag(fieldPictures) + protowire.SizeBytes(r.Pictures[i].size())
	}
	w := writer{chunks: c, out: make(mem.BufferSlice, 0, (size+chunkSize-1)/chunkSize)}
	w.varintField(fieldResponseID, r.ID)
	for i := range r.Pictures {
		p := &r.Pictures[i]
		w.length(fieldPictures, p.size())
		if len(p.Data) > 0 {
			w.length(fieldData, len(p.Data))
			w.write(p.Data)
		}
		w.varintField(fieldCode, uint64(int64(p.Code)))
		if len(p.Message) > 0 {
			w.length(fieldMessage, len(p.Message))
			w.writeString(p.Message)
		}
	}
	w.varintField(fieldQueueUS, r.QueueUS)
	w.varintField(fieldRunUS, r.RunUS)
	return w.close()
}

// size returns the bytes of p as a message.
func (p *Picture) size() int {
	n := varintFieldSize(fieldCode, uint64(int64(p.Code)))
	if len(p.Data) > 0 {
		n += protowire.SizeTag(fieldData) + protowire.SizeBytes(len(p.Data))
	}
	if len(p.Message) > 0 {
		n += protowire.SizeTag(fieldMessage) + protowire.SizeBytes(len(p.Message))
	}
	return n
}

// varintFieldSize returns the bytes of a varint field: none for zero, which is not sent.
func varintFieldSize(field protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(v)
}

// writer fills chunks.
type writer struct {
	chunks *Chunks
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

func (w *writer) varintField(field protowire.Number, v uint64) {
	if v != 0 {
		w.varint(protowire.EncodeTag(field, protowire.VarintType))
		w.varint(v)
	}
}

// length writes the tag and length of a length-delimited field.
func (w *writer) length(field protowire.Number, n int) {
	w.varint(protowire.EncodeTag(field, protowire.BytesType))
	w.varint(uint64(n))
}
