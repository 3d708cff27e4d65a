// Package rpc is the gRPC face of the server: steadyframe.v1.FrameService, health and reflection.
//
// Messages of FrameService do not go through grpc-go's Recv: that would hold a whole message, up to
// limits.max_message_bytes, in buffers of its own before anyone could refuse it. Each is read from the transport in
// pieces, as soon as memory for it is admitted, straight into the frames' buffers; what is not read stays with the
// caller, held back by HTTP/2's flow control. docs/adr/0009-grpc-codec.md has the whole reasoning.
package rpc

import (
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/wire"
)

// service serves FrameService.
type service struct {
	engine *engine.Engine
	log    *slog.Logger
	chunks wire.Chunks
	wait   sync.WaitGroup // goroutines of sessions
}

// desc returns what grpc-go is told of FrameService: both methods as streams, so that it leaves the reading of
// messages to the handler. On the wire a unary call is a stream of one message each way. Reflection shows the .proto,
// where Encode is unary.
func (s *service) desc() *grpc.ServiceDesc {
	handler := func(unary bool) grpc.StreamHandler {
		return func(_ any, stream grpc.ServerStream) error { return s.serve(stream, unary) }
	}
	return &grpc.ServiceDesc{
		ServiceName: api.FrameService_ServiceDesc.ServiceName,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{
			{StreamName: "Encode", Handler: handler(true), ClientStreams: true, ServerStreams: true},
			{StreamName: "EncodeStream", Handler: handler(false), ClientStreams: true, ServerStreams: true},
		},
		Metadata: api.FrameService_ServiceDesc.Metadata,
	}
}

// serve is the handler of both methods.
func (s *service) serve(stream grpc.ServerStream, unary bool) error {
	method := "EncodeStream"
	if unary {
		method = "Encode"
	}
	start := time.Now()
	err := s.open(stream, unary)
	if err == nil {
		s.log.Debug("call served", "method", method, "peer", peerOf(stream), "took", time.Since(start))
		return nil
	}
	f := fault.From(err)
	s.engine.Metrics.Rejected(f.Kind)
	s.log.Log(stream.Context(), level(f.Kind), "call failed", "method", method, "peer", peerOf(stream), "kind", f.Kind.String(), "reason", f.Error())
	return toStatus(f).Err()
}

// open runs a session, if there is room for one.
func (s *service) open(stream grpc.ServerStream, unary bool) error {
	if err := s.engine.Open(); err != nil {
		return err
	}
	defer s.engine.Done()
	if unary { // A stream waits for its turns, however long the queue.
		if err := s.engine.CheckQueue(); err != nil {
			return err
		}
	}
	in, ok := grpc.ServerTransportStreamFromContext(stream.Context()).(filler)
	if !ok {
		return fault.Errorf(fault.Internal, "rpc: the transport of this grpc-go cannot be read from")
	}
	return newSession(s, stream, in, unary).run()
}

// level is how loud the log is about a call that failed: a caller that went away is none of ours to warn about.
func level(k fault.Kind) slog.Level {
	switch k {
	case fault.Internal:
		return slog.LevelError
	case fault.Canceled, fault.Draining:
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// peerOf returns who calls.
func peerOf(stream grpc.ServerStream) string {
	if p, ok := peer.FromContext(stream.Context()); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return "unknown"
}
