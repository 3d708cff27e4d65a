package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/oddjpeg"
)

// padded returns a JPEG of about that many bytes, which differs from that of any other n.
func padded(n, size int) []byte {
	small := oddjpeg.Image{Width: 64, Height: 64}.Bytes()
	b := bytes.Clone(small[:2])
	comment := make([]byte, 65533)
	binary.BigEndian.PutUint64(comment, uint64(n))
	for len(b) < size {
		b = append(b, 0xFF, 0xFE, 0xFF, 0xFF)
		b = append(b, comment...)
	}
	return append(b, small[2:]...)
}

// dialHTTP connects to the HTTP listener, which may be a Unix socket.
func (s *running) dialHTTP() (net.Conn, error) {
	c, err := s.dialSocket()
	if err != nil {
		return nil, err
	}
	return secure(c), nil
}

// dialSocket is dialHTTP without TLS.
func (s *running) dialSocket() (net.Conn, error) { return dialAt(s.Addrs().HTTP) }

// dialAt connects to an address that a server listens on, without TLS.
func dialAt(addr string) (net.Conn, error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return net.Dial("unix", path)
	}
	return net.Dial("tcp", addr)
}

// dialNarrow is dialHTTP for a client that buffers as little as the system allows.
func dialNarrow(t testing.TB, s *running, protocols ...string) net.Conn {
	t.Helper()
	c, err := s.dialSocket()
	if err != nil {
		t.Fatal(err)
	}
	return narrowed(t, c, protocols...)
}

// narrowed makes c, which is plain, one that buffers as little as the system allows, until the test ends, and TLS if the tests use that.
func narrowed(t testing.TB, c net.Conn, protocols ...string) net.Conn {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	if err := c.(interface{ SetReadBuffer(int) error }).SetReadBuffer(2048); err != nil {
		t.Fatal(err)
	}
	return secure(c, protocols...)
}

const (
	// narrowWindow is what HTTP/2 lets a peer send at first: beyond it the server waits for the client's permission. wideWindow is as
	// good as none: the server waits for the socket.
	narrowWindow = 64<<10 - 1
	wideWindow   = 1 << 30
)

// beginHTTP2 sends the beginning of a connection of HTTP/2, and a request, with that window for what comes back. A nil body is none; any
// other goes on.
func beginHTTP2(t testing.TB, c net.Conn, window uint32, body []byte, head []hpack.HeaderField) {
	t.Helper()
	var block, out bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range head {
		if err := enc.WriteField(f); err != nil {
			t.Fatal(err)
		}
	}
	out.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&out, nil)
	err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	if more := window - narrowWindow; more > 0 {
		err = errors.Join(err, framer.WriteWindowUpdate(0, more))
	}
	err = errors.Join(err, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: body == nil}))
	if body != nil {
		err = errors.Join(err, framer.WriteData(1, false, body))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(out.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// httpClient returns a client of the HTTP listener with one connection for each request. Hosts of URLs do not matter.
func (s *running) httpClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return s.dialHTTP() },
	}}
}

