package client

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
)

// FuzzResponse: a Response is read as protobuf reads it, and never with a panic.
func FuzzResponse(f *testing.F) {
	for _, m := range []*api.EncodeResponse{
		{},
		{Id: 300, Pictures: []*api.Picture{{Data: []byte("abc")}, {Code: 3, Message: "m"}, {}}, QueueUs: 1, RunUs: 1 << 40},
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{0x12, 0xff})
	f.Add([]byte{0x13, 0x14})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			t.Skip()
		}
		var got Response
		err := got.unmarshal(mem.BufferSlice{mem.SliceBuffer(data)})
		var want api.EncodeResponse
		if proto.Unmarshal(data, &want) != nil {
			return // It may still be taken: what protobuf finds wrong in a field that is not read is of no concern.
		}
		if err != nil {
			t.Fatalf("got %v for what protobuf takes", err)
		}
		if got.ID != want.GetId() || len(got.Images) != len(want.Pictures) {
			t.Fatalf("got id %d and %d images, want %d and %d", got.ID, len(got.Images), want.GetId(), len(want.Pictures))
		}
		for i, p := range got.Images {
			w := want.Pictures[i]
			if !bytes.Equal(p.Data, w.GetData()) || (p.Err != nil) != (w.GetCode() != 0) {
				t.Fatalf("image %d: got %d bytes, %v, want %v", i, len(p.Data), p.Err, w)
			}
			if p.Err != nil && (p.Err.(*Error).Code != codes.Code(w.GetCode()) || p.Err.(*Error).Reason != w.GetMessage()) {
				t.Fatalf("image %d: got %v, want %v", i, p.Err, w)
			}
		}
	})
}

// FuzzLiveImage: a LiveImage is read as protobuf reads it, and never with a panic.
func FuzzLiveImage(f *testing.F) {
	for _, m := range []*api.WatchPicture{
		{},
		{Data: []byte("jpeg"), Seq: 3, CapturedUs: 1 << 50, SentUs: 1<<50 + 9, Width: 640, Height: 360, Offline: true, Repeat: true},
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{0x0a, 0xff})
	f.Add([]byte{0x28, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x38, 0x02})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			t.Skip()
		}
		var got LiveImage
		err := got.unmarshal(mem.BufferSlice{mem.SliceBuffer(data)})
		var want api.WatchPicture
		if proto.Unmarshal(data, &want) != nil {
			return
		}
		if err != nil {
			t.Fatalf("got %v for what protobuf takes", err)
		}
		if !bytes.Equal(got.Data, want.GetData()) || got.Seq != want.GetSeq() || got.Width != int(want.GetWidth()) || got.Height != int(want.GetHeight()) ||
			got.Offline != want.GetOffline() || got.Repeat != want.GetRepeat() {
			t.Fatalf("got %+v, want %v", got, &want)
		}
	})
}
