package grpcapi

import (
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// drainPatience is how long the image in flight to a viewer may take when the server stops.
const drainPatience = time.Second

// watching is one call of Watch. Its own goroutine sends images one at a time: when one has left, it sends the newest.
// So in flight are at most one image and what the caller's flow control buffers. Another goroutine receives the
// caller's requests.
type watching struct {
	call
	first  chan watched // takes what the first request says
	credit credit

	delivery *delivery
	left     chan struct{} // of capacity 1: receives when a JPEG has left
	lent     [1]pool.Buf
	sent     stream.Image // the last; it has the image as long as that is lent
	busy     bool         // it is still on its way
	waiting  int          // pieces of it that had not left when stall was set
	stall    *time.Timer  // when it fires, the caller has read nothing for too long

	path  []string        // of the images, for a node of the cluster that has not been told; nil: none
	moved <-chan struct{} // closed when they come over others; nil: never
}

// watched is what the first request asks for.
type watched struct {
	name   string
	maxFPS float64
	pull   *live.Pull // nil: the caller is no node of the cluster
}

func newWatching(s *service, stream grpc.ServerStream, in pieceReader) *watching {
	w := &watching{first: make(chan watched, 1), left: make(chan struct{}, 1), stall: time.NewTimer(time.Hour)}
	w.init(s, stream, in, func() {})
	left := w.left
	w.delivery = newDelivery(w.conn, nil, func() { signal(left) })
	w.credit.changed = make(chan struct{}, 1)
	w.stall.Stop()
	return w
}

// run serves the call until its outcome is known, and returns that. The receiving goroutine may still be running then:
// it ends soon, since the return ends the stream's context.
func (w *watching) run() error {
	defer w.receiving.Stop()
	defer w.stall.Stop()
	defer w.delivery.held.retire()
	w.start(w.receive)
	select {
	case of := <-w.first:
		return w.view(of)
	case err := <-w.done:
		return err
	case <-w.ctx.Done():
		return w.over()
	case <-w.receiving.C:
		return errSlow()
	case <-w.engine.Draining():
		return errDraining()
	}
}

// view sends images of what the first request names.
func (w *watching) view(of watched) error {
	if err := checkRate(of.maxFPS); err != nil {
		return err
	}
	o := stream.ViewerOptions{Transport: "grpc", Peer: peerOf(w.ctx), MaxFPS: of.maxFPS}
	edge, err := w.live.Admit(w.ctx, of.name, of.pull)
	if err != nil {
		return err
	}
	defer edge.Close()
	if edge != nil {
		o.Transport, o.Peer = live.Transport, of.pull.Node+" "+o.Peer
		w.path, w.moved = edge.Path, edge.Over
	}
	v, err := w.id.View(w.live.Hub, of.name, o)
	if err != nil {
		return err
	}
	defer v.Close()
	defer func() { w.sent.Release() }()
	if err := w.stream.SendHeader(nil); err != nil { // It tells the caller that there is such a stream.
		return w.sendError(err)
	}
	return w.show(v)
}

// show sends v's images until the call has an outcome.
func (w *watching) show(v *stream.Viewer) error {
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	draining := w.engine.Draining()
	for {
		if !w.busy {
			wait, over, err := w.next(v)
			if over || err != nil {
				return err
			}
			due.Reset(wait)
		}
		select {
		case <-w.left:
			w.stall.Stop()
			w.busy = false
			v.Delivered(&w.sent)
			w.sent.Release()
		case <-v.Evicted():
			f := fault.From(stream.ErrEvicted)
			w.conn.hangUp(f)
			return f
		case <-v.Wake():
		case <-due.C:
		case <-w.credit.changed:
		case err := <-w.done:
			return err
		case <-w.moved:
			return &fault.Error{Kind: fault.Offline, Reason: "the images come here over other nodes now: ask the directory again"}
		case <-w.ctx.Done():
			return w.over()
		case <-w.receiving.C:
			return errSlow()
		case <-w.stall.C:
			if err := w.stalled(); err != nil {
				return err
			}
		case <-draining: // The image on its way is sent whole, if that does not take long.
			draining = nil
			if w.busy {
				w.stall.Reset(drainPatience)
			}
		}
	}
}

// next sends v's next image, if one is wanted and due. If not, nothing is due for wait. over says that the caller wants
// no further image.
func (w *watching) next(v *stream.Viewer) (wait time.Duration, over bool, err error) {
	if w.engine.IsDraining() {
		return 0, false, errDraining()
	}
	if some, over := w.credit.state(); !some {
		return time.Hour, over, nil
	}
	p, ok, wait, err := v.Poll()
	if err != nil {
		return 0, false, fault.From(err)
	}
	if ok {
		wait, err = time.Hour, w.send(p)
	}
	return wait, false, err
}

// send sends p, which it takes. It does not wait: nothing else is on its way.
func (w *watching) send(p stream.Image) error {
	w.credit.spend()
	message := watchImage{
		Data:       p.JPEG(),
		Alpha:      p.Alpha(),
		Seq:        p.Seq,
		CapturedUS: sinceEpoch(p.Captured),
		SentUS:     sinceEpoch(time.Now()),
		Width:      uint32(p.Width),
		Height:     uint32(p.Height),
		Offline:    p.Offline,
		Repeat:     p.Repeat,
		Path:       w.path,
	}
	w.path = nil // It is in the first message alone.
	message.marshal(w.delivery)
	lent, size := w.lent[:0], int64(0)
	if lends(len(message.Data)) || lends(len(message.Alpha)) {
		lent, size = append(lent, p.Buf.Retain()), int64(p.Buf.Cap())
	} else {
		p.Release()
	}
	out := w.delivery.seal(lent, pool.Grant{}, size)
	w.sent, w.busy = p, true
	w.waiting = w.delivery.waiting()
	w.stall.Reset(time.Duration(w.engine.Config.Live.Stall))
	err := w.stream.SendMsg(out)
	w.delivery.sent(err, w.ctx.Err() != nil)
	if err != nil {
		return w.sendError(err)
	}
	return nil
}

// sinceEpoch returns t in microseconds since the Unix epoch.
func sinceEpoch(t time.Time) uint64 { return uint64(max(t.UnixMicro(), 0)) }

// stalled closes the connection of a caller that has read nothing since stall was set, and returns why. For one that is
// merely slow it sets stall again and returns nil.
func (w *watching) stalled() error {
	draining := w.engine.IsDraining()
	if n := w.delivery.waiting(); n < w.waiting && !draining {
		w.waiting = n
		w.stall.Reset(time.Duration(w.engine.Config.Live.Stall))
		return nil
	}
	f := fault.Errorf(fault.Slow, "the image was not read within live.stall")
	if draining {
		f = fault.From(errDraining())
	}
	w.conn.hangUp(f)
	return f
}

// receive reads requests until the caller sends no more. An invalid one is the outcome of the call.
func (w *watching) receive() {
	if err := w.protect(w.receiveAll); err != nil {
		w.finish(err)
	}
	w.credit.end()
}

func (w *watching) receiveAll() error {
	scratch := make([]byte, 128)
	r, err := w.request(scratch, time.Duration(w.engine.Config.Timeout.Receive))
	if err != nil {
		return firstError(err)
	}
	if len(r.Stream) == 0 {
		return errNoStream()
	}
	endless := r.Images == 0
	w.credit.begin(endless, r.Images)
	w.first <- watched{name: string(r.Stream), maxFPS: r.MaxFPS, pull: r.Pull}
	for { // Also for an endless watch: unread requests would stay in memory.
		r, err = w.request(scratch, 0) // A viewer may be silent.
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case len(r.Stream) > 0 || r.MaxFPS != 0 || r.Pull != nil:
			return errStreamAgain("stream, max_fps or pull")
		}
		if !endless {
			w.credit.add(r.Images)
		}
	}
}

// request reads one request and waits for it at most that long; 0: for ever. What it returns may refer to scratch. It
// returns io.EOF when the caller has no more.
func (w *watching) request(scratch []byte, wait time.Duration) (watchRequest, error) {
	data, err := w.small(scratch, wait)
	if err != nil {
		return watchRequest{}, err
	}
	return parseWatchRequest(data)
}
