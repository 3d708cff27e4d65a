package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
	"github.com/steadyframe/steadyframe/pipeline"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// echo is a server, of the stock kind, whose images are the frames themselves. A batch of id 13 fails.
type echo struct {
	api.UnimplementedFrameServiceServer
}

func (echo) response(ctx context.Context, r *api.EncodeRequest) (*api.EncodeResponse, error) {
	if r.GetId() == 13 {
		st, err := status.New(codes.ResourceExhausted, "the queue is full").WithDetails(
			&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
			&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "limits.queue_depth"}}},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "frames"}}},
		)
		if err != nil {
			return nil, err
		}
		return nil, st.Err()
	}
	a := &api.EncodeResponse{Id: r.GetId(), QueueUs: 7, RunUs: uint64(r.GetSpec().GetInput().GetWidth())}
	for _, f := range r.GetFrames() {
		p := &api.Picture{Data: f}
		if len(f) == 0 {
			p = &api.Picture{Code: int32(codes.InvalidArgument), Message: "empty"}
		}
		a.Pictures = append(a.Pictures, p)
	}
	if md, _ := metadata.FromIncomingContext(ctx); len(md.Get("authorization")) > 0 {
		a.QueueUs = uint64(len(md.Get("authorization")[0]))
	}
	return a, nil
}

func (e echo) Encode(ctx context.Context, r *api.EncodeRequest) (*api.EncodeResponse, error) {
	return e.response(ctx, r)
}

func (e echo) EncodeStream(s api.FrameService_EncodeStreamServer) error {
	for {
		r, err := s.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		a, err := e.response(s.Context(), r)
		if err != nil {
			return err
		}
		if err := s.Send(a); err != nil {
			return err
		}
	}
}

// dialEcho returns a client of an echo server.
func dialEcho(t *testing.T, o Options) *Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return dialEchoOn(t, l, l.Addr().String(), o)
}

