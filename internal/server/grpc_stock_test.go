package server_test

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
)

// TestStockGRPC: with nothing of grpc-go that it does not promise, as after an upgrade that takes it away, all calls work:
// messages are then read as a whole (docs/adr/0009-grpc-codec.md). So they do where they come through grpc-go in pieces.
func TestStockGRPC(t *testing.T) {
	t.Run("any", func(t *testing.T) {
		t.Setenv(server.StockGRPC, "any")
		testStockGRPC(t)
		t.Run("message-too-large", func(t *testing.T) {
			s := start(t, func(c *server.Config) { c.Limits.MaxMessageBytes = 1 << 20 })
			var response client.Response
			err := s.dial(t).Encode(timeout(t), &client.Batch{Spec: small, Frames: [][]byte{make([]byte, 1<<20)}}, &response)
			wantError(t, err, codes.ResourceExhausted, "larger than max") // in grpc-go's words
		})
	})
	t.Run("taking", func(t *testing.T) {
		t.Setenv(server.StockGRPC, "taking")
		testStockGRPC(t)
	})
}

func testStockGRPC(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"bytes":          TestSameBytesOverGRPC,
		"wrong-frame":    TestAFrameOfTheWrongSizeFailsAlone,
		"token":          TestGRPCToken,
		"mel-stream":     TestGRPCMelStream,
		"live":           TestLiveFramesInOrder,
		"publish-errors": TestPublishErrors,
		"unknown-stream": TestWatchErrors,
	} {
		t.Run(name, test)
	}
	t.Run("gzip", func(t *testing.T) {
		frames := makeFrames(t, small.Input, 3)
		request := &api.EncodeRequest{Spec: specMessage(t, small), Frames: frames}
		response, err := start(t, nil).stock(t).Encode(timeout(t), request, grpc.UseCompressor(gzip.Name))
		if err != nil {
			t.Fatal(err)
		}
		checkImages(t, stockImages(t, response), encodeDirectly(t, small, frames))
	})
	t.Run("many-messages", func(t *testing.T) {
		s := start(t, nil)
		stream, err := s.dial(t).EncodeStream(timeout(t))
		if err != nil {
			t.Fatal(err)
		}
		frames := makeFrames(t, small.Input, 3)
		want := encodeDirectly(t, small, frames)
		var response client.Response
		for id := range uint64(20) {
			if err := stream.Send(&client.Batch{ID: id, Spec: small, Frames: frames}); err != nil {
				t.Fatal(err)
			}
			if err := stream.Recv(&response); err != nil || response.ID != id || !bytes.Equal(response.Images[2].Data, want[2]) {
				t.Fatalf("got response %d, %v, want %d with the library's image", response.ID, err, id)
			}
		}
	})
}

// TestGRPCReadsPieces: this grpc-go has what the API uses beside its public packages. Where it does not any more, the
// server works all the same, with memory that no budget counts (TestStockGRPC).
func TestGRPCReadsPieces(t *testing.T) {
	s := start(t, nil)
	s.stop()
	if log := s.log.String(); strings.Contains(log, "received as a whole") {
		t.Errorf("got the warning that messages are received as a whole:\n%s", log)
	}
}
