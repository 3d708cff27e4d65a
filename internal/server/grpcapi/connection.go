package grpcapi

import (
	"context"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/steadyframe/steadyframe/internal/lookout"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// connections are all connections of the gRPC listener. They are grpc-go's transport credentials, which is where it lets
// others see a connection: what ServerHandshake returns is the connection that grpc-go uses, and what each call finds in its
// peer.
type connections struct {
	log      *slog.Logger
	send     time.Duration // timeouts.send
	without  Without       // what of grpc-go the connections do without
	buffers  *frameBuffers
	rejected func(fault.Kind)
	logged   fault.Throttle

	mu        sync.Mutex
	open      map[*connection]struct{} // connections that had a call
	collected time.Time                // when the watchdog last had garbage collected
	stop      chan struct{}
	watchdog  sync.WaitGroup
	some      *lookout.Lookout // woken when open gets a connection
}

// connection is one connection, for net and for grpc-go.
type connection struct {
	net.Conn
	base   *conn.Conn // that Conn is, or is over; nil in tests
	in     *intake    // nil: grpc-go gets all that comes in
	out    *outlet    // nil where in is
	all    *connections
	client engine.Client               // of its calls
	unsent atomic.Int64                // bytes of memory that messages hold which have not left
	closes atomic.Int32                // by grpc-go
	silent atomic.Bool                 // whether grpc-go reads nothing any more of what it was lent
	cause  atomic.Pointer[fault.Error] // why the server closed it
	closed atomic.Int64                // when, in Unix nanoseconds; 0: it is open
	known  atomic.Bool                 // whether it is in all.open
	told   atomic.Pointer[loadTrailer] // what its calls were last told of the load; nil: nothing

	calls [classes]int // guarded by the gate's mu

	mu   sync.Mutex
	held map[*held]struct{}
}

// newConnections returns the connections of a listener. Close ends what start began.
func newConnections(log *slog.Logger, send time.Duration, rejected func(fault.Kind)) *connections {
	s := &connections{log: log, send: send, rejected: rejected, open: map[*connection]struct{}{},
		stop: make(chan struct{}), some: lookout.New()}
	return s
}

// start starts the watchdog.
func (s *connections) start() { s.watchdog.Go(s.watch) }

// Close ends the watchdog. The connections must have ended.
func (s *connections) Close() {
	close(s.stop)
	s.watchdog.Wait()
	s.releaseClosed(time.Now().Add(time.Hour))
}

// writeBuffers returns the bytes of grpc-go's write buffers of connections that had a call.
func (s *connections) writeBuffers() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.open)) * writeBuffer
}

// ServerHandshake is part of credentials.TransportCredentials. Encryption is the listener's.
func (s *connections) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c := &connection{Conn: raw, base: conn.Of(raw), all: s, held: map[*held]struct{}{}}
	switch s.without {
	case "":
		c.in, c.out = newIntake(c, s.buffers), newOutlet(raw)
	case WithoutAny:
		return struct{ net.Conn }{c}, c, nil
	}
	return c, c, nil
}

// ClientHandshake is part of credentials.TransportCredentials, and not called.
func (s *connections) ClientHandshake(_ context.Context, _ string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return raw, nil, nil
}

// Info is part of credentials.TransportCredentials.
func (s *connections) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: (*connection)(nil).AuthType()}
}

// Clone is part of credentials.TransportCredentials.
func (s *connections) Clone() credentials.TransportCredentials { return s }

// OverrideServerName is part of credentials.TransportCredentials, and not called.
func (s *connections) OverrideServerName(string) error { return nil }

// AuthType is part of credentials.AuthInfo.
func (*connection) AuthType() string { return "listener" }

// connectionOf returns the connection of a call.
func connectionOf(ctx context.Context) *connection {
	if p, ok := peer.FromContext(ctx); ok {
		if c, ok := p.AuthInfo.(*connection); ok {
			return c
		}
	}
	return &connection{held: map[*held]struct{}{}} // of a call without a network
}

// Write is part of net.Conn. grpc-go copies what it sends into a buffer of its own, and nothing any more when a Write has
// failed (internal/transport, bufWriter).
func (c *connection) Write(p []byte) (int, error) {
	var w io.Writer = c.Conn
	if c.out != nil {
		w = c.out
	}
	n, err := w.Write(p)
	if err != nil {
		c.quiet()
	}
	return n, err
}

// Close is part of net.Conn. grpc-go calls it when it ends the connection, and once more when its writing goroutine has ended
// for another reason than a failed Write.
func (c *connection) Close() error {
	if c.closes.Add(1) == 2 {
		c.quiet()
	}
	if c.base != nil {
		c.base.Ending()
	}
	c.closed.CompareAndSwap(0, time.Now().UnixNano())
	return c.Conn.Close()
}

// quiet releases what messages hold, since grpc-go reads nothing any more of what it was lent.
func (c *connection) quiet() {
	if !c.silent.Swap(true) {
		c.each((*held).drop)
	}
}

