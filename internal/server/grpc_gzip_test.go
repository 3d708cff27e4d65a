package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/stats"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server"
)

// payloads counts the messages of a client that are compressed.
type payloads struct{ sent, received, all atomic.Int64 }

func (p *payloads) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (p *payloads) HandleRPC(_ context.Context, s stats.RPCStats) {
	switch s := s.(type) {
	case *stats.OutPayload:
		if s.CompressedLength != s.Length {
			p.sent.Add(1)
		}
	case *stats.InPayload:
		p.all.Add(1)
		if s.CompressedLength != s.Length {
			p.received.Add(1)
		}
	}
}

func (p *payloads) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (p *payloads) HandleConn(context.Context, stats.ConnStats) {}

// TestGzipRequests: every method accepts compressed requests, and responds as to plain ones, without compression,
// although the compressor is registered in this process.
func TestGzipRequests(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Timeout.Receive = server.Duration(time.Minute) }) // for a busy machine
	count := &payloads{}
	conn, err := grpc.NewClient(s.Addrs().GRPC, transportCredentials(), grpc.WithStatsHandler(count),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<28), grpc.UseCompressor(gzip.Name)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := api.NewFrameServiceClient(conn)
	sent := func(name string, min int64) {
		t.Helper()
		if n := count.sent.Swap(0); n < min {
			t.Errorf("%s: got %d compressed requests, want %d", name, n, min)
		}
		if n := count.received.Swap(0); n != 0 {
			t.Errorf("%s: got %d compressed responses, want none", name, n)
		}
		if n := count.all.Swap(0); n == 0 {
			t.Errorf("%s: got no response", name)
		}
	}
	for _, tt := range specs {
		frames := makeFrames(t, tt.spec.Input, 4)
		want, spec := encodeDirectly(t, tt.spec, frames), specMessage(t, tt.spec)
		a, err := c.Encode(timeout(t), &api.EncodeRequest{Spec: spec, Frames: frames})
		if err != nil {
			t.Fatal(err)
		}
		checkImages(t, stockImages(t, a), want)
		sent("Encode", 1)
		stream, err := c.EncodeStream(timeout(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(stream.Send(&api.EncodeRequest{Spec: spec, Frames: frames[:3]}), stream.Send(&api.EncodeRequest{Frames: frames[3:]}), stream.CloseSend()); err != nil {
			t.Fatal(err)
		}
		for _, want := range [][][]byte{want[:3], want[3:]} {
			a, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			checkImages(t, stockImages(t, a), want)
		}
		if _, err := stream.Recv(); err != io.EOF {
			t.Errorf("got %v after the last response, want io.EOF", err)
		}
		sent("EncodeStream", 2)
	}
	gzipLive(t, c, sent)
	if _, err := healthgrpc.NewHealthClient(conn).Check(timeout(t), &healthgrpc.HealthCheckRequest{Service: "steadyframe.v1.FrameService"}); err != nil {
		t.Errorf("health: %v", err)
	}
	sent("health", 1)
	ctx, cancel := context.WithCancel(timeout(t))
	defer cancel()
	reflection, err := reflectiongrpc.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	request := &reflectiongrpc.ServerReflectionRequest{MessageRequest: &reflectiongrpc.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "steadyframe.v1.FrameService"}}
	if err := reflection.Send(request); err != nil {
		t.Fatal(err)
	}
	if r, err := reflection.Recv(); err != nil || r.GetErrorResponse() != nil {
		t.Errorf("reflection: got %v, %v", r, err)
	}
	sent("reflection", 1)
}

// gzipLive publishes a stream, watches and lists it.
func gzipLive(t *testing.T, c api.FrameServiceClient, sent func(string, int64)) {
	t.Helper()
	tt := specs[0]
	frames := makeFrames(t, tt.spec.Input, 1)
	want := encodeDirectly(t, tt.spec, frames)[0]
	publisher, err := c.Publish(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := publisher.Send(&api.PublishRequest{Stream: "cam1", Spec: specMessage(t, tt.spec)}); err != nil {
		t.Fatal(err)
	}
	if _, err := publisher.Recv(); err != nil { // It is the publisher.
		t.Fatal(err)
	}
	watch, err := c.Watch(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Send(&api.WatchRequest{Stream: "cam1"}); err != nil {
		t.Fatal(err)
	}
	for { // until the server has the viewer
		status, err := publisher.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if status.Viewers > 0 {
			break
		}
	}
	if err := publisher.Send(&api.PublishRequest{Frames: frames}); err != nil {
		t.Fatal(err)
	}
	for {
		r, err := watch.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(r.GetData(), want) {
			break
		}
	}
	list, err := c.ListStreams(timeout(t), &api.ListStreamsRequest{})
	if err != nil || len(list.GetStreams()) != 1 {
		t.Errorf("got %v, %v, want one stream", list, err)
	}
	if err := publisher.CloseSend(); err != nil {
		t.Error(err)
	}
	sent("Publish, Watch and ListStreams", 3)
}
