package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
	"github.com/steadyframe/steadyframe/pipeline"
)

// TestExpectContinue: a caller that sends Expect: 100-continue is told to go on, or that the request is wrong, before
// it sends anything.
func TestExpectContinue(t *testing.T) {
	s := start(t, nil)
	frames := makeFrames(t, small.Input, 2)
	want := encodeDirectly(t, small, frames)
	for name, tt := range map[string]struct {
		head, body string
	}{
		"length":  {fmt.Sprintf("Content-Length: %d\r\n", 2*len(frames[0])), string(frames[0]) + string(frames[1])},
		"endless": {"Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s%s\r\n0\r\n\r\n", 2*len(frames[0]), frames[0], frames[1])},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := dialRaw("tcp", s.Addrs().HTTP)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /v1/encode?%s HTTP/1.1\r\nHost: localhost\r\nAccept: video/x-motion-jpeg\r\nExpect: 100-continue\r\nConnection: close\r\n%s\r\n", query(t, small), tt.head)
			r := bufio.NewReader(conn)
			if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
				t.Fatalf("got %q, %v, want leave to go on", line, err)
			}
			if _, err := r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, tt.body); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkImages(t, [][]byte{readAll(t, resp.Body)}, [][]byte{bytes.Join(want, nil)})
			if _, err := r.ReadByte(); err != io.EOF {
				t.Errorf("got %v after the response, want the end of the connection", err)
			}
		})
		t.Run(name+"/wrong", func(t *testing.T) {
			conn, err := dialRaw("tcp", s.Addrs().HTTP)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /v1/encode?size=3x3 HTTP/1.1\r\nHost: localhost\r\nAccept: video/x-motion-jpeg\r\nExpect: 100-continue\r\n%s\r\n", tt.head)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			checkProblem(t, resp, 400, "format", "", "got none")
		})
	}
}

// TestBrokenBodies: a caller whose body is malformed, or has no end, reads what was wrong.
func TestBrokenBodies(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/v1/encode", "/v1/streams/cam"} {
		for _, tt := range []struct {
			name, head, body, kind, detail string
		}{
			{"size", "Transfer-Encoding: chunked", "zz\r\n", "invalid", "the body's chunks are malformed: invalid byte in chunk length"},
			{"end", "Transfer-Encoding: chunked", "3\r\nabcdef\r\n0\r\n\r\n", "invalid", "the body's chunks are malformed: malformed chunked encoding"},
			{"chunks-break-off", "Transfer-Encoding: chunked", "6\r\nabc", "canceled", "the body broke off"},
			{"breaks-off", "Content-Length: 2304", "abc", "canceled", "the body broke off"},
		} {
			t.Run(path+"/"+tt.name, func(t *testing.T) {
				conn, err := dialRaw("tcp", s.Addrs().HTTP)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(conn, "POST %s?%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n%s", path, query(t, small), tt.head, tt.body)
				if err := closeWrite(conn); err != nil {
					t.Fatal(err)
				}
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				p := checkProblem(t, resp, 400, "", "", tt.detail)
				if want := "urn:steadyframe:problem:" + tt.kind; p.Type != want || resp.Status != "400 Bad Request" {
					t.Errorf("got %s, %s, want 400 Bad Request, %s", resp.Status, p.Type, want)
				}
			})
		}
	}
}

// TestKeepAlive: after a whole response, and after a refusal of a body that was read, the connection serves the next
// request, whatever deadlines the one before had.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	patience.Grow(t, 500*time.Millisecond, keepAlive)
}

