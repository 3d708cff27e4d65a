package grpcapi

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// publishStatus is one PublishStatus.
type publishStatus struct {
	Arrived, Published, Same uint64
	Dropped                  [5]uint64 // in the order of the fields of Dropped
	Viewers                  uint32
	FPSOut                   float64
}

// The fields of PublishStatus and Dropped.
const (
	fieldArrived protowire.Number = 1 // the first of three
	fieldDropped protowire.Number = 4
	fieldViewers protowire.Number = 5
	fieldFPSOut  protowire.Number = 6

	fieldNewer protowire.Number = 1 // the first of five
)

// marshal makes p the message of d. The bytes are those that proto.Marshal makes.
func (p *publishStatus) marshal(d *delivery) {
	frames := [...]uint64{p.Arrived, p.Published, p.Same}
	dropped := varintsSize(fieldNewer, p.Dropped[:])
	d.begin(varintsSize(fieldArrived, frames[:]) + bytesSize(fieldDropped, dropped) + varintSize(fieldViewers, uint64(p.Viewers)) +
		protowire.SizeTag(fieldFPSOut) + protowire.SizeFixed64())
	d.varints(fieldArrived, frames[:])
	if dropped > 0 {
		d.length(fieldDropped, dropped)
		d.varints(fieldNewer, p.Dropped[:])
	}
	d.varint(fieldViewers, uint64(p.Viewers))
	d.fixed64(fieldFPSOut, math.Float64bits(p.FPSOut))
}
