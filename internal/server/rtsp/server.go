// Package rtsp serves live streams to players and recorders over RTSP (RFC 2326): their JPEGs as they are (RFC 2435), and their sound
// as L16, over the connection of RTSP or over UDP.
//
// gortsplib speaks RTSP: it parses requests, keeps sessions, and writes their descriptions. What lies below and beside it is ours.
// guarded lets only whole requests of bounded size through to it. play sends images and sound: it would queue packets for each
// viewer, of which a slow one loses some of each image, and makes a new buffer and a closure for every packet.
package rtsp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// Server serves RTSP. Its methods may be called from any goroutine; those whose names begin with On are gortsplib's handlers.
type Server struct {
	engine *engine.Engine
	live   *live.Live
	log    *slog.Logger
	auth   *auth.Checker
	logged fault.Throttle
	udp    *udpPair // nil: no UDP
	rtsp   *gortsplib.Server

	connections conn.Set       // of those that play over them
	plays       sync.WaitGroup // that are running

	mu       sync.Mutex
	at       *conn.Listener
	listener *listener // over it; nil until Serve is called
	ended    bool
	sessions map[netip.Addr]int // that were set up
}

// New returns a Server for the settings of e, which listens at at and asks who what clients may see. secure says that it serves TLS: then nothing goes over UDP, which
// would be plain. The error names the setting whose ports could not be opened.
func New(e *engine.Engine, l *live.Live, who *auth.Checker, log *slog.Logger, at *conn.Listener, secure bool) (*Server, error) {
	s := &Server{engine: e, live: l, log: log, auth: who, sessions: map[netip.Addr]int{}, at: at}
	if !secure {
		var err error
		if s.udp, err = listenUDP(e.Config.RTSP.UDP, at.Addr()); err != nil {
			return nil, err
		}
	}
	s.rtsp = &gortsplib.Server{
		Handler: s, RTSPAddress: at.Addr().String(), ReadTimeout: idle, IdleTimeout: idle, WriteTimeout: idle,
		WriteQueueSize:           1,    // Nothing is written through it.
		DisableRTCPSenderReports: true, // play sends them.
		Listen:                   func(string, string) (net.Listener, error) { return s.listener, nil },
	}
	if s.udp != nil {
		s.udp.count = at.CountSent
		s.rtsp.UDPRTPAddress, s.rtsp.UDPRTCPAddress = s.udp.rtp.address(), s.udp.rtcp.address()
		s.rtsp.ListenPacket = s.udp.open
	}
	return s, nil
}

// Serve accepts connections until Shutdown. It returns nil then, or the error of the listener.
func (s *Server) Serve() error {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		s.closeSockets()
		return nil
	}
	s.listener = &listener{Listener: s.at, server: s, stop: make(chan struct{})}
	err := s.rtsp.Start()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	err = s.rtsp.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	return err
}

// closeSockets closes what Serve would have.
func (s *Server) closeSockets() {
	_ = s.at.Close() // They were never used.
	if s.udp != nil {
		s.udp.close()
	}
}

// Shutdown ends the listener and all sessions, each between two images. Those left when ctx ends are cut. It returns when all have ended.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.ended = true
	l := s.listener
	s.mu.Unlock()
	if l == nil { // Serve has not begun, and will not.
		return
	}
	_ = l.Listener.Close() // Its error is of no use: it is closed.
	s.connections.Wait(ctx)
	s.plays.Wait() // Those over UDP wait for nobody.
	s.rtsp.Close()
}

// start runs f, which Shutdown waits for, on a goroutine of its own, and reports whether it does: not once the server has ended.
func (s *Server) start(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.plays.Go(f)
	}
	return !s.ended
}

// listener accepts connections for gortsplib, which ends altogether when Accept fails.
type listener struct {
	net.Listener
	server *Server
	stop   chan struct{} // closed by Close
	once   sync.Once
}

// retryAccept is how long to wait when there are no files left.
const retryAccept = 100 * time.Millisecond

// Accept is part of net.Listener. It fails only after Close.
func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err == nil {
			return newGuarded(l.server, accepted), nil
		}
		select {
		case <-l.stop:
			return nil, err
		case <-l.server.engine.Draining(): // The connections that there are end first.
			<-l.stop
			return nil, err
		case <-time.After(retryAccept):
		}
	}
}

// Close is part of net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.stop) })
	return l.Listener.Close()
}

// guardedOf returns the connection that a handler was called for.
func guardedOf(c *gortsplib.ServerConn) *guarded { return c.NetConn().(*guarded) }

// OnRequest begins a request.
func (s *Server) OnRequest(c *gortsplib.ServerConn, req *base.Request) {
	g := guardedOf(c)
	g.method, g.started = string(req.Method), time.Now()
	g.base.Begin()
	// For clients of GStreamer that record, which we have none of, gortsplib responds a second late.
	delete(req.Header, "User-Agent")
}

