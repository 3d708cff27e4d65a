package grpcapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// source is what decode reads from: the bytes of a message, and a pool.
type source struct {
	data []byte
	pool *pool.Pool
}

func (s *source) Fill(p []byte) error {
	if len(p) > len(s.data) {
		return errors.New("Fill beyond the message's length")
	}
	s.data = s.data[copy(p, s.data):]
	return nil
}

func (s *source) More() (bool, error) { return len(s.data) > 0, nil }

func (s *source) Lease(n int) (pool.Buf, error) { return s.pool.Get(n) }

func (s *source) Complete() error { return nil }

// decode reads data. The caller releases req.
func decode(d *decoder, p *pool.Pool, req *request, data []byte) error {
	s := source{data, p}
	if err := d.Decode(req, &s, len(data)); err != nil {
		return err
	}
	if len(s.data) > 0 {
		return fmt.Errorf("%d bytes left", len(s.data))
	}
	return nil
}

func TestDecodeAgreesWithProtobuf(t *testing.T) {
	p := pooltest.New(t, nil)
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
		Frames: [][]byte{frame(1), {}, frame(127), frame(128), frame(headBytes), frame(headBytes + 1), frame(70000)},
	}
	data, err := proto.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	d := decoder{MaxFrames: 7}
	var req request
	for range 3 {
		if err := decode(&d, p, &req, data); err != nil {
			t.Fatal(err)
		}
		checkSame(t, &req, want)
		req.Release()
	}
}

func checkSame(t *testing.T, got *request, want *api.EncodeRequest) {
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
	checkSameImages(t, got.Images, want.Images)
	for i := range got.Frames {
		if f := got.Frames[i]; f.Size != len(want.Frames[i]) || !bytes.Equal(f.Buf.Bytes(), want.Frames[i]) {
			t.Fatalf("frame %d: got %d bytes, of size %d, want %d others", i, f.Buf.Len(), f.Size, len(want.Frames[i]))
		}
	}
}

func checkSameImages(t *testing.T, got []inputImage, want []*api.SceneImage) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d images, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := &got[i]
		if g.HasIndex != (w.Index != nil) || g.Index != w.GetIndex() || g.Regions != w.GetRegions() || g.rects != len(w.GetRects()) {
			t.Fatalf("image %d: got %+v, want %v", i, g, w)
		}
		for k, r := range w.GetRects() {
			most := func(v uint32) int { return int(min(v, math.MaxInt32)) }
			if want := (pipeline.Rect{X: int(r.GetX()), Y: int(r.GetY()), Width: most(r.GetWidth()), Height: most(r.GetHeight())}); g.Rects[k] != want {
				t.Fatalf("image %d, rect %d: got %s, want %s", i, k, g.Rects[k], want)
			}
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
	p := pooltest.New(t, nil)
	d := decoder{MaxFrames: 5}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want api.EncodeRequest
			if err := proto.Unmarshal(tt.data, &want); err != nil {
				t.Fatalf("protobuf does not take it: %v", err)
			}
			var req request
			if err := decode(&d, p, &req, tt.data); err != nil {
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
		{"open-group", message{}.tag(7, protowire.StartGroupType), fault.Invalid, "ends inside group 7"},
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
	p := pooltest.New(t, &pool.Options{Budget: 8192})
	d := decoder{MaxFrames: 2}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var req request
			err := decode(&d, p, &req, tt.data)
			req.Release()
			if f := fault.From(err); f == nil || f.Kind != tt.kind || !strings.Contains(f.Error(), tt.want) {
				t.Errorf("got %v, want %s with %q", err, tt.kind, tt.want)
			}
		})
	}
}

// brokenSource breaks off after some bytes.
type brokenSource struct {
	source
	err error
}

func (s *brokenSource) Fill(p []byte) error {
	if len(p) > len(s.data) {
		return s.err
	}
	return s.source.Fill(p)
}

// TestDeclaredFramesTakeNoMemory: a frame has memory only once its first bytes are there.
func TestDeclaredFramesTakeNoMemory(t *testing.T) {
	p := pooltest.New(t, nil)
	d := decoder{MaxFrames: 1}
	var req request
	head := message{}.tag(3, protowire.BytesType).varint(64 << 20)
	src := &brokenSource{source{append(head, make([]byte, headBytes-1)...), p}, io.ErrUnexpectedEOF}
	if err := d.Decode(&req, src, len(head)+64<<20); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, want the source's error", err)
	}
	if s := p.Stats(); len(s.Classes) != 0 {
		t.Errorf("got leases of %+v for a frame that is only declared, want none", s.Classes)
	}
	src = &brokenSource{source{append(head, make([]byte, headBytes)...), p}, io.ErrUnexpectedEOF}
	if err := d.Decode(&req, src, len(head)+64<<20); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, want the source's error", err)
	}
	req.Release() // It has the frame that had begun.
}

// choosySource has a use for frames of one size alone.
type choosySource struct {
	source
	size int
}

func (s *choosySource) Lease(n int) (pool.Buf, error) {
	if n != s.size {
		return pool.Buf{}, nil
	}
	return s.source.Lease(n)
}

// TestUnwantedFramesTakeNoMemory: a frame that the source has no use for is passed over, and those after it are read.
func TestUnwantedFramesTakeNoMemory(t *testing.T) {
	p := pooltest.New(t, nil)
	var data message
	sizes := []int{600, 700, 100_000, 1, headBytes, 600, 0}
	for i, n := range sizes {
		data = data.bytes(3, strings.Repeat(string(rune('a'+i)), n))
	}
	d := decoder{MaxFrames: len(sizes)}
	var req request
	src := &choosySource{source{data, p}, 600}
	if err := d.Decode(&req, src, len(data)); err != nil || len(req.Frames) != len(sizes) {
		t.Fatalf("got %d frames, %v, want %d", len(req.Frames), err, len(sizes))
	}
	for i, f := range req.Frames {
		want := ""
		if sizes[i] == 600 {
			want = strings.Repeat(string(rune('a'+i)), 600)
		}
		if f.Size != sizes[i] || string(f.Buf.Bytes()) != want {
			t.Errorf("frame %d: got %d bytes, of size %d, want %d of %d", i, f.Buf.Len(), f.Size, len(want), sizes[i])
		}
	}
	if got, want := p.Stats().InUse, int64(2*pool.ClassSize(600)); got != want {
		t.Errorf("got %d bytes leased, want %d", got, want)
	}
	req.Release()
}

func TestDecodeAllocatesNothing(t *testing.T) {
	p := pool.New(nil)
	data, err := proto.Marshal(&api.EncodeRequest{Id: 7, Spec: &api.Spec{}, Frames: [][]byte{make([]byte, 691200), make([]byte, 691200)},
		Images: []*api.SceneImage{{Regions: 1, Rects: []*api.RegionRect{{X: -1}}}, {Index: new(uint64(9)), Regions: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	d := decoder{MaxFrames: 64}
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
