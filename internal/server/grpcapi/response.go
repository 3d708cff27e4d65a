package grpcapi

import (
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// response is one EncodeResponse. It is used again from message to message.
type response struct {
	ID       uint64
	Pictures []picture
	QueueUS  uint64
	RunUS    uint64
}

// picture is one picture of a Response, or why there is none.
type picture struct {
	Data    []byte // borrowed until Marshal returns
	Code    int32  // a google.rpc.Code
	Message string
}

// Reset empties r, keeping its memory.
func (r *response) Reset() {
	clear(r.Pictures)
	*r = response{Pictures: r.Pictures[:0]}
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

// Marshal returns r as protobuf, copied into chunks of c, which return to c when they are freed. The bytes are those
// that proto.Marshal makes.
func (r *response) Marshal(c *chunkPool) mem.BufferSlice {
	size := varintFieldSize(fieldResponseID, r.ID) + varintFieldSize(fieldQueueUS, r.QueueUS) + varintFieldSize(fieldRunUS, r.RunUS)
	for i := range r.Pictures {
		size += protowire.SizeTag(fieldPictures) + protowire.SizeBytes(r.Pictures[i].size())
	}
	w := writer{chunks: c, out: make(mem.BufferSlice, 0, chunksFor(size))}
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
func (p *picture) size() int {
	return bytesFieldSize(fieldData, len(p.Data)) + varintFieldSize(fieldCode, uint64(int64(p.Code))) + bytesFieldSize(fieldMessage, len(p.Message))
}
