package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
)

// Error is why a batch, or a frame of it, has no image.
type Error struct {
	Class      Class
	Kind       string        // of Failed: gRPC's code, or HTTP's status with the problem's name: "413 too_large"
	Reason     string        // what the server or the system said
	RetryAfter time.Duration // the advice of Rejected
}

// Error returns what happened and why.
func (e *Error) Error() string {
	if e.Class == Failed {
		return e.Kind + ": " + e.Reason
	}
	return e.Class.String() + ": " + e.Reason
}

// Class says what an Error means for a load.
type Class uint8

// The classes.
const (
	Failed   Class = iota // something is wrong: Kind says what
	Rejected              // the server has no room now, and says when to come again
	TimedOut              // no response came in time
	Gone                  // there is nobody at the server's address any more
)

// String returns the class as it is printed.
func (c Class) String() string {
	return [...]string{"failed", "rejected", "timed out", "gone"}[c]
}

// lost is the Kind of a batch whose connection broke.
const lost = "connection lost"

// fromGRPC returns the error of a call.
func fromGRPC(err error) *Error {
	var e *client.Error
	if err == io.EOF {
		return &Error{Kind: lost, Reason: "the server ended the stream without a response"}
	}
	if !errors.As(err, &e) {
		return &Error{Kind: codes.Unknown.String(), Reason: err.Error()}
	}
	advised := e.RetryAfter > 0 && (e.Code == codes.ResourceExhausted || e.Code == codes.Unavailable)
	if advised {
		return &Error{Class: Rejected, Reason: e.Reason, RetryAfter: e.RetryAfter}
	}
	return &Error{Kind: e.Code.String(), Reason: e.Reason}
}

// fromTransport returns the error of a request that has no response.
func fromTransport(err error) *Error {
	var timeout interface{ Timeout() bool }
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return &Error{Class: Gone, Reason: op.Error()}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Class: TimedOut, Reason: "no response in time"}
	}
	return &Error{Kind: lost, Reason: err.Error()}
}

// dialing is what grpc-go puts before the system's own words.
const dialing = "Error while dialing: "

// notReached returns the error of a connection that could not be made.
func notReached(err error) *Error {
	e := fromGRPC(err)
	if e.Kind == codes.Unavailable.String() {
		e.Class = Gone
		if _, words, ok := strings.Cut(e.Reason, dialing); ok {
			e.Reason = strings.TrimSuffix(words, `"`)
		}
	}
	return e
}

// GoneError is a server that does not respond.
type GoneError struct {
	Target string
	After  time.Duration // since the clock started; 0: it was never there
	Reason string
}

func (e *GoneError) Error() string {
	if strings.Contains(e.Reason, "first record does not look like a TLS handshake") {
		return fmt.Sprintf("the server at %s does not speak TLS: leave out --tls, --ca and --insecure", e.Target)
	}
	if strings.Contains(e.Reason, "error reading server preface") {
		return fmt.Sprintf("no gRPC without TLS at %s: %s (check the port; where the server has TLS, add --tls)", e.Target, e.Reason)
	}
	if e.After == 0 {
		return fmt.Sprintf("no server at %s: %s (does it run, and listen there?)", e.Target, e.Reason)
	}
	return fmt.Sprintf("the server at %s went away after %.1f s: %s", e.Target, e.After.Seconds(), e.Reason)
}
