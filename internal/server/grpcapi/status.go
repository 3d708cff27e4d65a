package grpcapi

import (
	"errors"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// code returns the gRPC code of a kind of failure.
func code(k fault.Kind) codes.Code {
	switch k {
	case fault.Invalid, fault.TooLarge, fault.Misdirected:
		return codes.InvalidArgument
	case fault.Unsupported:
		return codes.Unimplemented
	case fault.Unauthorized:
		return codes.Unauthenticated
	case fault.Forbidden:
		return codes.PermissionDenied
	case fault.NotFound:
		return codes.NotFound
	case fault.Conflict:
		return codes.Aborted
	case fault.Busy:
		return codes.ResourceExhausted
	case fault.Draining, fault.Offline:
		return codes.Unavailable
	case fault.Deadline, fault.Slow:
		return codes.DeadlineExceeded
	case fault.Canceled:
		return codes.Canceled
	}
	return codes.Internal
}

// toStatus returns f as a status, with details: when to come again (RetryInfo), which limit was exceeded
// (QuotaFailure), which field is wrong (BadRequest).
func toStatus(f *fault.Error) *status.Status {
	msg := strings.ToValidUTF8(f.Error(), "\ufffd")
	c := code(f.Kind)
	if errors.Is(f, stream.ErrFixed) {
		c = codes.FailedPrecondition // To come again, as ABORTED says, is of no use.
	}
	st := status.New(c, msg)
	var details []protoadapt.MessageV1
	if f.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryAfter.Round(time.Millisecond))})
	}
	if f.Ask != (fault.Server{}) {
		details = append(details, &errdetails.ErrorInfo{Domain: live.Domain, Reason: live.AskServer, Metadata: map[string]string{"node": f.Ask.Name, "address": f.Ask.Address}})
	}
	if f.Limit != "" {
		details = append(details, &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: f.Limit, Description: msg}}})
	}
	if f.Field != "" {
		details = append(details, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: f.Field, Description: msg}}})
	}
	if with, err := st.WithDetails(details...); err == nil {
		st = with
	}
	return st
}