func keepAlive(t testing.TB, limit time.Duration) {
	s := start(t, func(c *server.Config) {
		c.Timeout.Send, c.Timeout.Receive = server.Duration(limit), server.Duration(limit)
	})
	frames := makeFrames(t, small.Input, 2)
	var dials atomic.Int64
	transport := &http.Transport{TLSClientConfig: clientTLS.Clone(), DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	pause := time.NewTicker(limit + 100*time.Millisecond) // longer than the deadlines
	defer pause.Stop()
	for i, body := range []string{string(frames[0]), string(frames[0]) + string(frames[1]), "x", string(frames[1])} {
		resp, err := c.Post(scheme+"://"+s.Addrs().HTTP+"/v1/encode?"+query(t, small), "", strings.NewReader(body))
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		readAll(t, resp.Body)
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		<-pause.C
	}
	if got := dials.Load(); got != 1 {
		t.Errorf("got %d connections for 4 requests, want 1", got)
	}
}

// TestSlowReadersStay: a caller that takes longer to read a response than timeouts.receive, and than a rest of the body is waited
// for, gets all of it, and its connection serves the next request.
func TestSlowReadersStay(t *testing.T) {
	patience.Grow(t, 500*time.Millisecond, slowReadersStay)
}

func slowReadersStay(t testing.TB, limit time.Duration) {
	s := start(t, func(c *server.Config) { c.Timeout.Receive = server.Duration(limit) })
	spec := pipeline.Spec{Input: small.Input, Resize: pipeline.Resize{Width: 1500, Height: 1500}, Output: pipeline.Output{Format: pipeline.RawRGBA}}
	const frames, size = 3, 1500 * 1500 * 4
	conn, err := s.dialHTTP()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	body := bytes.Join(makeFrames(t, spec.Input, frames), nil)
	for n := range 2 {
		_, err := fmt.Fprintf(conn, "POST /v1/encode?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", query(t, spec), len(body), body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("request %d: got %v, %v", n, resp, err)
		}
		<-time.After(limit + 200*time.Millisecond) // The kernel takes some megabytes of it. The rest waits for us.
		got, err := io.Copy(io.Discard, resp.Body)
		if got < frames*size || err != nil {
			t.Fatalf("request %d: got %d bytes, %v, want %d and more", n, got, err, frames*size)
		}
	}
}

// TestRefusedWhileSending: a caller that asked for the end of the connection, and sends more than fits into the buffers between,
// reads why it was refused.
func TestRefusedWhileSending(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.MaxMessageBytes = 1 << 20 })
	const length = 2 << 20                // more than is read beside the response
	const linger = 500 * time.Millisecond // how long the server reads on
	for _, path := range []string{"/v1/mel?preset=wav2lip&format=s16le&rate=16000", "/v1/encode?format=gray8&size=4000x4000", "/v1/encode?format=none", "/v1/nothing"} {
		for _, version := range []string{"1.0", "1.1"} {
			for read, tries := 0, 0; read < 5; tries++ {
				conn, err := s.dialHTTP()
				if err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				_, err = fmt.Fprintf(conn, "POST %s HTTP/%s\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", path, version, length)
				if err == nil {
					_, err = conn.Write(make([]byte, length))
				}
				var resp *http.Response
				if err == nil {
					resp, err = http.ReadResponse(bufio.NewReader(conn), nil)
				}
				_ = conn.Close()
				if err != nil && time.Since(begin) > linger && tries < 100 {
					continue // On a busy machine it took longer than the server waits.
				}
				if err != nil || resp.StatusCode < 400 || resp.StatusCode >= 500 {
					t.Fatalf("%s, HTTP/%s: got %v, %v after %v, want the refusal", path, version, resp, err, time.Since(begin))
				}
				read++
			}
		}
	}
}

// TestACallerThatDisconnects is no error of the server, and leaves nothing behind.
func TestACallerThatDisconnects(t *testing.T) {
	s := start(t, nil)
	for _, header := range []string{"Content-Length: 2304000\r\n", "Transfer-Encoding: chunked\r\n"} {
		conn, err := dialRaw("tcp", s.Addrs().HTTP)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /v1/encode?%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n900\r\n%s", query(t, small), header, make([]byte, 2000))
		eventually(t, "the request is open", func() bool { return s.Stats().OpenRequests == 1 })
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "nothing is held", func() bool { return s.Stats().OpenRequests == 0 && s.Stats().Pool.Admitted == 0 })
	}
	if log := s.log.String(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
		t.Errorf("got warnings about it:\n%s", log)
	}
}

// TestResponsesToLongBodies: the response to a body that has lasted longer than timeouts.send comes to its end all the same.
func TestResponsesToLongBodies(t *testing.T) {
	frame := makeFrames(t, small.Input, 1)[0]
	image := string(encodeDirectly(t, small, [][]byte{frame})[0])
	for name, tt := range map[string]struct {
		path, want string
		client     func(testing.TB) *http.Client
	}{
		"publish":       {"/v1/streams/cam1", `{"stream":"cam1","frames":1,`, http1Client},
		"encode":        {"/v1/encode", image, http1Client},
		"publish-http2": {"/v1/streams/cam1", `{"stream":"cam1","frames":1,`, http2Client},
		"encode-http2":  {"/v1/encode", image, http2Client},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patience.Grow(t, 100*time.Millisecond, func(t testing.TB, send time.Duration) {
				s := start(t, func(c *server.Config) { c.Timeout.Send = server.Duration(send) })
				body, feed := io.Pipe()
				go func() {
					_, _ = feed.Write(frame)
					<-time.After(3 * send)
					_ = feed.Close()
				}()
				request, err := http.NewRequestWithContext(timeout(t), http.MethodPost, scheme+"://"+s.Addrs().HTTP+tt.path+"?"+query(t, small), body)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Accept", "video/x-motion-jpeg")
				response, err := tt.client(t).Do(request)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(response.Body)
				if err != nil || !strings.HasPrefix(string(got), tt.want) {
					t.Errorf("got %.100q, %v, want %.100q and the end", got, err, tt.want)
				}
				_ = response.Body.Close()
			})
		})
	}
}
