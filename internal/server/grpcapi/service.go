// Package grpcapi is the gRPC API of the server: steadyframe.v1.FrameService, health and reflection.
//
// Messages of FrameService do not go through grpc-go's Recv: that would hold a whole message, up to
// limits.max_message_bytes, in buffers of its own before anyone could refuse it. Each is read from the transport in pieces,
// as soon as memory for it is admitted, straight into the frames' buffers. What is not read stays with the caller, held back
// by HTTP/2's flow control. The messages are read and written as protobuf has them on the wire, without the generated types
// (protobuf.dev/programming-guides/encoding). docs/adr/0009-grpc-codec.md has the reasons.
package grpcapi

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
)

// service serves FrameService.
type service struct {
	engine    *engine.Engine
	live      *live.Live
	log       *slog.Logger
	logged    fault.Throttle
	said      fault.Repeated[*status.Status]
	gate      *gate
	inflaters inflaters
	gathering gathering
	load      loadReport
	whole     bool           // whether messages are read as a whole
	wait      sync.WaitGroup // goroutines of sessions
}

// desc returns the description of FrameService for grpc-go: all methods as streams, so that it leaves the reading of
// messages to the handler. On the wire a unary call is a stream of one message each way. Reflection shows the .proto,
// where some are unary.
func (s *service) desc() *grpc.ServiceDesc {
	method := func(name string, serve func(grpc.ServerStream, pieceReader) error) grpc.StreamDesc {
		handler := func(_ any, stream grpc.ServerStream) error { return s.serve(name, stream, serve) }
		return grpc.StreamDesc{StreamName: name, Handler: handler, ClientStreams: true, ServerStreams: true}
	}
	return &grpc.ServiceDesc{
		ServiceName: api.FrameService_ServiceDesc.ServiceName,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{
			method("Encode", s.encode),
			method("EncodeStream", s.encodeStream),
			method("Publish", s.publish),
			method("Watch", s.watch),
			method("PublishSound", s.publishSound),
			method("Listen", s.listen),
			method("ListStreams", s.listStreams),
			method("Mel", s.mel),
			method("MelStream", s.melStream),
			method("LoadScene", s.loadScene),
			method("UnloadScene", s.unloadScene),
			method("ListScenes", s.listScenes),
		},
		Metadata: api.FrameService_ServiceDesc.Metadata,
	}
}

// serve is the handler of a method.
func (s *service) serve(method string, stream grpc.ServerStream, serve func(grpc.ServerStream, pieceReader) error) error {
	start := time.Now()
	err := serve(stream, s.readerOf(stream))
	if err == nil {
		s.log.Debug("call served", "method", method, "identity", auth.From(stream.Context()).String(), "peer", peerOf(stream.Context()), "took", time.Since(start))
		return nil
	}
	f := fault.From(err)
	if f.Ask != (fault.Server{}) { // live counts them.
		s.log.Debug("node sent to another", "method", method, "peer", peerOf(stream.Context()), "reason", fault.Cut(f.Error()))
		return toStatus(f).Err()
	}
	s.engine.Metrics.Rejected(f.Kind)
	s.logFault(stream.Context(), method, f)
	return s.said.Of(f, toStatus).Err()
}

// logFault says why a call failed.
func (s *service) logFault(ctx context.Context, method string, f *fault.Error) {
	suppressed, ok := s.logged.Admit(f)
	if !ok {
		return
	}
	log := s.log
	if suppressed > 0 {
		log = log.With("suppressed", suppressed)
	}
	log.Log(ctx, level(method, f.Kind), "call failed", "method", fault.Cut(method), "identity", fault.Cut(auth.From(ctx).String()), "peer", peerOf(ctx), "kind", f.Kind.String(), "reason", fault.Cut(f.Error()))
}

// encode serves Encode. However it ends, it says the load: after a refusal, too, a client should know.
func (s *service) encode(stream grpc.ServerStream, in pieceReader) error {
	defer s.sayLoad(stream)
	if err := s.engine.CheckQueue(); err != nil { // tooMany has asked before: this is about what it leaves to the handler.
		return err
	}
	return newSession(s, stream, in, true).run()
}

// sayLoad puts the load into the trailer of a call that ends.
func (s *service) sayLoad(stream grpc.ServerStream) {
	if t := s.load.of(s.engine.Load()); t != nil {
		stream.SetTrailer(t.trailer)
		connectionOf(stream.Context()).told.Store(t)
	}
}

// tooMany returns the error of a call of c that is refused before it has a handler, since the queue is full: one that would have a place
// in it. A handler, its goroutine and its stream take more than half of the time of such a call. nil: it is served, or it is refused by its
// handler, which says the load where c does not know it, and may wait where c makes very many.
func (s *service) tooMany(c *connection, method string) error {
	switch method {
	case api.FrameService_Encode_FullMethodName:
		if s.load.of(s.engine.Load()) != c.told.Load() {
			return nil
		}
	case api.FrameService_Mel_FullMethodName:
	default:
		return nil
	}
	err := s.engine.CheckQueue()
	if err == nil || !s.engine.Quick(&c.client) {
		return nil
	}
	return err
}

// encodeStream serves EncodeStream, which waits for its turns, however long the queue.
func (s *service) encodeStream(stream grpc.ServerStream, in pieceReader) error {
	defer s.sayLoad(stream)
	return newSession(s, stream, in, false).run()
}

// publish serves Publish.
func (s *service) publish(stream grpc.ServerStream, in pieceReader) error {
	return newPublishing(s, stream, in).run()
}

// watch serves Watch.
func (s *service) watch(stream grpc.ServerStream, in pieceReader) error {
	return newWatching(s, stream, in).run()
}

// publishSound serves PublishSound.
func (s *service) publishSound(stream grpc.ServerStream, in pieceReader) error {
	return newSpeaking(s, stream, in).run()
}

// listen serves Listen.
func (s *service) listen(stream grpc.ServerStream, in pieceReader) error {
	return newListening(s, stream, in).run()
}

// mel serves Mel.
func (s *service) mel(stream grpc.ServerStream, in pieceReader) error {
	if err := s.engine.CheckQueue(); err != nil { // As in encode.
		return err
	}
	return newHearing(s, stream, in, true).run()
}

// melStream serves MelStream, which waits for its turns, however long the queue.
func (s *service) melStream(stream grpc.ServerStream, in pieceReader) error {
	return newHearing(s, stream, in, false).run()
}

// level is how loud the log is about a call that failed: a deadline is how those end that publish or watch for a time.
func level(method string, k fault.Kind) slog.Level {
	if k == fault.Deadline && (method == "Publish" || method == "Watch" || method == "PublishSound" || method == "Listen") {
		return slog.LevelDebug
	}
	return k.Level()
}

// peerOf returns the caller's address.
func peerOf(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return "unknown"
}

// refused counts and logs a call that was refused before it has a handler, and returns the caller's error. Where the connection
// makes very many it waits, and nothing more is read of the connection meanwhile.
func (s *service) refused(ctx context.Context, method string, begin time.Time, err error) error {
	status := s.refusedAtOnce(ctx, method, err)
	s.engine.Pace(engine.WithClient(ctx, &connectionOf(ctx).client), time.Since(begin))
	return status
}

// refusedAtOnce is refused without the wait.
func (s *service) refusedAtOnce(ctx context.Context, method string, err error) error {
	f := fault.From(err)
	s.engine.Metrics.Rejected(f.Kind)
	s.logFault(ctx, method, f)
	return s.said.Of(f, toStatus).Err()
}
