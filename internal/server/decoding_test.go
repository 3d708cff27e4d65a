package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/oddjpeg"
)

// TestStopWhileDecoding: the server stops in time while it decodes a costly JPEG, and serves other requests meanwhile.
func TestStopWhileDecoding(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Workers, c.DrainTimeout, c.Live.EncodeUnwatched = 1, server.Duration(time.Second), true
	})
	body, w := io.Pipe()
	published := make(chan struct{})
	go func() {
		defer close(published)
		resp, err := s.httpClient().Post("http://localhost/v1/streams/cam?resize=32x32", "image/jpeg", body)
		if err == nil {
			_ = resp.Body.Close()
		}
	}()
	// Some ten seconds of work.
	costly := oddjpeg.Image{Width: 6900, Height: 6900, Progressive: true, ACScans: 31}.Bytes()
	if _, err := w.Write(costly); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is being decoded", func() bool {
		_, metrics := s.admin(t, "/metrics")
		return !strings.Contains(metrics, "steadyframe_memory_bytes{kind=\"decoders\"} 0\n")
	})
	resp := s.post(t, query(t, small), strings.NewReader(string(makeFrames(t, small.Input, 1)[0])))
	if data := readAll(t, resp.Body); resp.StatusCode != http.StatusOK {
		t.Errorf("encoding beside it: got %d %s", resp.StatusCode, data)
	}
	s.stop()
	_ = w.Close()
	<-published
}
