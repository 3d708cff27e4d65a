package grpcapi

import (
	"math"

	"google.golang.org/grpc/mem"
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

// Marshal returns p as protobuf, copied into a chunk of s. The bytes are those that proto.Marshal makes.
func (p *publishStatus) Marshal(s *slot) mem.BufferSlice {
	frames := [...]uint64{p.Arrived, p.Published, p.Same}
	dropped := varintFieldsSize(fieldNewer, p.Dropped[:])
	fps := math.Float64bits(p.FPSOut)
	size := varintFieldsSize(fieldArrived, frames[:]) + bytesFieldSize(fieldDropped, dropped) + varintFieldSize(fieldViewers, uint64(p.Viewers))
	if fps != 0 {
		size += protowire.SizeTag(fieldFPSOut) + protowire.SizeFixed64()
	}
	w := s.begin(size)
	w.varintFields(fieldArrived, frames[:])
	if dropped > 0 {
		w.length(fieldDropped, dropped)
		w.varintFields(fieldNewer, p.Dropped[:])
	}
	w.varintField(fieldViewers, uint64(p.Viewers))
	if fps != 0 {
		w.varint(protowire.EncodeTag(fieldFPSOut, protowire.Fixed64Type))
		w.fixed64(fps)
	}
	return w.close()
}
