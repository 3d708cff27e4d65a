package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/apispec"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/pipeline"
)

// specs are work of many kinds.
var specs = []struct {
	name string
	spec pipeline.Spec
}{
	{"w1", w1},
	{"nv12-crop-area", pipeline.Spec{
		Input:  frame.Desc{Format: frame.NV12, Width: 121, Height: 75, Color: frame.BT709},
		Crop:   pipeline.Rect{X: 3, Y: 5, Width: 100, Height: 60},
		Resize: pipeline.Resize{Width: 40, Height: 40, Mode: pipeline.Fit, Filter: pipeline.Area, Background: pipeline.Color{R: 20, G: 40, B: 60}},
		Output: pipeline.Output{Quality: 90, Restart: pipeline.RestartRow},
	}},
	{"tensor-to-rgba", pipeline.Spec{
		Input:  frame.Desc{Format: frame.RGBF32P, Width: 17, Height: 9, Range: frame.RangeByte},
		Output: pipeline.Output{Format: pipeline.RawRGBA},
	}},
}

// stock returns the generated client.
func (s *running) stock(t *testing.T) api.FrameServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(s.Addrs().GRPC, transportCredentials(), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<28)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return api.NewFrameServiceClient(conn)
}

// TestSameBytesOverGRPC: images are the library's, whichever client asks, in one call or a stream.
func TestSameBytesOverGRPC(t *testing.T) {
	s := start(t, nil)
	own, stock := s.dial(t), s.stock(t)
	for _, tt := range specs {
		frames := makeFrames(t, tt.spec.Input, 7)
		want := encodeDirectly(t, tt.spec, frames)
		spec := specMessage(t, tt.spec)
		t.Run(tt.name+"/own", func(t *testing.T) {
			var a client.Response
			if err := own.Encode(timeout(t), &client.Batch{ID: 9, Spec: tt.spec, Frames: frames}, &a); err != nil {
				t.Fatal(err)
			}
			if a.ID != 9 || a.Run <= 0 {
				t.Errorf("got id %d, run %v, want 9 and some time", a.ID, a.Run)
			}
			checkImages(t, images(t, &a), want)
		})
		t.Run(tt.name+"/own-stream", func(t *testing.T) {
			stream, err := own.EncodeStream(timeout(t))
			if err != nil {
				t.Fatal(err)
			}
			for i := range frames { // All are sent before the first response is read.
				b := &client.Batch{ID: uint64(i), Frames: frames[i : i+1]}
				if i == 0 {
					b.Spec = tt.spec
				}
				if err := stream.Send(b); err != nil {
					t.Fatal(err)
				}
			}
			if err := stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			var a client.Response
			for i := range frames {
				if err := stream.Recv(&a); err != nil || a.ID != uint64(i) {
					t.Fatalf("got response %d, %v, want %d", a.ID, err, i)
				}
				checkImages(t, images(t, &a), want[i:i+1])
			}
			if err := stream.Recv(&a); err != io.EOF {
				t.Errorf("got %v after the last response, want io.EOF", err)
			}
		})
		t.Run(tt.name+"/stock", func(t *testing.T) {
			a, err := stock.Encode(timeout(t), &api.EncodeRequest{Id: 9, Spec: spec, Frames: frames})
			if err != nil {
				t.Fatal(err)
			}
			checkImages(t, stockImages(t, a), want)
		})
		t.Run(tt.name+"/stock-stream", func(t *testing.T) {
			stream, err := stock.EncodeStream(timeout(t))
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
		})
	}
}

func images(t *testing.T, a *client.Response) [][]byte {
	t.Helper()
	var out [][]byte
	for _, p := range a.Images {
		if p.Err != nil {
			t.Fatal(p.Err)
		}
		out = append(out, p.Data)
	}
	return out
}

func stockImages(t *testing.T, a *api.EncodeResponse) [][]byte {
	t.Helper()
	var out [][]byte
	for _, p := range a.Pictures {
		if p.Code != 0 {
			t.Fatal(p.Message)
		}
		out = append(out, p.Data)
	}
	return out
}

