package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// inChunks reports whether r's body comes in HTTP/1.1's chunks.
func inChunks(r *http.Request) bool { return r.ProtoMajor == 1 && r.ContentLength < 0 }

// pieceBytes is how much of a frame must come within timeouts.receive.
const pieceBytes = 1 << 20

// body reads a request's body under deadlines: a frame that has begun must go on, and between the frames of an endless
// body there may be silence, but not forever. It is for one goroutine; stop is for any.
type body struct {
	r             io.Reader
	control       *http.ResponseController
	receive, idle time.Duration
	chunked       bool         // whether it comes in HTTP/1.1's chunks
	head          bytes.Reader // read ahead for the sniffing
	headMemory    [16]byte
	left          int          // bytes until the deadline is set anew
	between       bool         // whether the next byte begins a frame
	patient       bool         // whether that is so until resume is called: what is read may still be what separates two frames
	failed        *fault.Error // what Read returned
	stopped       atomic.Bool
	ended         atomic.Bool // whether all of it was read
}

// newBody returns the body of r, which w responds to through control, with the time limits of e.
func newBody(e *engine.Engine, w *writer, r *http.Request, control *http.ResponseController) *body {
	w.body = &body{
		r: r.Body, control: control, chunked: inChunks(r),
		receive: time.Duration(e.Config.Timeout.Receive), idle: time.Duration(e.Config.Timeout.Idle),
	}
	return w.body
}

// sniff returns the first bytes of the body, as many as it takes to recognize a format, or all where the body is
// shorter. Read returns them again.
func (b *body) sniff() ([]byte, error) {
	n, err := io.ReadFull(b, b.headMemory[:10])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	b.head.Reset(b.headMemory[:n])
	return b.headMemory[:n], nil
}

// sniffFor returns the first bytes of the body, as many as it takes to tell whether it begins with prefix, which is at most as
// long as sniff reads. Read returns them again.
func (b *body) sniffFor(prefix string) (head []byte, begins bool, err error) {
	n := 0
	for n < len(prefix) && string(b.headMemory[:n]) == prefix[:n] && err == nil {
		var k int
		k, err = b.Read(b.headMemory[n:len(prefix)])
		n += k
	}
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	b.head.Reset(b.headMemory[:n])
	return b.headMemory[:n], string(b.headMemory[:n]) == prefix, nil
}

// nextFrame says that the next byte begins a frame.
func (b *body) nextFrame() { b.between = true }

// resume says that the next byte belongs to the same frame, after a wait that was not the caller's fault.
func (b *body) resume() { b.between, b.left = false, 0 }

// Read is part of io.Reader. Its errors, but io.EOF, are *fault.Error, and final: net/http returns io.EOF after a body that broke off.
//
// At the end of the body net/http begins to read the connection by itself, to learn when the caller goes away. From then on no
// deadline may be set: where one passes net/http takes the caller for gone, and cancels this request and the next ones of the
// connection.
func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.head.Len() > 0:
		b.resume()
		return b.head.Read(p)
	case b.failed != nil:
		return 0, b.failed
	case b.ended.Load():
		return 0, io.EOF
	}
	if b.between || b.left <= 0 {
		if b.failed = b.setDeadline(); b.failed != nil {
			return 0, b.failed
		}
	}
	n, err := b.r.Read(p)
	b.left -= n
	if n > 0 && b.between && !b.patient {
		b.resume()
	}
	if err == io.EOF {
		b.ended.Store(true)
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	b.failed = b.fault(err)
	return n, b.failed
}

// setDeadline says by when the next bytes must come.
func (b *body) setDeadline() *fault.Error {
	wait := b.receive
	if b.between {
		wait = b.idle
	}
	b.left = pieceBytes
	switch err := b.control.SetReadDeadline(time.Now().Add(wait)); {
	case errors.Is(err, net.ErrClosed): // It was idle when the listener needed its place, or the server has cut it.
		return &fault.Error{Kind: fault.Canceled, Reason: "the connection is closed", Err: err}
	case err != nil:
		return &fault.Error{Kind: fault.Internal, Err: err}
	}
	if b.stopped.Load() { // stop set an earlier one a moment ago, which holds for what is read after this as well.
		b.expire()
		return errStopped
	}
	return nil
}

// errStopped is what Read returns after stop.
var errStopped = &fault.Error{Kind: fault.Draining, Reason: "the server is stopping"}

// fault returns the fault of a Read that failed with err.
func (b *body) fault(err error) *fault.Error {
	switch {
	case b.stopped.Load():
		return errStopped
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &fault.Error{Kind: fault.Slow, Reason: "the body did not come within timeouts.receive or timeouts.idle", Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Errorf(fault.Canceled, "the body broke off") // Not wrapped: io.ErrUnexpectedEOF would look like a body that ends inside a frame.
	}
	var ofConnection net.Error
	if b.chunked && !errors.As(err, &ofConnection) {
		return fault.Errorf(fault.Invalid, "the body's chunks are malformed: %v", err)
	}
	return &fault.Error{Kind: fault.Canceled, Reason: "the caller went away", Err: err}
}

// stop makes a Read that waits, and all later ones, return.
func (b *body) stop() {
	b.stopped.Store(true)
	b.expire()
}

// expire sets a deadline in the past, unless all was read.
func (b *body) expire() {
	if b.ended.Load() {
		return
	}
	_ = b.control.SetReadDeadline(time.Unix(1, 0)) // It fails where setDeadline did.
}

// stopOn stops the body as soon as c is closed. The caller calls end before the handler returns: after that the body may
// not be touched.
func (b *body) stopOn(c <-chan struct{}) (end func()) {
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-c:
			b.stop()
		case <-over:
		}
	})
	return func() {
		close(over)
		watching.Wait()
	}
}