// hangUp closes the connection because of f, which calls that end with it report too. It is the only way to drop a
// message that the caller does not read: grpc-go queues the end of a call behind it.
func (c *connection) hangUp(f *fault.Error) {
	c.cause.CompareAndSwap(nil, f)
	c.closed.CompareAndSwap(0, time.Now().UnixNano())
	switch { // It is being thrown away.
	case c.base != nil: // Without a last record of TLS, which would wait for the peer.
		_ = c.base.Close()
	case c.Conn != nil:
		_ = c.Conn.Close()
	}
}

// cut is hangUp for a peer that does not take what it was sent.
func (c *connection) cut(f *fault.Error) {
	if c.all != nil && c.closed.Load() == 0 {
		c.all.rejected(fault.Slow)
		c.all.logCut(c, f)
	}
	c.hangUp(f)
}

// logCut logs that c is closed because of f, rate-limited: under attack there are many such connections.
func (s *connections) logCut(c *connection, f *fault.Error) {
	suppressed, ok := s.logged.Admit(f)
	if !ok {
		return
	}
	log := s.log
	if suppressed > 0 {
		log = log.With("suppressed", suppressed)
	}
	log.Warn("closing a gRPC connection whose peer does not read", "peer", c.RemoteAddr().String(), "unsent_bytes", c.unsent.Load(), "reason", f.Error())
}

// newHeld returns what a call's messages hold on their way. retire ends it.
func (c *connection) newHeld(sending *engine.Sending) *held {
	h := &held{conn: c, sending: sending} // From here on the end of the connection sees it.
	c.mu.Lock()
	c.held[h] = struct{}{}
	c.mu.Unlock()
	if c.all != nil && c.known.CompareAndSwap(false, true) {
		c.all.mu.Lock()
		c.all.open[c] = struct{}{}
		c.all.some.Wake()
		c.all.mu.Unlock()
	}
	return h
}

func (c *connection) forget(h *held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, h)
}

// each calls f for what messages hold.
func (c *connection) each(f func(*held)) {
	c.mu.Lock()
	held := make([]*held, 0, len(c.held))
	for h := range c.held {
		held = append(held, h)
	}
	c.mu.Unlock()
	for _, h := range held {
		f(h)
	}
}

const (
	// lookEvery is how often the watchdog looks, at most.
	lookEvery = 250 * time.Millisecond
	// progressPieces is what must leave within timeouts.send, or the end of the message: 1 MiB.
	progressPieces = (1 << 20) / pieceOut
	// forgetAfter is how long after a connection's end what it holds is released at the latest. When grpc-go's writing
	// goroutine has ended, which quiet is told of, it is released at once.
	forgetAfter = time.Second
	// collectEvery is how often the watchdog has garbage collected, to find messages that grpc-go has forgotten.
	collectEvery = 5 * time.Second
)

// progress is what the watchdog remembers of a message.
type progress struct {
	message uint64
	pieces  int32     // that had not left at since
	since   time.Time // when the last MiB had left
}

// watch closes connections whose peers do not read what is sent to them, and releases what closed ones hold.
func (s *connections) watch() {
	s.some.Run(s.stop, min(lookEvery, max(s.send/8, time.Millisecond)), s.look)
}

// look is one look of the watchdog. It reports whether there was a connection.
func (s *connections) look(now time.Time) bool {
	s.releaseClosed(now)
	s.mu.Lock()
	some := len(s.open) > 0
	var busy []*connection
	for c := range s.open {
		if c.unsent.Load() > 0 && c.closed.Load() == 0 {
			busy = append(busy, c)
		}
	}
	s.mu.Unlock()
	for _, c := range busy {
		if slow := s.stalled(c, now); slow >= s.send {
			c.cut(fault.Errorf(fault.Slow, "the response was not read within timeouts.send"))
		}
	}
	return some
}

// stalled returns for how long no MiB of a message of c has left.
func (s *connections) stalled(c *connection, now time.Time) (slow time.Duration) {
	c.each(func(h *held) {
		pieces, message := h.pieces.Load(), h.message.Load()
		p := &h.watched
		switch {
		case pieces <= 0 || h.sending == nil:
			p.message = 0
			return
		case p.message != message || p.pieces-pieces >= progressPieces:
			*p = progress{message: message, pieces: pieces, since: now}
			return
		}
		if h.doubtful.Load() && now.Sub(s.collected) > collectEvery {
			s.collected = now
			runtime.GC() // It finds the message if grpc-go has forgotten it.
		}
		slow = max(slow, now.Sub(p.since))
	})
	return slow
}

// releaseClosed releases what connections hold that ended a while before now.
func (s *connections) releaseClosed(now time.Time) {
	var ended []*connection
	s.mu.Lock()
	for c := range s.open {
		if at := c.closed.Load(); at != 0 && now.UnixNano()-at >= int64(forgetAfter) {
			delete(s.open, c)
			ended = append(ended, c)
		}
	}
	s.mu.Unlock()
	for _, c := range ended {
		c.quiet()
	}
}