// OnResponse ends it. It is held back where the client makes very many.
func (s *Server) OnResponse(c *gortsplib.ServerConn, res *base.Response) {
	g := guardedOf(c)
	if x := sessionOf(c.Session()); x != nil && g.method == string(base.Setup) && res.StatusCode == base.StatusOK {
		x.setTransport(res.Header["Transport"])
	}
	s.engine.Pace(g.ctx, time.Since(g.started))
	g.base.End()
}

// OnDescribe describes a stream.
func (s *Server) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	g := guardedOf(ctx.Conn)
	var described *gortsplib.ServerStream
	res := s.serve(g, ctx.Path, ctx.Request, func() error {
		a, err := s.admit(g, ctx.Request, ctx.Path, ctx.Query)
		if err != nil {
			return err
		}
		d, err := s.describe(g, a)
		if err != nil {
			return err
		}
		described, err = d.serverStream(s.rtsp)
		return err
	})
	return res, described, nil
}

// OnSessionOpen begins a session. It holds nothing until it is set up.
func (s *Server) OnSessionOpen(ctx *gortsplib.ServerHandlerOnSessionOpenCtx) {
	g := guardedOf(ctx.Conn)
	ctx.Session.SetUserData(&session{server: s, gortsplib: ctx.Session, peer: g.peer, g: g})
}

// sessionOf returns the session of one of gortsplib, nil for none.
func sessionOf(ss *gortsplib.ServerSession) *session {
	if ss == nil {
		return nil
	}
	x, _ := ss.UserData().(*session)
	return x
}

// OnSessionClose ends a session.
func (s *Server) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	if x := sessionOf(ctx.Session); x != nil {
		x.close()
	}
}

// OnSetup sets a track of a stream up.
func (s *Server) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	g, x := guardedOf(ctx.Conn), sessionOf(ctx.Session)
	res := s.serve(g, ctx.Path, ctx.Request, func() error {
		a, err := s.admit(g, ctx.Request, ctx.Path, ctx.Query)
		if err != nil {
			return err
		}
		if err := checkTransports(ctx.Request.Header["Transport"]); err != nil {
			return err
		}
		return x.setUp(a, ctx.Transport.Protocol)
	})
	return res, x.stream, nil
}

// OnPlay begins to send, once the response is written.
func (s *Server) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	g, x := guardedOf(ctx.Conn), sessionOf(ctx.Session)
	return s.serve(g, ctx.Path, ctx.Request, func() error {
		begin, err := x.prepare(g)
		g.begin = begin
		return err
	}), nil
}

// OnPause stops sending. What is being written comes before the response, and nothing after it.
func (s *Server) OnPause(ctx *gortsplib.ServerHandlerOnPauseCtx) (*base.Response, error) {
	g, x := guardedOf(ctx.Conn), sessionOf(ctx.Session)
	return s.serve(g, ctx.Path, ctx.Request, func() error { x.pause(); return nil }), nil
}

// OnDecodeError is called for packets of clients, of which none is of use.
func (s *Server) OnDecodeError(*gortsplib.ServerHandlerOnDecodeErrorCtx) {}

// OnStreamWriteError is never called: nothing is written through gortsplib.
func (s *Server) OnStreamWriteError(*gortsplib.ServerHandlerOnStreamWriteErrorCtx) {}

// serve serves a request by f, and returns its response.
func (s *Server) serve(g *guarded, path string, req *base.Request, f func() error) *base.Response {
	err := s.protect(f)
	if err == nil {
		return &base.Response{StatusCode: base.StatusOK}
	}
	failed := fault.From(err)
	if failed.Kind == fault.Unauthorized && req.Header["Authorization"] == nil { // Clients send their password once they are asked for it.
		return response(failed)
	}
	s.refused(g, path, failed)
	return response(failed)
}

// protect makes an error of a panic of f.
func (s *Server) protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &fault.Error{Kind: fault.Internal, Reason: "the server failed"}
			s.log.Error("panic in a request of RTSP", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	return f()
}

// asked is what a client asks for, which it may see.
type asked struct {
	name string         // of the stream
	id   *auth.Identity // the client
	fps  float64        // images a second at most; 0: all
}

// admit returns what a request asks for. The error is a *fault.Error: the client may not see it, or the server stops.
func (s *Server) admit(g *guarded, req *base.Request, path, query string) (a asked, err error) {
	if s.engine.IsDraining() {
		return a, fault.From(stream.ErrClosed)
	}
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{}, RemoteAddr: g.peer, TLS: g.tls()}
	for _, v := range req.Header["Authorization"] {
		r.Header.Add("Authorization", v)
	}
	if a.id, err = s.auth.HTTP(r); err != nil {
		return a, err
	}
	if a.fps, err = parseFPS(r.URL.Query().Get("fps")); err != nil {
		return a, err
	}
	a.name = streamName(path)
	return a, nil
}
