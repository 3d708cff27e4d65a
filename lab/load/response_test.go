package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// responseOf returns a response with that body.
func responseOf(status int, contentType string, body io.Reader) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(body)}
}

const mixed = "multipart/mixed; boundary=b"

// partsOf returns the body of a response, as the server writes it.
func partsOf(images ...string) string {
	var b strings.Builder
	for _, p := range images {
		fmt.Fprintf(&b, "\r\n--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s", len(p), p)
	}
	return b.String() + "\r\n--b--\r\n"
}

func TestReadResponse(t *testing.T) {
	long := strings.Repeat("image", 10_000)
	tests := []struct {
		name, contentType, body string
		want                    []string
		malformed               string
	}{
		{"one", "image/jpeg", "p", []string{"p"}, ""},
		{"parts", mixed, partsOf("p", long, "", "-b"), []string{"p", long, "", "-b"}, ""},
		{"no-parts", mixed, "\r\n--b--\r\n", nil, ""},
		{"cut", mixed, partsOf("p", long)[:500], nil, "ends inside a part"},
		{"no-end", mixed, strings.TrimSuffix(partsOf("p"), "\r\n--b--\r\n"), nil, "ends inside a part"},
		{"bad-header", mixed, "--b\r\nno header\r\n\r\n", nil, "malformed MIME header"},
		{"text", "text/plain", "hello", nil, `got Content-Type "text/plain", want image/jpeg or multipart/mixed`},
		{"no-boundary", "multipart/mixed", partsOf("p"), nil, "got Content-Type"},
	}
	var a response
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := a.read(responseOf(200, tt.contentType, strings.NewReader(tt.body)))
			var malformed *malformedError
			if tt.malformed != "" {
				if !errors.As(err, &malformed) || !strings.Contains(err.Error(), tt.malformed) {
					t.Errorf("got %v, want %q", err, tt.malformed)
				}
				return
			}
			if err != nil || len(a.images) != len(tt.want) {
				t.Fatalf("got %d images, %v, want %d", len(a.images), err, len(tt.want))
			}
			for i, p := range a.images {
				if string(p.Data) != tt.want[i] {
					t.Errorf("image %d: got %d bytes, want %d", i, len(p.Data), len(tt.want[i]))
				}
			}
		})
	}
}

// A connection that breaks is reported as that, wherever it does.
func TestReadBrokenResponse(t *testing.T) {
	broken := errors.New("broken")
	whole := partsOf("image", "another")
	for n := range len(whole) {
		r := io.MultiReader(strings.NewReader(whole[:n]), errorReader{broken})
		if err := new(response).read(responseOf(200, mixed, r)); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: got %v, want %v", n, err, broken)
		}
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestRefusal(t *testing.T) {
	const problem = `{"type":"urn:steadyframe:problem:too_large","detail":"above a limit"}`
	tests := []struct {
		name   string
		status int
		retry  string
		body   string
		want   Error
	}{
		{"too-large", 413, "", problem, Error{Kind: "413 too_large", Reason: "above a limit"}},
		{"busy", 429, "2", problem, Error{Class: Rejected, Reason: "above a limit", RetryAfter: 2 * time.Second}},
		{"draining", 503, "1", problem, Error{Class: Rejected, Reason: "above a limit", RetryAfter: time.Second}},
		{"busy-without-advice", 429, "", problem, Error{Kind: "429 too_large", Reason: "above a limit"}},
		{"advice-of-an-error", 500, "1", problem, Error{Kind: "500 too_large", Reason: "above a limit", RetryAfter: time.Second}},
		{"proxy", 502, "", "<h1>Bad Gateway</h1>\n", Error{Kind: "502", Reason: "<h1>Bad Gateway</h1>"}},
		{"long", 502, "soon", strings.Repeat("x", 9999), Error{Kind: "502", Reason: strings.Repeat("x", 300)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := responseOf(tt.status, "application/problem+json", strings.NewReader(tt.body))
			r.Header.Set("Retry-After", tt.retry)
			if got := refusal(r); *got != tt.want {
				t.Errorf("got %+v, want %+v", *got, tt.want)
			}
		})
	}
}

// Whatever a server responds, the images are pieces of it, in order, or there is an error.
func FuzzResponse(f *testing.F) {
	f.Add("image/jpeg", []byte("p"))
	f.Add(mixed, []byte(partsOf("p", "q")))
	f.Add(mixed, []byte("--b\r\n\r\n\r\n--b--"))
	f.Add(mixed, []byte(partsOf("p")[:40]))
	f.Add("multipart/mixed; boundary=\"\"", []byte(partsOf("p")))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		if len(body) > 64<<10 {
			t.Skip()
		}
		var a response
		err := a.read(responseOf(200, contentType, bytes.NewReader(body)))
		if err != nil {
			var malformed *malformedError
			if !errors.As(err, &malformed) {
				t.Errorf("got %v, want it to say what is malformed", err)
			}
			return
		}
		rest := body
		for i, p := range a.images {
			at := bytes.Index(rest, p.Data)
			if at < 0 {
				t.Fatalf("image %d is no part of the response", i)
			}
			rest = rest[at+len(p.Data):]
		}
	})
}

// Whatever a server refuses with has a reason that fits on a line of a report.
func FuzzRefusal(f *testing.F) {
	f.Add(429, "1", []byte(`{"type":"urn:steadyframe:problem:busy","detail":"full"}`))
	f.Add(502, "-1", []byte(`null`))
	f.Add(503, "99999999999999999999", []byte(`{"detail":3}`))
	f.Fuzz(func(t *testing.T, status int, retry string, body []byte) {
		r := responseOf(status, "", bytes.NewReader(body))
		r.Header.Set("Retry-After", retry)
		e := refusal(r)
		if len(e.Reason) > 300 || (e.Class == Rejected) != (e.RetryAfter > 0 && (status == 429 || status == 503)) || e.RetryAfter < 0 {
			t.Errorf("got %+v", e)
		}
	})
}
