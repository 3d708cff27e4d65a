package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server"
)

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
			detail: `unknown parameter "qualty", want some of background, color, crop, filter, format, mode, noise, output, quality, range, resize, restart, reuse, scene, size, subsampling, index, regions`},
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
			req, err := http.NewRequestWithContext(timeout(t), method, scheme+"://"+s.Addrs().HTTP+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(tt.header); i += 2 {
				req.Header.Set(tt.header[i], tt.header[i+1])
			}
			transport := newTransport()
			transport.DisableKeepAlives = true
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			checkProblem(t, resp, tt.status, tt.field, tt.limit, tt.detail)
		})
	}
}

// problemDocument is that of RFC 9457, with the server's own members.
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
