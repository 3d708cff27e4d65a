package server_test

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
)

// TestStreamsOfOneConnection: the frames of streams that share a connection, and come in between one another, go each to its own.
func TestStreamsOfOneConnection(t *testing.T) {
	const streams, batches, perBatch = 6, 5, 3
	c := start(t, nil).dial(t)
	frames := makeFrames(t, w1.Input, streams*perBatch)
	images := encodeDirectly(t, w1, frames)
	var all sync.WaitGroup
	for i := range streams {
		mine, want := frames[i*perBatch:][:perBatch], images[i*perBatch:][:perBatch]
		all.Go(func() {
			stream, err := c.EncodeStream(timeout(t))
			if err != nil {
				t.Error(err)
				return
			}
			for id := range batches {
				if err := stream.Send(&client.Batch{ID: uint64(id), Spec: w1, Frames: mine}); err != nil {
					t.Error(err)
					return
				}
			}
			var response client.Response
			for id := range batches {
				if err := stream.Recv(&response); err != nil || response.ID != uint64(id) || len(response.Images) != perBatch {
					t.Errorf("stream %d: got response %d with %d images, %v, want %d with %d", i, response.ID, len(response.Images), err, id, perBatch)
					return
				}
				for k, image := range response.Images {
					if image.Err != nil || !bytes.Equal(image.Data, want[k]) {
						t.Errorf("stream %d, batch %d: image %d is not the library's (%v)", i, id, k, image.Err)
					}
				}
			}
		})
	}
	all.Wait()
}

// TestPaddedFrames: a caller that pads its DATA frames, cuts them and its headers anywhere, and sends as much as flow control
// allows gets its images.
func TestPaddedFrames(t *testing.T) {
	frames := makeFrames(t, w1.Input, 4)
	want := encodeDirectly(t, w1, frames)
	message, err := proto.Marshal(&api.EncodeRequest{Spec: specMessage(t, w1), Frames: frames})
	if err != nil {
		t.Fatal(err)
	}
	message = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)

	conn, err := dialRaw("tcp", start(t, nil).Addrs().GRPC)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	const window = 1 << 20
	if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}); err != nil {
		t.Fatal(err)
	}
	var headers bytes.Buffer
	encoder := hpack.NewEncoder(&headers)
	for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", api.FrameService_Encode_FullMethodName}, {":authority", "localhost"}, {"content-type", "application/grpc"}, {"te", "trailers"}} {
		if err := encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers.Bytes()[:4]}); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteContinuation(1, true, headers.Bytes()[4:]); err != nil {
		t.Fatal(err)
	}
	room := map[uint32]int{0: 65535, 1: 65535} // as flow control has it
	var got []byte
	read := func() (ended bool) {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.WindowUpdateFrame:
			room[f.StreamID] += int(f.Increment)
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = framer.WriteSettingsAck()
			}
		case *http2.DataFrame:
			got = append(got, f.Data()...)
			if err = framer.WriteWindowUpdate(0, max(f.Length, 1)); err != nil {
				t.Fatal(err)
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			t.Fatalf("got %v", f)
		}
		if err != nil {
			t.Fatal(err)
		}
		h := f.Header()
		return h.Type == http2.FrameHeaders && h.Flags.Has(http2.FlagHeadersEndStream)
	}
	for i := 0; len(message) > 0; i++ {
		padding := make([]byte, i*7%256)
		n := min(len(message), 1+i*997%15000)
		for n+1+len(padding) > min(room[0], room[1]) {
			read()
		}
		if err := framer.WriteDataPadded(1, n == len(message), message[:n], padding); err != nil {
			t.Fatal(err)
		}
		room[0], room[1] = room[0]-n-1-len(padding), room[1]-n-1-len(padding)
		message = message[n:]
	}
	for !read() {
	}
	var response api.EncodeResponse
	if err := proto.Unmarshal(got[5:], &response); err != nil {
		t.Fatal(err)
	}
	checkImages(t, stockImages(t, &response), want)
}
