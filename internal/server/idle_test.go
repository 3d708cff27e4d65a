package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
	"github.com/steadyframe/steadyframe/pipeline"
)

// beginCall opens a connection and a call of a method of FrameService on it, and sends data as the beginning of its
// messages.
func beginCall(t testing.TB, addr, method string, data []byte) net.Conn {
	t.Helper()
	return beginCallWith(t, addr, method, data)
}

// beginGzipCall is beginCall with a compressed message.
func beginGzipCall(t testing.TB, addr, method string, data []byte) net.Conn {
	t.Helper()
	return beginCallWith(t, addr, method, data, hpack.HeaderField{Name: "grpc-encoding", Value: "gzip"})
}

func beginCallWith(t testing.TB, addr, method string, data []byte, more ...hpack.HeaderField) net.Conn {
	t.Helper()
	conn, err := dialRaw("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	beginHTTP2(t, conn, narrowWindow, append([]byte{}, data...), append(callHead(method), more...))
	return conn
}

// callHead are the headers of a call.
func callHead(method string) []hpack.HeaderField {
	return []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: "/steadyframe.v1.FrameService/" + method},
		{Name: ":authority", Value: "localhost"}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}
}

// grpcStatus reads a connection of beginCall until the call ends, and returns its status and message.
func grpcStatus(t testing.TB, conn net.Conn) (code, message string) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		h, ok := f.(*http2.MetaHeadersFrame)
		if !ok {
			continue
		}
		for _, field := range h.Fields {
			switch field.Name {
			case "grpc-status":
				code = field.Value
			case "grpc-message":
				message = field.Value
			}
		}
		if h.StreamEnded() {
			return code, message
		}
	}
}

// declared is the beginning of a message of 64 MiB with one frame in it: its length, the tag and length of the frame,
// and so many bytes.
func declared(bytes int) []byte {
	return append([]byte{0, 4, 0, 0, 0, 3<<3 | 2, 0xf0, 0xff, 0xff, 0x1f}, make([]byte, bytes)...)
}

// declaredAfter is declared for a message that begins with the fields of m, and goes on with a frame that is field 5.
func declaredAfter(t testing.TB, m proto.Message, bytes int) []byte {
	t.Helper()
	fields, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out := declared(bytes)
	out[5], out[6] = 5<<3|2, 0x80 // a frame that is 112 bytes shorter
	return slices.Insert(out, 5, fields...)
}

// TestStalledRequestsEnd: a request that has begun and does not go on is ended after timeouts.receive, and releases
// what it held.
func TestStalledRequestsEnd(t *testing.T) {
	t.Parallel()
	patience.Grow(t, time.Second, stalledRequestsEnd)
}

func stalledRequestsEnd(t testing.TB, limit time.Duration) {
	s := start(t, func(c *server.Config) { c.Timeout.Receive = server.Duration(limit) }) // a TLS handshake has as long
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 1000, Height: 1000}}
	for _, sent := range []int{1, 600} { // before and after memory for the frame is leased
		conn := beginCall(t, s.Addrs().GRPC, "EncodeStream", declared(sent))
		code, message := grpcStatus(t, conn)
		if want := "did not come within timeouts.receive"; code != "4" || !strings.Contains(message, want) {
			t.Errorf("gRPC, %d bytes: got status %s, %q, want 4 with %q", sent, code, message, want)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}

		post := beginPost(t, s.Addrs().HTTP, query(t, spec), 3_000_000, make([]byte, sent))
		if err := post.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
			t.Fatal(err)
		}
		response, err := io.ReadAll(post)
		if err != nil || !bytes.HasPrefix(response, []byte("HTTP/1.1 408 ")) || !bytes.Contains(response, []byte("timeouts.receive")) {
			t.Errorf("HTTP, %d bytes: got %q, %v, want 408 and the end of the connection", sent, response, err)
		}
		if err := post.Close(); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "nothing is held", func() bool {
		st := s.Stats()
		return st.OpenRequests == 0 && st.Pool.InUse == 0 && st.Pool.Admitted == 0
	})
}

// TestIdleStreamsEnd: silence between two requests of a stream, or two frames of a body, ends it after timeouts.idle;
// before that it does no harm.
func TestIdleStreamsEnd(t *testing.T) {
	t.Parallel()
	patience.Grow(t, 2*time.Second, idleStreamsEnd)
}

