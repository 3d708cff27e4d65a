// Package fault says why the server refused a request or could not serve it, in terms that gRPC reports as a status and
// HTTP as a problem document. The libraries do not use it; From gives their errors a Kind.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/plain"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// Kind says what the caller should do about it.
type Kind uint8

// The kinds. Each has one gRPC code and one HTTP status.
const (
	Internal     Kind = iota // a bug of the server
	Invalid                  // the request is wrong: change it
	TooLarge                 // the request is above a limit: make it smaller
	Unsupported              // the request has an unknown form
	Unauthorized             // a token is missing or wrong
	Forbidden                // this client, or a web page of another origin, may not do this
	NotFound                 // there is no stream or resource of that name
	Conflict                 // another client has what the request wants
	Offline                  // a stream has no source, or no image yet: try again after RetryAfter
	Busy                     // no room now: try again after RetryAfter
	Draining                 // the server is stopping: use another
	Deadline                 // the caller's deadline passed
	Slow                     // the caller sent or received too slowly
	Canceled                 // the caller disconnected
	Misdirected              // the request is for a host that this server is not
)

var kindNames = [...]string{"internal", "invalid", "too_large", "unsupported", "unauthorized", "forbidden", "not_found", "conflict", "offline", "busy", "draining", "deadline", "slow", "canceled", "misdirected"}

// Kinds is how many kinds there are: they count from 0.
const Kinds = len(kindNames)

// String returns the kind as metrics name it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Level is how loud the log is about a request that failed: a bug of the server is an error, and a caller that disconnected or a
// drain is no reason to warn.
func (k Kind) Level() slog.Level {
	switch k {
	case Internal:
		return slog.LevelError
	case Canceled, Draining:
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// Error is why a request, or one frame of it, was not served.
type Error struct {
	Kind       Kind
	Reason     string        // "frame 3: got 12 bytes, want 691200"; empty: Err's
	Field      string        // of the request: "resize.width"; may be empty
	Limit      string        // the setting that was exceeded: "limits.max_batch"; may be empty
	Got, Max   int64         // of Limit
	RetryAfter time.Duration // of Busy and Offline
	Ask        Server        // that has what this one has no room for; zero: none
	Err        error         // what it comes from; may be nil
}

// Server is another server of the cluster.
type Server struct{ Name, Address string }

// Error returns the reason as the caller reads it, with the name of the limit and its numbers.
func (e *Error) Error() string {
	msg := e.Reason
	if msg == "" && e.Err != nil {
		msg = e.Err.Error()
	}
	if e.Limit != "" {
		msg += fmt.Sprintf(" (%s: got %d, want at most %d)", e.Limit, e.Got, e.Max)
	}
	return plain.Text(msg)
}

// Unwrap returns the error that e comes from.
func (e *Error) Unwrap() error { return e.Err }

// RetrySeconds is when to try again, as a header Retry-After says it: in whole seconds; 0: nothing is said. The server that stops
// may be back, or another in its place, in one.
func (e *Error) RetrySeconds() int {
	if e.Kind == Draining {
		return 1
	}
	return int(math.Ceil(max(e.RetryAfter, 0).Seconds()))
}

// Errorf returns an Error of that kind.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Reason: fmt.Sprintf(format, args...)}
}

// retryAfter is the default advice: the backlog of a full queue takes about this long.
const retryAfter = time.Second

// BusyOf returns the Error for no room now under that setting.
func BusyOf(limit string, got, most int64, reason string) *Error {
	return &Error{Kind: Busy, Reason: reason, Limit: limit, Got: got, Max: most, RetryAfter: retryAfter}
}

// LimitOf returns the Error for a request above that setting.
func LimitOf(limit string, got, most int64, reason string) *Error {
	return &Error{Kind: TooLarge, Reason: reason, Limit: limit, Got: got, Max: most}
}

// From returns err as an *Error: itself if it is one, else one of the Kind that the library's error means. It returns
// nil for nil.
func From(err error) *Error {
	if own, ok := err.(*Error); ok { // Under overload most are, and to look for other types takes an object for each.
		return own
	}
	return of(err)
}

// of is From for what is not an *Error, but may wrap one.
func of(err error) *Error {
	var (
		own       *Error
		spec      *pipeline.SpecError
		desc      *frame.DescError
		budget    *pool.BudgetError
		size      *pool.SizeError
		truncated *ingest.TruncatedError
		format    *ingest.FormatError
		image     *ingest.JPEGError
		limit     *ingest.LimitError
		other     *pipeline.FrameError
		name      *stream.NameError
		missing   *stream.NotFoundError
		full      *stream.LimitError
		option    *scene.OptionError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.As(err, &spec):
		return &Error{Kind: Invalid, Field: spec.Field, Err: err}
	case errors.As(err, &desc):
		return &Error{Kind: Invalid, Field: desc.Field, Err: err}
	case errors.As(err, &option):
		return &Error{Kind: Invalid, Field: option.Field, Err: err}
	case errors.As(err, &budget):
		e := BusyOf("limits.memory_budget", budget.Want+budget.InUse, budget.Budget, "no memory now")
		if budget.Want > budget.Budget {
			e = LimitOf("limits.memory_budget", budget.Want, budget.Budget, "more memory than there is")
		}
		e.Err = err
		return e
	case errors.As(err, &size):
		return &Error{Kind: TooLarge, Reason: "larger than any buffer", Limit: "bytes of a frame", Got: size.Got, Max: size.Max, Err: err}
	case errors.As(err, &limit):
		return &Error{Kind: TooLarge, Reason: "the stream declares it", Limit: "limits.max_" + limit.Limit, Got: limit.Got, Max: limit.Max, Err: err}
	case errors.As(err, &name):
		return &Error{Kind: Invalid, Field: "stream", Err: err}
	case errors.As(err, &missing), errors.Is(err, stream.ErrNoSound):
		return &Error{Kind: NotFound, Field: "stream", Err: err}
	case errors.As(err, &full):
		f := BusyOf("live.max_"+full.Limit, int64(full.Max)+1, int64(full.Max), "too many "+full.What())
		f.Err = err
		return f
	case errors.Is(err, stream.ErrReplaced), errors.Is(err, stream.ErrFixed):
		return &Error{Kind: Conflict, Field: "stream", Err: err}
	case errors.Is(err, stream.ErrEvicted):
		return &Error{Kind: Slow, Reason: "the viewer held old images, and the memory for those (live.pinned_memory) was used up", Err: err}
	case errors.As(err, &truncated), errors.As(err, &format), errors.As(err, &image), errors.As(err, &other), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Kind: Invalid, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: Deadline, Reason: "the deadline passed", Err: err}
	case errors.Is(err, context.Canceled):
		return &Error{Kind: Canceled, Reason: "the caller went away", Err: err}
	case errors.Is(err, pipeline.ErrClosed), errors.Is(err, stream.ErrClosed):
		return &Error{Kind: Draining, Reason: "the server is stopping", Err: err}
	}
	return &Error{Kind: Internal, Err: err}
}
