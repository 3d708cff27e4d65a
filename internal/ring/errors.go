package ring

import (
	"errors"
	"math"
	"strings"
	"time"
)

// ErrLost says that the server has ended the connection without a word, or sent what is no protocol.
var ErrLost = errors.New("ring: the connection to the server is lost")

// ServerError is what a server said in an ERROR, about a batch, or about a frame. Of a frame it has no Got, Max and RetryAfter.
type ServerError struct {
	Code       uint16
	Text       string
	Field      string        // of the hello that is wrong, such as resize.width; may be empty
	Limit      string        // the setting that was exceeded, such as limits.max_batch; may be empty
	Got, Max   int64         // of Limit
	RetryAfter time.Duration // 0: no advice
}

func (e *ServerError) Error() string { return e.Text }

// AppendText appends what is text of e to p, in at most n bytes, for which Text is cut: Text, Field and Limit, with a zero
// between them.
func (e *ServerError) AppendText(p []byte, n int) []byte {
	text := strings.ReplaceAll(e.Text, "\x00", "")
	if e.Field == "" && e.Limit == "" {
		return append(p, cut(text, n)...)
	}
	p = append(p, cut(text, max(n-len(e.Field)-len(e.Limit)-2, 0))...)
	p = append(append(p, 0), e.Field...)
	return append(append(p, 0), e.Limit...)
}

// cut returns at most n bytes of s.
func cut(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// ParseText returns the ServerError whose text another has appended.
func ParseText(code uint16, data []byte) *ServerError {
	e := &ServerError{Code: code}
	e.Text, e.Field, _ = strings.Cut(string(data), "\x00")
	e.Field, e.Limit, _ = strings.Cut(e.Field, "\x00")
	return e
}

// append appends m, an ERROR or a DONE, to p, with what e says, and its payload.
func (e *ServerError) append(p []byte, m *Message) []byte {
	at := len(p)
	p = e.AppendText(append(p, m[:]...), MaxText)
	m = (*Message)(p[at:])
	le.PutUint16(m[2:], e.Code)
	le.PutUint32(m[4:], uint32(len(p)-at-Size))
	le.PutUint64(m[16:], uint64(min(max(e.RetryAfter.Milliseconds(), 0), math.MaxUint32)))
	le.PutUint64(m[24:], uint64(e.Got))
	le.PutUint64(m[40:], uint64(e.Max))
	return p
}

// AppendError appends e, as an ERROR with its payload, to p.
func (e *ServerError) AppendError(p []byte) []byte {
	var m Message
	m.begin(KindError, 0, 0)
	return e.append(p, &m)
}

// ParseError returns the content of an ERROR, or of a DONE with a code.
func ParseError(m *Message, payload []byte) *ServerError {
	e := ParseText(m.Code(), payload)
	e.Got, e.Max = int64(le.Uint64(m[24:])), int64(le.Uint64(m[40:]))
	e.RetryAfter = time.Duration(min(le.Uint64(m[16:]), math.MaxUint32)) * time.Millisecond
	return e
}