func idleStreamsEnd(t testing.TB, limit time.Duration) {
	s := start(t, func(c *server.Config) {
		c.Timeout.Receive, c.Timeout.Idle = server.Duration(limit/2), server.Duration(limit)
	})
	frames := makeFrames(t, small.Input, 1)
	stream, err := s.dial(t).EncodeStream(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	var a client.Response
	begin := time.Now()
	if err := errors.Join(stream.Send(&client.Batch{Spec: small, Frames: frames}), stream.Recv(&a)); err != nil {
		t.Fatal(err)
	}
	var e *client.Error
	if err := stream.Recv(&a); !errors.As(err, &e) || e.Code != codes.DeadlineExceeded || !strings.Contains(e.Reason, "timeouts.idle") {
		t.Errorf("gRPC: got %v, want DeadlineExceeded", err)
	}
	if silence := time.Since(begin); silence < limit {
		t.Errorf("gRPC: the stream was ended after %v of silence, want timeouts.idle", silence)
	}

	body, feed := io.Pipe()
	go func() {
		if _, err := feed.Write(frames[0]); err != nil {
			t.Error(err)
		}
	}()
	begin = time.Now()
	resp := s.post(t, query(t, small), body, "Accept", "video/x-motion-jpeg", "TE", "trailers")
	checkImages(t, [][]byte{readAll(t, resp.Body)}, encodeDirectly(t, small, frames))
	if got := resp.Trailer.Get("Steadyframe-Error"); !strings.HasPrefix(got, "slow: ") {
		t.Errorf("HTTP: got trailer %q, want that it was slow", got)
	}
	if silence := time.Since(begin); silence < limit {
		t.Errorf("HTTP: the body was ended after %v of silence, want timeouts.idle", silence)
	}
	if err := feed.Close(); err != nil {
		t.Error(err)
	}
}

// TestUnreadResponsesEnd: a caller that reads no responses is disconnected after timeouts.send, and what it held is released.
func TestUnreadResponsesEnd(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Timeout.Send = server.Duration(200 * time.Millisecond) })
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 16, Height: 16}, Resize: pipeline.Resize{Width: 2000, Height: 2000},
		Output: pipeline.Output{Format: pipeline.RawRGBA}}
	tiny := makeFrames(t, spec.Input, 8)
	stream, err := s.dial(t).EncodeStream(timeout(t)) // Each response is 16 MB, which fits no window.
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&client.Batch{Spec: spec, Frames: tiny[:1]}); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = stream.Send(&client.Batch{Frames: tiny[:1]})
	}
	var a client.Response
	for err = nil; err == nil; {
		err = stream.Recv(&a)
	}
	var e *client.Error
	if !errors.As(err, &e) || e.Code != codes.Unavailable {
		t.Errorf("gRPC: got %v, want the connection to end", err)
	}

	conn := beginPost(t, s.Addrs().HTTP, query(t, spec), 8*256, bytes.Join(tiny, nil))
	eventually(t, "nothing is held", func() bool {
		st := s.Stats()
		return st.OpenRequests == 0 && st.Pool.InUse == 0 && st.Pool.Admitted == 0 && st.Frames > 0
	})
	eventually(t, "the log says why the calls ended", func() bool { return strings.Contains(s.log.String(), "was not read within timeouts.send") })
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// TestUnreadResponsesHoldTheirMemory: over HTTP/1.1 and HTTP/2 the grant of a request stays until its response was read or
// timeouts.send has ended it: unread responses are always counted.
func TestUnreadResponsesHoldTheirMemory(t *testing.T) {
	const requests = 4
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 16, Height: 16}, Resize: pipeline.Resize{Width: 2000, Height: 2000},
		Output: pipeline.Output{Format: pipeline.RawRGBA}}
	const image = 2000 * 2000 * 4
	body := makeFrames(t, spec.Input, 1)[0]
	// post sends the requests, whose responses nobody reads, and passes the errors on.
	post := func(t *testing.T, s *running, version string, failed func(error)) {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(version == "http1")
		protocols.SetHTTP2(version == "http2" && clientTLS != nil)
		protocols.SetUnencryptedHTTP2(version == "http2" && clientTLS == nil)
		transport := &http.Transport{TLSClientConfig: clientTLS.Clone(), Protocols: protocols}
		t.Cleanup(transport.CloseIdleConnections)
		for range requests {
			r, err := http.NewRequestWithContext(timeout(t), http.MethodPost, scheme+"://"+s.Addrs().HTTP+"/v1/encode?"+query(t, spec), bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if resp, err := transport.RoundTrip(r); err != nil {
				failed(err)
			} else {
				t.Cleanup(func() { _ = resp.Body.Close() })
			}
		}
	}
	for _, version := range []string{"http1", "http2"} {
		t.Run(version, func(t *testing.T) {
			s := start(t, nil)
			post(t, s, version, func(err error) { t.Fatal(err) })
			st := s.Stats()
			if st.OpenRequests != requests || st.Pool.Admitted < requests*image || st.Pool.InUse < requests*image {
				t.Errorf("while nobody reads: got %d requests, %d bytes admitted and %d in use, want %d and %d bytes or more", st.OpenRequests, st.Pool.Admitted,
					st.Pool.InUse, requests, requests*image)
			}
		})
		t.Run(version+"/given-up", func(t *testing.T) {
			s := start(t, func(c *server.Config) { c.Timeout.Send = server.Duration(200 * time.Millisecond) })
			post(t, s, version, func(error) {}) // On a busy machine it is given up before it has begun.
			eventually(t, "all are given up", func() bool {
				st := s.Stats()
				log := s.log.String()
				return strings.Count(log, "request failed") == requests && strings.Contains(log, "not read within timeouts.send") &&
					st.OpenRequests == 0 && st.Pool.Admitted == 0 && st.Pool.InUse == 0
			})
		})
	}
}

