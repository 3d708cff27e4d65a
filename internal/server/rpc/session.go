package rpc

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/wire"
	"github.com/steadyframe/steadyframe/pipeline"
)

// filler is what a session reads from: grpc-go's transport stream. Its method fills p with the stream's next bytes,
// whatever they are; grpc-go itself reads the five bytes before a message with it. It copies them from its buffers,
// frees those, and allocates nothing.
type filler interface {
	ReadMessageHeader(p []byte) error
}

// session is one call of Encode or EncodeStream. Three goroutines serve it, for as long as it lasts: one receives
// batches, one encodes and answers them in order, and the call's own watches over both, since only its return can end a
// read or a write that hangs. The second is started by the first batch.
//
// A batch goes round: free, received, ready, answered, free. There are two, so that the next is received while one is
// encoded.
type session struct {
	*service
	ctx    context.Context
	stream grpc.ServerStream
	in     filler
	unary  bool

	batches [2]batch
	free    chan *batch
	ready   chan *batch
	users   atomic.Int32 // of batches: the goroutines that have not ended
	started bool         // whether the encoding goroutine is; the receiving one's own
	placed  atomic.Bool  // whether the call holds a place in the queue
	ended   error        // why no further batch comes, nil when the caller has none; set before ready is closed

	decoder  wire.Decoder
	spec     []byte             // of the last request that had one
	pipeline *pipeline.Pipeline // what it means

	receiving *time.Timer // when one of these fires, the call has waited too long
	sending   *time.Timer
	done      chan error // takes the first outcome

	mu       sync.Mutex
	draining bool // take no further message
	inside   bool // a message is being received
	pending  int  // messages received and not yet answered
}

func newSession(s *service, stream grpc.ServerStream, in filler, unary bool) *session {
	c := &session{
		service: s, ctx: stream.Context(), stream: stream, in: in, unary: unary,
		free: make(chan *batch, 2), ready: make(chan *batch, 2), done: make(chan error, 1),
		receiving: time.NewTimer(time.Hour), sending: time.NewTimer(time.Hour),
	}
	c.receiving.Stop()
	c.sending.Stop()
	c.decoder.MaxFrames = s.engine.Config.Limits.MaxBatch
	for i := range c.batches {
		c.free <- &c.batches[i]
	}
	return c
}

// run serves the call until its outcome is known, and returns that. The goroutines may still be running then: they end
// soon, since the return ends the stream's context, and release what they hold.
func (c *session) run() error {
	defer c.receiving.Stop()
	defer c.sending.Stop()
	c.start(c.receive)
	draining := c.engine.Draining()
	for {
		select {
		case err := <-c.done:
			return err
		case <-c.ctx.Done():
			return fault.From(context.Cause(c.ctx))
		case <-c.receiving.C:
			return fault.Errorf(fault.Slow, "the request did not come within timeouts.receive or timeouts.idle")
		case <-c.sending.C:
			c.hangUp()
			return fault.Errorf(fault.Slow, "the answer was not taken within timeouts.send")
		case <-draining:
			draining = nil
			c.drain()
		}
	}
}

// hangUp closes the connection. The end of a call alone would reach the caller after the answers that it does not take,
// for which grpc-go would keep memory as long as the connection lasts.
func (c *session) hangUp() {
	if p, ok := peer.FromContext(c.ctx); ok {
		if addr, ok := p.Addr.(interface{ HangUp() }); ok {
			addr.HangUp()
		}
	}
}

// start runs f on a goroutine of the session. The last of them to end releases what the batches and the call hold.
func (c *session) start(f func()) {
	c.users.Add(1)
	c.wait.Go(func() {
		f()
		if c.users.Add(-1) == 0 {
			for i := range c.batches {
				c.batches[i].release()
			}
			c.unreserve()
		}
	})
}

// unreserve gives back the call's place in the queue, if it holds one.
func (c *session) unreserve() {
	if c.placed.Swap(false) {
		c.engine.Unreserve()
	}
}

// protect returns f's error, and makes one of its panic.
func (c *session) protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("panic in a call", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fault.Errorf(fault.Internal, "rpc: panic: %v", v)
		}
	}()
	return f()
}

// finish makes err, or nil for success, the outcome, if there is none yet.
func (c *session) finish(err error) {
	select {
	case c.done <- err:
	default:
	}
}

// drain makes the session end after the answers to the messages that have begun to come in.
func (c *session) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	c.settle()
}

// settle ends a draining session that has nothing in flight. c.mu is held.
func (c *session) settle() {
	if c.draining && !c.inside && c.pending == 0 {
		c.finish(errDraining())
	}
}

// begin is called when a message begins to come in. It returns an error when the session takes no more.
func (c *session) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return errDraining()
	}
	c.inside = true
	return nil
}

// received is called when a message is complete, answered when its answer is sent.
func (c *session) received() {
	c.mu.Lock()
	c.inside = false
	c.pending++
	c.mu.Unlock()
}

func (c *session) answered() {
	c.mu.Lock()
	c.pending--
	c.settle()
	c.mu.Unlock()
}

func errDraining() error { return fault.Errorf(fault.Draining, "the server is stopping") }
