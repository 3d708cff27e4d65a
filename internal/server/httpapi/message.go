package httpapi

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// The messages of a WebSocket.
//
// The viewer sends the text messages {"op":"watch","stream":"cam1","id":3,"fps":12.5} and {"op":"unwatch","id":3}: id
// is a number of its own choice for a stream that it watches, 1 to 2^32-1, and fps, which may be left out, the most
// images a second that it wants. A binary message of 12 bytes acknowledges an image, shown or thrown away: its id and
// seq.
//
// {"op":"listen","id":3} asks for the sound of a stream that is watched, whenever it has some, and {"op":"mute","id":3} for no
// more of it.
//
// The server sends text messages with the state of each stream that is watched, at first and with each change
// ({"op":"state","id":3,"stream":"cam1","state":"online","width":640,"height":360}), and why it cannot watch one
// ({"op":"error","id":3,"reason":"..."}). Binary messages are images, each a head and a JPEG. The head has headBytes; of an
// image with alpha, 4 more: how many bytes the JPEG has. Behind it is a gray JPEG of alpha then, and the first one has the
// color multiplied by it. A binary message with flagSound is sound: a head of soundHeadBytes and 16-bit samples, little-endian, those
// of all channels for one moment after the other; its captured is the time of the first, its seq is 0, and nothing acknowledges it.
//
// All numbers are big-endian.
const (
	subprotocol = "steadyframe.v1"

	ackBytes   = 4 + 8
	alphaBytes = 4  // of the head, of an image with alpha
	headBytes  = 32 // version, flags, length of the head (2 bytes), id (4), seq, captured, sent (8 each, µs since the Unix epoch)

	headVersion = 1
	flagOffline = 1 // the image stands for a lost source
	flagRepeat  = 2 // the viewer was given it before
	flagAlpha   = 4 // it has alpha
	flagSound   = 8 // it is sound

	soundHeadBytes = headBytes + 8 // rate (4), channels (2), 0 (2)

	// maxMessage is far above the longest message that there is.
	maxMessage = 1 << 10
)

// message is a message of a viewer.
type message struct {
	op     op
	id     uint32
	seq    uint64  // of ack
	stream string  // of watch
	fps    float64 // of watch; 0: all
}

type op uint8

const (
	opAck op = iota + 1
	opWatch
	opUnwatch
	opListen
	opMute
)

// violation returns the fault of a viewer that breaks the protocol. Its text goes into a close frame, which has room for
// 123 bytes.
func violation(format string, args ...any) *fault.Error {
	const most = 123
	text := fmt.Sprintf(format, args...)
	return fault.Errorf(fault.Invalid, "%s", text[:min(len(text), most)])
}

// parseAck reads a binary message.
func parseAck(data []byte) (message, *fault.Error) {
	if len(data) != ackBytes {
		return message{}, violation("acknowledgement: got %d bytes, want 12: id and seq", len(data))
	}
	return message{op: opAck, id: binary.BigEndian.Uint32(data), seq: binary.BigEndian.Uint64(data[4:])}, nil
}

// parseText reads a text message.
func parseText(data []byte) (message, *fault.Error) {
	var v struct {
		Op     string   `json:"op"`
		Stream string   `json:"stream"`
		ID     uint32   `json:"id"`
		FPS    *float64 `json:"fps"`
	}
	var mistyped *json.UnmarshalTypeError
	switch err := json.Unmarshal(data, &v); {
	case errors.As(err, &mistyped) && mistyped.Field == "":
		return message{}, violation("message: got %s, want an object", mistyped.Value)
	case errors.As(err, &mistyped):
		return message{}, violation("%s: got %.40s, want %s", mistyped.Field, mistyped.Value, mistyped.Type)
	case err != nil:
		return message{}, violation("message: %+q", err.Error())
	}
	if v.ID == 0 {
		return message{}, violation("id of %+.20q: got 0 or none, want 1 to 4294967295", v.Op)
	}
	m := message{id: v.ID}
	switch v.Op {
	case "unwatch":
		m.op = opUnwatch
	case "listen":
		m.op = opListen
	case "mute":
		m.op = opMute
	case "watch":
		m.op, m.stream = opWatch, v.Stream
		if v.FPS != nil {
			if !validFPS(*v.FPS) {
				return message{}, violation("fps: got %g, want above 0 and at most %d", *v.FPS, maxFPS)
			}
			m.fps = *v.FPS
		}
	default:
		return message{}, violation("op: got %+.20q, want watch, unwatch, listen or mute", v.Op)
	}
	return m, nil
}

// stateMessage is the state of the stream that is watched as id.
type stateMessage struct {
	Op     string `json:"op"`
	ID     uint32 `json:"id"`
	Stream string `json:"stream"`
	State  string `json:"state"` // a stream.State's, or unknown where there is no such stream, yet
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// errorMessage says why no stream is watched as id.
type errorMessage struct {
	Op     string `json:"op"`
	ID     uint32 `json:"id"`
	Reason string `json:"reason"`
}

// headLength returns the bytes of the head of an image.
func headLength(p *stream.Image) int {
	if len(p.Alpha()) == 0 {
		return headBytes
	}
	return headBytes + alphaBytes
}

// appendHead appends the head of an image.
func appendHead(dst []byte, id uint32, p *stream.Image, sent int64) []byte {
	var flags byte
	if p.Offline {
		flags |= flagOffline
	}
	if p.Repeat {
		flags |= flagRepeat
	}
	length := headLength(p)
	if length > headBytes {
		flags |= flagAlpha
	}
	dst = append(dst, headVersion, flags, 0, byte(length))
	dst = binary.BigEndian.AppendUint32(dst, id)
	dst = binary.BigEndian.AppendUint64(dst, p.Seq)
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Captured.UnixMicro()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(sent))
	if length > headBytes {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.JPEG())))
	}
	return dst
}

// appendSoundHead appends the head of sound.
func appendSoundHead(dst []byte, id uint32, f stream.SoundFormat, captured, sent int64) []byte {
	dst = append(dst, headVersion, flagSound, 0, soundHeadBytes)
	dst = binary.BigEndian.AppendUint32(dst, id)
	dst = binary.BigEndian.AppendUint64(dst, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(captured))
	dst = binary.BigEndian.AppendUint64(dst, uint64(sent))
	dst = binary.BigEndian.AppendUint32(dst, uint32(f.Rate))
	return append(dst, 0, byte(f.Channels), 0, 0)
}

// Opcodes of the frames that the server writes itself (RFC 6455, 5.2), with the bit that says that they are whole
// messages.
const (
	frameText   = 0x80 | 1
	frameBinary = 0x80 | 2
	framePing   = 0x80 | 9
	framePong   = 0x80 | 10
)

// maxFrameHead is the length of the longest head of a frame that is not masked.
const maxFrameHead = 2 + 8

// appendFrameHead appends the head of a frame of n bytes, as a server writes it: not masked (RFC 6455, 5.2).
func appendFrameHead(dst []byte, opcode byte, n int) []byte {
	switch {
	case n < 126:
		return append(dst, opcode, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, opcode, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, opcode, 127), uint64(n))
}
