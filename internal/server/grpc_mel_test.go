package server_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/sound"
	"github.com/steadyframe/steadyframe/mel"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// TestGRPCMel compares features over gRPC with what package mel computes, bit for bit, in every layout, by both clients.
func TestGRPCMel(t *testing.T) {
	s := start(t, nil)
	own, stock := s.dial(t), s.stock(t)
	const rate = 22050
	raw, floats := pcm16(70_001)
	for _, preset := range mel.Presets() {
		m := compileMel(t, preset, rate)
		features := m.Append(nil, floats)
		for _, layout := range []sound.Layout{{}, {ByBands: true}, {FPS: 25, Window: 16}} {
			array, err := layout.Array(m, features)
			if err != nil {
				t.Fatal(err)
			}
			data := make([]byte, array.Bytes())
			array.Put(data)
			want := floats32(data)
			var got client.Features
			spec := client.MelSpec{Preset: preset, Format: "s16le", Rate: rate, ByBands: layout.ByBands, FPS: layout.FPS, Window: layout.Window}
			if err := own.Mel(timeout(t), spec, raw, &got); err != nil {
				t.Fatalf("%s: %v", preset, err)
			}
			if !slices.Equal(got.Values, want) || !slices.Equal(got.Shape, array.Shape) {
				t.Errorf("%s, %+v: got other features than package mel computes; shape %v, want %v", preset, layout, got.Shape, array.Shape)
			}
			request := &api.MelRequest{Pcm: raw, Spec: &api.MelSpec{Preset: preset, Format: "s16le", Rate: rate, Channels: 1, ByBands: layout.ByBands, Fps: layout.FPS, Window: uint32(layout.Window)}}
			for name, options := range map[string][]grpc.CallOption{"plain": nil, "gzip": {grpc.UseCompressor(gzip.Name)}} {
				response, err := stock.Mel(timeout(t), request, options...)
				if err != nil {
					t.Fatalf("%s, %s: %v", preset, name, err)
				}
				if !slices.Equal(response.Features, data) || fmt.Sprint(response.Shape) != fmt.Sprint(array.Shape) {
					t.Errorf("%s, %+v, %s: got other features than package mel computes, of shape %v", preset, layout, name, response.Shape)
				}
			}
		}
	}
	eventually(t, "nothing is held", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().Pool.Admitted == 0 })
}

// TestGRPCMelStream sends sound in pieces, some of them empty, and wants the features that each completes before the next is
// sent: together those of the whole sound.
func TestGRPCMelStream(t *testing.T) {
	s := start(t, nil)
	raw, floats := pcm16(60_000)
	for _, rate := range []int{16000, 44100} {
		m := compileMel(t, "wav2lip", rate)
		want := m.Append(nil, floats)
		stream, err := s.dial(t).MelStream(timeout(t), client.MelSpec{Preset: "wav2lip", Format: "s16le", Rate: rate})
		if err != nil {
			t.Fatal(err)
		}
		library := m.Stream()
		defer library.Close()
		var got, expected []float32
		var f client.Features
		for at, step := 0, 0; at < len(floats); at, step = at+step, (step*3+1)%25_000 {
			step = min(step, len(floats)-at)
			if err := stream.Send(raw[2*at : 2*(at+step)]); err != nil {
				t.Fatal(err)
			}
			if err := stream.Recv(&f); err != nil {
				t.Fatal(err)
			}
			expected = library.Append(expected, floats[at:at+step])
			if got = append(got, f.Values...); len(got) != len(expected) || len(f.Shape) != 2 || f.Shape[1] != 80 {
				t.Fatalf("rate %d: got %d features of %d samples, shape %v, want %d", rate, len(got), at+step, f.Shape, len(expected))
			}
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := stream.Recv(&f); err != nil {
			t.Fatal(err)
		}
		if got = append(got, f.Values...); !slices.Equal(got, want) {
			t.Errorf("rate %d: got %d features that differ from the %d of the whole sound", rate, len(got), len(want))
		}
		if err := stream.Recv(&f); err != io.EOF {
			t.Errorf("got %v after the last features, want io.EOF", err)
		}
	}
	eventually(t, "nothing is held", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().Pool.Admitted == 0 })
}

