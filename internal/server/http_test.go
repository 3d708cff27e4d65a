package server_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/pipeline"
)

// query is the query of POST /v1/encode for s.
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
		set("reuse", s.Output.Reuse)
		if s.Output.Quality != 0 {
			set("quality", s.Output.Quality)
		}
	}
	return q.Encode()
}

// post sends a request to /v1/encode.
func (s *running) post(t testing.TB, query string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(timeout(t), http.MethodPost, scheme+"://"+s.Addrs().HTTP+"/v1/encode?"+query, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	transport := newTransport()
	transport.DisableKeepAlives = true
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

// TestSameBytesOverHTTP: images are the library's, one alone, as multipart, concatenated; with a length and without.
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
				checkImages(t, [][]byte{data}, want[:1])
			})
			t.Run(tt.name+"/many/"+name, func(t *testing.T) {
				resp := s.post(t, q, body(all))
				if kind != "image/jpeg" {
					checkImages(t, [][]byte{readAll(t, resp.Body)}, [][]byte{bytes.Join(want, nil)})
					return
				}
				checkImages(t, readParts(t, resp), want)
			})
			t.Run(tt.name+"/motion-jpeg/"+name, func(t *testing.T) {
				resp := s.post(t, q, body(all), "Accept", "video/x-motion-jpeg")
				if got := resp.Header.Get("Content-Type"); kind == "image/jpeg" && got != "video/x-motion-jpeg" {
					t.Errorf("got Content-Type %s, want video/x-motion-jpeg", got)
				}
				checkImages(t, [][]byte{readAll(t, resp.Body)}, [][]byte{bytes.Join(want, nil)})
			})
		}
	}
}

// readParts reads a multipart/mixed response.
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

// TestY4M: a Y4M body, recognized by its Content-Type or its first bytes, has its own format and size.
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
			checkImages(t, readParts(t, resp), encodeDirectly(t, tt.spec, frames))
		})
	}
}

// TestResponsesFlow: with Accept: video/x-motion-jpeg the image of each frame comes while the body is still open, over
// HTTP/1.1 and HTTP/2.
func TestResponsesFlow(t *testing.T) {
	s := start(t, nil)
	frames := makeFrames(t, w1.Input, 5)
	want := encodeDirectly(t, w1, frames)
	for _, version := range []string{"http1", "http2"} {
		t.Run(version, func(t *testing.T) {
			protocols := new(http.Protocols)
			protocols.SetHTTP1(version == "http1")
			protocols.SetHTTP2(version == "http2" && clientTLS != nil)
			protocols.SetUnencryptedHTTP2(version == "http2" && clientTLS == nil)
			transport := &http.Transport{TLSClientConfig: clientTLS.Clone(), Protocols: protocols}
			defer transport.CloseIdleConnections()
			body, feed := io.Pipe()
			req, err := http.NewRequestWithContext(timeout(t), http.MethodPost, scheme+"://"+s.Addrs().HTTP+"/v1/encode?"+query(t, w1), body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", "video/x-motion-jpeg")
			response := make(chan *http.Response, 1)
			failed := make(chan error, 1)
			go func() {
				resp, err := transport.RoundTrip(req)
				if err != nil {
					failed <- err
					return
				}
				response <- resp
			}()
			var resp *http.Response
			for i := range frames {
				if _, err := feed.Write(frames[i]); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					select {
					case resp = <-response:
					case err := <-failed:
						t.Fatal(err)
					}
				}
				got := make([]byte, len(want[i]))
				if _, err := io.ReadFull(resp.Body, got); err != nil {
					t.Fatal(err)
				}
				checkImages(t, [][]byte{got}, want[i:i+1])
			}
			if err := feed.Close(); err != nil {
				t.Fatal(err)
			}
			if rest := readAll(t, resp.Body); len(rest) != 0 {
				t.Errorf("got %d bytes after the last image, want none", len(rest))
			}
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTruncatedBody: whole frames get their images; then the response is cut, or, for a caller that reads trailers,
// ends with one that says why.
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
			t.Error("got a response that ends properly, want it cut")
		}
		if !bytes.HasPrefix(bytes.Join(want[:2], nil), data) {
			t.Errorf("got %d bytes, which are not the beginning of the two images", len(data))
		}
	})
	t.Run("trailer", func(t *testing.T) {
		resp := s.post(t, query(t, small), endless{bytes.NewReader(body)}, "Accept", "video/x-motion-jpeg", "TE", "trailers")
		checkImages(t, [][]byte{readAll(t, resp.Body)}, [][]byte{bytes.Join(want[:2], nil)})
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
	resp, err := http.Get(scheme + "://" + s.Addrs().HTTP + "/")
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
