package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// decode reads data in pieces of at most piece bytes. The caller releases req.
func decode(d *Decoder, req *Request, data []byte, piece int) error {
	d.Reset(req, len(data))
	for len(data) > 0 {
		n := min(piece, len(data))
		if err := d.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return d.Close()
}

func TestDecodeAgreesWithProtobuf(t *testing.T) {
	p := pooltest.New(t, pool.Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	frame := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	want := &api.EncodeRequest{
		Id:     1<<64 - 1,
		Spec:   &api.Spec{Input: &api.FrameDesc{Format: api.PixelFormat_PIXEL_FORMAT_BGR24, Width: 640, Height: 360}},
		Frames: [][]byte{frame(1), {}, frame(127), frame(128), frame(70000)},
	}
	data, err := proto.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	d := Decoder{Pool: p, Limits: Limits{MaxFrames: 5}}
	var req Request
	for _, piece := range []int{1, 2, 3, 7, 127, 16384, len(data)} {
		if err := decode(&d, &req, data, piece); err != nil {
			t.Fatalf("in pieces of %d: %v", piece, err)
		}
		checkSame(t, &req, want)
		req.Release()
	}
}

func checkSame(t *testing.T, got *Request, want *api.EncodeRequest) {
	t.Helper()
	if got.ID != want.GetId() || got.HasSpec != (want.Spec != nil) || len(got.Frames) != len(want.Frames) {
		t.Fatalf("got id %d, spec %t, %d frames, want %d, %t, %d", got.ID, got.HasSpec, len(got.Frames), want.GetId(), want.Spec != nil, len(want.Frames))
	}
	var spec api.Spec
	if err := proto.Unmarshal(got.Spec, &spec); err != nil {
		t.Fatalf("spec: %v", err)
	}
	if want.Spec != nil && !proto.Equal(&spec, want.Spec) {
		t.Fatalf("got spec %v, want %v", &spec, want.Spec)
	}
	for i := range got.Frames {
		if !bytes.Equal(got.Frames[i].Bytes(), want.Frames[i]) {
			t.Fatalf("frame %d: got %d bytes, want %d others", i, got.Frames[i].Len(), len(want.Frames[i]))
		}
	}
}

// message builds messages that no encoder makes.
type message []byte

func (m message) tag(n protowire.Number, k protowire.Type) message {
	return protowire.AppendTag(m, n, k)
}
func (m message) varint(v uint64) message { return protowire.AppendVarint(m, v) }
func (m message) bytes(n protowire.Number, p string) message {
	return protowire.AppendString(m.tag(n, protowire.BytesType), p)
}

func TestDecodeTakesWhatProtobufTakes(t *testing.T) {
	deep := message{}
	for range maxGroups {
		deep = deep.tag(9, protowire.StartGroupType)
	}
	for range maxGroups {
		deep = deep.tag(9, protowire.EndGroupType)
	}
	tests := []struct {
		name string
		data message
	}{
		{"empty", nil},
		{"id-twice", message{}.tag(1, protowire.VarintType).varint(5).tag(1, protowire.VarintType).varint(6)},
		{"frames-before-spec", message{}.bytes(3, "abc").bytes(2, "")},
		{"empty-spec", message{}.bytes(2, "")},
		{"id-as-bytes", message{}.bytes(1, "abc")},
		{"frames-as-varint", message{}.tag(3, protowire.VarintType).varint(7)},
		{"unknown", message{}.bytes(15, "xyz").tag(99, protowire.VarintType).varint(1)},
		{"fixed32", protowire.AppendFixed32(message{}.tag(1, protowire.Fixed32Type), 7)},
		{"fixed64", protowire.AppendFixed64(message{}.tag(2, protowire.Fixed64Type), 7)},
		{"group", message{}.tag(7, protowire.StartGroupType).tag(1, protowire.VarintType).varint(9).bytes(3, "no").tag(7, protowire.EndGroupType)},
		{"groups-at-the-limit", deep},
		{"long-varint", append(message{}.tag(1, protowire.VarintType), 0x81, 0x80, 0x80, 0)},
		{"largest-varint", message{}.tag(1, protowire.VarintType).varint(1<<64 - 1)},
	}
	p := pooltest.New(t, pool.Options{})
	d := Decoder{Pool: p, Limits: Limits{MaxFrames: 5}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want api.EncodeRequest
			if err := proto.Unmarshal(tt.data, &want); err != nil {
				t.Fatalf("protobuf does not take it: %v", err)
			}
			var req Request
			if err := decode(&d, &req, tt.data, 1); err != nil {
				t.Fatal(err)
			}
			checkSame(t, &req, &want)
			req.Release()
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := message{}
	for range maxGroups + 1 {
		deep = deep.tag(9, protowire.StartGroupType)
	}
	tests := []struct {
		name string
		data message
		kind fault.Kind
		want string
	}{
		{"truncated-tag", message{0x80}, fault.Invalid, "ends inside a field"},
		{"truncated-varint", message{}.tag(1, protowire.VarintType), fault.Invalid, "ends inside a field"},
		{"truncated-fixed", message{}.tag(1, protowire.Fixed32Type), fault.Invalid, "ends inside a field"},
		{"open-group", message{}.tag(7, protowire.StartGroupType), fault.Invalid, "ends inside a field"},
		{"frame-longer-than-message", message{}.tag(3, protowire.BytesType).varint(100), fault.Invalid, "a field of 100 bytes with 0 bytes of the message left"},
		{"length-off-by-one", append(message{}.tag(3, protowire.BytesType).varint(3), 'a', 'b'), fault.Invalid, "a field of 3 bytes with 2 bytes"},
		{"huge-length", message{}.tag(3, protowire.BytesType).varint(1<<63 - 1), fault.Invalid, "a field of 9223372036854775807 bytes"},
		{"field-0", message{0x00}, fault.Invalid, "got field number 0"},
		{"field-too-large", message{}.varint(1 << 32), fault.Invalid, "got field number 536870912"},
		{"wire-type-6", message{0x0e}, fault.Invalid, "got wire type 6"},
		{"varint-too-long", append(message{}.tag(1, protowire.VarintType), 255, 255, 255, 255, 255, 255, 255, 255, 255, 2), fault.Invalid, "more than 64 bits"},
		{"end-of-no-group", message{}.tag(7, protowire.EndGroupType), fault.Invalid, "end of group 7"},
		{"end-of-other-group", message{}.tag(7, protowire.StartGroupType).tag(8, protowire.EndGroupType), fault.Invalid, "end of group 8"},
		{"groups-too-deep", deep, fault.Invalid, "nested more than 16 deep"},
		{"too-many-frames", message{}.bytes(3, "a").bytes(3, "b").bytes(3, "c"), fault.Invalid, "(limits.max_batch: got 3, want at most 2)"},
		{"spec-twice", message{}.bytes(2, "").bytes(2, ""), fault.Invalid, "got spec twice"},
		{"long-spec", message{}.bytes(2, strings.Repeat("x", maxSpecBytes+1)), fault.Invalid, "got a spec of 4097 bytes"},
		{"over-budget", message{}.bytes(3, strings.Repeat("x", 9000)), fault.TooLarge, "limits.memory_budget"},
	}
	p := pooltest.New(t, pool.Options{Budget: 8192})
	d := Decoder{Pool: p, Limits: Limits{MaxFrames: 2}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{1, len(tt.data) + 1} {
				var req Request
				err := decode(&d, &req, tt.data, piece)
				req.Release()
				if f := fault.From(err); f == nil || f.Kind != tt.kind || !strings.Contains(f.Error(), tt.want) {
					t.Errorf("in pieces of %d: got %v, want %s with %q", piece, err, tt.kind, tt.want)
				}
			}
		})
	}
}

func TestDecodeRefusesMoreThanItsLength(t *testing.T) {
	var req Request
	d := Decoder{Pool: pooltest.New(t, pool.Options{})}
	d.Reset(&req, 2)
	if err := d.Write([]byte{8, 1, 8}); err == nil {
		t.Error("got no error for 3 bytes of a message of 2")
	}
	d.Reset(&req, 3)
	if err := d.Write([]byte{8, 1}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err == nil {
		t.Error("got no error for 2 bytes of a message of 3")
	}
}

// TestDeclaredFramesTakeNoMemory: a frame has memory only once its first byte is there.
func TestDeclaredFramesTakeNoMemory(t *testing.T) {
	p := pooltest.New(t, pool.Options{})
	d := Decoder{Pool: p, Limits: Limits{MaxFrames: 1}}
	var req Request
	head := message{}.tag(3, protowire.BytesType).varint(64 << 20)
	d.Reset(&req, len(head)+64<<20)
	if err := d.Write(head); err != nil {
		t.Fatal(err)
	}
	if s := p.Stats(); s.InUse != 0 {
		t.Errorf("got %d bytes leased for a frame that is only declared, want 0", s.InUse)
	}
	req.Release()
}

func TestDecodeAllocatesNothing(t *testing.T) {
	p := pool.New(pool.Options{})
	data, err := proto.Marshal(&api.EncodeRequest{Id: 7, Spec: &api.Spec{}, Frames: [][]byte{make([]byte, 691200), make([]byte, 691200)}})
	if err != nil {
		t.Fatal(err)
	}
	d := Decoder{Pool: p, Limits: Limits{MaxFrames: 64}}
	var req Request
	alloctest.Zero(t, 100, func() {
		if err := decode(&d, &req, data, 16384); err != nil {
			t.Fatal(err)
		}
		req.Release()
	})
}

// FuzzDecode: what Decoder makes of bytes does not depend on the pieces, and is what protobuf makes of them but for what Decoder's doc comment names; it takes
// no more memory than the message has bytes.
func FuzzDecode(f *testing.F) {
	for _, m := range []proto.Message{
		&api.EncodeRequest{},
		&api.EncodeRequest{Id: 300, Spec: &api.Spec{Input: &api.FrameDesc{Width: 4}}, Frames: [][]byte{[]byte("abc"), {}, []byte("d")}},
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint8(3))
	}
	f.Add([]byte(message{}.tag(7, protowire.StartGroupType).bytes(3, "no").tag(7, protowire.EndGroupType)), uint8(1))
	f.Add([]byte{0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f}, uint8(1))
	f.Add([]byte{0x0b, 0x0c}, uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		if len(data) > 1<<12 {
			t.Skip()
		}
		p := pool.New(pool.Options{Budget: 1 << 20})
		d := Decoder{Pool: p, Limits: Limits{MaxFrames: 8}}
		var req Request
		defer req.Release()
		err := decode(&d, &req, data, int(piece)+1)
		if leased := len(req.Frames) * 4096; p.Stats().InUse > int64(leased) {
			t.Fatalf("got %d bytes leased for %d frames in %d bytes", p.Stats().InUse, len(req.Frames), len(data))
		}

		var whole Request
		defer whole.Release()
		if again := decode(&d, &whole, data, len(data)+1); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Fatalf("got %v in pieces of %d, %v at once", err, int(piece)+1, again)
		}

		var want api.EncodeRequest
		wantErr := proto.Unmarshal(data, &want)
		if err != nil {
			if wantErr == nil && !isOurRefusal(err) {
				t.Fatalf("got %v for what protobuf takes", err)
			}
			return
		}
		if err := proto.Unmarshal(req.Spec, &api.Spec{}); err != nil {
			return // ParseSpec's to find
		}
		if wantErr != nil {
			t.Fatalf("got no error, protobuf says %v", wantErr)
		}
		checkSame(t, &req, &want)
	})
}

// isOurRefusal reports whether err is one of the refusals that are Decoder's own.
func isOurRefusal(err error) bool {
	for _, s := range []string{"limits.max_batch", "nested more than", "spec twice"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}