// TestGRPCMelOrder: fields may come in any order.
func TestGRPCMelOrder(t *testing.T) {
	s := start(t, nil)
	raw, floats := pcm16(5000)
	spec, err := proto.Marshal(&api.MelRequest{Spec: &api.MelSpec{Preset: "wav2lip", Format: "s16le", Rate: 16000}})
	if err != nil {
		t.Fatal(err)
	}
	want := compileMel(t, "wav2lip", 16000).Append(nil, floats)
	request := &api.MelRequest{Pcm: raw}
	request.ProtoReflect().SetUnknown(spec) // Those are sent last.
	for _, method := range []string{"Mel", "MelStream"} {
		stream, err := s.dial(t).Conn().NewStream(timeout(t), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/steadyframe.v1.FrameService/"+method)
		if err != nil {
			t.Fatal(err)
		}
		var response api.MelResponse
		if err := errors.Join(stream.SendMsg(request), stream.CloseSend(), stream.RecvMsg(&response)); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		got := floats32(response.Features)
		if len(got) == 0 || !slices.Equal(got, want[:len(got)]) || method == "Mel" && len(got) != len(want) {
			t.Errorf("%s: got %d features that differ from package mel's %d", method, len(got), len(want))
		}
	}
	eventually(t, "nothing is held", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().Pool.Admitted == 0 })
}

func TestGRPCMelErrors(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.MaxMessageBytes = 1 << 20 })
	c := s.dial(t)
	raw, _ := pcm16(1000)
	good := client.MelSpec{Preset: "wav2lip", Format: "s16le", Rate: 16000}
	with := func(change func(*client.MelSpec)) client.MelSpec {
		spec := good
		change(&spec)
		return spec
	}
	for _, tt := range []struct {
		name         string
		spec         client.MelSpec
		pcm          []byte
		field, limit string
		reason       string
	}{
		{"no spec", client.MelSpec{}, raw, "format", "", "want s16le"},
		{"no preset", with(func(s *client.MelSpec) { s.Preset = "" }), raw, "preset", "", "got none, want wav2lip"},
		{"unknown preset", with(func(s *client.MelSpec) { s.Preset = "mfcc" }), raw, "preset", "", "mfcc"},
		{"bad format", with(func(s *client.MelSpec) { s.Format = "mp3" }), raw, "format", "", `got "mp3", want s16le`},
		{"bad rate", with(func(s *client.MelSpec) { s.Rate = 7999 }), raw, "rate", "", "want 8000..48000"},
		{"too many channels", with(func(s *client.MelSpec) { s.Channels = 65 }), raw, "channels", "", "got 65, want 1..64"},
		{"window without fps", with(func(s *client.MelSpec) { s.Window = 16 }), raw, "window", "", "want 1..1000"},
		{"fps without window", with(func(s *client.MelSpec) { s.FPS = 25 }), raw, "window", "", "want 1..4096"},
		{"windows by bands", with(func(s *client.MelSpec) { s.FPS, s.Window, s.ByBands = 25, 16, true }), raw, "by_bands", "", "want one of them"},
		{"no sound", good, nil, "pcm", "", "got no sound"},
		{"half a sample", good, raw[:3], "pcm", "", "got 3 bytes, want a multiple of 2"},
		{"too long", good, []byte(strings.Repeat(string(raw), 300)), "", "limits.max_message_bytes", "the sound is too long"},
		{"too many windows", with(func(s *client.MelSpec) { s.FPS, s.Window = 1000, 16 }), []byte(strings.Repeat(string(raw), 50)), "", "limits.max_message_bytes", "the response is too large"},
	} {
		var f client.Features
		e := wantError(t, c.Mel(timeout(t), tt.spec, tt.pcm, &f), codes.InvalidArgument, tt.reason)
		if e.Field != tt.field || e.Limit != tt.limit {
			t.Errorf("%s: got field %q, limit %q, want %q, %q", tt.name, e.Field, e.Limit, tt.field, tt.limit)
		}
	}
	// A stream takes the spec once, and no layout.
	for _, tt := range []struct {
		name     string
		requests []*api.MelRequest
		reason   string
	}{
		{"no spec", []*api.MelRequest{{Pcm: raw}}, "the first request has no spec"},
		{"spec again", []*api.MelRequest{{Spec: &api.MelSpec{Preset: "htk", Format: "s16", Rate: 16000}}, {Spec: &api.MelSpec{Preset: "htk", Format: "s16", Rate: 16000}}}, "got spec again"},
		{"layout", []*api.MelRequest{{Spec: &api.MelSpec{Preset: "htk", Format: "s16", Rate: 16000, ByBands: true}}}, "want them in Mel"},
		{"nothing", nil, "ended without a request"},
	} {
		stream, err := s.stock(t).MelStream(timeout(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range tt.requests {
			_ = stream.Send(r) // Recv says why not.
		}
		_ = stream.CloseSend()
		for err == nil {
			_, err = stream.Recv()
		}
		if !strings.Contains(fmt.Sprint(err), tt.reason) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.reason)
		}
	}
	eventually(t, "nothing is held", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().Pool.Admitted == 0 })
}

