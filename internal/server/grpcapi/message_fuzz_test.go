package grpcapi

import (
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/pool"
)

// FuzzDecode: what Decoder makes of bytes is what protobuf makes of them, but for what Decoder's doc comment names; and
// it takes a buffer for each frame at most.
func FuzzDecode(f *testing.F) {
	addMessages(f,
		&api.EncodeRequest{},
		&api.EncodeRequest{Id: 300, Spec: &api.Spec{Input: &api.FrameDesc{Width: 4}}, Frames: [][]byte{[]byte("abc"), {}, []byte("d")}},
		&api.EncodeRequest{Frames: [][]byte{[]byte("abc")}, Images: []*api.SceneImage{{}, {Index: new(uint64(1 << 63)), Regions: 3, Rects: []*api.RegionRect{{X: -7, Y: 1 << 30, Width: 9}, {}}}}},
	)
	f.Add([]byte(message{}.tag(7, protowire.StartGroupType).bytes(3, "no").tag(7, protowire.EndGroupType)))
	f.Add([]byte{0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte(message{}.bytes(4, "\x08\x01\x08\x02\x1a\x04\x08\xff\xff\x7f\x12\x00")))
	f.Add([]byte{0x0b, 0x0c})
	fuzzDecoder(f, decoder{}, func(t *testing.T, req *request, want *api.EncodeRequest) { checkSame(t, req, want) })
}

// FuzzPublish is FuzzDecode of PublishRequests.
func FuzzPublish(f *testing.F) {
	for _, seed := range [][]byte{
		message{}.bytes(5, "frame").bytes(1, "late"),
		message{}.bytes(1, "\xff"),
		message{}.tag(3, protowire.StartGroupType).bytes(1, "no").tag(3, protowire.EndGroupType),
		message{}.tag(3, protowire.VarintType).varint(1),
		{0x19, 0, 0, 0, 0, 0, 0, 0xf0},
		{0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f},
	} {
		f.Add(seed)
	}
	addMessages(f,
		&api.PublishRequest{},
		&api.PublishRequest{Stream: "cam1", Spec: &api.Spec{Input: &api.FrameDesc{Width: 4}}, MaxFps: 12.5, CapturedUs: 1 << 50, Frames: [][]byte{[]byte("abc"), {}, []byte("d")}},
		&api.PublishRequest{Frames: [][]byte{[]byte("abc")}, Images: []*api.SceneImage{{}, {Index: new(uint64(7)), Regions: 1}}},
	)
	fuzzDecoder(f, decoder{kind: publishRequest}, func(t *testing.T, req *request, want *api.PublishRequest) { checkSamePublish(t, req, want) })
}

// FuzzMelRequest is FuzzDecode of MelRequests.
func FuzzMelRequest(f *testing.F) {
	f.Add([]byte(message{}.bytes(2, "pcm").bytes(1, "")))
	f.Add([]byte(message{}.bytes(2, "pcm").bytes(2, "again")))
	addMessages(f, &api.MelRequest{Spec: &api.MelSpec{Preset: "htk", Format: "s16", Rate: 16000}, Pcm: []byte("abcd")})
	fuzzDecoder(f, decoder{kind: melRequest}, func(t *testing.T, req *request, want *api.MelRequest) {
		var got string
		if len(req.Frames) > 0 {
			got = string(req.Frames[0].Buf.Bytes())
		}
		if got != string(want.Pcm) || req.HasSpec != (want.Spec != nil) {
			t.Fatalf("got %q, spec %v, want %q, %v", got, req.HasSpec, want.Pcm, want.Spec != nil)
		}
	})
}

// FuzzWatchRequest: ParseWatchRequest agrees with protobuf.
func FuzzWatchRequest(f *testing.F) {
	addMessages(f, &api.WatchRequest{}, &api.WatchRequest{Stream: "cam1", MaxFps: 5, Pictures: 2},
		&api.WatchRequest{Stream: "cam1", Pull: &api.Pull{Node: "b", Tried: []string{"a", "c"}, Insist: true}}, &api.WatchRequest{Pull: &api.Pull{}})
	f.Add([]byte(message{}.bytes(4, "\x0a\x01a").bytes(4, "\x12\x01b\x18\x01\x0a\x01c")))
	f.Add([]byte(message{}.bytes(4, "\x0a\x01\xff").bytes(4, "\x12\x05b")))
	f.Add([]byte(message{}.tag(3, protowire.VarintType).varint(1<<32 + 7)))
	f.Add([]byte(message{}.tag(1, protowire.VarintType).varint(1).bytes(3, "x").bytes(2, "y")))
	f.Add([]byte(message{}.bytes(1, "\xff")))
	f.Add([]byte{0x0b, 0x0c, 0x0a, 0x05})
	f.Add([]byte{0xb0, 0x87, 0x80, 0x80, 0x30, 0x30}) // field number 2^29 and more
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseWatchRequest(data)
		var want api.WatchRequest
		if wantErr := proto.Unmarshal(data, &want); (err != nil) != (wantErr != nil) {
			t.Fatalf("got %v, protobuf says %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if string(got.Stream) != want.GetStream() || math.Float64bits(got.MaxFPS) != math.Float64bits(want.GetMaxFps()) || got.Images != want.GetPictures() {
			t.Fatalf("got %+v, want %v", got, &want)
		}
		if (got.Pull != nil) != (want.Pull != nil) || got.Pull != nil &&
			(got.Pull.Node != want.Pull.Node || !slices.Equal(got.Pull.Tried, want.Pull.Tried) || got.Pull.Insist != want.Pull.Insist) {
			t.Fatalf("got %+v, want %v", got.Pull, want.Pull)
		}
	})
}

