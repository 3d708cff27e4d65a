package httpapi

import (
	"errors"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

const (
	// writeBytes must be read within timeouts.send.
	writeBytes = 1 << 20
	// writePiece is written at a time over HTTP/2, so that it is known when the client reads nothing. Over HTTP/1.1 the
	// connection knows that, and each piece would be a chunk, which costs net/http an allocation.
	writePiece = 64 << 10
)

// outgoing writes a response whose contents are in memory of the pool: it gives the client timeouts.send for each MiB, and is
// cut when the client reads nothing and others need the memory. Its methods but hangUp are for one goroutine.
type outgoing struct {
	engine   *engine.Engine
	w        http.ResponseWriter
	control  *http.ResponseController
	deadline *deadline
	sending  *engine.Sending
	piece    int // bytes that are written at a time

	mu  sync.Mutex
	cut *fault.Error // why the response was cut; then no more deadlines are set
}

// newOutgoing returns the response to r. The handler calls over before it returns.
func newOutgoing(e *engine.Engine, w http.ResponseWriter, r *http.Request, control *http.ResponseController) *outgoing {
	o := &outgoing{engine: e, w: w, control: control, deadline: newDeadline(w, r), piece: writePiece}
	o.sending = e.NewSending(o.hangUp)
	if c := connOf(r); c != nil && r.ProtoMajor == 1 {
		o.sending.Follow(c.Written)
		o.piece = writeBytes
	}
	return o
}

// over is called when the handler returns: net/http uses the response's memory again.
func (o *outgoing) over() {
	o.sending.End()
	o.hangUp(errOver)
}

var errOver = &fault.Error{Kind: fault.Internal, Reason: "the response is over"}

// hangUp ends a write in progress, and all later ones. It may be called from any goroutine.
func (o *outgoing) hangUp(f *fault.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f == errOver {
		o.deadline.forget()
	}
	if o.cut == nil {
		o.cut = f
		if f != errOver {
			_ = o.deadline.within(0) // If that fails, there is nothing to cut.
		}
	}
}

// extend sets the time within which writeBytes must be taken.
func (o *outgoing) extend() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cut != nil {
		return o.cut
	}
	if err := o.deadline.within(time.Duration(o.engine.Config.Timeout.Send)); err != nil {
		return &fault.Error{Kind: fault.Internal, Err: err}
	}
	return nil
}

// Write writes p, of which each writeBytes must be read in time. Its error is a *fault.Error.
func (o *outgoing) Write(p []byte) (n int, err error) {
	for left := 0; n < len(p); {
		if left <= 0 {
			left = writeBytes
			if err := o.extend(); err != nil {
				return n, err
			}
		}
		some, err := o.w.Write(p[n:min(len(p), n+o.piece)])
		if n += some; err != nil {
			return n, o.failed(err)
		}
		o.sending.Moved()
		left -= some
	}
	return n, nil
}

// write is Write.
func (o *outgoing) write(p []byte) error {
	_, err := o.Write(p)
	return err
}

// failed returns why a write failed.
func (o *outgoing) failed(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.cut != nil:
		return o.cut
	case o.deadline.missed():
		err = os.ErrDeadlineExceeded
	}
	return writeFailed(err)
}

// flush sends off what was written.
func (o *outgoing) flush() error {
	if err := o.control.Flush(); err != nil {
		return o.failed(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cut == nil {
		o.deadline.none() // What comes next may be a long way off.
	}
	return nil
}

// writeFailed returns the fault of a response that could not be written.
func writeFailed(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &fault.Error{Kind: fault.Slow, Reason: "the response was not read within timeouts.send", Err: err}
	}
	return &fault.Error{Kind: fault.Canceled, Reason: "the caller went away", Err: err}
}
