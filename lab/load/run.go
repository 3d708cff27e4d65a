package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/client"
)

// run is a load that is going on.
type run struct {
	generator *Generator
	options   *Options
	links     []link
	using     context.Context // of the links; ends with those that are not to be waited for
	sending   context.Context // ends when nothing more is to be sent
	stop      context.CancelFunc
	start     time.Time // when batch 0 is due
	tally     *tally

	answering sync.Mutex // held while Answered is called

	mu  sync.Mutex
	err error // why the load was ended early
}

// fail ends the load early.
func (r *run) fail(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.mu.Unlock()
	r.stop()
}

// failure returns why the load was ended early, nil when it came to its end, or to that of its context.
func (r *run) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// open makes the links.
func (r *run) open() error {
	for range r.options.Connections {
		l, err := r.generator.dial(linkOptions{r.options, r.generator.target, r, r.using})
		if err != nil {
			for _, l := range r.links {
				l.close()
			}
			return err
		}
		r.links = append(r.links, l)
	}
	return nil
}

// sendGrace is how long after the end of a load a batch may be sent that is due before it: timers are late, and a
// machine may be busy.
const sendGrace = 100 * time.Millisecond

// load sends all batches when they are due, and returns when the last is sent.
func (r *run) load() error {
	first, err := r.generator.source.Batch(r.sending, 0) // before the clock starts, since it may take long
	if err != nil {
		return r.ended(err)
	}
	r.start = time.Now()
	r.tally.begin(r.start)
	if r.options.Duration > 0 {
		end := time.AfterFunc(r.options.Duration+sendGrace, func() { r.stop() })
		defer end.Stop()
	}
	ticking := make(chan struct{})
	go func() {
		defer close(ticking)
		r.tick(r.sending)
	}()
	var pumps sync.WaitGroup
	for i, l := range r.links {
		pumps.Go(func() {
			if err := r.pump(i, l, first); err != nil {
				r.fail(err)
			}
		})
	}
	pumps.Wait()
	r.stop()
	<-ticking
	return nil
}

// ended returns an error of the source: nil when it is that there is nothing more to send.
func (r *run) ended(err error) error {
	if r.sending.Err() != nil {
		return nil
	}
	return err
}

// pump sends the batches of connection i, every so many of all. It does not wait for responses but where as many are
// missing as Outstanding says.
func (r *run) pump(i int, l link, first [][]byte) error {
	o, slot := r.options, make(chan struct{}, r.options.Outstanding)
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	held := false // whether the server is why the connection is behind
	spacing, sending := o.due(o.Connections), time.Duration(0)
	for n := i; !o.ends(n); n += o.Connections {
		frames, err := first, error(nil)
		if n > 0 {
			frames, err = r.generator.source.Batch(r.sending, n)
		}
		if err != nil {
			r.leave(n)
			return r.ended(err)
		}
		c := &call{n: n, id: uint64(n) + 1, frames: frames, images: r.images(n), due: r.start.Add(o.due(n)), slot: slot}
		switch blocked, ahead, ok := r.await(c, timer); {
		case !ok:
			r.leave(n)
			return nil
		case ahead:
			held = false
		case blocked || sending > spacing:
			held = true
		}
		r.tally.sent(c, held)
		l.send(c)
		sending = time.Since(c.sent)
	}
	return nil
}

// images returns what batch n is of a scene; nil of none.
func (r *run) images(n int) []sceneImage {
	s := r.generator.numbered
	if s == nil || s.sessions == 0 {
		return nil
	}
	images := make([]sceneImage, s.batch)
	for i := range images {
		number := s.number(n, i)
		images[i] = sceneImage{number, s.silent(number)}
	}
	return images
}

// await waits until c is due and there is room for it. blocked says that there was none at first, ahead that it was
// there before c was due, ok = false that c is not to be sent.
func (r *run) await(c *call, timer *time.Timer) (blocked, ahead, ok bool) {
	select {
	case c.slot <- struct{}{}:
	default:
		blocked = true
		select {
		case c.slot <- struct{}{}:
		case <-r.sending.Done():
			return blocked, false, false
		}
	}
	if wait := time.Until(c.due); wait > 0 {
		ahead = true
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-r.sending.Done():
		}
	}
	c.sent = time.Now()
	return blocked, ahead, r.sending.Err() == nil
}

// leave counts the batches of a connection, from n on, that are due and were not sent.
func (r *run) leave(n int) {
	now := time.Now()
	for ; !r.options.ends(n); n += r.options.Connections {
		due := r.start.Add(r.options.due(n))
		if due.After(now) {
			return
		}
		r.tally.unsent(now.Sub(due))
	}
}

// tick ends a second once a second until ctx ends.
func (r *run) tick(ctx context.Context) {
	timer := time.NewTimer(time.Until(r.start.Add(time.Second - r.options.halfInterval())))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			timer.Reset(time.Second)
			if p := r.tally.second(time.Now()); r.options.Second != nil {
				r.options.Second(p)
			}
		case <-ctx.Done():
			return
		}
	}
}

// answered is part of receiver.
func (r *run) answered(c *call, images []client.Image) {
	now := time.Now()
	r.verify(c, images)
	if c.warm {
		c.done <- nil
		return
	}
	r.tally.answered(c, images, now)
	r.finish(&Response{Batch: c.n, Frames: len(c.frames), Latency: now.Sub(c.due), Images: images}, c)
}

// failed is part of receiver.
func (r *run) failed(c *call, err *Error) {
	if c.warm {
		c.done <- err
		return
	}
	now := time.Now()
	r.tally.failed(c, err, now)
	if err.Class == Gone {
		r.fail(&GoneError{Target: r.options.Target, After: now.Sub(r.start), Reason: err.Reason})
	}
	r.finish(&Response{Batch: c.n, Frames: len(c.frames), Latency: now.Sub(c.due), Err: err}, c)
}

// found is part of receiver.
func (r *run) found(kind findingKind, text string) { r.tally.found(kind, 1, text) }

// finish tells the caller of a response, and makes room for another batch.
func (r *run) finish(a *Response, c *call) {
	if r.options.Answered != nil {
		r.answering.Lock()
		err := r.options.Answered(a)
		r.answering.Unlock()
		if err != nil {
			r.fail(err)
		}
	}
	r.generator.source.Done(c.n)
	<-c.slot
}

// verify looks at the images of a batch.
func (r *run) verify(c *call, images []client.Image) {
	switch missed := len(c.frames) - len(images); {
	case missed > 0:
		r.tally.found(missing, missed, fmt.Sprintf("%s: got %d images, want %d", c, len(images), len(c.frames)))
	case missed < 0:
		r.tally.found(surplus, -missed, fmt.Sprintf("%s: got %d images, want %d", c, len(images), len(c.frames)))
	}
	ids := r.generator.identities
	if ids == nil {
		return
	}
	for i := range min(len(images), len(c.frames)) {
		if images[i].Err != nil {
			continue
		}
		if kind, text := ids.check(ids.frames.number(c.n, i), images[i].Data); kind != noFinding {
			r.tally.found(kind, 1, fmt.Sprintf("%s, image %d: %s", c, i, text))
		}
	}
}

// String names the batch.
func (c *call) String() string {
	if c.warm {
		return fmt.Sprintf("batch %d before the clock started", c.n)
	}
	return fmt.Sprintf("batch %d", c.n)
}
