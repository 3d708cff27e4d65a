// Package rtp makes RTP packets (RFC 3550) of JPEGs (RFC 2435) and of sound (L16, RFC 3551), and the RTCP packets that say when
// they were captured. It copies nothing of a JPEG, and once its memory has grown to the size of an image it allocates nothing.
package rtp

import (
	"encoding/binary"
	"time"
)

// MaxPacket is how large a packet may be, in bytes: what passes through tunnels, too, where a packet on the Ethernet may have 1500,
// with the headers of IP and UDP.
const MaxPacket = 1400

const (
	headerBytes = 12
	// interleavedBytes come before a packet on the connection of RTSP (RFC 2326, 10.12).
	interleavedBytes = 4
)

// NoChannel as a channel is for packets of UDP, which have nothing before them.
const NoChannel = -1

// Payload types (RFC 3551, table 5), and one of those that a session description is to explain.
const (
	TypeJPEG = 26
	TypeL16  = 97
)

// Track is one sequence of packets: a synchronization source. Packets are numbered from Seq, and times count from Base.
type Track struct {
	SSRC uint32
	Type byte   // TypeJPEG, TypeL16
	Rate int    // of its clock, in hertz
	Base uint32 // the time stamp of 0
	Seq  uint16 // of the next packet

	packets, octets uint32 // sent
}

// JPEGRate is the rate of the clock of JPEGs.
const JPEGRate = 90_000

// Stamp returns the time stamp of a time.
func (t *Track) Stamp(at time.Duration) uint32 {
	seconds, rest := int64(at/time.Second), int64(at%time.Second)
	return t.Base + uint32(seconds*int64(t.Rate)+rest*int64(t.Rate)/int64(time.Second))
}

// appendHeader appends the header of the next packet (RFC 3550, 5.1), whose payload will have that many bytes.
func (t *Track) appendHeader(dst []byte, marker bool, stamp uint32, payload int) []byte {
	second := t.Type
	if marker {
		second |= 0x80
	}
	dst = append(dst, 0x80, second)
	dst = binary.BigEndian.AppendUint16(dst, t.Seq)
	dst = binary.BigEndian.AppendUint32(dst, stamp)
	dst = binary.BigEndian.AppendUint32(dst, t.SSRC)
	t.Seq++
	t.packets++
	t.octets += uint32(payload)
	return dst
}

// appendInterleaved appends what comes before n bytes of a packet of that channel, 0 to 255, or nothing for NoChannel.
func appendInterleaved(dst []byte, channel, n int) []byte {
	if channel == NoChannel {
		return dst
	}
	return append(dst, '$', byte(channel), byte(n>>8), byte(n))
}

// RTCP packet types (RFC 3550, 12.1).
const (
	typeSenderReport = 200
	typeDescription  = 202
	typeGoodbye      = 203
)

// cname names the sender (RFC 3550, 6.5.1): the same for all tracks of a session, so that receivers play them in step.
const cname = "steadyframe"

// AppendReport appends a sender report (RFC 3550, 6.4.1): what was captured at wall has the time at. With it comes the description
// that names the sender. channel is as of AppendL16.
func (t *Track) AppendReport(dst []byte, channel int, wall time.Time, at time.Duration) []byte {
	const description = 4 + 4 + 2 + len(cname) + 1
	const padded = (description + 3) / 4 * 4
	dst = appendInterleaved(dst, channel, 28+padded)
	dst = append(dst, 0x80, typeSenderReport, 0, 6)
	dst = binary.BigEndian.AppendUint32(dst, t.SSRC)
	dst = binary.BigEndian.AppendUint64(dst, ntp(wall))
	dst = binary.BigEndian.AppendUint32(dst, t.Stamp(at))
	dst = binary.BigEndian.AppendUint32(dst, t.packets)
	dst = binary.BigEndian.AppendUint32(dst, t.octets)
	dst = append(dst, 0x81, typeDescription, 0, byte(padded/4-1))
	dst = binary.BigEndian.AppendUint32(dst, t.SSRC)
	dst = append(dst, 1, byte(len(cname))) // item CNAME
	dst = append(dst, cname...)
	for range padded - description + 1 {
		dst = append(dst, 0)
	}
	return dst
}

// AppendGoodbye appends what says that the track has ended (RFC 3550, 6.6), behind an empty report, which every RTCP packet begins
// with.
func (t *Track) AppendGoodbye(dst []byte, channel int) []byte {
	dst = appendInterleaved(dst, channel, 16)
	dst = append(dst, 0x80, 201, 0, 1)
	dst = binary.BigEndian.AppendUint32(dst, t.SSRC)
	dst = append(dst, 0x81, typeGoodbye, 0, 1)
	return binary.BigEndian.AppendUint32(dst, t.SSRC)
}

// ntp returns t as seconds since 1900, with 32 bits behind the point (RFC 3550, 4).
func ntp(t time.Time) uint64 {
	const from1900 = 2_208_988_800 // seconds to 1970
	return uint64(t.Unix()+from1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
