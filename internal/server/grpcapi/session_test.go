package grpcapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/apispec"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// specMessage returns the message that says spec.
func specMessage(t testing.TB, spec pipeline.Spec) *api.Spec {
	t.Helper()
	m, err := apispec.ToProto(spec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// scripted is a call without a network: the bytes that come in, and what is sent.
type scripted struct {
	grpc.ServerStream // for the methods that are not used
	ctx               context.Context
	cancel            context.CancelFunc // ends ctx
	in                *bytes.Reader
	failAt            int64 // bytes read before fail is called, when that is set
	fail              func()
	silent            bool // whether the caller, after its bytes, says nothing until the call is over
	sent              [][]byte
	sendErr           error
	encoding          string // grpc-encoding
}

func (c *scripted) RecvCompress() string { return c.encoding }

func (c *scripted) Context() context.Context { return c.ctx }

func (c *scripted) ReadMessageHeader(p []byte) error {
	if c.fail != nil && c.in.Size()-int64(c.in.Len()) >= c.failAt {
		c.fail()
	}
	_, err := io.ReadFull(c.in, p)
	if c.silent && err != nil {
		<-c.ctx.Done()
	}
	return err
}

func (c *scripted) SendHeader(metadata.MD) error { return nil }

func (c *scripted) SendMsg(m any) error {
	if c.sendErr != nil {
		return c.sendErr
	}
	data, err := newCodec().Marshal(m)
	if err != nil {
		return err
	}
	c.sent = append(c.sent, data.Materialize())
	data.Free()
	return nil
}

// serve runs a session on c and returns its outcome, after all of it has ended; then nothing may be leased.
func serve(t *testing.T, c *scripted, unary bool) error {
	t.Helper()
	e := engine.New(config.Default(), metrics.New(), nil)
	defer e.Close()
	return serveWith(t, e, c, unary)
}

// serveWith is serve with an engine of the test's own.
func serveWith(t *testing.T, e *engine.Engine, c *scripted, unary bool) error {
	t.Helper()
	s := &service{engine: e, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	c.ctx = ctx
	err := newSession(s, c, c, unary).run()
	cancel() // as grpc-go does when the handler returns
	s.wait.Wait()
	if err := e.Ready(); err != nil {
		t.Errorf("got not ready, %v, after the call", err)
	}
	if leaks := pooltest.Leaks(e.Pool.Stats()); leaks != "" {
		t.Error(leaks)
	}
	return err
}

var gray = pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 30, Height: 30}}

func grayRequest(frames int) *api.EncodeRequest {
	spec, err := apispec.ToProto(gray)
	if err != nil {
		panic(err)
	}
	r := &api.EncodeRequest{Id: 5, Spec: spec}
	for range frames {
		r.Frames = append(r.Frames, make([]byte, 900))
	}
	return r
}

func TestSession(t *testing.T) {
	two := append(framed(t, grayRequest(2)), framed(t, grayRequest(3))...)
	c := &scripted{in: bytes.NewReader(two)}
	if err := serve(t, c, false); err != nil {
		t.Fatal(err)
	}
	if len(c.sent) != 2 {
		t.Fatalf("got %d responses, want 2", len(c.sent))
	}
	for i, want := range []int{2, 3} {
		var a api.EncodeResponse
		if err := proto.Unmarshal(c.sent[i], &a); err != nil || len(a.Pictures) != want || a.Id != 5 {
			t.Errorf("response %d: got %d images, id %d, %v, want %d and 5", i, len(a.Pictures), a.Id, err, want)
		}
	}
	if err := serve(t, &scripted{in: bytes.NewReader(nil)}, false); err != nil {
		t.Errorf("a stream without requests: got %v", err)
	}
	if err := serve(t, &scripted{in: bytes.NewReader(nil)}, true); fault.From(err) == nil || fault.From(err).Kind != fault.Invalid {
		t.Errorf("a call without a request: got %v, want Invalid", err)
	}
}

// TestSessionBrokenAnywhere: wherever the bytes end, or reading panics, the session fails with the right kind, and no
// lease is lost.
func TestSessionBrokenAnywhere(t *testing.T) {
	data := append(framed(t, grayRequest(2)), framed(t, grayRequest(2))...)
	for n := range len(data) {
		if n > 60 && n%97 != 0 { // The rest is frames' bytes.
			continue
		}
		err := serve(t, &scripted{in: bytes.NewReader(data[:n])}, false)
		if whole := n == 0 || n == len(data)/2; whole != (err == nil) || err != nil && fault.From(err).Kind != fault.Invalid {
			t.Errorf("after %d bytes: got %v, want Invalid inside a message", n, err)
		}
		unary := n%2 == 0
		err = serve(t, &scripted{in: bytes.NewReader(data), failAt: int64(n), fail: func() { panic("broken transport") }}, unary)
		if unary && n > len(data)/2-388 { // One call needs no second message, and no read begins inside the last piece of a frame.
			continue
		}
		if f := fault.From(err); f == nil || f.Kind != fault.Internal || !strings.Contains(f.Error(), "broken transport") {
			t.Errorf("panic after %d bytes: got %v, want Internal", n, err)
		}
	}
}

// TestSilenceEndsTheCall: wherever in a message a caller falls silent, also among frames that are smaller than minPiece,
// timeouts.receive ends the call; between messages timeouts.idle does.
func TestSilenceEndsTheCall(t *testing.T) {
	r := &api.EncodeRequest{Spec: specMessage(t, pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 16, Height: 16}})}
	for range 20 {
		r.Frames = append(r.Frames, make([]byte, 16*16))
	}
	data := framed(t, r)
	header, first := 5, len(data)-19*(1+2+16*16) // the first frame's end
	if timeouts := config.Default().Timeout; timeouts.Receive == timeouts.Idle {
		t.Fatal("the timeouts are the same")
	}
	for _, n := range []int{0, 1, header, header + 1, first - 1, first, first + 1, 600, 5000, len(data) - 1, len(data)} {
		for _, unary := range []bool{false, true} {
			if unary && n == len(data) { // It is complete.
				continue
			}
			t.Run(fmt.Sprintf("bytes=%d/unary=%t", n, unary), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					begin := time.Now()
					err := serve(t, &scripted{in: bytes.NewReader(data[:n]), silent: true}, unary)
					want := config.Default().Timeout.Receive
					if !unary && (n < header || n == len(data)) {
						want = config.Default().Timeout.Idle
					}
					if f := fault.From(err); f == nil || f.Kind != fault.Slow || time.Since(begin) != time.Duration(want) {
						t.Errorf("got %v after %v, want Slow after %v", err, time.Since(begin), time.Duration(want))
					}
				})
			})
		}
	}
}

