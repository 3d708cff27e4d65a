package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Publish is a stock server's. It responds to each request with how many frames have come and the sum of their first bytes as
// drops. A stream "taken" is another's after the first frame; "none" cannot be published.
func (echo) Publish(s api.FrameService_PublishServer) error {
	var now api.PublishStatus
	name := ""
	for {
		r, err := s.Recv()
		if err == io.EOF {
			now.Published = now.Arrived
			return s.Send(&now)
		}
		if err != nil {
			return err
		}
		if r.GetStream() != "" {
			name = r.GetStream()
			now.Viewers, now.FpsOut = r.GetSpec().GetInput().GetWidth(), r.GetMaxFps()
		}
		if name == "none" {
			return status.Error(codes.FailedPrecondition, "it has a source of its own")
		}
		for _, f := range r.GetFrames() {
			now.Arrived++
			now.Same = r.GetCapturedUs()
			for i, b := range f {
				if b != f[0] {
					return status.Errorf(codes.DataLoss, "byte %d of a frame is %d, the first is %d", i, b, f[0])
				}
			}
			if name == "taken" {
				return status.Error(codes.Aborted, "another publisher took it over")
			}
			if len(f) > 0 {
				now.Dropped = &api.Dropped{Newer: now.GetDropped().GetNewer() + uint64(f[0]), Capped: 1, Unseen: 2, NoMemory: 3, Failed: 4}
			}
		}
		if err := s.Send(&now); err != nil {
			return err
		}
	}
}

// Watch is a stock server's: it sends 100 images as fast as the caller asks for them, and says in width how many were
// asked for, in all, when it was sent.
func (echo) Watch(s api.FrameService_WatchServer) error {
	r, err := s.Recv()
	if err != nil {
		return err
	}
	if r.GetStream() != "cam1" {
		return status.Error(codes.NotFound, "no such stream: want cam1")
	}
	asked := r.GetPictures()
	for n := uint32(1); n <= 100; n++ {
		for n > asked {
			if r, err = s.Recv(); err != nil {
				return err
			}
			asked += r.GetPictures()
		}
		p := &api.WatchPicture{Data: bytes.Repeat([]byte{byte(n)}, 50_000-int(n)), Seq: uint64(n), CapturedUs: 1_700_000_000_000_000, SentUs: 1_700_000_000_000_500,
			Width: asked, Height: uint32(r.GetMaxFps()), Offline: n%2 == 0, Repeat: n%3 == 0}
		if err := s.Send(p); err != nil {
			return err
		}
	}
	return nil
}

func (echo) ListStreams(context.Context, *api.ListStreamsRequest) (*api.ListStreamsResponse, error) {
	return &api.ListStreamsResponse{Streams: []*api.StreamInfo{{Name: "cam1"}, {
		Name: "cam2", State: api.StreamInfo_OFFLINE, SinceUs: 1_700_000_000_000_001, Source: "grpc 127.0.0.1:4", Format: "bgr24 4x2", Width: 4, Height: 2,
		FpsIn: 25, FpsOut: 12.5, Arrived: 5, Published: 4, Same: 3, Dropped: &api.Dropped{Newer: 1, Capped: 2, Unseen: 3, NoMemory: 4, Failed: 5}, PictureBytes: 99, SoundRate: 16000, SoundChannels: 2, Listeners: 3,
		Viewers: []*api.ViewerInfo{{
			Id: 7, Transport: "mjpeg", Peer: "127.0.0.1:5", SinceUs: 1_700_000_000_000_002, Fps: 24, Delivered: 6, Dropped: 8, LagUs: 40_000, Bytes: 1 << 40,
		}},
	}}}, nil
}

