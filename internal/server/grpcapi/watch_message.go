package grpcapi

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/steadyframe/steadyframe/internal/server/live"
)

// watchRequest is one WatchRequest.
type watchRequest struct {
	Stream []byte // of what it was parsed from
	MaxFPS float64
	Images uint32
	Pull   *live.Pull // nil: the caller is no server of a cluster
}

// The fields of WatchRequest.
const (
	fieldWatched  protowire.Number = 1
	fieldWatchFPS protowire.Number = 2
	fieldWanted   protowire.Number = 3
	fieldPull     protowire.Number = 4
)

// The fields of Pull.
const (
	fieldPullNode   protowire.Number = 1
	fieldPullTried  protowire.Number = 2
	fieldPullInsist protowire.Number = 3
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
		case number == fieldPull && kind == protowire.BytesType:
			if r.Pull == nil {
				r.Pull = &live.Pull{}
			}
			message, _ := protowire.ConsumeBytes(value)
			return parsePull(r.Pull, message)
		}
		return nil
	})
	if err != nil {
		return watchRequest{}, err
	}
	return r, nil
}

// parsePull adds what the bytes of a Pull say to p. The error is as of parseWatchRequest.
func parsePull(p *live.Pull, data []byte) error {
	const name = "a Pull"
	return eachField(name, data, func(number protowire.Number, kind protowire.Type, value []byte) error {
		switch {
		case (number == fieldPullNode || number == fieldPullTried) && kind == protowire.BytesType:
			text, _ := protowire.ConsumeBytes(value)
			if !utf8.Valid(text) {
				return notA(name, "got a server's name that is not UTF-8")
			}
			if number == fieldPullNode {
				p.Node = string(text)
			} else {
				p.Tried = append(p.Tried, string(text))
			}
		case number == fieldPullInsist && kind == protowire.VarintType:
			v, _ := protowire.ConsumeVarint(value)
			p.Insist = v != 0
		}
		return nil
	})
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
	Path          []string
}

// The fields of WatchPicture: its data, and the first of the numbers that follow in the order of the struct.
const (
	fieldImageData  protowire.Number = 1
	fieldSeq        protowire.Number = 2
	fieldWatchAlpha protowire.Number = 9
	fieldWatchPath  protowire.Number = 10
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
	for _, node := range p.Path {
		small += bytesSize(fieldWatchPath, len(node))
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
	for _, node := range p.Path {
		d.text(fieldWatchPath, node)
	}
}