func checkImages(t testing.TB, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d images, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("image %d: got %d bytes, which are not the library's %d", i, len(got[i]), len(want[i]))
		}
	}
}

func TestGRPCErrors(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Limits.MaxPixels, c.Limits.MaxBatch, c.Limits.MaxMessageBytes = 10_000, 3, 1<<20
		c.Limits.MemoryBudget, c.Limits.MemoryFloor = 8<<20, 0
	})
	with := func(change func(*pipeline.Spec)) pipeline.Spec {
		spec := small
		change(&spec)
		return spec
	}
	frames := makeFrames(t, small.Input, 4)
	tests := []struct {
		name         string
		batch        client.Batch
		code         codes.Code
		field, limit string
		reason       string
	}{
		{"no-spec", client.Batch{Frames: frames[:1]}, codes.InvalidArgument, "spec", "", "first request has no spec"},
		{"no-frames", client.Batch{Spec: with(func(*pipeline.Spec) {})}, codes.InvalidArgument, "frames", "", "got no frames, want 1..3"},
		{"no-format", client.Batch{Spec: pipeline.Spec{Input: frame.Desc{Width: 32}}, Frames: frames[:1]}, codes.InvalidArgument, "input.format", "", "input.format"},
		{"too-many-frames", client.Batch{Spec: with(func(*pipeline.Spec) {}), Frames: frames}, codes.InvalidArgument, "frames", "limits.max_batch", "got 4, want at most 3"},
		{"too-many-pixels", client.Batch{Spec: with(func(s *pipeline.Spec) { s.Input.Width = 1000 }), Frames: frames[:1]}, codes.InvalidArgument, "", "limits.max_pixels",
			"got 24000, want at most 10000"},
		{"too-many-pixels-out", client.Batch{Spec: with(func(s *pipeline.Spec) { s.Resize.Width, s.Resize.Height = 101, 100 }), Frames: frames[:1]}, codes.InvalidArgument, "",
			"limits.max_pixels", "got 10100, want at most 10000"},
		{"message-too-large", client.Batch{Spec: with(func(*pipeline.Spec) {}), Frames: [][]byte{make([]byte, 1<<20)}}, codes.InvalidArgument, "", "limits.max_message_bytes", "want at most 1048576"},
		{"crop-outside", client.Batch{Spec: with(func(s *pipeline.Spec) { s.Crop = pipeline.Rect{X: 30, Width: 10, Height: 10} }), Frames: frames[:1]}, codes.InvalidArgument, "crop", "", "want a part of 32x24"},
		{"quality", client.Batch{Spec: with(func(s *pipeline.Spec) { s.Output.Quality = 101 }), Frames: frames[:1]}, codes.InvalidArgument, "output.quality", "", "got 101"},
	}
	c := s.dial(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var a client.Response
			check := func(how string, err error) {
				t.Helper()
				var e *client.Error
				if !errors.As(err, &e) {
					t.Fatalf("%s: got %v, want a *client.Error", how, err)
				}
				if e.Code != tt.code || e.Field != tt.field || e.Limit != tt.limit || !strings.Contains(e.Reason, tt.reason) {
					t.Errorf("%s: got %v, field %q, limit %q\nwant %s with %q, field %q, limit %q", how, e, e.Field, e.Limit, tt.code, tt.reason, tt.field, tt.limit)
				}
				if status.Code(err) != tt.code {
					t.Errorf("%s: got gRPC code %s, want %s", how, status.Code(err), tt.code)
				}
			}
			check("one call", c.Encode(timeout(t), &tt.batch, &a))

			stream, err := c.EncodeStream(timeout(t))
			if err != nil {
				t.Fatal(err)
			}
			good := tt.name != "no-spec"
			if good { // What came before is answered.
				if err := stream.Send(&client.Batch{ID: 1, Spec: small, Frames: frames[:2]}); err != nil {
					t.Fatal(err)
				}
			}
			if err := stream.Send(&tt.batch); err != nil && err != io.EOF {
				t.Fatal(err)
			}
			if good {
				if err := stream.Recv(&a); err != nil || len(a.Images) != 2 {
					t.Fatalf("got %d images, %v for the request before, want 2", len(a.Images), err)
				}
			}
			check("stream", stream.Recv(&a))
		})
	}
}