// TestACallHoldsAPlace: from its message's first bytes until it is encoded; a call that finds none is refused before more of it
// is read, and a stream needs none.
func TestACallHoldsAPlace(t *testing.T) {
	settings := config.Default()
	settings.Workers, settings.Limits.QueueDepth = 1, 0
	e := engine.New(settings, metrics.New(), nil)
	defer e.Close()
	good := framed(t, grayRequest(1))
	for range 3 { // Each gives its place back.
		inside := &scripted{in: bytes.NewReader(good), failAt: 5}
		inside.fail = func() {
			inside.fail = nil
			if f := fault.From(e.CheckQueue()); f == nil || f.Limit != "limits.queue_depth" {
				t.Errorf("got %v while a call is received, want Busy", f)
			}
			other := &scripted{in: bytes.NewReader(good)}
			ctx, cancel := context.WithCancel(context.Background())
			other.ctx = ctx
			s := &service{engine: e, log: slog.New(slog.DiscardHandler)}
			if f := fault.From(newSession(s, other, other, true).run()); f == nil || f.Kind != fault.Busy || other.in.Len() != len(good)-5 {
				t.Errorf("got %v with %d bytes unread, want Busy with %d", f, other.in.Len(), len(good)-5)
			}
			cancel()
			s.wait.Wait()
		}
		if err := serveWith(t, e, inside, true); err != nil {
			t.Error(err)
		}
	}
	if err := e.Reserve(); err != nil {
		t.Fatal(err)
	}
	stream := &scripted{in: bytes.NewReader(good)}
	s := &service{engine: e, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	stream.ctx = ctx
	if err := newSession(s, stream, stream, false).run(); err != nil {
		t.Errorf("a stream: got %v with every place held", err)
	}
	cancel()
	s.wait.Wait()
	e.Unreserve()
}

// TestAFrameOfTheWrongSizeTakesNoMemory: nor does it fail those beside it.
func TestAFrameOfTheWrongSizeTakesNoMemory(t *testing.T) {
	r := grayRequest(3)
	r.Frames[1] = make([]byte, 1<<20)
	withoutSpec := &api.EncodeRequest{Frames: [][]byte{make([]byte, 900), make([]byte, 899), nil}}
	c := &scripted{in: bytes.NewReader(append(framed(t, r), framed(t, withoutSpec)...))}
	e := engine.New(config.Default(), metrics.New(), nil)
	defer e.Close()
	if err := serveWith(t, e, c, false); err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"", "frames[1]: got 1048576 bytes, want 900 for gray 30x30", ""},
		{"", "frames[1]: got 899 bytes, want 900 for gray 30x30", "frames[2]: got 0 bytes, want 900 for gray 30x30"},
	}
	for i := range want {
		var a api.EncodeResponse
		if err := proto.Unmarshal(c.sent[i], &a); err != nil || len(a.Pictures) != len(want[i]) {
			t.Fatalf("response %d: got %d images, %v, want %d", i, len(a.Pictures), err, len(want[i]))
		}
		for j, p := range a.Pictures {
			code := codes.OK
			if want[i][j] != "" {
				code = codes.InvalidArgument
			}
			if p.Message != want[i][j] || codes.Code(p.Code) != code || (len(p.Data) > 0) != (code == codes.OK) {
				t.Errorf("response %d, image %d: got %s, %q, %d bytes, want %s, %q", i, j, codes.Code(p.Code), p.Message, len(p.Data), code, want[i][j])
			}
		}
	}
	for _, class := range e.Pool.Stats().Classes {
		if class.Size >= 1<<20 {
			t.Errorf("got a class of %d bytes, want none for the frame of the wrong size", class.Size)
		}
	}
}

