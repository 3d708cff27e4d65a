package grpcapi

import (
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// encode encodes batches in their order and sends the responses, until there are no more. The outcome is then the error
// of receive.
func (c *session) encode() { c.finish(c.protect(c.encodeAll)) }

func (c *session) encodeAll() error {
	for b := range c.ready {
		if err := c.serveBatch(b); err != nil {
			return err
		}
	}
	return c.ended
}

// serveBatch encodes b and sends its response. The batch is free for another when that has left.
func (c *session) serveBatch(b *batch) error {
	timing, err := c.runBatch(b)
	if err != nil {
		return err
	}
	c.engine.Metrics.Served(timing.Queue + timing.Run)
	out := b.respond(timing)
	b.ready = time.Now()
	err = c.stream.SendMsg(out)
	b.delivery.sent(err, c.ctx.Err() != nil)
	if err != nil {
		return c.sendError(err)
	}
	return nil
}

// left is called when the response of b has left.
func (c *session) left(b *batch) {
	c.engine.Metrics.Took(metrics.Send, time.Since(b.ready))
	c.responded()
	c.free <- b // It has room for all batches.
}

// runBatch encodes b. A unary call holds a place in the queue until then, a stream waits for its turns.
func (c *session) runBatch(b *batch) (engine.Timing, error) {
	if c.unary {
		defer c.unreserve()
	}
	if b.plan.OfScene() {
		return c.engine.Compose(c.ctx, b.plan, &b.of, &b.run, !c.unary)
	}
	return c.engine.Run(c.ctx, b.plan, &b.run, !c.unary)
}