// TestPublish: frames of all sizes arrive as they are, though each is overwritten as soon as Send returns.
func TestPublish(t *testing.T) {
	c := dialEcho(t, Options{})
	p, err := c.Publish(t.Context(), "cam1", pipeline.Spec{Input: frame.Desc{Width: 7}}, &PublishOptions{MaxFPS: 12.5})
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Status(); s != (PublishStatus{Viewers: 7, FPSOut: 12.5}) {
		t.Errorf("got %+v at first, want the server's word", s)
	}
	at := time.UnixMicro(1_700_000_000_000_123)
	sizes := []int{1, 1000, 1024, 1025, 5000, 70_000, 691_200, 3_000_000, 0}
	var frames [][]byte
	for _, n := range sizes {
		frames = append(frames, make([]byte, n))
	}
	var sum, sent uint64
	for i := range 30 {
		for _, f := range frames {
			for j := range f {
				f[j] = byte(i)
			}
			if len(f) > 0 {
				sum += uint64(i)
			}
		}
		for split := i % len(frames); ; split = len(frames) { // in two messages, or one
			if err := p.SendCaptured(at, frames[:split]...); err != nil {
				t.Fatal(err)
			}
			if split == len(frames) {
				break
			}
			sent += uint64(split)
			for _, f := range frames[:split] {
				if len(f) > 0 {
					sum += uint64(i)
				}
			}
		}
		sent += uint64(len(frames))
	}
	if err := p.KeepAlive(); err != nil {
		t.Fatal(err)
	}
	got, err := p.Close()
	want := PublishStatus{Arrived: sent, Published: sent, Same: uint64(at.UnixMicro()), Dropped: Dropped{sum, 1, 2, 3, 4}, Viewers: 7, FPSOut: 12.5}
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if err := p.Send(frames[0]); err == nil {
		t.Error("got no error for a frame after Close")
	}
}