// TestLongSpec: a Spec of many bytes that no version of the API knows is refused before it is read.
func TestLongSpec(t *testing.T) {
	const n = 5000
	spec := &api.Spec{}
	spec.ProtoReflect().SetUnknown(append([]byte{0xfa, 0x7f, byte(n&0x7f | 0x80), byte(n >> 7)}, make([]byte, n)...))
	_, err := start(t, nil).stock(t).Encode(timeout(t), &api.EncodeRequest{Spec: spec, Frames: makeFrames(t, small.Input, 1)})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "want at most 4096") {
		t.Errorf("got %v, want InvalidArgument with the most bytes", err)
	}
}

// specMessage returns the message that says spec, for the generated client.
func specMessage(t testing.TB, spec pipeline.Spec) *api.Spec {
	t.Helper()
	m, err := apispec.ToProto(spec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAFrameOfTheWrongSizeFailsAlone(t *testing.T) {
	s := start(t, nil)
	frames := makeFrames(t, small.Input, 5)
	want := encodeDirectly(t, small, frames)
	frames[1], frames[3] = frames[1][1:], nil
	var a client.Response
	if err := s.dial(t).Encode(timeout(t), &client.Batch{Spec: small, Frames: frames}, &a); err != nil {
		t.Fatal(err)
	}
	for i, p := range a.Images {
		if i == 1 || i == 3 {
			var e *client.Error
			if !errors.As(p.Err, &e) || e.Code != codes.InvalidArgument || !strings.Contains(e.Reason, "want 2304 for bgr24 32x24") || p.Data != nil {
				t.Errorf("image %d: got %v, want InvalidArgument with the right size", i, p.Err)
			}
			continue
		}
		if p.Err != nil || !bytes.Equal(p.Data, want[i]) {
			t.Errorf("image %d: got %d bytes, %v, want the library's", i, len(p.Data), p.Err)
		}
	}
	if st := s.Stats(); st.Frames != 3 || st.Failed != 2 {
		t.Errorf("got %d frames counted as images and %d as failed, want 3 and 2", st.Frames, st.Failed)
	}
}

func TestHealthAndReflection(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	health, err := healthgrpc.NewHealthClient(c.Conn()).Check(timeout(t), &healthgrpc.HealthCheckRequest{Service: "steadyframe.v1.FrameService"})
	if err != nil || health.GetStatus() != healthgrpc.HealthCheckResponse_SERVING {
		t.Errorf("health: got %v, %v, want SERVING", health, err)
	}
	ctx, cancel := context.WithCancel(timeout(t))
	defer cancel()
	stream, err := reflectiongrpc.NewServerReflectionClient(c.Conn()).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	request := &reflectiongrpc.ServerReflectionRequest{MessageRequest: &reflectiongrpc.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "steadyframe.v1.FrameService"}}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	response, err := stream.Recv()
	if err != nil || len(response.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("reflection: got %v, %v, want the descriptor of FrameService", response, err)
	}
}

func TestGRPCToken(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Auth.Token = "hunter2" })
	batch := &client.Batch{Spec: small, Frames: makeFrames(t, small.Input, 1)}
	for _, tt := range []struct {
		token string
		code  codes.Code
	}{{"", codes.Unauthenticated}, {"hunter3", codes.Unauthenticated}, {"hunter2", codes.OK}} {
		c, err := dialClient(s.Addrs().GRPC, client.Options{Token: tt.token})
		if err != nil {
			t.Fatal(err)
		}
		var a client.Response
		if err := c.Encode(timeout(t), batch, &a); status.Code(err) != tt.code {
			t.Errorf("token %q: got %v, want %s", tt.token, err, tt.code)
		}
		if _, err := healthgrpc.NewHealthClient(c.Conn()).Check(timeout(t), &healthgrpc.HealthCheckRequest{}); err != nil {
			t.Errorf("token %q: health: %v", tt.token, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
