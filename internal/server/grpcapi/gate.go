package grpcapi

import (
	"context"
	"crypto/tls"
	"net"
	"path"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// class is a kind of calls with limits of their own, so that none keeps the others out.
type class uint8

const (
	frameCalls      class = iota // FrameService
	healthCalls                  // grpc.health.v1
	reflectionCalls              // grpc.reflection
	classes
)

// helperLimits bound the calls of health and reflection, of a connection and altogether.
var helperLimits = [classes]struct {
	name               string
	perConnection, all int
}{healthCalls: {"calls of health", 16, 128}, reflectionCalls: {"calls of reflection", 8, 32}}

// gate counts all calls, of whatever service, and bounds them: of a connection, of a peer, and altogether those that
// hold no place of limits.max_requests or live.max_viewers. Where there is no room for a call, a silent one is ended, which
// keeps nobody out: of the connection that has most calls, the one that has been silent for longest. So a connection with one
// call, whose message is on its way, does not lose it to one with many.
type gate struct {
	perConnection, perPeer int
	mostWaiting            int // calls that have not sent a first message
	watching               int // calls of health: each client that balances has one

	mu     sync.Mutex
	peers  map[string]int // FrameService's calls, by address without port
	silent [classes]waiters
	open   [classes]int
	ending [classes]int // of open: those that were ended to make room, and have not left yet
}

func newGate(c config.Config) *gate {
	return &gate{perConnection: c.GRPC.MaxCallsPerConnection, perPeer: c.GRPC.MaxCallsPerPeer, mostWaiting: c.Limits.MaxRequests,
		watching: max(c.Limits.MaxConnections, helperLimits[healthCalls].all), peers: map[string]int{}}
}

// ticket is the gate's record of one call.
type ticket struct {
	gate  *gate
	conn  *connection
	peer  string
	class class
	taker *taker // of what the call reads; nil: grpc-go gets all of it
	evict func() // ends the call; it must not wait

	// gate.mu guards what follows.
	left       bool
	ending     bool
	list       *waiters // that it is in; nil when it is not silent
	prev, next *ticket
}

// waiters are silent calls, the one that has been silent for longest first.
type waiters struct {
	first, last *ticket
	n           int
}

func (w *waiters) add(t *ticket) {
	t.list, t.prev, t.next = w, w.last, nil
	if w.last == nil {
		w.first = t
	} else {
		w.last.next = t
	}
	w.last = t
	w.n++
}

func (w *waiters) remove(t *ticket) {
	if t.prev == nil {
		w.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		w.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.list, t.prev, t.next = nil, nil, nil
	w.n--
}

// choose returns the first that fits of the connection with most calls.
func (w *waiters) choose(fits func(*ticket) bool) (chosen *ticket) {
	for t := w.first; t != nil; t = t.next {
		if fits(t) && (chosen == nil || t.conn.calls[t.class] > chosen.conn.calls[t.class]) {
			chosen = t
		}
	}
	return chosen
}

// enter counts a call, until leave. It refuses with Busy when there is no room, and no silent call to make some. The call is
// silent until busy is called; evict ends it, and must not wait.
func (g *gate) enter(c *connection, peer string, class class, evict func()) (*ticket, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	anyone := func(*ticket) bool { return true }
	sameConn := func(o *ticket) bool { return o.conn == c }
	samePeer := func(o *ticket) bool { return o.peer == peer }
	limits := []struct {
		name   string
		n, max int
		fits   func(*ticket) bool
	}{
		{"grpc.max_calls_per_connection", c.calls[frameCalls], g.perConnection, sameConn},
		{"grpc.max_calls_per_peer", g.peers[peer], g.perPeer, samePeer},
	}
	if class != frameCalls {
		l := helperLimits[class]
		limits[0].name, limits[0].n, limits[0].max = l.name+" of a connection", c.calls[class], l.perConnection
		limits[1].name, limits[1].n, limits[1].max, limits[1].fits = l.name, g.open[class], l.all, anyone
		if class == healthCalls {
			limits[1].max = g.watching
		}
	}
	for _, l := range limits {
		if l.n >= l.max && !g.makeRoom(class, c, l.fits) {
			if class != frameCalls && c.calls[class] == 0 && g.ending[class] > 0 {
				continue // There is room soon, and those whose calls are ending do not keep out who has none.
			}
			return nil, fault.BusyOf(l.name, int64(l.n)+1, int64(l.max), "too many calls")
		}
	}
	c.calls[class]++
	g.open[class]++
	if class == frameCalls {
		g.peers[peer]++
	}
	t := &ticket{gate: g, conn: c, peer: peer, class: class, evict: evict}
	if class == frameCalls && g.silent[class].n >= g.mostWaiting {
		g.makeRoom(class, c, anyone)
	}
	g.silent[class].add(t)
	return t, nil
}

// makeRoom ends a silent call of a class, of those that fit, for one of c. g.mu is held. The call is counted until it has ended,
// which is soon: while others are ending, it is none of a connection with fewer calls than c has.
func (g *gate) makeRoom(class class, c *connection, fits func(*ticket) bool) bool {
	t := g.silent[class].choose(fits)
	if t == nil || g.ending[class] > 0 && t.conn.calls[class] < c.calls[class] {
		return false
	}
	t.list.remove(t)
	t.ending = true
	g.ending[class]++
	t.evict()
	return true
}

// silent says that the call waits for its caller again, and may be ended to make room. A nil ticket is not counted.
func (t *ticket) silent() {
	if t == nil {
		return
	}
	t.gate.mu.Lock()
	defer t.gate.mu.Unlock()
	if t.list == nil && !t.left {
		t.gate.silent[t.class].add(t)
	}
}

// busy says that the call waits for its caller no longer.
func (t *ticket) busy() {
	if t == nil {
		return
	}
	t.gate.mu.Lock()
	defer t.gate.mu.Unlock()
	if t.list != nil {
		t.list.remove(t)
	}
}

// leave ends what enter began. A second call does nothing.
func (t *ticket) leave() {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.left {
		return
	}
	if t.list != nil {
		t.list.remove(t)
	}
	t.left = true
	t.conn.calls[t.class]--
	g.open[t.class]--
	if t.ending {
		g.ending[t.class]--
	}
	if t.class != frameCalls {
		return
	}
	if g.peers[t.peer]--; g.peers[t.peer] == 0 {
		delete(g.peers, t.peer)
	}
}

// errEvicted is why a silent call is ended.
func errEvicted() error {
	return &fault.Error{Kind: fault.Busy, Reason: "the call was silent, and ended to make room for others", RetryAfter: time.Second}
}

// ticketKey is where the context of a call has its ticket.
type ticketKey struct{}

// ticketOf returns the ticket of a call, nil when it has none.
func ticketOf(ctx context.Context) *ticket {
	t, _ := ctx.Value(ticketKey{}).(*ticket)
	return t
}

// needed returns what a caller must be allowed to call a method of FrameService, whatever stream it will name: that is checked where the
// name is known.
func needed(method string) []config.Action {
	switch method {
	case api.FrameService_Encode_FullMethodName, api.FrameService_EncodeStream_FullMethodName, api.FrameService_Mel_FullMethodName, api.FrameService_MelStream_FullMethodName:
		return []config.Action{config.Encode}
	case api.FrameService_Publish_FullMethodName, api.FrameService_PublishSound_FullMethodName:
		return []config.Action{config.Publish}
	case api.FrameService_Watch_FullMethodName, api.FrameService_Listen_FullMethodName, api.FrameService_ListStreams_FullMethodName:
		return []config.Action{config.View}
	case api.FrameService_ListScenes_FullMethodName:
		return []config.Action{config.Encode, config.Publish, config.Admin}
	}
	return []config.Action{config.Admin}
}

// allow returns who makes a call, and whether it may be made.
func (s *service) allow(ctx context.Context, c *auth.Checker, method string, class class) (*auth.Identity, error) {
	id, err := c.GRPC(ctx, peerOf(ctx), stateOf(ctx, c))
	if err != nil || class != frameCalls { // Reflection shows what is public anyway.
		return id, err
	}
	if err := id.MayAny(needed(method)...); err != nil {
		return id, err
	}
	return id, nil
}

// admit returns a tap handle that counts all calls, and refuses those without a token. Health reveals nothing and
// needs no token. grpc-go calls it when a call's headers have come, before it keeps anything of the call.
func (s *service) admit(c *auth.Checker) tap.ServerInHandle {
	return func(ctx context.Context, info *tap.Info) (context.Context, error) {
		begin, class := time.Now(), classOf(info.FullMethodName)
		if class != healthCalls {
			id, err := s.allow(ctx, c, info.FullMethodName, class)
			ctx = auth.With(ctx, id)
			if err != nil {
				return ctx, s.refused(ctx, info.FullMethodName, begin, err)
			}
		}
		c := connectionOf(ctx)
		if err := s.tooMany(c, info.FullMethodName); err != nil {
			if listener := conn.Of(c.Conn); listener != nil { // It is in use, as that of a call.
				listener.Begin()
				listener.End()
			}
			return ctx, s.refusedAtOnce(ctx, path.Base(info.FullMethodName), err)
		}
		ctx, cancel := context.WithCancelCause(ctx) // It ends with the call.
		t, err := s.gate.enter(c, addressOf(ctx), class, func() { cancel(errEvicted()) })
		if err != nil {
			return ctx, s.refused(ctx, info.FullMethodName, begin, err)
		}
		if t.conn.in != nil && class == frameCalls && !s.whole {
			t.taker = t.conn.in.begin()
		}
		listener := conn.Of(t.conn.Conn)
		if listener != nil { // A full listener evicts connections without calls.
			listener.Begin()
		}
		context.AfterFunc(ctx, func() { // The call may end before it has a handler.
			t.leave()
			if t.taker != nil {
				t.taker.leave()
			}
			if listener != nil {
				listener.End()
			}
		})
		return context.WithValue(engine.WithClient(ctx, &t.conn.client), ticketKey{}, t), nil
	}
}

// interceptor bounds the waiting of health and reflection, and slows callers that make very many calls without frames. It also switches compression of responses off: grpc-go
// compresses for a caller that does, once anything in the process has registered the compressor.
func (s *service) interceptor(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := grpc.SetSendCompressor(stream.Context(), encoding.Identity); err != nil && stream.Context().Err() == nil { // It fails where the call has ended.
		s.log.Error("cannot switch off compression", "err", err)
	}
	t := ticketOf(stream.Context())
	if t == nil {
		return handler(srv, stream)
	}
	begin := time.Now()
	if t.class != frameCalls {
		stream = &helperStream{ServerStream: stream, ticket: t, timeouts: s.engine.Config.Timeout, watch: info.FullMethod == healthgrpc.Health_Watch_FullMethodName}
	}
	err := handler(srv, stream)
	if cause := context.Cause(stream.Context()); t.class != frameCalls && cause != nil {
		err = toStatus(fault.From(cause)).Err()
	}
	if err != nil || t.class != frameCalls || info.FullMethod == api.FrameService_ListStreams_FullMethodName {
		t.leave() // It keeps nobody out meanwhile.
		s.engine.Pace(stream.Context(), time.Since(begin))
	}
	return err
}

// stateOf returns the state of TLS of a call's connection; nil without TLS, or where c does not look at it.
func stateOf(ctx context.Context, c *auth.Checker) *tls.ConnectionState {
	over, ok := connectionOf(ctx).Conn.(*tls.Conn)
	if !ok || !c.Required() {
		return nil
	}
	state := over.ConnectionState()
	return &state
}

// unknownMethod is the handler of methods that there are not.
func unknownMethod(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	return status.Errorf(codes.Unimplemented, "unknown method %.80s", method)
}

// classOf returns the class of a method, which has the form /SERVICE/METHOD.
func classOf(method string) class {
	switch service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/"); service {
	case api.FrameService_ServiceDesc.ServiceName:
		return frameCalls
	case healthgrpc.Health_ServiceDesc.ServiceName:
		return healthCalls
	default: // reflection, and unknown services
		return reflectionCalls
	}
}

// addressOf returns the peer's address without its port.
func addressOf(ctx context.Context) string {
	peer := peerOf(ctx)
	if host, _, err := net.SplitHostPort(peer); err == nil {
		return host
	}
	return peer
}

// helperStream is the stream of a call of health or reflection, whose services wait for their callers without end. A
// call that sends nothing within timeouts.receive is ended, and one that reads nothing within timeouts.send. While the
// service waits, for its caller or, in health's Watch, for a change, it may be ended to make room.
type helperStream struct {
	grpc.ServerStream
	ticket   *ticket
	timeouts config.Timeouts
	watch    bool
}

// RecvMsg is part of grpc.ServerStream. When it returns an error, the service returns, which ends the receiving.
func (s *helperStream) RecvMsg(m any) error {
	s.ticket.silent()
	received := make(chan error, 1)
	go func() { received <- s.ServerStream.RecvMsg(m) }()
	late := time.NewTimer(time.Duration(s.timeouts.Receive))
	defer late.Stop()
	var err error
	select {
	case err = <-received:
	case <-late.C:
		err = toStatus(fault.From(errSlow())).Err()
	case <-s.Context().Done():
		err = s.Context().Err()
	}
	if err != nil || !s.watch {
		s.ticket.busy()
	}
	return err
}

// SendMsg is part of grpc.ServerStream. It waits when 64 KiB have not left.
func (s *helperStream) SendMsg(m any) error {
	late := time.AfterFunc(time.Duration(s.timeouts.Send), func() {
		s.ticket.conn.hangUp(fault.Errorf(fault.Slow, "the response was not read within timeouts.send"))
	})
	defer late.Stop()
	return s.ServerStream.SendMsg(m)
}

// helper returns a service whose messages grpc-go receives, with all methods as streams, so that each call is counted
// before it waits for its message.
func helper(desc *grpc.ServiceDesc) *grpc.ServiceDesc {
	out := *desc
	out.Methods, out.Streams = nil, append([]grpc.StreamDesc(nil), desc.Streams...)
	for _, m := range desc.Methods {
		out.Streams = append(out.Streams, grpc.StreamDesc{StreamName: m.MethodName, ClientStreams: true, ServerStreams: true,
			Handler: func(srv any, stream grpc.ServerStream) error {
				response, err := m.Handler(srv, stream.Context(), stream.RecvMsg, nil)
				if err != nil {
					return err
				}
				return stream.SendMsg(response)
			}})
	}
	return &out
}
