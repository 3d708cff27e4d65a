package grpcapi

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
		r    response
	}{
		{"empty", response{}},
		{"id", response{ID: 1 << 63}},
		{"one", response{ID: 3, Pictures: []picture{{Data: []byte("x")}}, QueueUS: 5, RunUS: 1 << 40}},
		{"no-data", response{Pictures: []picture{{}, {Code: 3, Message: "frame: too short"}, {Code: -1}}}},
		{"many-chunks", response{ID: 1, Pictures: []picture{{Data: long}, {Data: long[:chunkSize]}, {Data: long[:chunkSize-9]}, {Message: strings.Repeat("m", 3*chunkSize)}}}},
	}
	var chunks chunkPool
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
	r := response{ID: 1, QueueUS: 2, RunUS: 3}
	for range 25 {
		r.Pictures = append(r.Pictures, picture{Data: make([]byte, 27000)})
	}
	var chunks chunkPool
	const runs = 100
	objects, bytes := alloctest.Measure(t, runs, func() { r.Marshal(&chunks).Free() })
	if objects > runs || bytes > runs*384 {
		t.Errorf("%d answers allocated %d objects of %d bytes, want 1 of at most 384 each", runs, objects, bytes)
	}
}