func TestPublishErrors(t *testing.T) {
	c := dialEcho(t, Options{})
	var e *Error
	if _, err := c.Publish(t.Context(), "none", pipeline.Spec{}, nil); !errors.As(err, &e) || e.Code != codes.FailedPrecondition {
		t.Errorf("got %v, want FailedPrecondition", err)
	}
	p, err := c.Publish(t.Context(), "taken", pipeline.Spec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = p.Send(make([]byte, 100_000))
	}
	if !errors.As(err, &e) || e.Code != codes.Aborted {
		t.Errorf("got %v from Send, want Aborted", err)
	}
	if _, err := p.Close(); !errors.As(err, &e) || e.Code != codes.Aborted {
		t.Errorf("got %v from Close, want Aborted", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	if p, err = c.Publish(ctx, "cam1", pipeline.Spec{}, nil); err != nil {
		t.Fatal(err)
	}
	cancel()
	for err == nil {
		err = p.Send(make([]byte, 100_000))
	}
	if !errors.As(err, &e) || e.Code != codes.Canceled {
		t.Errorf("got %v after the context's end, want Canceled", err)
	}
}

func TestWatch(t *testing.T) {
	c := dialEcho(t, Options{})
	for _, inFlight := range []int{0, 1, 5} {
		t.Run(fmt.Sprintf("in-flight=%d", inFlight), func(t *testing.T) {
			w, err := c.Watch(t.Context(), "cam1", &WatchOptions{MaxFPS: 3, InFlight: inFlight})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			want := inFlight
			if want == 0 {
				want = 2
			}
			var p LiveImage
			var memory *byte
			for n := 1; n <= 100; n++ {
				if err := w.Next(&p); err != nil {
					t.Fatal(err)
				}
				if len(p.Data) != 50_000-n || p.Data[0] != byte(n) || p.Seq != uint64(n) || p.Offline != (n%2 == 0) || p.Repeat != (n%3 == 0) {
					t.Fatalf("image %d: got %d bytes of %d, %+v", n, len(p.Data), p.Data[0], p.Seq)
				}
				if p.Captured.UnixMicro() != 1_700_000_000_000_000 || p.Sent.Sub(p.Captured) != 500*time.Microsecond {
					t.Errorf("image %d: got captured %v, sent %v", n, p.Captured, p.Sent)
				}
				if ahead := p.Width - (n - 1); ahead > want {
					t.Errorf("image %d: got %d asked for ahead of it, want at most %d", n, ahead, want)
				}
				if memory != nil && memory != &p.memory[0] {
					t.Errorf("image %d: got other memory than for the one before", n)
				}
				memory = &p.memory[0]
			}
			var e *Error
			if err := w.Next(&p); !errors.As(err, &e) || !strings.Contains(e.Reason, "ended the call") {
				t.Errorf("got %v at the end, want that the server ended the call", err)
			}
		})
	}
}

func TestWatchErrors(t *testing.T) {
	c := dialEcho(t, Options{})
	var e *Error
	if _, err := c.Watch(t.Context(), "cam9", nil); !errors.As(err, &e) || e.Code != codes.NotFound || !strings.Contains(e.Reason, "cam1") {
		t.Errorf("got %v, want NotFound with the names", err)
	}
	w, err := c.Watch(t.Context(), "cam1", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	var p LiveImage
	for err == nil {
		err = w.Next(&p)
	}
	if !errors.As(err, &e) || e.Code != codes.Canceled {
		t.Errorf("got %v after Close, want Canceled", err)
	}
	nobody, err := Dial("unix:/nobody/there.sock", &Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nobody.Close() }()
	if _, err := nobody.Watch(t.Context(), "cam1", nil); !errors.As(err, &e) || e.Code != codes.Unavailable {
		t.Errorf("Watch: got %v, want Unavailable", err)
	}
	if _, err := nobody.Publish(t.Context(), "cam1", pipeline.Spec{}, nil); !errors.As(err, &e) || e.Code != codes.Unavailable {
		t.Errorf("Publish: got %v, want Unavailable", err)
	}
	if _, err := nobody.ListStreams(t.Context()); !errors.As(err, &e) || e.Code != codes.Unavailable {
		t.Errorf("ListStreams: got %v, want Unavailable", err)
	}
}

func TestListStreams(t *testing.T) {
	streams, err := dialEcho(t, Options{}).ListStreams(t.Context())
	want := []StreamInfo{{Name: "cam1", Since: time.UnixMicro(0), Viewers: []Viewer{}}, {
		Name: "cam2", State: Offline, Since: time.UnixMicro(1_700_000_000_000_001), Source: "grpc 127.0.0.1:4", Format: "bgr24 4x2", Width: 4, Height: 2,
		FPSIn: 25, FPSOut: 12.5, Arrived: 5, Published: 4, Same: 3, Dropped: Dropped{Newer: 1, Capped: 2, Unseen: 3, NoMemory: 4, Failed: 5}, ImageBytes: 99, SoundRate: 16000, SoundChannels: 2, Listeners: 3,
		Viewers: []Viewer{{
			ID: 7, Transport: "mjpeg", Peer: "127.0.0.1:5", Since: time.UnixMicro(1_700_000_000_000_002), FPS: 24, Delivered: 6, Dropped: 8, Lag: 40 * time.Millisecond, Bytes: 1 << 40,
		}},
	}}
	if err != nil || !reflect.DeepEqual(streams, want) {
		t.Errorf("got %+v, %v\nwant %+v", streams, err, want)
	}
	for number, name := range api.StreamInfo_State_name {
		if got := StreamState(number).String(); got != strings.ToLower(name) {
			t.Errorf("got state %q, want %q", got, strings.ToLower(name))
		}
	}
}

// TestFramesAreProtobuf: frames are what a stock client would send, and when all buffers are freed they have left.
func TestFramesAreProtobuf(t *testing.T) {
	f := publishRequest{departure: newDeparture(&headPool{})}
	for _, list := range [][][]byte{nil, {{}}, {{1}}, {make([]byte, 5000)}, {make([]byte, 5000), {1, 2}, nil, make([]byte, 2000)}, make([][]byte, 1000)} {
		for _, captured := range []uint64{0, 1 << 50} {
			want, err := proto.Marshal(&api.PublishRequest{CapturedUs: captured, Frames: list})
			if err != nil {
				t.Fatal(err)
			}
			f.capturedUS, f.frames = captured, list
			data := f.marshal()
			if got := data.Materialize(); !bytes.Equal(got, want) {
				t.Errorf("%d frames: got %d bytes, want %d others", len(list), len(got), len(want))
			}
			if len(data) > 0 && len(f.gone) > 0 {
				t.Errorf("%d frames: got them gone while they are held", len(list))
			}
			data.Free()
			select {
			case <-f.gone:
			default:
				t.Errorf("%d frames: got no word that they have left", len(list))
			}
		}
	}
}

func TestLiveMessagesAllocateLittle(t *testing.T) {
	f := publishRequest{departure: newDeparture(&headPool{}), capturedUS: 1, frames: [][]byte{make([]byte, 691_200)}}
	const runs = 100
	objects, size := alloctest.Measure(t, runs, func() {
		f.marshal().Free()
		<-f.gone
	})
	if objects > runs || size > runs*64 {
		t.Errorf("%d messages allocated %d objects of %d bytes, want one of at most 64 bytes each", runs, objects, size)
	}
	data, err := proto.Marshal(&api.WatchPicture{Data: make([]byte, 50_000), Seq: 7})
	if err != nil {
		t.Fatal(err)
	}
	slice := mem.BufferSlice{mem.SliceBuffer(data)}
	var p LiveImage
	alloctest.Zero(t, runs, func() {
		if err := p.unmarshal(slice); err != nil {
			t.Fatal(err)
		}
	})
}
