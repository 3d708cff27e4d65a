package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
	"github.com/steadyframe/steadyframe/pipeline"
)

// TestRoomForOneFrame: where the budget has room for one frame and its image and no second, bodies of any number of frames are answered, one
// frame after the other: no request waits for memory that it holds itself.
func TestRoomForOneFrame(t *testing.T) {
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 1280, Height: 720}}
	s := start(t, func(c *server.Config) {
		c.Limits.MemoryBudget, c.Limits.MemoryFloor = 6<<20, 0
		c.Timeout.Queue = config.Duration(time.Minute)
	})
	frames := makeFrames(t, spec.Input, 3)
	want := encodeDirectly(t, spec, frames)
	for _, accept := range []string{"*/*", "video/x-motion-jpeg"} {
		for _, endless := range []bool{false, true} {
			for n := 1; n <= len(frames); n++ {
				t.Run(fmt.Sprintf("accept=%s/endless=%t/frames=%d", strings.ReplaceAll(accept, "/", "-"), endless, n), func(t *testing.T) {
					var body io.Reader = bytes.NewReader(bytes.Join(frames[:n], nil))
					if endless {
						body = struct{ io.Reader }{body}
					}
					resp := s.post(t, query(t, spec), body, "Accept", accept)
					defer resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						t.Fatalf("got status %s: %s", resp.Status, readAll(t, resp.Body))
					}
					var got []byte
					if n > 1 && accept == "*/*" {
						got = bytes.Join(readParts(t, resp), nil)
					} else {
						got = readAll(t, resp.Body)
					}
					if !bytes.Equal(got, bytes.Join(want[:n], nil)) {
						t.Errorf("got %d bytes of type %s, want the library's %d images", len(got), resp.Header.Get("Content-Type"), n)
					}
				})
			}
		}
	}
}

// TestBegunFrameMustGoOn: a body whose first frame has begun and does not go on is given up after timeouts.receive, not timeouts.idle.
func TestBegunFrameMustGoOn(t *testing.T) {
	t.Parallel()
	patience.Grow(t, 500*time.Millisecond, func(t testing.TB, receive time.Duration) {
		s := start(t, func(c *server.Config) { c.Timeout.Receive = config.Duration(receive) })
		for _, sent := range []int{1, 10, 600, 5000} {
			c, err := dialRaw("tcp", s.Addrs().HTTP)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "POST /v1/encode?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", query(t, w1), 640*360*3, strings.Repeat("x", sent))
			response, err := io.ReadAll(c)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(response, []byte("HTTP/1.1 408 ")) {
				t.Errorf("%d bytes: got %q, want status 408", sent, response)
			}
		}
	})
}

// TestCropAsTyped: the + of a crop may stand in the query as it is.
func TestCropAsTyped(t *testing.T) {
	s := start(t, nil)
	spec := w1
	spec.Resize, spec.Crop = pipeline.Resize{}, pipeline.Rect{X: 16, Y: 8, Width: 320, Height: 240}
	frames := makeFrames(t, spec.Input, 1)
	resp := s.post(t, "format=bgr24&size=640x360&crop=320x240+16+8", bytes.NewReader(frames[0]))
	defer resp.Body.Close()
	if got := readAll(t, resp.Body); !bytes.Equal(got, encodeDirectly(t, spec, frames)[0]) {
		t.Errorf("got status %s and %d other bytes than the library's image", resp.Status, len(got))
	}
}