// dialEchoOn returns a client, of that target, of an echo server on l.
func dialEchoOn(t *testing.T, l net.Listener, target string, o Options) *Client {
	t.Helper()
	s := grpc.NewServer(grpc.MaxRecvMsgSize(1 << 30))
	api.RegisterFrameServiceServer(s, echo{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c, err := Dial(target, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		s.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestEncodeWithAStockServer(t *testing.T) {
	c := dialEcho(t, Options{Token: "hunter2"})
	// 25 frames of W1 are more than gRPC's usual limit of 4 MiB, both ways.
	b := &Batch{ID: 1 << 60, Spec: pipeline.Spec{Input: frame.Desc{Width: 640}}}
	for i := range 25 {
		b.Frames = append(b.Frames, bytes.Repeat([]byte{byte(i + 1)}, 691200))
	}
	b.Frames[3] = nil
	b.Frames[4] = []byte("small")
	var a Response
	for range 2 { // the second time into the same memory
		if err := c.Encode(context.Background(), b, &a); err != nil {
			t.Fatal(err)
		}
		if a.ID != b.ID || len(a.Images) != 25 || a.Run != 640*time.Microsecond || a.Queue != time.Duration(len("Bearer hunter2"))*time.Microsecond {
			t.Fatalf("got id %d, %d images, run %v, queue %v", a.ID, len(a.Images), a.Run, a.Queue)
		}
		for i, p := range a.Images {
			var e *Error
			if i == 3 {
				if !errors.As(p.Err, &e) || e.Code != codes.InvalidArgument || e.Reason != "empty" || status.Code(p.Err) != codes.InvalidArgument {
					t.Errorf("image 3: got %v, want InvalidArgument", p.Err)
				}
				continue
			}
			if p.Err != nil || !bytes.Equal(p.Data, b.Frames[i]) {
				t.Errorf("image %d: got %d bytes, %v", i, len(p.Data), p.Err)
			}
		}
	}
}

func TestStreamWithAStockServer(t *testing.T) {
	c := dialEcho(t, Options{})
	s, err := c.EncodeStream(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := s.Send(&Batch{ID: uint64(i), Frames: [][]byte{{byte(i)}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var a Response
	for i := range 5 {
		if err := s.Recv(&a); err != nil || a.ID != uint64(i) || len(a.Images) != 1 || a.Images[0].Data[0] != byte(i) {
			t.Fatalf("response %d: got %+v, %v", i, a, err)
		}
	}
	if err := s.Recv(&a); err != io.EOF {
		t.Errorf("got %v at the end, want io.EOF", err)
	}
}

func TestUnixTargets(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, target string }{
		{"absolute", "unix:" + filepath.Join(dir, "s")},
		{"url", "unix://" + filepath.Join(dir, "s")},
		{"relative", "unix:s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("unix", "s")
			if err != nil {
				t.Fatal(err)
			}
			c := dialEchoOn(t, l, tt.target, Options{})
			b := &Batch{Frames: [][]byte{bytes.Repeat([]byte{7}, 3*unixBuffer)}} // more than the socket takes at once
			var a Response
			if err := c.Encode(t.Context(), b, &a); err != nil || len(a.Images) != 1 || !bytes.Equal(a.Images[0].Data, b.Frames[0]) {
				t.Errorf("got %d images, %v, want the frame back", len(a.Images), err)
			}
		})
	}
}

func TestErrorsAreTyped(t *testing.T) {
	c := dialEcho(t, Options{})
	var a Response
	var e *Error
	err := c.Encode(context.Background(), &Batch{ID: 13}, &a)
	if !errors.As(err, &e) || e.Code != codes.ResourceExhausted || e.RetryAfter != 1500*time.Millisecond || e.Limit != "limits.queue_depth" || e.Field != "frames" {
		t.Errorf("got %v, %+v, want all that the server said", err, e)
	}
	if status.Code(err) != codes.ResourceExhausted || err.Error() != "client: ResourceExhausted: the queue is full" {
		t.Errorf("got %s, %q", status.Code(err), err)
	}
	late, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	if err := c.Encode(late, &Batch{}, &a); !errors.As(err, &e) || e.Code != codes.DeadlineExceeded {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	nobody, err := Dial("unix:/nobody/there.sock", &Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nobody.Close() }()
	if err := nobody.Encode(context.Background(), &Batch{}, &a); !errors.As(err, &e) || e.Code != codes.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	if _, err := Dial("nowhere", &Options{}); err == nil {
		t.Error("got no error for a target without a port")
	}
	if _, err := nobody.EncodeStream(late); !errors.As(err, &e) {
		t.Errorf("got %v, want an *Error", err)
	}
}

// TestMarshalIsProtobuf: a Batch is what a stock client would send.
func TestMarshalIsProtobuf(t *testing.T) {
	spec := pipeline.Spec{Input: frame.Desc{Width: 3}, Output: pipeline.Output{Restart: pipeline.RestartRow}}
	message := &api.Spec{Input: &api.FrameDesc{Width: 3}, Output: &api.Output{Restart: -1}}
	many := make([][]byte, 1000) // whose lengths take more than one of the buffers that are used again
	for i := range many {
		many[i] = make([]byte, i)
	}
	tests := []struct {
		name  string
		batch Batch
		want  *api.EncodeRequest
	}{
		{"empty", Batch{}, &api.EncodeRequest{}},
		{"id", Batch{ID: 1<<64 - 1}, &api.EncodeRequest{Id: 1<<64 - 1}},
		{"frames", Batch{ID: 1, Spec: spec, Frames: many[:3]}, &api.EncodeRequest{Id: 1, Spec: message, Frames: many[:3]}},
		{"images", Batch{Spec: spec, Images: []SceneImage{{Index: NextIndex}, {Index: 300, Regions: 16, Rects: []pipeline.Rect{{X: -5, Y: 9, Width: 4000, Height: 1}, {}}}}},
			&api.EncodeRequest{Spec: message, Images: []*api.SceneImage{{}, {Index: new(uint64(300)), Regions: 16, Rects: []*api.RegionRect{{X: -5, Y: 9, Width: 4000, Height: 1}, {}}}}}},
		{"many", Batch{Spec: spec, Frames: many}, &api.EncodeRequest{Spec: message, Frames: many}},
	}
	c := &Client{codec: newCodec()}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want, err := proto.MarshalOptions{Deterministic: true}.Marshal(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			spec, err := c.marshalSpec(tt.batch.Spec)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.codec.Marshal(&encodeRequest{batch: &tt.batch, spec: spec})
			if err != nil {
				t.Fatal(err)
			}
			if len(tt.batch.Images) > 0 { // Zeros are sent too.
				var sent api.EncodeRequest
				if err := proto.Unmarshal(got.Materialize(), &sent); err != nil || !proto.Equal(&sent, tt.want) {
					t.Errorf("got %v, %v, want %v", &sent, err, tt.want)
				}
			} else if !bytes.Equal(got.Materialize(), want) {
				t.Errorf("got %d bytes, want %d", got.Len(), len(want))
			}
			got.Free()
		})
	}
}

// TestSpecThatNoMessageHolds: it is refused before anything is sent, as the server refuses what it can't do.
func TestSpecThatNoMessageHolds(t *testing.T) {
	c := dialEcho(t, Options{})
	spec := pipeline.Spec{Resize: pipeline.Resize{Width: -1}}
	s, err := c.EncodeStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var r Response
	_, publishing := c.Publish(t.Context(), "cam1", spec, nil)
	for call, err := range map[string]error{
		"Encode": c.Encode(t.Context(), &Batch{Spec: spec}, &r), "Send": s.Send(&Batch{Spec: spec}), "Publish": publishing,
	} {
		var e *Error
		var wrong *pipeline.SpecError
		if !errors.As(err, &e) || e.Code != codes.InvalidArgument || e.Field != "resize.width" || !errors.As(err, &wrong) || status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v, want InvalidArgument about resize.width", call, err)
		}
	}
	if err := errors.Join(s.Send(&Batch{ID: 3}), s.Recv(&r)); err != nil || r.ID != 3 {
		t.Errorf("got %v, response %d: want the stream to go on", err, r.ID)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
}

func TestMarshalAllocatesLittle(t *testing.T) {
	b := Batch{ID: 1, Spec: pipeline.Spec{Input: frame.Desc{Width: 640}}, Frames: make([][]byte, 25)}
	for i := range b.Frames {
		b.Frames[i] = make([]byte, 691200)
	}
	c := &Client{codec: newCodec()}
	var r encodeRequest // as an EncodeStream keeps it
	const runs = 100
	objects, size := alloctest.Measure(t, runs, func() {
		spec, err := c.marshalSpec(b.Spec)
		if err != nil {
			t.Fatal(err)
		}
		r = encodeRequest{batch: &b, spec: spec}
		data, err := c.codec.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		data.Free()
	})
	if objects > runs || size > runs*1024 {
		t.Errorf("%d batches allocated %d objects of %d bytes, want one of at most 1 KiB each", runs, objects, size)
	}
}

// TestReason: why there is no connection is said without gRPC's words around it; what else is said stays as it is.
func TestReason(t *testing.T) {
	for message, want := range map[string]string{
		`connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.5:1: connect: connection refused"`: "dial tcp 10.0.0.5:1: connect: connection refused",
		`connection error: desc = "transport: authentication handshake failed: x509: unknown authority \"a\""`:        `authentication handshake failed: x509: unknown authority "a"`,
		`last connection error: connection error: desc = "error reading server preface: EOF"`:                         "error reading server preface: EOF",
		`connection error: desc = "cut off`: `connection error: desc = "cut off`,
		"the stream is lost":                "the stream is lost",
	} {
		if got := reason(message); got != want {
			t.Errorf("%s: got %s, want %s", message, got, want)
		}
	}
}
