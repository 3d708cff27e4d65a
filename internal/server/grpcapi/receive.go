package grpcapi

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pool"
)

// receive reads messages and hands them on as batches, until there are no more. Then its error, nil when the caller has
// no more, is the outcome: at once, or, when batches are in flight, after the encoding goroutine has sent their
// responses.
func (c *session) receive() {
	err := c.protect(c.receiveAll)
	c.receiving.Stop()
	if c.started {
		c.ended = err
		close(c.ready)
		return
	}
	c.finish(err)
}

func (c *session) receiveAll() error {
	for {
		var b *batch
		select {
		case b = <-c.free:
		case <-c.ctx.Done():
			return c.over()
		}
		switch err := c.next(b); {
		case err == io.EOF && c.unary:
			return fault.Errorf(fault.Invalid, "grpcapi: the call ended without a request")
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		c.received()
		if !c.started {
			c.started = true
			c.start(c.encode)
		}
		c.ready <- b
		if c.unary {
			return nil
		}
	}
}

// next reads one message into b and readies it for encoding. It returns io.EOF when the caller has no more.
func (c *session) next(b *batch) error {
	wait := c.engine.Config.Timeout.Idle
	if c.unary {
		wait = c.engine.Config.Timeout.Receive
	}
	if err := c.await(time.Duration(wait)); err != nil {
		return err
	}
	start := time.Now()
	if err := c.begin(engine.Encode); err != nil {
		return err
	}
	if err := c.enter(); err != nil {
		return err
	}
	if c.unary { // Not earlier: a silent call would keep others out.
		if err := c.engine.Reserve(); err != nil {
			return err
		}
		c.placed.Store(true)
	}
	defer c.inflated()
	length, err := c.length()
	if err != nil {
		return err
	}
	if err := c.read(b, length); err != nil {
		return err
	}
	c.receiving.Stop()
	c.engine.Metrics.Took(metrics.Receive, time.Since(start))
	if len(b.request.Frames) == 0 && (!b.plan.OfScene() || len(b.request.Images) == 0) {
		return &fault.Error{Kind: fault.Invalid, Field: "frames", Reason: fmt.Sprintf("grpcapi: got no frames, want 1..%d", c.engine.Config.Limits.MaxBatch)}
	}
	if b.plan.OfScene() {
		if err := b.arrangeScene(&c.index); err != nil {
			return err
		}
	} else {
		b.arrange()
	}
	if failed := len(b.response.Images) - len(b.places); failed > 0 {
		c.engine.Metrics.FrameFailed(fault.Invalid, failed)
	}
	return nil
}

// incoming is the message that comes in for a batch. It is a frameSource.
type incoming struct {
	session *session
	batch   *batch
	length  int
	leased  bool
	untrue  bool // whether more comes out of the compressed message than it says
}

// read reads a message of length bytes, or of unknownLength, into b.request, and finds its plan.
func (c *session) read(b *batch, length int) error {
	b.incoming = incoming{session: c, batch: b, length: length}
	c.expect()
	err := c.decoder.Decode(&b.request, &b.incoming, length)
	if err == errUntrue {
		b.release()
		b.incoming = incoming{session: c, batch: b, length: length, untrue: true}
		if err = c.inflater.restart(); err == nil {
			err = c.decoder.Decode(&b.request, &b.incoming, length)
		}
	}
	if err != nil {
		return err
	}
	if err := c.resolve(b); err != nil {
		return err
	}
	if b.plan.OfScene() {
		return c.admitImages(b, length)
	}
	if z := c.inflater; z != nil { // Now its length is known.
		b.grant.Shrink(b.plan.Cost(z.total, len(b.request.Frames)))
	}
	return nil
}

// mostImages returns how many images of p's scene a message has memory for, beside its frames: those that are backgrounds alone
// have no bytes that would tell of them before.
func (c *session) mostImages(p *engine.Plan) int {
	return int(min(max(c.engine.Pool.Stats().Budget/16/p.Cost(0, 1), 1), int64(c.engine.Config.Limits.MaxBatch)))
}

// admitImages makes sure that the images of b's message, which has come, have memory.
func (c *session) admitImages(b *batch, length int) error {
	r := &b.request
	if z := c.inflater; z != nil {
		length = int(z.total)
	}
	images := max(len(r.Images), len(r.Frames))
	if most := max(c.mostImages(b.plan), len(r.Frames)); images > most {
		return &fault.Error{Kind: fault.TooLarge, Field: "images", Reason: fmt.Sprintf("grpcapi: got %d images in one request, for which there is no memory, want at most %d", images, most)}
	}
	if !b.incoming.leased {
		return c.admit(b, length, 0)
	}
	b.grant.Shrink(b.plan.Cost(int64(length), images))
	return nil
}

// More is part of frameSource.
func (in *incoming) More() (bool, error) { return in.session.more() }

// Fill is part of frameSource.
func (in *incoming) Fill(p []byte) error { return in.session.fill(p) }

// Lease is part of frameSource. Before the first frame it checks the request, as far as it has come, and waits for
// memory for all of it. A frame whose size does not match the request's own spec gets none.
func (in *incoming) Lease(n int) (pool.Buf, error) {
	if in.batch.request.HasSpec {
		if err := in.session.resolve(in.batch); err != nil {
			return pool.Buf{}, err
		}
		if n != in.batch.plan.FrameBytes() {
			return pool.Buf{}, nil
		}
	}
	if !in.leased {
		in.leased = true
		in.session.receiving.Stop() // The wait for memory is not the caller's.
		if err := in.session.admit(in.batch, in.length, n); err != nil {
			return pool.Buf{}, err
		}
		in.session.expect()
	}
	buf, err := in.session.engine.Pool.Get(n)
	if err != nil {
		return pool.Buf{}, fault.From(err)
	}
	return buf, nil
}

// Complete is part of frameSource. A batch is encoded when all of its frames have come.
func (in *incoming) Complete() error { return nil }

// resolve finds the plan of b's spec, or of the last request that had one.
func (c *session) resolve(b *batch) error {
	if b.plan != nil {
		return nil
	}
	if b.request.HasSpec && (c.plan == nil || !bytes.Equal(b.request.Spec, c.spec)) {
		spec, err := parseSpec(b.request.Spec)
		if err != nil {
			return err
		}
		p, err := c.engine.Plan(spec)
		if err != nil {
			return err
		}
		c.plan.Release()
		c.spec, c.plan, c.index = append(c.spec[:0], b.request.Spec...), p, 0
	}
	if c.plan == nil {
		return &fault.Error{Kind: fault.Invalid, Field: "spec", Reason: "grpcapi: the first request has no spec"}
	}
	b.plan = c.plan.Retain()
	return nil
}

// admit waits for the memory that a message of length bytes and its images take. For a compressed one, whose next frame
// has n bytes, that is the most that it can take.
func (c *session) admit(b *batch, length, n int) error {
	limits := &c.engine.Config.Limits
	p := b.plan
	if p == nil {
		p = c.plan // Most likely it is the same as before.
	}
	costOf := func(length int64) int64 {
		if p == nil {
			return 2 * length // while its spec is not known
		}
		n := 0
		if p.FrameBytes() > 0 {
			n = min(int(length)/p.FrameBytes()+1, limits.MaxBatch)
		}
		if p.OfScene() {
			n = max(n, c.mostImages(p))
		}
		return p.Cost(length, n)
	}
	bytes := int64(length)
	if length == unknownLength {
		bytes = min(c.inflater.bound()+headBytes, int64(limits.MaxMessageBytes))
		if b.plan != nil { // Frames of a wrong size get no memory.
			bytes = min(bytes, int64(limits.MaxBatch)*int64(n))
		}
		said, ok := c.inflater.said()
		if ok = ok && !b.incoming.untrue && said < bytes; ok {
			bytes = said
		}
		bytes = c.inflater.admissible(bytes, int64(n), costOf)
		if ok {
			c.inflater.trust(said)
		}
	}
	grant, err := c.engine.Admit(c.ctx, costOf(bytes), c.order)
	if err != nil {
		return err
	}
	b.grant = grant
	return nil
}
