package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// refusal returns the fault of a stream that cannot be watched. host is the server as its caller names it, for advice.
func refusal(err error, host string) *fault.Error {
	f := fault.From(err)
	var missing *stream.NotFoundError
	if errors.As(err, &missing) {
		name := missing.Name
		if stream.CheckName(name) != nil { // No stream can have that name.
			name = "NAME"
		}
		f.Reason = fmt.Sprintf("%s; push one: steadyframe push --stream %s INPUT http://%s", missing.Reason(), name, host)
	}
	return f
}

// badParameter returns the fault of a parameter in a query.
func badParameter(name, got, want string) *fault.Error {
	return &fault.Error{Kind: fault.Invalid, Field: name, Reason: fmt.Sprintf("the parameter %s: got %.80q, want %s", name, got, want)}
}

// unwritten returns the fault of an image that could not be written.
func unwritten(err error) *fault.Error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &fault.Error{Kind: fault.Slow, Reason: "the viewer read nothing within live.stall", Err: err}
	}
	return gone(err)
}

// unsent returns the fault of an image of v that could not be written.
func unsent(v *stream.Viewer, err error) *fault.Error {
	select {
	case <-v.Evicted():
		return fault.From(stream.ErrEvicted)
	default:
		return unwritten(err)
	}
}

// expired returns the fault of a viewer whose request's context has ended: it disconnected, or what allowed it to view has expired.
func expired(r *http.Request) *fault.Error {
	if f := fault.From(context.Cause(r.Context())); f != nil && f.Kind == fault.Unauthorized {
		return f
	}
	return gone(nil)
}

// gone returns the fault of a viewer that disconnected, as err showed.
func gone(err error) *fault.Error {
	return &fault.Error{Kind: fault.Canceled, Reason: "the viewer disconnected", Err: err}
}
