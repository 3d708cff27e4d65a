package grpcapi

import (
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// encode encodes and answers batches in their order, until there are no more. Then the outcome is whatever ended the
// receiving.
func (c *session) encode() { c.finish(c.protect(c.encodeAll)) }

func (c *session) encodeAll() error {
	for b := range c.ready {
		if err := c.serveBatch(b); err != nil {
			return err
		}
		c.answered()
		c.free <- b
	}
	return c.ended
}

// serveBatch encodes b and sends its answer.
func (c *session) serveBatch(b *batch) error {
	timing, err := c.runBatch(b)
	if err != nil {
		return err
	}
	c.engine.Metrics.Served(timing.Queue + timing.Run)
	out := b.answer(timing, &c.chunks)
	start := time.Now()
	c.sending.Reset(time.Duration(c.engine.Config.Timeout.Send))
	err = c.stream.SendMsg(out)
	c.sending.Stop()
	c.engine.Metrics.Took(metrics.Send, time.Since(start))
	if err != nil {
		return c.sendError(err)
	}
	return nil
}

// runBatch encodes b. A unary call holds a place in the queue until then, a stream waits for its turns.
func (c *session) runBatch(b *batch) (engine.Timing, error) {
	if c.unary {
		defer c.unreserve()
	}
	return c.engine.Run(c.ctx, b.plan, &b.run, !c.unary)
}
