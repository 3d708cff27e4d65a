package client

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/pipeline"
)

// ringSlots is how many batches of an EncodeStream are in flight.
const ringSlots = 4

// ringStream is an EncodeStream through the ring. A batch of another Spec, or of more frames than those before, takes a new
// connection, which follows on the one before.
type ringStream struct {
	link *ringLink
	ctx  context.Context

	current *ringConn // of Send
	spec    pipeline.Spec
	free    chan int // slots of current
	next    int      // of a scene: the index of the next image that says none
	last    bool     // closeSend was called
	pending chan ringBatch
	message ring.Message // of Recv

	sending, receiving sync.Mutex    // held by send and recv: their memory must stay
	done               chan struct{} // closed by hangup
	unwatch            func() bool   // of ctx

	mu     sync.Mutex
	open   []*ringConn // all that are not closed
	over   bool        // hangup was called
	failed error       // why send could not send; nil: it could
}

// ringBatch is a batch on its way.
type ringBatch struct {
	conn   *ringConn
	slot   int
	free   chan int
	id     uint64
	frames [][]byte
	sent   int
	last   bool // nothing else comes from conn

	image *Error // of a scene: why the image of the slot was not submitted; nil: it was
	scene bool   // the batch is one of a scene: it has an image in each of several slots
	first bool   // the first of them
	more  bool   // it is not the last of them
	empty bool   // there are none, and no slot

	whole *wholeBatch // it is encoded already
}

// wholeBatch is a batch that was encoded before Send returned, and what became of it.
type wholeBatch struct {
	response Response
	err      error
}

func newRingStream(ctx context.Context, l *ringLink) *ringStream {
	s := &ringStream{link: l, ctx: ctx, pending: make(chan ringBatch, 2*ring.MaxSlots), done: make(chan struct{})}
	s.unwatch = context.AfterFunc(ctx, func() {
		s.hangup()
		s.receiving.Lock()
		defer s.receiving.Unlock()
		s.close()
	})
	return s
}

// hangup ends the connections, and what waits on them. Their memory stays.
func (s *ringStream) hangup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		close(s.done)
	}
	s.over = true
	for _, c := range s.open {
		c.Hangup()
	}
}

// fail ends the connections since one cannot be written to.
func (s *ringStream) fail(err error) {
	s.mu.Lock()
	s.failed = err
	s.mu.Unlock()
	s.hangup()
}

// close ends the connections, and gives their memory back. s.receiving is held.
func (s *ringStream) close() {
	s.unwatch()
	s.hangup()
	s.sending.Lock()
	defer s.sending.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		c.Close()
	}
	s.open = nil
}

// send is EncodeStream.Send.
func (s *ringStream) send(b *Batch) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.last {
		return &Error{Code: codes.Internal, Reason: "Send after CloseSend"}
	}
	select {
	case <-s.done:
		return io.EOF
	default:
	}
	if b.Spec != (pipeline.Spec{}) && b.Spec != s.spec {
		s.spec, s.next = b.Spec, 0
	}
	if s.spec.Scene != "" {
		return s.sendScene(b)
	}
	if s.current == nil || s.current.spec != s.spec || s.current.Layout.Batch < len(b.Frames) {
		if err := s.connect(ringSlots, len(b.Frames)); err != nil {
			return err
		}
	}
	slot, ok := s.slot()
	if !ok {
		return io.EOF
	}
	sent, err := s.current.submit(slot, b.Frames)
	if err != nil {
		s.fail(err)
		return io.EOF // recv says why.
	}
	return s.expect(ringBatch{conn: s.current, slot: slot, free: s.free, id: b.ID, frames: b.Frames, sent: sent})
}

// slot waits for a slot. It returns false when the stream has ended.
func (s *ringStream) slot() (slot int, ok bool) {
	select {
	case slot = <-s.free:
		return slot, true
	case <-s.done:
		return 0, false
	}
}

