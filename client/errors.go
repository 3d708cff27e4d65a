package client

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/steadyframe/steadyframe/pipeline"
)

// Error is why a call, or one frame of it, failed.
//
//	InvalidArgument    change the request: Field or Limit says what
//	ResourceExhausted  come again after RetryAfter
//	Unavailable        the server is stopping or not there: another one, or the same later
//	DeadlineExceeded   the deadline passed, or a side was too slow
type Error struct {
	Code       codes.Code
	Reason     string
	Limit      string        // the server's setting that was exceeded, such as limits.max_batch; may be empty
	Field      string        // of the request that is wrong, such as resize.width; may be empty
	RetryAfter time.Duration // the server's advice; 0 when it gave none
	err        error
}

// Error returns the code and the reason.
func (e *Error) Error() string { return fmt.Sprintf("client: %s: %s", e.Code, e.Reason) }

// Unwrap returns the cause: gRPC's error, or a *pipeline.SpecError.
func (e *Error) Unwrap() error { return e.err }

// GRPCStatus returns gRPC's status, for status.FromError.
func (e *Error) GRPCStatus() *status.Status {
	if st, ok := status.FromError(e.err); ok && e.err != nil {
		return st
	}
	return status.New(e.Code, e.Reason)
}

// toError returns err as an *Error, but for nil and io.EOF, which stay what they are.
func toError(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	st := status.Convert(err)
	e := &Error{Code: st.Code(), Reason: reason(st.Message()), err: err}
	if what, _, ok := strings.Cut(e.Reason, "; transport: received unexpected content-type"); ok {
		e.Reason = what + ": check the port: HTTP has another one than gRPC, whose setting is grpc.listen"
	}
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.RetryInfo:
			e.RetryAfter = d.GetRetryDelay().AsDuration()
		case *errdetails.QuotaFailure:
			if v := d.GetViolations(); len(v) > 0 {
				e.Limit = v[0].GetSubject()
			}
		case *errdetails.BadRequest:
			if v := d.GetFieldViolations(); len(v) > 0 {
				e.Field = v[0].GetField()
			}
		}
	}
	return e
}

// reason returns a message of gRPC's without the words in which it wraps why there is no connection.
func reason(message string) string {
	_, quoted, ok := strings.Cut(message, "connection error: desc = ")
	if !ok {
		return message
	}
	why, err := strconv.Unquote(quoted)
	if err != nil {
		return message
	}
	return strings.TrimPrefix(strings.TrimPrefix(why, "transport: "), "Error while dialing: ")
}

// specError returns an error of a Spec that no message can hold as the *Error that the server would give.
func specError(err error) error {
	e := &Error{Code: codes.InvalidArgument, Reason: err.Error(), err: err}
	var wrong *pipeline.SpecError
	if errors.As(err, &wrong) {
		e.Field = wrong.Field
	}
	return e
}
