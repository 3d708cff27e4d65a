package grpcapi

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/steadyframe/steadyframe/pool"
)

// response is one EncodeResponse. It is used again from message to message.
type response struct {
	ID      uint64
	Images  []responseImage
	QueueUS uint64
	RunUS   uint64
}

// responseImage is one Picture of an EncodeResponse: an image, or why there is none.
type responseImage struct {
	Data    []byte // lent to the transport until the message has left
	Code    int32  // a google.rpc.Code
	Message string
	Alpha   []byte // as Data; of images with alpha
}

// Reset empties r, keeping its memory.
func (r *response) Reset() {
	clear(r.Images)
	*r = response{Images: r.Images[:0]}
}

// The fields of EncodeResponse and Picture.
const (
	fieldResponseID protowire.Number = 1
	fieldImages     protowire.Number = 2
	fieldQueueUS    protowire.Number = 3
	fieldRunUS      protowire.Number = 4

	fieldData    protowire.Number = 1
	fieldCode    protowire.Number = 2
	fieldMessage protowire.Number = 3
	fieldAlpha   protowire.Number = 4
)

// marshal makes r the message of d. The bytes are those that proto.Marshal makes.
func (r *response) marshal(d *delivery) {
	small := varintSize(fieldResponseID, r.ID) + varintSize(fieldQueueUS, r.QueueUS) + varintSize(fieldRunUS, r.RunUS)
	for i := range r.Images {
		p := &r.Images[i]
		small += protowire.SizeTag(fieldImages) + protowire.SizeBytes(p.size())
		for _, data := range [...][]byte{p.Data, p.Alpha} {
			if lends(len(data)) {
				small -= len(data)
			}
		}
	}
	d.begin(small)
	d.varint(fieldResponseID, r.ID)
	for i := range r.Images {
		p := &r.Images[i]
		d.length(fieldImages, p.size())
		if len(p.Data) > 0 {
			d.length(fieldData, len(p.Data))
			d.data(p.Data)
		}
		d.varint(fieldCode, uint64(int64(p.Code)))
		d.text(fieldMessage, p.Message)
		if len(p.Alpha) > 0 {
			d.length(fieldAlpha, len(p.Alpha))
			d.data(p.Alpha)
		}
	}
	d.varint(fieldQueueUS, r.QueueUS)
	d.varint(fieldRunUS, r.RunUS)
}

// size returns the bytes of p as a message.
func (p *responseImage) size() int {
	return bytesSize(fieldData, len(p.Data)) + varintSize(fieldCode, uint64(int64(p.Code))) + bytesSize(fieldMessage, len(p.Message)) + bytesSize(fieldAlpha, len(p.Alpha))
}

// memory returns what bufs take of the pool.
func memory(bufs []pool.Buf) (n int64) {
	for _, b := range bufs {
		n += int64(b.Cap())
	}
	return n
}
