package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/pipeline"
)

// query is the query of POST /v1/encode that says s.
func query(t testing.TB, s pipeline.Spec) string {
	t.Helper()
	q := url.Values{}
	set := func(name string, v any) {
		if text := fmt.Sprint(v); text != "" {
			q.Set(name, text)
		}
	}
	if s.Input.Format != 0 {
		set("format", s.Input.Format)
		set("size", fmt.Sprintf("%dx%d", s.Input.Width, s.Input.Height))
	}
	if s.Input.Range != 0 {
		set("range", s.Input.Range)
	}
	if s.Input.Color != 0 {
		set("color", s.Input.Color)
	}
	if s.Crop != (pipeline.Rect{}) {
		set("crop", s.Crop)
	}
	if r := s.Resize; r != (pipeline.Resize{}) {
		set("resize", fmt.Sprintf("%dx%d", r.Width, r.Height))
		set("mode", r.Mode)
		set("filter", r.Filter)
		if r.Background != (pipeline.Color{}) {
			set("background", r.Background)
		}
	}
	set("output", s.Output.Format)
	if s.Output.Format == pipeline.JPEG {
		set("subsampling", s.Output.Subsampling)
		set("restart", s.Output.Restart)
		if s.Output.Quality != 0 {
			set("quality", s.Output.Quality)
		}
	}
	return q.Encode()
}

