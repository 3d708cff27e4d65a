package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
)

// http1Client returns a client that speaks HTTP/1.1 with the server.
func http1Client(testing.TB) *http.Client { return http.DefaultClient }

// http2Client returns a client that speaks HTTP/2 with the server.
func http2Client(t testing.TB) *http.Client {
	t.Helper()
	transport := newTransport()
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP2(true)
	transport.Protocols.SetUnencryptedHTTP2(clientTLS == nil)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestRareImagesOverHTTP2: a viewer that asks for images less often than live.stall gets them: it reads all that it is sent.
func TestRareImagesOverHTTP2(t *testing.T) {
	t.Parallel()
	patience.Grow(t, 200*time.Millisecond, func(t testing.TB, stall time.Duration) {
		s := start(t, func(c *server.Config) { c.Live.Stall = server.Duration(stall) })
		startJPEGs(t, s, "cam1").send(padded(1, 1000))
		client := http2Client(t)
		url := fmt.Sprintf("%s://%s/stream/cam1.mjpg?fps=%g", scheme, s.Addrs().HTTP, 1/(2*stall).Seconds())
		var resp *http.Response
		eventually(t, "the stream exists", func() bool {
			var err error
			if resp, err = client.Get(url); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusOK {
				_ = resp.Body.Close()
			}
			return resp.StatusCode == http.StatusOK
		})
		defer func() { _ = resp.Body.Close() }()
		if resp.ProtoMajor != 2 {
			t.Fatalf("got %s, want HTTP/2", resp.Proto)
		}
		for read, buf := []byte(nil), make([]byte, 4096); bytes.Count(read, []byte("\xff\xd9")) < 3; {
			n, err := resp.Body.Read(buf)
			if read = append(read, buf[:n]...); err != nil {
				t.Fatalf("got %d images, then %v", bytes.Count(read, []byte("\xff\xd9")), err)
			}
		}
	})
}

// TestRareFramesOverHTTP2: images of frames that come further apart than timeouts.send are sent as they are ready, and the response ends well.
func TestRareFramesOverHTTP2(t *testing.T) {
	t.Parallel()
	frames := makeFrames(t, small.Input, 3)
	want := bytes.Join(encodeDirectly(t, small, frames), nil)
	patience.Grow(t, 200*time.Millisecond, func(t testing.TB, send time.Duration) {
		s := start(t, func(c *server.Config) { c.Timeout.Send = server.Duration(send) })
		body, feed := io.Pipe()
		go func() {
			for _, f := range frames {
				<-time.After(2 * send)
				_, _ = feed.Write(f)
			}
			_ = feed.Close()
		}()
		req, err := http.NewRequestWithContext(timeout(t), http.MethodPost, scheme+"://"+s.Addrs().HTTP+"/v1/encode?"+query(t, small), body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "video/x-motion-jpeg")
		resp, err := http2Client(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if got, err := io.ReadAll(resp.Body); err != nil || resp.ProtoMajor != 2 || !bytes.Equal(got, want) {
			t.Fatalf("got %s over %s with %d bytes, %v, want the library's %d images", resp.Status, resp.Proto, len(got), err, len(frames))
		}
	})
}

// TestHTTP2ReadsNothing: a client of HTTP/2 that lets the server send without end, and reads nothing, loses its connection, whatever it
// asked for.
func TestHTTP2ReadsNothing(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *server.Config) {
		c.Timeout.Send, c.Live.Stall = server.Duration(time.Second), server.Duration(time.Second)
		c.HTTP.Listen = "unix:" + filepath.Join(t.TempDir(), "http") // The system buffers less than over TCP.
	})
	c := dialNarrow(t, s, "h2")
	head := []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: scheme}, {Name: ":path", Value: "/assets/dashboard.js"}, {Name: ":authority", Value: "localhost"}}
	beginHTTP2(t, c, wideWindow, nil, head)
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	framer := http2.NewFramer(c, nil)
	for id := uint32(3); id < 2*60; id += 2 { // some 400 KB, in as many streams as there may be
		block.Reset()
		for _, f := range append(head, hpack.HeaderField{Name: "x-number", Value: fmt.Sprint(id)}) {
			if err := enc.WriteField(f); err != nil {
				t.Fatal(err)
			}
		}
		if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true}); err != nil {
			break // It is cut already.
		}
	}
	connections := func(n int) func() bool {
		return func() bool {
			_, metrics := s.admin(t, "/metrics")
			return strings.Contains(metrics, fmt.Sprintf("steadyframe_connections{listener=%q} %d\n", "http", n))
		}
	}
	eventually(t, "the connection is cut", connections(0))
}
