package grpcapi

import (
	"context"
	"log/slog"
	"math"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	grpcreflection "google.golang.org/grpc/reflection"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/live"
)

// Server is the gRPC API.
type Server struct {
	grpc    *grpc.Server
	health  *health.Server
	service *service
	open    *connections

	listener atomic.Pointer[net.Listener] // of Serve
}

const (
	// streamWindow is how much grpc-go buffers of a stream that nobody reads from. While a message is read, the window
	// is a piece larger (pieceBytes), so that a small one does not slow a stream down. It is the least that HTTP/2 has.
	streamWindow = 64<<10 - 1
	// connWindow is refilled as data comes in, whether it is read or not: it bounds the bytes in flight. Setting one
	// window without the other would leave the other at 64 KiB for ever.
	connWindow = 16 << 20
	// readBuffer is filled in one system call; a connection that is silent has none.
	readBuffer = 128 << 10
	// writeBuffer is grpc-go's own of each connection: it copies there what it sends.
	writeBuffer = 32 << 10
	// otherMessage bounds the messages of health and reflection, where FrameService reads its own, which
	// limits.max_message_bytes bounds.
	otherMessage = 16 << 10
	// moreStreams is how many more streams a connection may have in grpc-go than calls at the gate: a call too many then
	// gets an error instead of waiting at the caller, and health has room.
	moreStreams = 64
	maxHeaders  = 16 << 10
	// gzipEncoding is the one grpc-encoding that requests may have.
	gzipEncoding = "gzip"
)

// New returns the gRPC API of e and l for those whom who allows it, which is not serving yet. without is what it does without of what
// grpc-go does not promise.
func New(e *engine.Engine, l *live.Live, who *auth.Checker, log *slog.Logger, without Without) *Server {
	c := e.Config
	stock := without == WithoutAny
	whole, most := stock, otherMessage
	if !stock && !readsPieces() {
		log.Warn("messages are received as a whole, in memory that no budget counts: this version of grpc-go cannot be read from in pieces")
		whole = true
	}
	if whole {
		most = max(most, int(c.Limits.MaxMessageBytes))
	}
	open := newConnections(log, time.Duration(c.Timeout.Send), e.Metrics.Rejected)
	service := &service{engine: e, live: l, log: log, gate: newGate(c), whole: whole}
	buffers := newFrameBuffers()
	open.without, open.buffers = without, buffers
	var extra []grpc.ServerOption
	if !stock {
		extra = experiments(buffers)
	}
	s := &Server{
		open:    open,
		service: service,
		health:  health.NewServer(),
		grpc: grpc.NewServer(append(extra,
			grpc.Creds(open),
			grpc.ForceServerCodecV2(newCodec()),
			// It is for gzip alone, bounds what comes out, and, unlike a registered one, does not compress responses. All but
			// FrameService decompress with it; that one does so itself.
			//lint:ignore SA1019 the registered kind, which it is deprecated for, would compress responses too
			grpc.RPCDecompressor(grpc.NewGZIPDecompressor()),
			grpc.InTapHandle(service.admit(who)),
			grpc.StreamInterceptor(service.interceptor),
			grpc.UnknownServiceHandler(unknownMethod),
			grpc.WaitForHandlers(true),
			grpc.MaxRecvMsgSize(most),
			grpc.MaxSendMsgSize(math.MaxInt32),
			grpc.StaticStreamWindowSize(streamWindow),
			grpc.StaticConnWindowSize(connWindow),
			grpc.ReadBufferSize(readBuffer),
			grpc.WriteBufferSize(writeBuffer),
			grpc.MaxHeaderListSize(maxHeaders),
			grpc.MaxConcurrentStreams(uint32(c.GRPC.MaxCallsPerConnection+moreStreams)),
			grpc.ConnectionTimeout(time.Duration(c.Timeout.Receive)),
			conn.PingClients(time.Duration(c.Timeout.Idle), time.Duration(c.GRPC.MaxConnectionAge)),
			conn.PingsAllowed(),
		)...),
	}
	e.Account.Heap(engine.Transports, func() int64 {
		return buffers.held.Load() + service.inflaters.held.Load() + open.writeBuffers()
	})
	s.grpc.RegisterService(s.service.desc(), nil)
	s.grpc.RegisterService(helper(&healthgrpc.Health_ServiceDesc), s.health)
	s.health.SetServingStatus(api.FrameService_ServiceDesc.ServiceName, healthgrpc.HealthCheckResponse_SERVING)
	if c.GRPC.Reflection {
		grpcreflection.Register(s.grpc)
	}
	return s
}

// Serve serves connections from l, which it takes, until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	s.listener.Store(&l)
	s.open.start()
	return s.grpc.Serve(l)
}

// Shutdown ends the API, after engine.Engine.Drain: health says so at once, calls in flight get their responses, and
// calls that are left when ctx ends are cut. When it returns, no goroutine of a call is left.
func (s *Server) Shutdown(ctx context.Context) {
	s.health.Shutdown()
	if l := s.listener.Load(); l != nil {
		defer conn.CutOn(ctx, *l)() // grpc-go closes one connection after the other.
	}
	stop := context.AfterFunc(ctx, s.grpc.Stop)
	s.grpc.GracefulStop()
	stop()
	s.service.wait.Wait()
	s.open.Close()
}