// post sends a request to /v1/encode.
func (s *running) post(t testing.TB, query string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(timeout(t), http.MethodPost, "http://"+s.Addrs().HTTP+"/v1/encode?"+query, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func readAll(t testing.TB, r io.Reader) []byte {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// endless hides the length of a body, so that it is sent in chunks.
type endless struct{ io.Reader }

// TestSameBytesOverHTTP: pictures are the library's, one alone, as multipart, concatenated; with a length and without.
func TestSameBytesOverHTTP(t *testing.T) {
	s := start(t, nil)
	for _, tt := range specs {
		frames := makeFrames(t, tt.spec.Input, 5)
		want := encodeDirectly(t, tt.spec, frames)
		all, q := bytes.Join(frames, nil), query(t, tt.spec)
		kind := "image/jpeg"
		if tt.spec.Output.Format != pipeline.JPEG {
			kind = "application/octet-stream"
		}
		for name, body := range map[string]func([]byte) io.Reader{
			"length":  func(b []byte) io.Reader { return bytes.NewReader(b) },
			"endless": func(b []byte) io.Reader { return endless{bytes.NewReader(b)} },
		} {
			t.Run(tt.name+"/one/"+name, func(t *testing.T) {
				resp := s.post(t, q, body(frames[0]))
				data := readAll(t, resp.Body)
				if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != kind {
					t.Errorf("got %s, %s, want 200 and %s", resp.Status, resp.Header.Get("Content-Type"), kind)
				}
				if kind == "image/jpeg" && resp.ContentLength != int64(len(want[0])) {
					t.Errorf("got Content-Length %d, want %d", resp.ContentLength, len(want[0]))
				}
				checkPictures(t, [][]byte{data}, want[:1])
			})
			t.Run(tt.name+"/many/"+name, func(t *testing.T) {
				resp := s.post(t, q, body(all))
				if kind != "image/jpeg" {
					checkPictures(t, [][]byte{readAll(t, resp.Body)}, [][]byte{bytes.Join(want, nil)})
					return
				}
				checkPictures(t, readParts(t, resp), want)
			})
			t.Run(tt.name+"/motion-jpeg/"+name, func(t *testing.T) {
				resp := s.post(t, q, body(all), "Accept", "video/x-motion-jpeg")
				if got := resp.Header.Get("Content-Type"); kind == "image/jpeg" && got != "video/x-motion-jpeg" {
					t.Errorf("got Content-Type %s, want video/x-motion-jpeg", got)
				}
				checkPictures(t, [][]byte{readAll(t, resp.Body)}, [][]byte{bytes.Join(want, nil)})
			})
		}
	}
}

// readParts reads a multipart/mixed answer.
func readParts(t *testing.T, resp *http.Response) [][]byte {
	t.Helper()
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		t.Fatalf("got Content-Type %q, %v, want multipart/mixed", resp.Header.Get("Content-Type"), err)
	}
	var parts [][]byte
	for r := multipart.NewReader(resp.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		data := readAll(t, p)
		if p.Header.Get("Content-Type") != "image/jpeg" || p.Header.Get("Content-Length") != fmt.Sprint(len(data)) {
			t.Errorf("part %d of %d bytes: got headers %v", len(parts), len(data), p.Header)
		}
		parts = append(parts, data)
	}
}

// TestY4M: a Y4M body says its own format and size, by its Content-Type or its first bytes.
func TestY4M(t *testing.T) {
	s := start(t, nil)
	spec := pipeline.Spec{
		Input:  frame.Desc{Format: frame.I420, Width: 50, Height: 38, Range: frame.RangeLimited},
		Resize: pipeline.Resize{Width: 20, Height: 20},
	}
	frames := makeFrames(t, spec.Input, 3)
	var y4m bytes.Buffer
	w, err := ingest.NewY4MWriter(&y4m, spec.Input, 25, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range frames {
		f, err := frame.WrapBytes(spec.Input, data)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteFrame(&f); err != nil {
			t.Fatal(err)
		}
	}
	full := spec
	full.Input.Range, full.Input.Color = frame.RangeFull, frame.BT709
	for _, tt := range []struct {
		name, query, kind string
		spec              pipeline.Spec
	}{
		{"sniffed", "resize=20x20", "application/octet-stream", spec},
		{"named", "resize=20x20", "video/x-yuv4mpeg", spec},
		{"range-and-color", "resize=20x20&range=full&color=bt709", "", full},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := s.post(t, tt.query, bytes.NewReader(y4m.Bytes()), "Content-Type", tt.kind)
			checkPictures(t, readParts(t, resp), encodeDirectly(t, tt.spec, frames))
		})
	}
}

// TestAnswersFlow: with Accept: video/x-motion-jpeg the picture of each frame comes while the body is still open, over HTTP/1.1 and HTTP/2.
func TestAnswersFlow(t *testing.T) {
	s := start(t, nil)
	frames := makeFrames(t, w1.Input, 5)
	want := encodeDirectly(t, w1, frames)
	for _, version := range []string{"http1", "http2"} {
		t.Run(version, func(t *testing.T) {
			protocols := new(http.Protocols)
			protocols.SetHTTP1(version == "http1")
			protocols.SetUnencryptedHTTP2(version == "http2")
			transport := &http.Transport{Protocols: protocols}
			defer transport.CloseIdleConnections()
			body, feed := io.Pipe()
			req, err := http.NewRequestWithContext(timeout(t), http.MethodPost, "http://"+s.Addrs().HTTP+"/v1/encode?"+query(t, w1), body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", "video/x-motion-jpeg")
			answer := make(chan *http.Response, 1)
			failed := make(chan error, 1)
			go func() {
				resp, err := transport.RoundTrip(req)
				if err != nil {
					failed <- err
					return
				}
				answer <- resp
			}()
			var resp *http.Response
			for i := range frames {
				if _, err := feed.Write(frames[i]); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					select {
					case resp = <-answer:
					case err := <-failed:
						t.Fatal(err)
					}
				}
				got := make([]byte, len(want[i]))
				if _, err := io.ReadFull(resp.Body, got); err != nil {
					t.Fatal(err)
				}
				checkPictures(t, [][]byte{got}, want[i:i+1])
			}
			if err := feed.Close(); err != nil {
				t.Fatal(err)
			}
			if rest := readAll(t, resp.Body); len(rest) != 0 {
				t.Errorf("got %d bytes after the last picture, want none", len(rest))
			}
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHTTPProblems(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.MaxPixels = 10_000 })
	q := query(t, small)
	one := string(makeFrames(t, small.Input, 1)[0])
	tests := []struct {
		name         string
		method, path string
		body         string
		header       []string
		status       int
		field, limit string
		detail       string
	}{
		{name: "unknown-parameter", path: "/v1/encode?" + q + "&qualty=3", body: one, status: 400, field: "qualty",
			detail: `unknown parameter "qualty", want some of background, color, crop, filter, format, mode, output, quality, range, resize, restart, size, subsampling`},
		{name: "twice", path: "/v1/encode?" + q + "&size=3x3", body: one, status: 400, field: "size", detail: "got it 2 times"},
		{name: "bad-query", path: "/v1/encode?a=%zz", body: one, status: 400, field: "query", detail: "invalid URL escape"},
		{name: "no-format", path: "/v1/encode?size=3x3", body: one, status: 400, field: "format", detail: "got none"},
		{name: "no-size", path: "/v1/encode?format=bgr24", body: one, status: 400, field: "size", detail: "got none"},
		{name: "nothing-said", path: "/v1/encode", body: one, status: 400, field: "format", detail: "got none"},
		{name: "bad-format", path: "/v1/encode?format=rgb48&size=3x3", body: one, status: 400, field: "format", detail: "rgb48"},
		{name: "bad-size", path: "/v1/encode?format=bgr24&size=0x3", body: one, status: 400, field: "size", detail: "0x3"},
		{name: "bad-resize", path: "/v1/encode?" + q + "&resize=x", body: one, status: 400, field: "resize", detail: `got "x", want WIDTHxHEIGHT`},
		{name: "bad-quality", path: "/v1/encode?" + q + "&quality=101", body: one, status: 400, field: "quality", detail: `got "101", want 1..100`},
		{name: "crop-outside", path: "/v1/encode?" + q + "&crop=10x10%2B30%2B0", body: one, status: 400, field: "crop", detail: "want a part of 32x24"},
		{name: "quality-of-raw", path: "/v1/encode?format=bgr24&size=32x24&output=rgba&quality=5", body: one, status: 400, field: "output.quality", detail: "want none for rgba"},
		{name: "not-whole-frames", path: "/v1/encode?" + q, body: one + "x", status: 400, detail: "got 2305 bytes, want a multiple of 2304"},
		{name: "empty", path: "/v1/encode?" + q, body: "", status: 400, detail: "the body is empty"},
		{name: "too-many-pixels", path: "/v1/encode?format=gray&size=101x100", body: one, status: 413, limit: "limits.max_pixels", detail: "got 10100, want at most 10000"},
		{name: "huge", path: "/v1/encode?format=bgrf32p&size=65535x65535", body: one, status: 413, limit: "limits.max_pixels", detail: "got 4294836225"},
		{name: "y4m-too-many-pixels", path: "/v1/encode", body: "YUV4MPEG2 W1000 H1000 F25:1\nFRAME\n", status: 413, limit: "limits.max_pixels", detail: "got 1000000, want at most 10000"},
		{name: "y4m-and-format", path: "/v1/encode?" + q, body: "YUV4MPEG2 W4 H4\nFRAME\n" + one[:2282], status: 400, field: "format", detail: "want neither"},
		{name: "y4m-malformed", path: "/v1/encode", body: "YUV4MPEG2 W4 H4 C422\nFRAME\n", status: 400, detail: `Y4M C: got "422"`},
		{name: "y4m-truncated", path: "/v1/encode", body: "YUV4MPEG2 W4 H4\nFRAME\nabc", status: 400, detail: "got 3 bytes, want 24"},
		{name: "y4m-no-frames", path: "/v1/encode", body: "YUV4MPEG2 W4 H4\n", status: 400, detail: "no frames"},
		{name: "content-type", path: "/v1/encode?" + q, body: one, header: []string{"Content-Type", "image/png"}, status: 415, field: "Content-Type", detail: "got Content-Type image/png"},
		{name: "content-encoding", path: "/v1/encode?" + q, body: one, header: []string{"Content-Encoding", "gzip"}, status: 415, field: "Content-Encoding", detail: "gzip"},
		{name: "method", method: "PUT", path: "/v1/encode?" + q, body: one, status: 405, detail: "want POST"},
		{name: "path", path: "/v2/encode", body: one, status: 404, detail: "got path /v2/encode"},
		{name: "index-method", path: "/", status: 405, detail: "want GET"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			method := tt.method
			if method == "" {
				method = http.MethodPost
			}
			req, err := http.NewRequestWithContext(timeout(t), method, "http://"+s.Addrs().HTTP+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(tt.header); i += 2 {
				req.Header.Set(tt.header[i], tt.header[i+1])
			}
			transport := &http.Transport{DisableKeepAlives: true}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			checkProblem(t, resp, tt.status, tt.field, tt.limit, tt.detail)
		})
	}
}

// problemDocument is RFC 9457's, with the server's own members.
type problemDocument struct {
	Type, Title, Detail, Field, Limit string
	Status                            int
	RetryAfter                        int `json:"retry_after"`
}

func checkProblem(t *testing.T, resp *http.Response, status int, field, limit, detail string) problemDocument {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	var p problemDocument
	if err := json.Unmarshal(readAll(t, resp.Body), &p); err != nil {
		t.Fatalf("%s, %s: %v", resp.Status, resp.Header.Get("Content-Type"), err)
	}
	if resp.Header.Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(p.Type, "urn:steadyframe:problem:") || p.Title == "" {
		t.Errorf("got Content-Type %s, %+v, want a problem document", resp.Header.Get("Content-Type"), p)
	}
	if resp.StatusCode != status || p.Status != status || p.Field != field || p.Limit != limit || !strings.Contains(p.Detail, detail) {
		t.Errorf("got %s and %+v\nwant %d, field %q, limit %q, detail with %q", resp.Status, p, status, field, limit, detail)
	}
	return p
}

// TestTruncatedBody: what was whole is answered; then the answer is cut, or ends with a trailer that says why for a caller that reads it.
func TestTruncatedBody(t *testing.T) {
	s := start(t, nil)
	frames := makeFrames(t, small.Input, 3)
	want := encodeDirectly(t, small, frames)
	body := bytes.Join(frames, nil)
	body = body[:len(body)-1]
	t.Run("cut", func(t *testing.T) {
		resp := s.post(t, query(t, small), endless{bytes.NewReader(body)}, "Accept", "video/x-motion-jpeg")
		data, err := io.ReadAll(resp.Body)
		if err == nil {
			t.Error("got an answer that ends properly, want it cut")
		}
		if !bytes.HasPrefix(bytes.Join(want[:2], nil), data) {
			t.Errorf("got %d bytes, which are not the beginning of the two pictures", len(data))
		}
	})
	t.Run("trailer", func(t *testing.T) {
		resp := s.post(t, query(t, small), endless{bytes.NewReader(body)}, "Accept", "video/x-motion-jpeg", "TE", "trailers")
		checkPictures(t, [][]byte{readAll(t, resp.Body)}, [][]byte{bytes.Join(want[:2], nil)})
		if got := resp.Trailer.Get("Steadyframe-Error"); !strings.Contains(got, "after 2 whole ones: got 2303 bytes, want 2304") {
			t.Errorf("got trailer %q, want it to say where the body ended", got)
		}
	})
	t.Run("nothing-sent", func(t *testing.T) {
		resp := s.post(t, query(t, small), endless{bytes.NewReader(body[:100])})
		checkProblem(t, resp, 400, "", "", "got 100 bytes, want 2304")
	})
}

func TestHTTPToken(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Auth.Token = "hunter2" })
	frames := makeFrames(t, small.Input, 1)
	for _, tt := range []struct {
		header string
		status int
	}{{"", 401}, {"Bearer hunter3", 401}, {"hunter2", 401}, {"Bearer hunter2", 200}} {
		resp := s.post(t, query(t, small), bytes.NewReader(frames[0]), "Authorization", tt.header)
		if resp.StatusCode != tt.status {
			t.Errorf("Authorization %q: got %s, want %d", tt.header, resp.Status, tt.status)
		}
	}
}

func TestIndex(t *testing.T) {
	s := start(t, nil)
	resp, err := http.Get("http://" + s.Addrs().HTTP + "/")
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, resp.Body); !bytes.Contains(body, []byte("POST /v1/encode")) {
		t.Errorf("got %s, want the endpoints", body)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestExpectContinue: a caller that waits for leave to send its body gets it, or learns that the request is wrong before it sends anything.
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
			conn, err := net.Dial("tcp", s.Addrs().HTTP)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /v1/encode?%s HTTP/1.1\r\nHost: x\r\nAccept: video/x-motion-jpeg\r\nExpect: 100-continue\r\n%s\r\n", query(t, small), tt.head)
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
			checkPictures(t, [][]byte{readAll(t, resp.Body)}, [][]byte{bytes.Join(want, nil)})
			if _, err := r.ReadByte(); err != io.EOF {
				t.Errorf("got %v after the answer, want the end of the connection", err)
			}
		})
		t.Run(name+"/wrong", func(t *testing.T) {
			conn, err := net.Dial("tcp", s.Addrs().HTTP)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /v1/encode?size=3x3 HTTP/1.1\r\nHost: x\r\nAccept: video/x-motion-jpeg\r\nExpect: 100-continue\r\n%s\r\n", tt.head)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			checkProblem(t, resp, 400, "format", "", "got none")
		})
	}
}

// TestKeepAlive: after a whole answer, and after a refusal of a body that was read, the connection serves the next request, whatever deadlines the last one had.
func TestKeepAlive(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Timeout.Send, c.Timeout.Receive = server.Duration(100*time.Millisecond), server.Duration(100*time.Millisecond)
	})
	frames := makeFrames(t, small.Input, 2)
	var dials atomic.Int64
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	pause := time.NewTicker(150 * time.Millisecond) // longer than the deadlines
	defer pause.Stop()
	for i, body := range []string{string(frames[0]), string(frames[0]) + string(frames[1]), "x", string(frames[1])} {
		resp, err := c.Post("http://"+s.Addrs().HTTP+"/v1/encode?"+query(t, small), "", strings.NewReader(body))
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

// TestACallerThatGoesAway is none of the server's errors, and leaves nothing behind.
func TestACallerThatGoesAway(t *testing.T) {
	s := start(t, nil)
	for _, header := range []string{"Content-Length: 2304000\r\n", "Transfer-Encoding: chunked\r\n"} {
		conn, err := net.Dial("tcp", s.Addrs().HTTP)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /v1/encode?%s HTTP/1.1\r\nHost: x\r\n%s\r\n900\r\n%s", query(t, small), header, make([]byte, 2000))
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