// TestGRPCMelFaults: whichever Get of a call fails or panics, the call fails with the right code, nothing is kept, and the
// next call is served.
func TestGRPCMelFaults(t *testing.T) {
	f := startFaulty(t)
	stock := f.stock(t)
	raw, _ := pcm16(16000)
	request := &api.MelRequest{Spec: &api.MelSpec{Preset: "wav2lip", Format: "s16le", Rate: 16000}, Pcm: raw}
	ask := map[string]func() error{
		"Mel": func() error { _, err := stock.Mel(timeout(t), request); return err },
		"MelStream": func() error {
			stream, err := stock.MelStream(timeout(t))
			if err != nil {
				return err
			}
			if err := errors.Join(stream.Send(request), stream.CloseSend()); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			for err == nil {
				_, err = stream.Recv()
			}
			if err == io.EOF {
				return nil
			}
			return err
		},
	}
	for name, ask := range ask {
		for kind, at := range map[codes.Code]func(int) func(int) error{codes.ResourceExhausted: pooltest.FailAt, codes.Internal: pooltest.PanicAt} {
			for n := 1; ; n++ {
				f.arm(at(n))
				err := ask()
				fired := f.fired.Load()
				f.arm(nil)
				f.atRest(t)
				if fired != (err != nil) || fired && status.Code(err) != kind {
					t.Errorf("%s: Get %d failed: %v; got %v, want %v", name, n, fired, err, kind)
				}
				if err := ask(); err != nil {
					t.Fatalf("%s: Get %d: the call after it: %v", name, n, err)
				}
				if !fired {
					if n < 3 {
						t.Errorf("%s: got %d Gets, want one at least for the sound and for the features", name, n-1)
					}
					break
				}
			}
		}
	}
}

// TestGRPCMelDrain: when the server stops, a stream ends with Unavailable behind the response to its last message.
func TestGRPCMelDrain(t *testing.T) {
	s := start(t, nil)
	stream, err := s.dial(t).MelStream(timeout(t), client.MelSpec{Preset: "wav2lip", Format: "s16le", Rate: 16000})
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := pcm16(800)
	var f client.Features
	if err := errors.Join(stream.Send(raw), stream.Recv(&f)); err != nil {
		t.Fatal(err)
	}
	s.stop()
	wantError(t, stream.Recv(&f), codes.Unavailable, "stopping")
}