// sendScene is send for a batch of a scene.
func (s *ringStream) sendScene(b *Batch) error {
	images := sceneBatch{batch: b, next: s.next}
	if err := images.check(); err != nil {
		return err
	}
	n := images.count()
	if n > ring.MaxSlots {
		return s.sendWhole(&images)
	}
	if c := s.current; c == nil || c.spec != s.spec || c.Layout.Batch < images.regions() || c.Layout.Slots < n {
		if err := s.connect(min(ringSlots*max(n, 1), ring.MaxSlots), images.regions()); err != nil {
			return err
		}
	}
	if n == 0 {
		return s.expect(ringBatch{conn: s.current, id: b.ID, scene: true, first: true, empty: true})
	}
	for i := range n {
		slot, ok := s.slot()
		if !ok {
			return io.EOF
		}
		m, regions := images.image(i)
		e := ringBatch{conn: s.current, slot: slot, free: s.free, id: b.ID, scene: true, first: i == 0, more: i < n-1}
		c := s.current
		if e.image = submitImage(c.Conn, &c.message, uint32(slot), c.generations[slot], &m, regions); e.image == nil {
			if err := c.Send(c.message[:]); err != nil {
				s.fail(err)
				return io.EOF // recv says why.
			}
		}
		if err := s.expect(e); err != nil {
			return err
		}
	}
	s.next = images.next
	return nil
}

// sendWhole is sendScene for more images than there can be slots: they are encoded as by Client.Encode, and wait for recv. A caller
// that receives on the same goroutine would wait for slots forever.
func (s *ringStream) sendWhole(images *sceneBatch) error {
	b := *images.batch
	b.Spec, b.Images = s.spec, make([]SceneImage, images.count())
	for i := range b.Images {
		b.Images[i], _ = images.image(i)
	}
	w := new(wholeBatch)
	w.err = s.link.encode(s.ctx, &b, &w.response)
	s.next = images.next
	return s.expect(ringBatch{id: b.ID, whole: w})
}

// recvImage takes an image of a batch of a scene. It returns true when that was the last.
func (s *ringStream) recvImage(b *ringBatch, r *Response) (last bool, err error) {
	if b.first {
		r.ID, r.Images, r.memory, r.Queue, r.Run = b.id, r.Images[:0], r.memory[:0], 0, 0
	}
	switch {
	case b.empty:
		return true, nil
	case b.image != nil:
		r.Images = append(r.Images, Image{Err: b.image})
	default:
		err = b.conn.receiveImage(&s.message, b.slot, r)
	}
	return !b.more, err
}

// expect tells recv what comes next.
func (s *ringStream) expect(b ringBatch) error {
	select {
	case s.pending <- b:
		return nil
	case <-s.done:
		return io.EOF
	}
}

// connect makes current a new connection, of so many slots for batches of n frames.
func (s *ringStream) connect(slots, n int) error {
	c, err := s.link.dial(s.ctx, s.spec, slots, max(n, 1))
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.open = append(s.open, c)
	over := s.over
	s.mu.Unlock()
	if over {
		return io.EOF
	}
	if s.current != nil {
		if err := s.expect(ringBatch{conn: s.current, last: true}); err != nil {
			return err
		}
	}
	s.current, s.free = c, make(chan int, c.Layout.Slots)
	for i := range c.Layout.Slots {
		s.free <- i
	}
	return nil
}

// recv is EncodeStream.Recv.
func (s *ringStream) recv(r *Response) error {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	for {
		var b ringBatch
		var ok bool
		select {
		case b, ok = <-s.pending:
		case <-s.done:
			return s.ended()
		}
		switch {
		case !ok:
			s.mu.Lock()
			failed := s.failed // What Send could not send is missing, however much came before it.
			s.mu.Unlock()
			s.close()
			if failed != nil {
				return ringError(failed)
			}
			return io.EOF
		case b.last:
			s.drop(b.conn)
			continue
		}
		last := true
		var err error
		switch {
		case b.whole != nil:
			*r, err = b.whole.response, b.whole.err
		case b.scene:
			last, err = s.recvImage(&b, r)
		case b.sent == 0:
			err = b.conn.copyImages(b.slot, b.frames, r)
		default:
			err = b.conn.receive(&s.message, b.slot, b.frames, r)
		}
		r.ID = b.id
		if err != nil {
			if s.ctx.Err() != nil {
				err = s.ctx.Err()
			}
			s.close()
			return ringError(err)
		}
		if !b.empty && b.whole == nil {
			b.free <- b.slot
		}
		if last {
			return nil
		}
	}
}

// drop closes a connection that nothing more comes from.
func (s *ringStream) drop(c *ringConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.open {
		if other == c {
			s.open = append(s.open[:i], s.open[i+1:]...)
			break
		}
	}
	c.Close()
}

// closeSend is EncodeStream.CloseSend.
func (s *ringStream) closeSend() error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if !s.last {
		close(s.pending)
	}
	s.last = true
	return nil
}

// ended returns why recv has nothing more.
func (s *ringStream) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ctx.Err() != nil:
		return ringError(s.ctx.Err())
	case s.failed != nil:
		return ringError(s.failed)
	}
	return io.EOF
}
