package grpcapi

import (
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/pipeline"
)

// session is one call of Encode or EncodeStream. Beside the call's own goroutine two serve it: one receives batches,
// the other encodes them in order and sends the responses. The first batch starts the latter.
//
// A batch goes round: free, received, ready, sent, free. There are two, so that the next is received while one is
// encoded.
type session struct {
	call
	unary bool

	batches [2]batch
	free    chan *batch
	ready   chan *batch
	started bool        // whether the encoding goroutine is; the receiving one's own
	placed  atomic.Bool // whether the call holds a place in the queue
	ended   error       // why no further batch comes, nil when the caller has no more; set before ready is closed

	decoder   decoder
	admission engine.Stream
	history   pipeline.History // of the frames of all batches
	spec      []byte           // of the last request that had one
	plan      *engine.Plan     // its plan
	index     uint64           // of the next image of a scene

	mu       sync.Mutex
	draining bool // take no further message
	inside   bool // a message is being received
	pending  int  // messages received whose responses have not left
}

func newSession(s *service, stream grpc.ServerStream, in pieceReader, unary bool) *session {
	c := &session{unary: unary, free: make(chan *batch, 2), ready: make(chan *batch, 2)}
	c.init(s, stream, in, c.release)
	c.gathers = &s.gathering
	if !unary {
		c.order = &c.admission
	}
	c.decoder.MaxFrames, c.decoder.MaxBytes = s.engine.Config.Limits.MaxBatch, int(s.engine.Config.Limits.MaxMessageBytes)
	for i := range c.batches {
		b := &c.batches[i]
		b.run.History = &c.history
		b.delivery = newDelivery(c.conn, s.engine.NewSending(c.conn.cut), func() { c.left(b) })
		c.free <- b
	}
	return c
}

// run serves the call until its outcome is known, and returns that. The goroutines may still be running then: they end
// soon, since the return ends the stream's context, and release what they hold.
func (c *session) run() error {
	defer c.receiving.Stop()
	c.start(c.receive)
	draining := c.engine.Draining()
	for {
		select {
		case err := <-c.done:
			return err
		case <-c.ctx.Done():
			return c.over()
		case <-c.receiving.C:
			return errSlow()
		case <-draining:
			draining = nil
			c.drain()
		}
	}
}

// release releases what the batches and the call hold.
func (c *session) release() {
	for i := range c.batches {
		c.batches[i].release()
		c.batches[i].delivery.held.retire()
	}
	c.plan.Release()
	c.history.Release()
	c.unreserve()
}

// unreserve gives back the call's place in the queue, if it holds one.
func (c *session) unreserve() {
	if c.placed.Swap(false) {
		c.engine.Unreserve()
	}
}

// drain makes the session end after the responses to the messages that have begun to come in.
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

// enter is called when a message begins to come in. It returns an error when the session takes no more.
func (c *session) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return errDraining()
	}
	c.inside = true
	return nil
}

// received is called when a message is complete, responded when its response has left.
func (c *session) received() {
	c.mu.Lock()
	c.inside = false
	c.pending++
	c.mu.Unlock()
}

func (c *session) responded() {
	c.mu.Lock()
	c.pending--
	c.settle()
	c.mu.Unlock()
}
