package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/steadyframe/steadyframe/internal/rtp"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// status returns the status of a kind of failure (RFC 2326, 7.1.1).
func status(k fault.Kind) base.StatusCode {
	switch k {
	case fault.Invalid, fault.Canceled:
		return base.StatusBadRequest
	case fault.TooLarge:
		return base.StatusRequestEntityTooLarge
	case fault.Unsupported:
		return base.StatusUnsupportedMediaType
	case fault.Unauthorized:
		return base.StatusUnauthorized
	case fault.Forbidden, fault.Misdirected:
		return base.StatusForbidden
	case fault.NotFound:
		return base.StatusNotFound
	case fault.Conflict:
		return base.StatusMethodNotValidInThisState
	case fault.Busy:
		return base.StatusNotEnoughBandwidth
	case fault.Offline, fault.Draining:
		return base.StatusServiceUnavailable
	case fault.Deadline:
		return base.StatusGatewayTimeout
	case fault.Slow:
		return base.StatusRequestTimeout
	}
	return base.StatusInternalServerError
}

// maxReason bounds the reason in a status line: players show it, and have 255 bytes for it.
const maxReason = 200

// reason returns f's text for a status line.
func reason(f *fault.Error) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, f.Error())
	if len(text) > maxReason {
		text = text[:maxReason-3] + "..."
	}
	return text
}

// response returns the response of a request that is refused. The status line has the reason: it is all that players show.
func response(f *fault.Error) *base.Response {
	r := &base.Response{
		StatusCode: status(f.Kind), StatusMessage: reason(f), Body: []byte(f.Error() + "\n"),
		Header: base.Header{"Content-Type": {"text/plain; charset=utf-8"}},
	}
	if retry := f.RetrySeconds(); retry > 0 {
		r.Header["Retry-After"] = base.HeaderValue{strconv.Itoa(retry)}
	}
	if f.Kind == fault.Unauthorized {
		r.Header["WWW-Authenticate"] = base.HeaderValue{auth.BasicChallenge}
	}
	return r
}

// plainResponse returns the same for what cannot be read as a request.
func plainResponse(f *fault.Error) []byte {
	data, _ := response(f).Marshal() // It has no error.
	return data
}

// refusal returns the fault of a stream that cannot be watched.
func refusal(err error) *fault.Error {
	f := fault.From(err)
	var missing *stream.NotFoundError
	if errors.As(err, &missing) {
		f.Reason = missing.Reason()
	}
	return f
}

// uncarried returns the fault of a stream whose images RTP cannot carry.
func uncarried(name string, err error) *fault.Error {
	reason, other := err.Error(), "quality=85"
	var u *rtp.UnsupportedError
	if errors.As(err, &u) {
		reason = u.Reason
		if u.Width > 0 {
			other = fmt.Sprintf("resize=%dx%d", u.Width, u.Height)
		}
	}
	return &fault.Error{Kind: fault.Unsupported, Field: "stream", Err: err,
		Reason: fmt.Sprintf("RTP cannot carry stream %s: %s; the setting streams.%s.%s makes such images", name, reason, name, other)}
}

// refused counts and logs a request that was refused, rate-limited per cause.
func (s *Server) refused(g *guarded, path string, f *fault.Error) {
	s.engine.Metrics.Rejected(f.Kind)
	suppressed, ok := s.logged.Admit(f)
	if !ok {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", fault.Cut(g.method)), slog.String("path", fault.Cut(path)), slog.String("peer", g.peer),
		slog.String("kind", f.Kind.String()), slog.String("reason", fault.Cut(f.Error())),
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	s.log.LogAttrs(context.Background(), f.Kind.Level(), "RTSP request failed", attrs...)
}
