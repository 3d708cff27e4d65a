package server_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
)

const (
	reflectionMethod  = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	healthWatchMethod = "/grpc.health.v1.Health/Watch"
	streamMethod      = "/steadyframe.v1.FrameService/EncodeStream"
)

// flood opens a connection with a number of calls of a method, each of which sends data in HTTP/2 frames of a given
// size, and reads nothing of the responses. It obeys the windows that every server begins with: 64 KiB for each call,
// and for all data.
func flood(t testing.TB, addr, method string, calls int, data []byte, frame int) net.Conn {
	t.Helper()
	conn, err := dialRaw("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	var head, out bytes.Buffer
	enc := hpack.NewEncoder(&head)
	out.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&out, nil)
	err = framer.WriteSettings()
	for i := range calls {
		head.Reset()
		for _, f := range []hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: method},
			{Name: ":authority", Value: addr}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"}} {
			err = errors.Join(err, enc.WriteField(f))
		}
		id := uint32(2*i + 1)
		err = errors.Join(err, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head.Bytes(), EndHeaders: true}))
		for rest := data; len(rest) > 0; rest = rest[min(frame, len(rest)):] {
			err = errors.Join(err, framer.WriteData(id, false, rest[:min(frame, len(rest))]))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = conn.Write(out.Bytes()) // It ends with the connection.
	}()
	return conn
}

// checkHealth fails the test unless the health service responds on a new connection.
func checkHealth(t testing.TB, addr string) {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	r, err := healthgrpc.NewHealthClient(conn).Check(timeout(t), &healthgrpc.HealthCheckRequest{})
	if err != nil || r.GetStatus() != healthgrpc.HealthCheckResponse_SERVING {
		t.Errorf("health: got %v, %v", r, err)
	}
}

// TestInputThatNobodyReads: calls whose input the server does not read cost little more than what they sent. Silent
// calls keep nobody out: neither calls of the same connection, nor others, nor health.
func TestInputThatNobodyReads(t *testing.T) {
	const conns = 8
	requests := inFrames(t, &reflectiongrpc.ServerReflectionRequest{MessageRequest: &reflectiongrpc.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "steadyframe.v1.FrameService"}})
	requests = bytes.Repeat(requests, 60_000/len(requests))
	for _, tt := range []struct {
		name, method string
		calls        int
		data         []byte
		frame        int
		most         int64 // bytes beyond those before: twice what is sent, 48 MB at most
	}{
		{"reflection", reflectionMethod, 100, requests, 1100, 96 << 20},
		{"reflection-byte-by-byte", reflectionMethod, 20, requests[:6000], 1, 96 << 20},
		{"silent-reflection", reflectionMethod, 110, nil, 1, 96 << 20},
		{"health", healthWatchMethod, 110, inFrames(t, &healthgrpc.HealthCheckRequest{}), 100, 96 << 20},
		{"silent-streams", streamMethod, 250, nil, 1, 96 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(childCollects, "yes")
			child := startChild(t, `{"timeouts.send": "2s"}`)
			c, err := client.Dial(child.GRPC, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			batch := &client.Batch{Spec: small, Frames: makeFrames(t, small.Input, 1)}
			var a client.Response
			if err := c.Encode(timeout(t), batch, &a); err != nil {
				t.Fatal(err)
			}
			before := child.collected(t)
			for range conns {
				conn := flood(t, child.GRPC, tt.method, tt.calls, tt.data, tt.frame)
				defer func() { _ = conn.Close() }()
			}
			var peak int64
			for range 20 {
				if err := c.Encode(timeout(t), batch, &a); err != nil {
					t.Errorf("another's call: %v", err)
				}
				checkHealth(t, child.GRPC)
				peak = max(peak, child.counters(t).RSS)
			}
			t.Logf("%d calls with %d bytes each: memory from %d MB to %d MB", conns*tt.calls, len(tt.data), before.RSS>>20, peak>>20)
			if peak > before.RSS+tt.most {
				t.Errorf("got %d bytes resident, want at most %d more than %d", peak, tt.most, before.RSS)
			}
		})
	}
}

// TestSilentCallMakesRoom: on a connection with as many silent calls as it may have, the next call is served, and the
// one that was silent for longest is ended.
func TestSilentCallMakesRoom(t *testing.T) {
	s := start(t, func(c *server.Config) { c.GRPC.MaxCallsPerConnection = 3 })
	c := s.dial(t)
	var silent []*client.EncodeStream
	for range 3 {
		stream, err := c.EncodeStream(timeout(t))
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, stream)
	}
	batch := &client.Batch{Spec: small, Frames: makeFrames(t, small.Input, 1)}
	var a client.Response
	if err := c.Encode(timeout(t), batch, &a); err != nil {
		t.Fatal(err)
	}
	var e *client.Error
	if err := silent[0].Recv(&a); !errors.As(err, &e) || e.RetryAfter == 0 {
		t.Errorf("the oldest silent call: got %v, want that it made room", err)
	}
	for _, stream := range silent[1:] {
		if err := errors.Join(stream.Send(batch), stream.Recv(&a), stream.CloseSend()); err != nil {
			t.Errorf("another silent call: %v", err)
		}
		if err := stream.Recv(&a); err != io.EOF {
			t.Errorf("got %v at the end, want EOF", err)
		}
	}
}

// TestReflectionOff: without grpc.reflection there is no such service.
func TestReflectionOff(t *testing.T) {
	for _, on := range []bool{true, false} {
		s := start(t, func(c *server.Config) { c.GRPC.Reflection = on })
		stream, err := reflectiongrpc.NewServerReflectionClient(s.dial(t).Conn()).ServerReflectionInfo(timeout(t))
		if err != nil {
			t.Fatal(err)
		}
		err = stream.Send(&reflectiongrpc.ServerReflectionRequest{MessageRequest: &reflectiongrpc.ServerReflectionRequest_ListServices{}})
		if err == nil {
			_, err = stream.Recv()
		}
		if (err == nil) != on {
			t.Errorf("reflection %t: got %v", on, err)
		}
	}
}