func TestSessionErrors(t *testing.T) {
	good := framed(t, grayRequest(1))
	compressed := append([]byte{1}, good[1:]...)
	huge := binary.BigEndian.AppendUint32([]byte{0}, 1<<30)
	tests := []struct {
		name string
		call *scripted
		kind fault.Kind
		sent int
	}{
		{"compressed", &scripted{in: bytes.NewReader(compressed)}, fault.Unsupported, 0},
		{"too-large", &scripted{in: bytes.NewReader(append(bytes.Clone(good), huge...))}, fault.TooLarge, 1},
		{"malformed", &scripted{in: bytes.NewReader(append(bytes.Clone(good), 0, 0, 0, 0, 1, 0))}, fault.Invalid, 1},
		{"send", &scripted{in: bytes.NewReader(good), sendErr: errors.New("gone")}, fault.Canceled, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := serve(t, tt.call, false)
			if f := fault.From(err); f == nil || f.Kind != tt.kind || len(tt.call.sent) != tt.sent {
				t.Errorf("got %v after %d responses, want %s after %d", err, len(tt.call.sent), tt.kind, tt.sent)
			}
		})
	}
}

// TestStatus: every kind has its code, and the details say what a caller can do.
func TestStatus(t *testing.T) {
	want := map[fault.Kind]codes.Code{
		fault.Internal: codes.Internal, fault.Invalid: codes.InvalidArgument, fault.TooLarge: codes.InvalidArgument, fault.Unsupported: codes.Unimplemented,
		fault.Unauthorized: codes.Unauthenticated, fault.Forbidden: codes.PermissionDenied, fault.Busy: codes.ResourceExhausted, fault.Draining: codes.Unavailable,
		fault.NotFound: codes.NotFound, fault.Conflict: codes.Aborted, fault.Offline: codes.Unavailable,
		fault.Deadline: codes.DeadlineExceeded, fault.Slow: codes.DeadlineExceeded, fault.Canceled: codes.Canceled,
		fault.Misdirected: codes.InvalidArgument,
	}
	for k := range fault.Kinds {
		kind := fault.Kind(k)
		st := toStatus(&fault.Error{Kind: kind, Reason: "bad \xff text", Field: "f", Limit: "l", RetryAfter: 1})
		if st.Code() != want[kind] || !strings.HasPrefix(st.Message(), "bad \ufffd text") || len(st.Details()) != 3 {
			t.Errorf("%s: got %s, %q, %d details, want %s and 3", kind, st.Code(), st.Message(), len(st.Details()), want[kind])
		}
	}
}

func TestCodecLeavesOthersAlone(t *testing.T) {
	c := newCodec()
	data, err := c.Marshal(grayRequest(1))
	if err != nil {
		t.Fatal(err)
	}
	var got api.EncodeRequest
	if err := c.Unmarshal(data, &got); err != nil || !proto.Equal(&got, grayRequest(1)) {
		t.Errorf("got %v, %v, want what was put in", &got, err)
	}
	o := &outgoing{data: mem.BufferSlice{mem.SliceBuffer("x")}}
	if data, err := c.Marshal(o); err != nil || data.Len() != 1 || o.data != nil {
		t.Errorf("got %v, %v, want the data given away", data, err)
	}
}
