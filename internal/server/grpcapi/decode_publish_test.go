package grpcapi

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestDecodePublish(t *testing.T) {
	p := pooltest.New(t, nil)
	d := decoder{kind: publishRequest, MaxFrames: 3}
	var req request
	for _, want := range []*api.PublishRequest{
		{Stream: "cam1", Spec: &api.Spec{Input: &api.FrameDesc{Width: 640}}, MaxFps: 12.5, CapturedUs: 1<<64 - 1, Frames: [][]byte{make([]byte, 70000), {}, {1}}},
		{Frames: [][]byte{{1}}}, // nothing is left of the one before
		{},
	} {
		data, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := decode(&d, p, &req, data); err != nil {
			t.Fatal(err)
		}
		checkSamePublish(t, &req, want)
		req.Release()
	}
}

func checkSamePublish(t *testing.T, got *request, want *api.PublishRequest) {
	t.Helper()
	if string(got.Stream) != want.GetStream() || math.Float64bits(got.MaxFPS) != math.Float64bits(want.GetMaxFps()) || got.CapturedUS != want.GetCapturedUs() {
		t.Fatalf("got stream %q, max_fps %v, captured_us %d, want %q, %v, %d", got.Stream, got.MaxFPS, got.CapturedUS, want.GetStream(), want.GetMaxFps(), want.GetCapturedUs())
	}
	checkSame(t, got, &api.EncodeRequest{Spec: want.GetSpec(), Frames: want.GetFrames(), Images: want.GetImages()})
}

func TestDecodePublishRefuses(t *testing.T) {
	tests := []struct {
		name string
		data message
		want string
	}{
		{"long-name", message{}.bytes(1, strings.Repeat("x", 257)), "got a name of 257 bytes, want at most 64"},
		{"name-not-utf8", message{}.bytes(1, "\xc3"), "not UTF-8"},
		{"too-many-frames", message{}.bytes(5, "a").bytes(5, "b").bytes(5, "c"), "(limits.max_batch: got 3, want at most 2)"},
	}
	p := pooltest.New(t, nil)
	for _, take := range []bool{false, true} {
		d := decoder{kind: publishRequest, MaxFrames: 2}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				var req request
				src := &takingSource{source: source{tt.data, p}, req: &req, take: take}
				err := d.Decode(&req, src, len(tt.data))
				req.Release()
				if f := fault.From(err); f == nil || f.Kind != fault.Invalid || !strings.Contains(f.Error(), tt.want) {
					t.Errorf("got %v, want Invalid with %q", err, tt.want)
				}
			})
		}
	}
}

// takingSource takes frames as they are complete, if take is set.
type takingSource struct {
	source
	req      *request
	take     bool
	complete [][]byte
}

func (s *takingSource) Complete() error {
	if s.take {
		last := len(s.req.Frames) - 1
		b := s.req.Frames[last].Buf
		s.complete = append(s.complete, bytes.Clone(b.Bytes()))
		s.req.Frames = s.req.Frames[:last]
		b.Release()
	}
	return nil
}

// TestFramesComeOneByOne: a frame can be used before the next one has come.
func TestFramesComeOneByOne(t *testing.T) {
	p := pooltest.New(t, nil)
	frames := []string{"first", "", strings.Repeat("x", 5000)}
	var data message
	for _, f := range frames {
		data = data.bytes(5, f)
	}
	d := decoder{kind: publishRequest, MaxFrames: len(frames)}
	var req request
	src := &takingSource{source: source{data, p}, req: &req, take: true}
	if err := d.Decode(&req, src, len(data)); err != nil {
		t.Fatal(err)
	}
	if len(req.Frames) != 0 || len(src.complete) != len(frames) {
		t.Fatalf("got %d frames left and %d complete, want 0 and %d", len(req.Frames), len(src.complete), len(frames))
	}
	for i, want := range frames {
		if string(src.complete[i]) != want {
			t.Errorf("frame %d: got %d bytes, want %d", i, len(src.complete[i]), len(want))
		}
	}
}

func TestDecodePublishAllocatesNothing(t *testing.T) {
	p := pool.New(nil)
	data, err := proto.Marshal(&api.PublishRequest{Stream: "cam1", Spec: &api.Spec{}, MaxFps: 25, CapturedUs: 1 << 50, Frames: [][]byte{make([]byte, 691200)}})
	if err != nil {
		t.Fatal(err)
	}
	d := decoder{kind: publishRequest, MaxFrames: 64}
	var src source
	var req request
	alloctest.Zero(t, 100, func() {
		src = source{data, p}
		if err := d.Decode(&req, &src, len(data)); err != nil {
			t.Fatal(err)
		}
		req.Release()
	})
}
