package grpcapi

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// watchRequest is one WatchRequest.
type watchRequest struct {
	Stream []byte // of what it was parsed from
	MaxFPS float64
	Images uint32
}

// The fields of WatchRequest.
const (
	fieldWatched  protowire.Number = 1
	fieldWatchFPS protowire.Number = 2
	fieldWanted   protowire.Number = 3
)

// parseWatchRequest returns what the bytes of a WatchRequest say, as google.golang.org/protobuf reads them. The error is
// a *fault.Error of kind Invalid.
func parseWatchRequest(data []byte) (watchRequest, error) {
	var r watchRequest
	const name = "a WatchRequest"
	err := eachField(name, data, func(number protowire.Number, kind protowire.Type, value []byte) error {
		switch {
		case number == fieldWatched && kind == protowire.BytesType:
			r.Stream, _ = protowire.ConsumeBytes(value) // It is one.
			if !utf8.Valid(r.Stream) {
				return notA(name, "got a stream's name that is not UTF-8")
			}
		case number == fieldWatchFPS && kind == protowire.Fixed64Type:
			r.MaxFPS = math.Float64frombits(binary.LittleEndian.Uint64(value))
		case number == fieldWanted && kind == protowire.VarintType:
			v, _ := protowire.ConsumeVarint(value)
			r.Images = uint32(v) // protobuf, too, takes the lower half of what does not fit.
		}
		return nil
	})
	if err != nil {
		return watchRequest{}, err
	}
	return r, nil
}

// watchImage is one WatchPicture.
type watchImage struct {
	Data          []byte // lent to the transport until the message has left
	Seq           uint64
	CapturedUS    uint64
	SentUS        uint64
	Width, Height uint32
	Offline       bool
	Repeat        bool
	Alpha         []byte // as Data
}

// The fields of WatchPicture: its data, and the first of the numbers that follow in the order of the struct.
const (
	fieldImageData  protowire.Number = 1
	fieldSeq        protowire.Number = 2
	fieldWatchAlpha protowire.Number = 9
)

// marshal makes p the message of d. The bytes are those that proto.Marshal makes.
func (p *watchImage) marshal(d *delivery) {
	numbers := [...]uint64{p.Seq, p.CapturedUS, p.SentUS, uint64(p.Width), uint64(p.Height),
		protowire.EncodeBool(p.Offline), protowire.EncodeBool(p.Repeat)}
	small := bytesSize(fieldImageData, len(p.Data)) + varintsSize(fieldSeq, numbers[:])
	small += bytesSize(fieldWatchAlpha, len(p.Alpha))
	for _, data := range [...][]byte{p.Data, p.Alpha} {
		if lends(len(data)) {
			small -= len(data)
		}
	}
	d.begin(small)
	if len(p.Data) > 0 {
		d.length(fieldImageData, len(p.Data))
		d.data(p.Data)
	}
	d.varints(fieldSeq, numbers[:])
	if len(p.Alpha) > 0 {
		d.length(fieldWatchAlpha, len(p.Alpha))
		d.data(p.Alpha)
	}
}
