package httpapi

import (
	"strconv"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// part makes what stands before and after an image. What its methods return is theirs until the next call of the same
// one.
type part struct {
	before [512]byte
	after  [128]byte
}

// first returns what stands before all images: the boundary, and with ahead the head of the first part.
func (b *part) first(ahead bool, now time.Time) []byte {
	return appendBoundary(b.after[:0], "", ahead, now)
}

// tail returns what stands after an image: the boundary, and with ahead the head of the next part, which does not know
// its image yet.
func (b *part) tail(ahead bool, now time.Time) []byte {
	return appendBoundary(b.after[:0], "\r\n", ahead, now)
}

func appendBoundary(dst []byte, before string, ahead bool, now time.Time) []byte {
	dst = append(append(dst, before...), "--"+mjpegBoundary+"\r\n"...)
	if ahead {
		dst = append(appendTimestamp(append(dst, "Content-Type: image/jpeg\r\nX-Timestamp: "...), now), "\r\n\r\n"...)
	}
	return dst
}

// head returns the head of p's part, of n bytes. Clients hold each of its lines to 128 bytes, and its type to exactly
// image/jpeg.
func (b *part) head(p *stream.Image, n int, extra bool, now time.Time) []byte {
	dst := append(b.before[:0], "Content-Type: image/jpeg\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = appendTimestamp(append(dst, "\r\nX-Timestamp: "...), p.Captured)
	if extra {
		dst = appendExtra(dst, p, now)
	}
	return append(dst, "\r\n\r\n"...)
}

// appendExtra appends the headers that extra_headers=1 asks for, each after a line's end.
func appendExtra(dst []byte, p *stream.Image, now time.Time) []byte {
	dst = strconv.AppendUint(append(dst, "\r\nX-Steadyframe-Sequence: "...), p.Seq, 10)
	dst = strconv.AppendInt(append(dst, "\r\nX-Steadyframe-Width: "...), int64(p.Width), 10)
	dst = strconv.AppendInt(append(dst, "\r\nX-Steadyframe-Height: "...), int64(p.Height), 10)
	dst = strconv.AppendInt(append(dst, "\r\nX-Steadyframe-Bytes: "...), int64(len(p.JPEG())), 10)
	dst = strconv.AppendBool(append(dst, "\r\nX-Steadyframe-Online: "...), !p.Offline)
	dst = strconv.AppendBool(append(dst, "\r\nX-Steadyframe-Repeat: "...), p.Repeat)
	dst = appendTimestamp(append(dst, "\r\nX-Steadyframe-Encoded: "...), p.Encoded)
	return appendTimestamp(append(dst, "\r\nX-Steadyframe-Sent: "...), now)
}

// appendTimestamp appends t as seconds since the Unix epoch with six decimals.
func appendTimestamp(dst []byte, t time.Time) []byte {
	µs := t.UnixMicro()
	dst = strconv.AppendInt(dst, µs/1e6, 10)
	dst = append(dst, '.')
	for unit := int64(1e5); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+µs/unit%10))
	}
	return dst
}