// TestSlowViewers: viewers of every kind begin to read a JPEG and stop, each in a different one, more of them than
// there is memory for. They are disconnected, the oldest first. A viewer that reads gets every image, the publisher
// loses none, a frame is encoded meanwhile, and afterwards all memory is free.
func TestSlowViewers(t *testing.T) {
	const (
		size   = 768 << 10
		rounds = 44
	)
	get := func(path string) func(t *testing.T, s *running) {
		return func(t *testing.T, s *running) {
			c := dialNarrow(t, s)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
			// Then it is being sent the JPEG.
			if _, err := io.ReadFull(c, make([]byte, 2048)); err != nil {
				t.Fatal(err)
			}
		}
	}
	getHTTP2 := func(path string, window uint32) func(t *testing.T, s *running) {
		return func(t *testing.T, s *running) {
			c := dialNarrow(t, s, "h2")
			beginHTTP2(t, c, window, nil, []hpack.HeaderField{
				{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: scheme}, {Name: ":path", Value: path}, {Name: ":authority", Value: "localhost"},
			})
			if _, err := io.ReadFull(c, make([]byte, 4096)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name string
		unix bool // The system buffers less than over TCP, where the server does not limit that.
		open func(t *testing.T, s *running)
	}{
		{"mjpeg", false, get("/stream/big.mjpg")},
		{"mjpeg-http2", false, getHTTP2("/stream/big.mjpg", narrowWindow)},
		{"mjpeg-http2-wide", false, getHTTP2("/stream/big.mjpg", wideWindow)},
		{"snapshot", true, get("/snapshot/big.jpg")},
		{"snapshot-http2", true, getHTTP2("/snapshot/big.jpg", narrowWindow)},
		{"snapshot-http2-wide", true, getHTTP2("/snapshot/big.jpg", wideWindow)},
		{"websocket", false, func(t *testing.T, s *running) {
			client := &http.Client{Transport: &http.Transport{
				DialContext: func(context.Context, string, string) (net.Conn, error) { return dialNarrow(t, s), nil },
			}}
			ws, _, err := websocket.Dial(timeout(t), "ws://localhost/ws", &websocket.DialOptions{HTTPClient: client})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ws.CloseNow() })
			ws.SetReadLimit(-1)
			if err := ws.Write(timeout(t), websocket.MessageText, []byte(`{"op":"watch","stream":"big","id":1}`)); err != nil {
				t.Fatal(err)
			}
			for {
				kind, r, err := ws.Reader(timeout(t))
				if err != nil {
					t.Fatal(err)
				}
				if kind == websocket.MessageBinary {
					if _, err := io.ReadFull(r, make([]byte, 2048)); err != nil {
						t.Fatal(err)
					}
					return
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"grpc-wide", true, func(t *testing.T, s *running) {
			raw, err := dialAt(s.Addrs().GRPC)
			if err != nil {
				t.Fatal(err)
			}
			c := narrowed(t, raw, "h2")
			beginHTTP2(t, c, wideWindow, inFrames(t, &api.WatchRequest{Stream: "big"}), callHead("Watch"))
			if _, err := io.ReadFull(c, make([]byte, 4096)); err != nil {
				t.Fatal(err)
			}
		}},
		{"grpc", false, func(t *testing.T, s *running) {
			if _, err := s.stockWatch(t, &api.WatchRequest{Stream: "big"}).Header(); err != nil { // Then there is a viewer.
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if testing.Short() && strings.HasPrefix(tt.name, "snapshot-http2") {
				t.Skip("mjpeg-http2 goes the same way")
			}
			t.Parallel()
			budget := int64(24 << 20)
			if strings.HasSuffix(tt.name, "-wide") { // It takes a moment to see that the connection is stuck.
				budget *= 2
			}
			s := start(t, func(c *server.Config) {
				c.Limits.MemoryBudget, c.Limits.MemoryFloor = config.Size(budget), 1<<20
				c.Limits.MaxMessageBytes = 8 << 20
				if tt.unix {
					c.HTTP.Listen, c.GRPC.Listen = "unix:"+filepath.Join(t.TempDir(), "http"), "unix:"+filepath.Join(t.TempDir(), "grpc")
				}
			})
			feed := startJPEGs(t, s, "big")
			feed.send(padded(0, size))
			images := readMJPEG(t, s, "big")
			for n := range rounds {
				if n > 0 {
					feed.send(padded(n, size))
				}
				if got, want := <-images, padded(n, size); !bytes.Equal(got, want) {
					t.Fatalf("round %d: the viewer that reads got another image, of %d bytes", n, len(got))
				}
				tt.open(t, s)
				if use := s.Stats().Pool; use.InUse > budget || use.Refused > 0 {
					t.Fatalf("round %d: got %d bytes in use of a budget of %d, %d refused", n, use.InUse, budget, use.Refused)
				}
			}
			resp, err := s.httpClient().Post("http://localhost/v1/encode?"+query(t, w1), "", bytes.NewReader(makeFrames(t, w1.Input, 1)[0]))
			if err != nil {
				t.Fatal(err)
			}
			if body := readAll(t, resp.Body); resp.StatusCode != http.StatusOK {
				t.Errorf("encoding beside them: got %d %s", resp.StatusCode, body)
			}
			if !strings.Contains(s.log.String(), "live.pinned_memory") && tt.name != "snapshot" {
				t.Error("the log does not say why viewers were disconnected")
			}
			_, metrics := s.admin(t, "/metrics")
			transport, _, _ := strings.Cut(tt.name, "-")
			if want := fmt.Sprintf("steadyframe_viewers_evicted_total{transport=%q} ", transport); !strings.Contains(metrics, want) || strings.Contains(metrics, want+"0\n") {
				t.Errorf("the metrics tell of no evicted viewers: want %s", want)
			}
			if strings.Contains(metrics, `steadyframe_viewers_evicted_total{transport="mjpeg"} 0`) == (transport == "mjpeg") {
				t.Error("got evicted MJPEG viewers")
			}
			for _, reason := range []string{"newer", "no_memory", "failed"} {
				if want := fmt.Sprintf("steadyframe_stream_frames_total{outcome=%q} 0\n", reason); !strings.Contains(metrics, want) {
					t.Errorf("the publisher lost images: no %s", want)
				}
			}
		})
	}
}

// jpegFeed is a request that publishes JPEGs.
type jpegFeed struct {
	t    testing.TB
	body *io.PipeWriter
}

// startJPEGs begins to publish JPEGs over HTTP, until the test ends.
func startJPEGs(t testing.TB, s *running, name string) *jpegFeed {
	t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, "http://localhost/v1/streams/"+name, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "image/jpeg")
	client := s.httpClient()
	done := make(chan struct{})
	go func() {
		defer close(done)
		resp, err := client.Do(req)
		if err != nil {
			t.Errorf("publishing: %v", err)
			return
		}
		_ = resp.Body.Close()
	}()
	t.Cleanup(func() {
		_ = w.Close()
		<-done
	})
	return &jpegFeed{t: t, body: w}
}

func (f *jpegFeed) send(jpeg []byte) {
	f.t.Helper()
	if _, err := f.body.Write(jpeg); err != nil {
		f.t.Fatal(err)
	}
}

// readMJPEG watches a stream, which may not exist yet, until the test ends: the channel has each image that differs from
// the one before.
func readMJPEG(t *testing.T, s *running, name string) <-chan []byte {
	t.Helper()
	client := s.httpClient()
	var resp *http.Response
	eventually(t, "the stream exists", func() bool {
		var err error
		if resp, err = client.Get("http://localhost/stream/" + name + ".mjpg"); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			return true
		}
		_ = resp.Body.Close()
		return false
	})
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	images := make(chan []byte, 1)
	ended := make(chan struct{})
	go func() {
		defer close(images)
		var last []byte
		for parts := multipart.NewReader(resp.Body, params["boundary"]); ; {
			part, err := parts.NextPart()
			if err != nil {
				return
			}
			data, err := io.ReadAll(part)
			if err != nil {
				return
			}
			if bytes.Equal(data, last) {
				continue
			}
			last = data
			select {
			case images <- data:
			case <-ended:
				return
			case <-time.After(time.Minute):
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(ended)
		_ = resp.Body.Close()
		for range images {
		}
	})
	return images
}