// TestSilentConnectionsAreCheap: connections that announce 64 MiB and send one byte cost the server's process little,
// no memory of the pool, and are ended in time.
func TestSilentConnectionsAreCheap(t *testing.T) {
	for name, most := range map[string]float64{"grpc": 56 << 10, "publish": 56 << 10, "http": 36 << 10} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(childCollects, "yes")
			receive := 2 * time.Second
			for !testSilentConnections(t, name, most, receive) {
				receive *= 4
				t.Logf("the machine is busy: once more with timeouts.receive of %v", receive)
			}
		})
	}
}

// testSilentConnections opens the connections. It returns false when it did not get to open them all within timeouts.receive.
func testSilentConnections(t *testing.T, name string, most float64, receive time.Duration) bool {
	const n = 400
	publishing := &api.PublishRequest{Stream: "cam1", Spec: specMessage(t, w1)}
	child := startChild(t, fmt.Sprintf(`{"timeouts.receive": "%v", "limits.max_requests": "2000"}`, receive))
	open := func() net.Conn {
		switch name {
		case "grpc":
			return beginCall(t, child.GRPC, "EncodeStream", declared(1))
		case "publish":
			return beginCall(t, child.GRPC, "Publish", declaredAfter(t, publishing, 1))
		}
		return beginPost(t, child.HTTP, "format=bgr24&size=4096x5461", 4096*5461*3, []byte{0})
	}
	warm := open()
	defer func() { _ = warm.Close() }()
	before := child.collected(t)
	begin := time.Now()
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = open()
		defer func() { _ = conns[i].Close() }()
	}
	eventually(t, "all requests are open", func() bool {
		return child.counters(t).Stats.OpenRequests >= n || time.Since(begin) > receive*3/4
	})
	during := child.collected(t)
	each := float64(during.RSS-before.RSS) / n
	t.Logf("%d of %d requests open, %.0f bytes each, %d goroutines", during.Stats.OpenRequests, n, each, during.Goroutines)
	if during.Stats.OpenRequests < n && time.Since(begin) > receive/2 {
		return false
	} else if during.Stats.OpenRequests < n {
		t.Errorf("got %d requests open, want %d", during.Stats.OpenRequests, n)
	}
	if each > most {
		t.Errorf("got %.0f bytes of memory for each connection, want at most %.0f", each, most)
	}
	if got := during.Stats.Pool; got.InUse != 0 || got.Admitted != 0 {
		t.Errorf("got %d bytes leased and %d admitted for what was only declared, want none", got.InUse, got.Admitted)
	}
	eventually(t, "all requests are ended", func() bool { return child.counters(t).Stats.OpenRequests == 0 })
	return true
}
