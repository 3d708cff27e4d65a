package grpcapi

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// slotMessages are messages for a Slot, and the same for protobuf.
var slotMessages = []struct {
	name string
	m    interface{ Marshal(*slot) mem.BufferSlice }
	want proto.Message
}{
	{"no-status", &publishStatus{}, &api.PublishStatus{}},
	{"status", &publishStatus{Arrived: 1, Published: 1 << 40, Same: 3, Dropped: [5]uint64{4, 5, 6, 7, 8}, Viewers: 9, FPSOut: 12.5},
		&api.PublishStatus{Arrived: 1, Published: 1 << 40, Same: 3, Dropped: &api.Dropped{Newer: 4, Capped: 5, Unseen: 6, NoMemory: 7, Failed: 8}, Viewers: 9, FpsOut: 12.5}},
	{"some-status", &publishStatus{Arrived: 2, Dropped: [5]uint64{2: 200}}, &api.PublishStatus{Arrived: 2, Dropped: &api.Dropped{Unseen: 200}}},
	{"no-picture", &watchPicture{}, &api.WatchPicture{}},
	{"picture", &watchPicture{Data: []byte("jpeg"), Seq: 1, CapturedUS: 1 << 50, SentUS: 1<<50 + 1, Width: 640, Height: 360, Offline: true, Repeat: true},
		&api.WatchPicture{Data: []byte("jpeg"), Seq: 1, CapturedUs: 1 << 50, SentUs: 1<<50 + 1, Width: 640, Height: 360, Offline: true, Repeat: true}},
	{"many-chunks", &watchPicture{Data: bytes.Repeat([]byte("jpeg"), 20000), Seq: 300}, &api.WatchPicture{Data: bytes.Repeat([]byte("jpeg"), 20000), Seq: 300}},
}

// TestSlotMessagesAreProtobuf: and when the last reference to one is gone, it has left.
func TestSlotMessagesAreProtobuf(t *testing.T) {
	s := newSlot(&chunkPool{})
	for range 2 { // the second time in the same slices
		for _, tt := range slotMessages {
			want, err := proto.MarshalOptions{Deterministic: true}.Marshal(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			out := tt.m.Marshal(s)
			if got := out.Materialize(); !bytes.Equal(got, want) {
				t.Errorf("%s: got %d bytes %.40x, want %d bytes %.40x", tt.name, len(got), got, len(want), want)
			}
			out.Ref()
			out.Free()
			if left := len(s.Left()) > 0; left != (len(want) == 0) {
				t.Errorf("%s: got left %t while it is held", tt.name, left)
			}
			out.Free()
			select {
			case <-s.Left():
			default:
				t.Errorf("%s: got no word that it has left", tt.name)
			}
		}
	}
}

func TestSlotAllocatesNothing(t *testing.T) {
	s := newSlot(&chunkPool{})
	p := watchPicture{Data: make([]byte, 100_000), Seq: 1, CapturedUS: 1 << 50}
	alloctest.Zero(t, 100, func() {
		p.Marshal(s).Free()
		<-s.Left()
	})
}

// TestSlotNeverWaits: grpc-go's writing goroutine, which frees messages, is not held up by who does not listen.
func TestSlotNeverWaits(t *testing.T) {
	s := newSlot(&chunkPool{})
	for _, tt := range slotMessages {
		tt.m.Marshal(s).Free()
	}
	if len(s.Left()) != 1 {
		t.Error("got no word that the messages have left")
	}
}
