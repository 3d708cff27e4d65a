package wire

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestMarshalIsProtobuf(t *testing.T) {
	long := bytes.Repeat([]byte("jpeg"), 20000)
	tests := []struct {
		name string
		r    Response
	}{
		{"empty", Response{}},
		{"id", Response{ID: 1 << 63}},
		{"one", Response{ID: 3, Pictures: []Picture{{Data: []byte("x")}}, QueueUS: 5, RunUS: 1 << 40}},
		{"no-data", Response{Pictures: []Picture{{}, {Code: 3, Message: "frame: too short"}, {Code: -1}}}},
		{"many-chunks", Response{ID: 1, Pictures: []Picture{{Data: long}, {Data: long[:chunkSize]}, {Data: long[:chunkSize-9]}, {Message: strings.Repeat("m", 3*chunkSize)}}}},
	}
	var chunks Chunks
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := &api.EncodeResponse{Id: tt.r.ID, QueueUs: tt.r.QueueUS, RunUs: tt.r.RunUS}
			for _, p := range tt.r.Pictures {
				want.Pictures = append(want.Pictures, &api.Picture{Data: p.Data, Code: p.Code, Message: p.Message})
			}
			wantData, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			out := tt.r.Marshal(&chunks)
			if got := out.Materialize(); !bytes.Equal(got, wantData) {
				t.Errorf("got %d bytes %.40x, want %d bytes %.40x", len(got), got, len(wantData), wantData)
			}
			if cap(out) != len(out) {
				t.Errorf("got %d chunks in room for %d: the size was not foreseen", len(out), cap(out))
			}
			out.Free()
		})
	}
}

func TestMarshalAllocatesTheSliceAlone(t *testing.T) {
	r := Response{ID: 1, QueueUS: 2, RunUS: 3}
	for range 25 {
		r.Pictures = append(r.Pictures, Picture{Data: make([]byte, 27000)})
	}
	var chunks Chunks
	const runs = 100
	objects, bytes := alloctest.Measure(t, runs, func() { r.Marshal(&chunks).Free() })
	if objects > runs || bytes > runs*384 {
		t.Errorf("%d answers allocated %d objects of %d bytes, want 1 of at most 384 each", runs, objects, bytes)
	}
}