// FuzzSoundRequest: parseSoundRequest agrees with protobuf.
func FuzzSoundRequest(f *testing.F) {
	addMessages(f, &api.SoundRequest{}, &api.SoundRequest{Stream: "cam1", Rate: 16000, Channels: 2, CapturedUs: 1 << 50, Pcm: []byte("abcd")})
	f.Add([]byte(message{}.tag(2, protowire.VarintType).varint(1<<32 + 7)))
	f.Add([]byte(message{}.tag(1, protowire.VarintType).varint(1).bytes(5, "x").bytes(5, "y")))
	f.Add([]byte(message{}.bytes(1, "\xff").bytes(2, "z")))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseSoundRequest(data)
		var want api.SoundRequest
		if wantErr := proto.Unmarshal(data, &want); (err != nil) != (wantErr != nil) {
			t.Fatalf("got %v, protobuf says %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if string(got.Stream) != want.Stream || got.Rate != want.Rate || got.Channels != want.Channels || got.CapturedUS != want.CapturedUs || string(got.PCM) != string(want.Pcm) {
			t.Fatalf("got %+v, want %v", got, &want)
		}
	})
}

// addMessages adds the bytes of messages as seeds.
func addMessages(f *testing.F, messages ...proto.Message) {
	for _, m := range messages {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// fuzzDecoder holds what d makes of bytes to what protobuf makes of them as a message of type M; same compares the two. It takes a
// buffer for each frame at most.
func fuzzDecoder[M any, P interface {
	*M
	proto.Message
}](f *testing.F, d decoder, same func(t *testing.T, req *request, want P)) {
	d.MaxFrames = 8
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			t.Skip()
		}
		p := pool.New(&pool.Options{Budget: 1 << 20})
		d := d
		var req request
		defer req.Release()
		err := decode(&d, p, &req, data)
		checkUnknownLength(t, d, p, &req, data, err)
		if most := int64(len(req.Frames) * 4096); p.Stats().InUse > most {
			t.Fatalf("got %d bytes leased for %d frames in %d bytes", p.Stats().InUse, len(req.Frames), len(data))
		}
		want := P(new(M))
		wantErr := proto.Unmarshal(data, want)
		switch {
		case err != nil && wantErr == nil && !isOurRefusal(err):
			t.Fatalf("got %v for what protobuf takes", err)
		case err != nil || checkSpec(want, req.Spec) != nil: // A wrong spec is found later.
			return
		case wantErr != nil:
			t.Fatalf("got no error, protobuf says %v", wantErr)
		}
		same(t, &req, want)
	})
}

// checkSpec returns what protobuf says of the bytes of the field spec of a message of m's type.
func checkSpec(m proto.Message, data []byte) error {
	spec := m.ProtoReflect().NewField(m.ProtoReflect().Descriptor().Fields().ByName("spec"))
	return proto.Unmarshal(data, spec.Message().Interface())
}

// isOurRefusal reports whether err is one of the refusals that are Decoder's own.
func isOurRefusal(err error) bool {
	for _, s := range []string{"limits.max_batch", "nested more than", "spec twice", "in the order of their numbers", "got a name of", "limits.max_batch", "more than 16 rects", "images[", "pcm twice"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}

// checkUnknownLength checks that a message is decoded to the same frames, or refused, when its length is not known.
func checkUnknownLength(t *testing.T, d decoder, p *pool.Pool, want *request, data []byte, wantErr error) {
	t.Helper()
	d.MaxBytes = 1 << 12
	var got request
	defer got.Release()
	err := d.Decode(&got, &source{data, p}, unknownLength)
	if (err == nil) != (wantErr == nil) || err == nil && len(got.Frames) != len(want.Frames) {
		t.Errorf("got %v, %d frames, of a message of unknown length, want %v, %d", err, len(got.Frames), wantErr, len(want.Frames))
	}
}
