package httpapi

import (
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

const (
	// maxWatched is how many streams are watched over one connection: a wall of 8 by 8.
	maxWatched = 64
	// maxUnacked is how many images of a stream may be in flight: with one, a viewer would wait for a round trip after
	// each; with more, they would wait in buffers on the way.
	maxUnacked = 2
	// retryUnknown is how often the session looks for streams that do not exist yet.
	retryUnknown = 250 * time.Millisecond
	// pingEvery is the longest time between two pings. Proxies end connections on which nothing happens for a minute.
	pingEvery = 15 * time.Second
)

// session is one WebSocket being served. One goroutine reads the viewer's messages and passes them on; run, on another, does
// everything else.
type session struct {
	handler  *viewers
	request  *http.Request
	ws       *websocket.Conn
	conn     *conn.Hijacked
	in       *pacedInput
	messages chan message
	broken   chan *fault.Error // what read returned; then it is closed
	ended    chan struct{}     // closed when run has returned
	draining <-chan struct{}
	expired  <-chan struct{} // closed when the viewer may watch no longer; nil: never

	watched []*watched    // in the order in which they get turns
	turn    int           // whose turn it is, of watched
	wake    chan struct{} // of all viewers
	timer   *time.Timer
	retry   time.Time // when to look for unknown streams again
	ping    time.Time // when to ping
	sent    time.Time // when the last image was
	head    [maxFrameHead + soundHeadBytes]byte
	piece   []byte // of sound; nil until some is listened to
}

// watched is a stream that the viewer watches.
type watched struct {
	message
	viewer  *stream.Viewer // nil while there is no such stream
	told    stateMessage
	unacked []stream.Image // without their buffers; the oldest first

	listens bool
	sound   *stream.Listener // nil where it does not listen, or there is no sound
}

// newSession returns the session of a connection that u has hijacked.
func newSession(h *viewers, r *http.Request, ws *websocket.Conn, u *upgrade) *session {
	return &session{
		handler: h, request: r, ws: ws, conn: u.conn, in: u.in, draining: h.engine.Draining(),
		messages: make(chan message, maxUnacked*maxWatched), broken: make(chan *fault.Error, 1), ended: make(chan struct{}),
		wake: make(chan struct{}, 1), timer: time.NewTimer(pingEvery), expired: expiry(r),
	}
}

// errStopping ends a session because the server stops.
var errStopping = fault.Errorf(fault.Draining, "the server is stopping")

// run serves the session until it ends, and returns why it did.
func (s *session) run() *fault.Error {
	go func() {
		defer close(s.broken)
		s.broken <- s.read()
	}()
	s.ping = time.Now().Add(s.pingInterval())
	for {
		idle, f := s.serve(time.Now())
		if f == nil {
			f = s.listen(idle)
		}
		if f != nil {
			return f
		}
	}
}

// listen waits at most idle for a message of the viewer, or for an image.
func (s *session) listen(idle time.Duration) *fault.Error {
	if idle <= 0 {
		select {
		case m := <-s.messages:
			return s.do(m)
		case f := <-s.broken:
			return f
		case <-s.draining:
			return errStopping
		case <-s.expired:
			return expired(s.request)
		default:
			return nil
		}
	}
	s.timer.Reset(idle)
	select {
	case m := <-s.messages:
		return s.do(m)
	case f := <-s.broken:
		return f
	case <-s.draining:
		return errStopping
	case <-s.expired:
		return expired(s.request)
	case <-s.wake:
	case <-s.timer.C:
	}
	return nil
}

// serve does what is due: it pings, looks for streams that did not exist, and sends the image of the next stream that has
// one. It returns for how long there is nothing more to do.
func (s *session) serve(now time.Time) (idle time.Duration, f *fault.Error) {
	if idle, f = s.keepAlive(now); f != nil {
		return 0, f
	}
	if s.anyUnknown() {
		if now.After(s.retry) {
			s.retry = now.Add(retryUnknown)
			if f := s.findUnknown(); f != nil {
				return 0, f
			}
		}
		idle = min(idle, s.retry.Sub(now))
	}
	for range s.watched {
		w := s.watched[s.turn%len(s.watched)]
		s.turn = (s.turn + 1) % len(s.watched)
		wait, f := s.offer(w)
		if f != nil || wait == 0 {
			return 0, f
		}
		idle = min(idle, wait)
	}
	return idle, nil
}

// offer sends what is new of w: its state, and an image if the viewer is ready for one. It returns for how long there
// is none, 0 when it sent one.
func (s *session) offer(w *watched) (wait time.Duration, f *fault.Error) {
	if w.viewer == nil {
		return pingEvery, nil
	}
	if state := w.viewer.State().String(); state != w.told.State {
		if f := s.tellState(w); f != nil {
			return 0, f
		}
	}
	if f := s.sendSound(w); f != nil {
		return 0, f
	}
	if len(w.unacked) == maxUnacked {
		return pingEvery, nil
	}
	p, ok, wait, err := w.viewer.Poll()
	switch {
	case err == stream.ErrEvicted:
		return 0, fault.From(err)
	case err != nil:
		return 0, errStopping
	}
	if !ok {
		return wait, nil
	}
	return 0, s.send(w, &p)
}

// send takes p and sends it.
func (s *session) send(w *watched, p *stream.Image) *fault.Error {
	defer p.Release()
	if !p.Offline && (p.Width != w.told.Width || p.Height != w.told.Height) {
		w.told.Width, w.told.Height = p.Width, p.Height
		if f := s.tell(w.told); f != nil {
			return f
		}
	}
	data := p.Buf.Bytes()
	head := appendFrameHead(s.head[:0], frameBinary, headLength(p)+len(data))
	head = appendHead(head, w.id, p, time.Now().UnixMicro())
	if err := s.conn.WriteParts(head, data, nil); err != nil {
		return unsent(w.viewer, err)
	}
	s.in.owe()
	s.sent = time.Now()
	sent := *p
	sent.Buf = pool.Buf{} // An image that waits for its acknowledgement holds no memory.
	w.unacked = append(w.unacked, sent)
	return nil
}

// pingInterval is the time between two pings.
func (s *session) pingInterval() time.Duration { return min(pingEvery, s.conn.Stall/2) }

// keepAlive pings when it is time to. A viewer that has neither answered a ping nor been sent an image for twice
// live.stall is lost. It returns the time until the next ping.
func (s *session) keepAlive(now time.Time) (time.Duration, *fault.Error) {
	if now.Before(s.ping) {
		return s.ping.Sub(now), nil
	}
	if quiet := 2 * s.conn.Stall; s.conn.Silence() > quiet && now.Sub(s.sent) > quiet {
		return 0, &fault.Error{Kind: fault.Slow, Reason: "the viewer did not answer pings for twice live.stall"}
	}
	s.ping = now.Add(s.pingInterval())
	if err := s.conn.WriteParts(appendFrameHead(s.head[:0], framePing, 0), nil, nil); err != nil {
		return 0, unwritten(err)
	}
	return s.pingInterval(), nil
}

// end ends the session because of f, and tells the viewer why if that is possible.
func (s *session) end(f *fault.Error) {
	close(s.ended)
	s.timer.Stop()
	for _, w := range s.watched {
		w.close()
	}
	switch f.Kind {
	case fault.Invalid, fault.Unauthorized:
		_ = s.ws.Close(websocket.StatusPolicyViolation, f.Reason)
	case fault.Draining:
		_ = s.ws.Close(websocket.StatusGoingAway, f.Reason)
	default:
		_ = s.ws.CloseNow() // It is closed, or nearly.
	}
	for range s.broken { // Until read has returned.
	}
}

// close closes all viewers.
func (w *watched) close() {
	w.mute()
	if w.viewer != nil {
		w.viewer.Close()
	}
}
