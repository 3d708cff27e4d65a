package camera_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/camera"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// testJPEG returns a JPEG of image/jpeg whose color follows from n.
func testJPEG(t testing.TB, n int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range m.Pix {
		m.Pix[i] = byte(i*n) | 0x0F
	}
	m.Set(0, 0, color.RGBA{byte(n), 0, 0, 255})
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// serve starts a camera.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// open opens rawURL; the test closes it.
func open(t testing.TB, rawURL string, o camera.Options) (*camera.Reader, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	r, err := camera.Open(ctx, rawURL, pooltest.New(t, nil), o)
	if err == nil {
		t.Cleanup(func() { r.Close() })
	}
	return r, err
}

// images reads up to n images, and returns them with the error that ended them earlier. It passes over ErrUnchanged.
func images(r *camera.Reader, n int) (got [][]byte, err error) {
	for len(got) < n {
		j, err := r.Next()
		if errors.Is(err, camera.ErrUnchanged) {
			continue
		}
		if err != nil {
			return got, err
		}
		got = append(got, bytes.Clone(j.Buf.Bytes()))
		j.Buf.Release()
	}
	return got, nil
}

func wantImages(t testing.TB, got [][]byte, want ...[]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d images, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("image %d: got %d other bytes than the %d that were sent", i, len(got[i]), len(want[i]))
		}
	}
}

// TestStreams: the variants of cameras, over a network.
func TestStreams(t *testing.T) {
	a, b := testJPEG(t, 1), testJPEG(t, 2)
	length := func(p []byte) string { return fmt.Sprintf("Content-Length: %d\r\n", len(p)) }
	join := func(parts ...any) string {
		var s strings.Builder
		for _, p := range parts {
			switch p := p.(type) {
			case string:
				s.WriteString(p)
			case []byte:
				s.Write(p)
			}
		}
		return s.String()
	}
	const mixed = "multipart/x-mixed-replace; boundary=b"
	tests := []struct{ name, contentType, body string }{
		{"usual", mixed, join("--b\r\nContent-Type: image/jpeg\r\n", length(a), "\r\n", a, "\r\n--b\r\nContent-Type: image/jpeg\r\n", length(b), "\r\n", b, "\r\n")},
		{"quoted-boundary", `multipart/x-mixed-replace;boundary="b"`, join("--b\r\n", length(a), "\r\n", a, "\r\n--b\r\n", length(b), "\r\n", b, "\r\n--b--")},
		{"boundary-that-is-no-token", "multipart/x-mixed-replace; boundary=a:b/c", join("--a:b/c\r\n\r\n", a, "\r\n--a:b/c\r\n\r\n", b)},
		{"dashes-behind-each", mixed, join("--b--\r\n", length(a), "\r\n", a, "\r\n--b--\r\n", length(b), "\r\n", b, "\r\n")},
		{"no-first-boundary", mixed, join("Content-Type: image/jpeg\r\n\r\n", a, "\r\n--b\r\n\r\n", b, "\r\n")},
		{"no-dashes", mixed, join("b\r\n\r\n", a, "\r\nb\r\n\r\n", b, "\r\n")},
		{"no-type", mixed, join("--b\r\n", length(a), "\r\n", a, "\r\n--b\r\n", length(b), "\r\n", b, "\r\n")},
		{"odd-type", mixed, join("--b\r\nContent-Type: image/jpg\r\n\r\n", a, "\r\n--b\r\nContent-Type: x/y\r\n\r\n", b, "\r\n")},
		{"related", "multipart/related; boundary=b", join("--b\r\n\r\n", a, "\r\n--b\r\n\r\n", b)},
		{"wrong-type", "image/jpeg", join("\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n", a, "\r\n--b\r\n\r\n", b)},
		{"header-without-type", "application/octet-stream", join("Content-Type: image/jpeg\r\n\r\n", a, "\r\n--b\r\n\r\n", b)},
		{"one-after-the-other", "video/x-motion-jpeg", join(a, b)},
		{"one-after-the-other-as-jpeg", "image/jpeg", join(a, b)},
		{"one-after-the-other-as-bytes", "application/octet-stream", join(a, "\r\n", b)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.(http.Flusher).Flush() // so that it has no length
				io.WriteString(w, tt.body)
			})
			r, err := open(t, s.URL, camera.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := images(r, 3)
			wantImages(t, got, a, b)
			if err != io.EOF || r.Polls() {
				t.Errorf("got error %v, polling %v, want %v and false", err, r.Polls(), io.EOF)
			}
		})
	}
}

// TestOther: a response that is not JPEGs is left to ffmpeg, or named in the error.
func TestOther(t *testing.T) {
	tests := []struct {
		name, contentType, body string
		status                  int
		want                    string
	}{
		{"mp4", "video/mp4", "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", 200, "camera: got video/mp4, want JPEGs"},
		{"playlist", "application/vnd.apple.mpegurl", "#EXTM3U\n#EXT-X-VERSION:3\n", 200, "camera: got application/vnd.apple.mpegurl, want JPEGs"},
		{"ts-as-jpeg", "image/jpeg", strings.Repeat("G", 188), 200, "camera: got image/jpeg, want JPEGs"},
		{"png", "image/png", "\x89PNG\r\n\x1a\n0000000000", 200, "camera: got image/png, want JPEGs"},
		{"page", "text/html; charset=utf-8", "<!doctype html><title>Login</title>", 200, "camera: got text/html; charset=utf-8, want JPEGs or a video: check the path of the URL, and whether the camera wants a login"},
		{"json", "text/plain", `{"error": "no such channel"}`, 200, "camera: got text/plain, want JPEGs or a video: check the path of the URL, and whether the camera wants a login"},
		{"empty", "image/jpeg", "", 200, "camera: got an empty response, want JPEGs"},
		{"missing", "text/html", "no", 404, "camera: got 404 Not Found, want 200: check the path of the URL"},
		{"unauthorized", "text/html", "no", 401, "camera: got 401 Unauthorized: give user and password in the URL, http://USER:PASSWORD@HOST/PATH"},
		{"redirect-to-rtsp", "", "", 302, "camera: it redirects to rtsp://camera/1?x=xxxxx: give that URL instead"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				if tt.status == 302 {
					w.Header().Set("Location", "rtsp://me:pw@camera/1?x=y")
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			_, err := open(t, s.URL, camera.Options{})
			if err == nil || err.Error() != tt.want {
				t.Fatalf("got error %v\nwant %s", err, tt.want)
			}
			var video *camera.VideoError
			if want := strings.HasSuffix(tt.want, "want JPEGs") && tt.body != ""; errors.As(err, &video) != want {
				t.Errorf("got %T, want a *camera.VideoError: %v", err, want)
			}
		})
	}
}

// TestPoll: a snapshot is requested again and again, and only on the condition that it changed.
func TestPoll(t *testing.T) {
	a, b := testJPEG(t, 1), testJPEG(t, 2)
	for _, tt := range []struct {
		name       string
		noLength   bool // the snapshot does not say how long it is
		stream     bool // the URL is a stream
		options    camera.Options
		validators map[string]string // of the first image
		conditions map[string]string // of the second request
	}{
		{name: "plain", options: camera.Options{Poll: true, Every: time.Millisecond}},
		{name: "by-itself"},
		{name: "without-length", noLength: true},
		{name: "etag", options: camera.Options{Poll: true, Every: time.Millisecond}, validators: map[string]string{"ETag": `"1"`}, conditions: map[string]string{"If-None-Match": `"1"`}},
		{name: "last-modified", options: camera.Options{Poll: true, Every: time.Millisecond}, validators: map[string]string{"Last-Modified": "Sun, 29 Nov 2026 17:00:00 GMT"},
			conditions: map[string]string{"If-Modified-Since": "Sun, 29 Nov 2026 17:00:00 GMT"}},
		{name: "stream", stream: true, options: camera.Options{Poll: true, Every: time.Millisecond}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var requests atomic.Int64
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				n := requests.Add(1)
				if n > 1 {
					for name, want := range tt.conditions {
						if got := r.Header.Get(name); got != want {
							t.Errorf("request %d: got %s %q, want %q", n, name, got, want)
						}
					}
				}
				image := a
				switch {
				case n == 2 && tt.conditions != nil:
					w.WriteHeader(http.StatusNotModified)
					return
				case n > 1:
					image = b
				default:
					for name, value := range tt.validators {
						w.Header().Set(name, value)
					}
				}
				w.Header().Set("Content-Type", "image/jpeg")
				if tt.stream {
					w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
					for range 2 {
						fmt.Fprintf(w, "--b\r\n\r\n%s\r\n", image)
					}
					return
				}
				if tt.noLength {
					w.(http.Flusher).Flush()
				}
				w.Write(image)
			})
			r, err := open(t, s.URL, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.options.Poll && r.Polls() {
				t.Error("got a Reader that polls before it knows whether there is one image")
			}
			got, err := images(r, 2)
			if err != nil {
				t.Fatal(err)
			}
			wantImages(t, got, a, b)
			if !r.Polls() {
				t.Error("got a Reader that does not poll")
			}
			if tt.conditions != nil && requests.Load() != 3 {
				t.Errorf("got %d requests, want 3, of which one brings nothing new", requests.Load())
			}
		})
	}
}

// TestOnce: a snapshot that is wanted once ends after its image.
func TestOnce(t *testing.T) {
	a := testJPEG(t, 1)
	for _, noLength := range []bool{false, true} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/jpeg")
			if noLength {
				w.(http.Flusher).Flush()
			}
			w.Write(a)
		})
		r, err := open(t, s.URL, camera.Options{Once: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := images(r, 2)
		wantImages(t, got, a)
		if err != io.EOF {
			t.Errorf("got error %v, want %v", err, io.EOF)
		}
	}
}

// TestUnchangedWhileItWaits: a caller that waits long for the next snapshot gets ErrUnchanged each second.
func TestUnchangedWhileItWaits(t *testing.T) {
	a := testJPEG(t, 1)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(a) })
	r, err := open(t, s.URL, camera.Options{Poll: true, Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	got, err := images(r, 1)
	if err != nil {
		t.Fatal(err)
	}
	wantImages(t, got, a)
	start := time.Now()
	if _, err := r.Next(); !errors.Is(err, camera.ErrUnchanged) || time.Since(start) > 10*time.Minute {
		t.Errorf("got error %v after %s, want %v after a second", err, time.Since(start), camera.ErrUnchanged)
	}
	r.Close()
	if _, err := r.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v after Close, want %v", err, context.Canceled)
	}
}

// TestSilence: a camera that stops in the middle, or never begins, is given up, and Close ends a Next that waits.
func TestSilence(t *testing.T) {
	a := testJPEG(t, 1)
	for _, tt := range []struct{ name, body string }{
		{"before-the-body", ""},
		{"inside-an-image", "--b\r\n\r\n" + string(a[:200])},
		{"between-images", "--b\r\n\r\n" + string(a) + "\r\n--b\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
				io.WriteString(w, tt.body)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			})
			r, err := open(t, s.URL, camera.Options{Silence: 50 * time.Millisecond})
			if err == nil {
				_, err = images(r, 2)
			}
			if want := "camera: no image came for 50ms"; err == nil || err.Error() != want {
				t.Errorf("got error %v, want %s", err, want)
			}
			if tt.body == "" {
				return // Open waits, and there is nothing to close.
			}
			r, err = open(t, s.URL, camera.Options{Silence: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(10*time.Millisecond, func() { r.Close() })
			if _, err := images(r, 2); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v after Close, want %v", err, context.Canceled)
			}
		})
	}
}

// TestBounds: a part without an end, and parts that are not JPEGs, end with an error and within the limits.
func TestBounds(t *testing.T) {
	a := testJPEG(t, 1)
	for _, tt := range []struct{ name, head, rest, want string }{
		{"endless-image", "--b\r\n\r\n" + string(a[:len(a)-2]), "\x01\x02\x03", "limit of bytes per frame"},
		{"endless-header", "--b\r\n", "X: y\r\n", "bytes of a part's header"},
		{"no-jpegs", "", "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n", "none of the first 10 parts is a JPEG"},
		{"no-boundary", "", "hello\r\n", "without a line"},
		{"huge", "--b\r\nContent-Length: 99999999999\r\n\r\n\xff\xd8\xff", "", "limit of bytes per frame"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
				io.WriteString(w, tt.head)
				w.(http.Flusher).Flush()
				chunk := []byte(strings.Repeat(tt.rest, 1000))
				for r.Context().Err() == nil && len(chunk) > 0 {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			})
			p := pooltest.New(t, &pool.Options{Budget: 1 << 20})
			r, err := camera.Open(t.Context(), s.URL, p, camera.Options{Limits: ingest.Limits{MaxBytes: 256 << 10}})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var broken *ingest.JPEGError
			for err == nil || errors.As(err, &broken) && !broken.Final && !strings.Contains(err.Error(), "none of") {
				var j ingest.JPEG
				j, err = r.Next()
				j.Buf.Release()
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one about %q", err, tt.want)
			}
		})
	}
}

// guard asks for authentication as scheme says, checks what comes as RFC 7616 and RFC 7617 have it, and responds with
// image.
type guard struct {
	t              testing.TB
	scheme         string // "basic", or an algorithm of digest
	qop            string
	user, password string
	image          []byte
	nonce          atomic.Int64 // which nonce is good
	stale          atomic.Bool  // the next request is told that its nonce is stale
	open, refused  atomic.Int64
	sawBasic       atomic.Bool
}

var parameter = regexp.MustCompile(`(\w+)=(?:"([^"]*)"|([^,\s]*))`)

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given := r.Header.Get("Authorization")
	if strings.HasPrefix(given, "Basic ") {
		g.sawBasic.Store(true)
	}
	if g.allows(r, given) && !g.stale.Swap(false) {
		g.open.Add(1)
		w.Header().Set("Content-Type", "image/jpeg")
		w.Write(g.image)
		return
	}
	g.refused.Add(1)
	if g.scheme == "basic" {
		w.Header().Set("WWW-Authenticate", `Basic realm="cam"`)
	} else {
		challenge := fmt.Sprintf(`Digest realm="cam \"1\"", nonce="n%d", opaque="o"`, g.nonce.Add(1))
		if g.scheme != "" {
			challenge += ", algorithm=" + g.scheme
		}
		if g.qop != "" {
			challenge += fmt.Sprintf(`, qop="%s"`, g.qop)
		}
		if given != "" {
			challenge += ", stale=true"
		}
		w.Header().Add("WWW-Authenticate", `Basic realm="cam"`)
		w.Header().Add("WWW-Authenticate", challenge)
	}
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, strings.Repeat("no ", 1000))
}

func (g *guard) allows(r *http.Request, given string) bool {
	if g.scheme == "basic" {
		user, password, ok := r.BasicAuth()
		return ok && user == g.user && password == g.password
	}
	rest, ok := strings.CutPrefix(given, "Digest ")
	if !ok {
		return false
	}
	p := map[string]string{}
	for _, m := range parameter.FindAllStringSubmatch(strings.ReplaceAll(rest, `\"`, "'"), -1) {
		p[m[1]] = m[2] + m[3]
	}
	var h hash.Hash = md5.New()
	if g.scheme == "SHA-256" {
		h = sha256.New()
	}
	sum := func(parts ...string) string {
		h.Reset()
		io.WriteString(h, strings.Join(parts, ":"))
		return hex.EncodeToString(h.Sum(nil))
	}
	a1, a2 := sum(g.user, `cam "1"`, g.password), sum(r.Method, p["uri"])
	want := sum(a1, p["nonce"], a2)
	if g.qop != "" {
		want = sum(a1, p["nonce"], p["nc"], p["cnonce"], p["qop"], a2)
	}
	return p["uri"] == r.URL.RequestURI() && p["nonce"] == fmt.Sprintf("n%d", g.nonce.Load()) && p["response"] == want
}

// TestAuthentication: user and password are shown as the camera asks for it, and not again for each snapshot.
func TestAuthentication(t *testing.T) {
	a := testJPEG(t, 1)
	for _, tt := range []struct{ name, scheme, qop string }{
		{"basic", "basic", ""}, {"digest-rfc-2069", "", ""}, {"digest-md5", "MD5", "auth"}, {"digest-sha-256", "SHA-256", "auth"}, {"digest-both-qop", "SHA-256", "auth,auth-int"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &guard{t: t, scheme: tt.scheme, qop: tt.qop, user: "me", password: "p@ss:w/ö\"rd", image: a}
			s := serve(t, g.ServeHTTP)
			u, _ := url.Parse(s.URL + "/snap.jpg?channel=1&x=%20y")
			u.User = url.UserPassword(g.user, g.password)
			r, err := open(t, u.String(), camera.Options{Poll: true, Every: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := images(r, 5); err != nil {
				t.Fatal(err)
			}
			if g.refused.Load() != 1 {
				t.Errorf("got %d refusals for %d images, want 1", g.refused.Load(), g.open.Load())
			}
			g.stale.Store(tt.scheme != "basic")
			if _, err := images(r, 3); err != nil {
				t.Errorf("got error %v after the nonce became stale", err)
			}
			if g.scheme != "basic" && g.sawBasic.Load() {
				t.Error("got the password itself where digest authentication was offered")
			}
			for _, wrong := range []*url.Userinfo{url.UserPassword("me", "hunter2"), url.User("me"), nil} {
				u.User = wrong
				_, err := open(t, u.String(), camera.Options{})
				if err == nil || !strings.HasPrefix(err.Error(), "camera: got 401 Unauthorized: ") || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%v: got error %v, want one about the user and password", wrong, err)
				}
			}
		})
	}
}

// TestGuard: curl agrees with the cameras of TestAuthentication about what is right.
func TestGuard(t *testing.T) {
	curl := exttool.Require(t, "curl", "curl")
	for _, scheme := range []string{"basic", "MD5", "SHA-256"} {
		g := &guard{t: t, scheme: scheme, user: "me", password: "hunter2", image: testJPEG(t, 1)}
		if scheme != "basic" {
			g.qop = "auth"
		}
		s := serve(t, g.ServeHTTP)
		out, err := exec.Command(curl, "-sS", "--fail", "--anyauth", "--user", "me:hunter2", s.URL+"/a?b=c").Output()
		if err != nil || !bytes.Equal(out, g.image) {
			t.Errorf("%s: got %d bytes, error %v, want the image", scheme, len(out), err)
		}
	}
}

// TestRedirects: credentials go to the camera alone.
func TestRedirects(t *testing.T) {
	a := testJPEG(t, 1)
	g := &guard{t: t, scheme: "basic", user: "me", password: "hunter2", image: a}
	var other *httptest.Server
	var hops atomic.Int64
	other = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" || r.URL.User != nil {
			t.Errorf("another host got %v", r.Header)
		}
		if r.URL.Path == "/asks" {
			w.Header().Set("WWW-Authenticate", "Basic realm=x")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Write(a)
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/relative":
			http.Redirect(w, r, "snap.jpg", http.StatusFound)
		case "/other":
			http.Redirect(w, r, other.URL+"/open", http.StatusTemporaryRedirect)
		case "/asks":
			http.Redirect(w, r, strings.Replace(other.URL, "://", "://u:p@", 1)+"/asks", http.StatusMovedPermanently)
		case "/loop":
			hops.Add(1)
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			g.ServeHTTP(w, r)
		}
	})
	base := strings.Replace(s.URL, "://", "://me:hunter2@", 1)
	for _, tt := range []struct{ path, want string }{
		{"/relative?token=hunter3", ""},
		{"/other?token=hunter3", ""},
		{"/asks", "camera: got 401 Unauthorized"},
		{"/loop", "camera: it redirects more than 10 times"},
	} {
		r, err := open(t, base+tt.path, camera.Options{Once: true})
		var got [][]byte
		if err == nil {
			got, err = images(r, 1)
		}
		if tt.want == "" {
			if err != nil {
				t.Fatalf("%s: %v", tt.path, err)
			}
			wantImages(t, got, a)
		} else if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %s", tt.path, err, tt.want)
		}
	}
	if hops.Load() != 10 {
		t.Errorf("got %d redirects followed, want 10", hops.Load())
	}
}

// TestTLS: certificates are checked, against those of a file too.
func TestTLS(t *testing.T) {
	a := testJPEG(t, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(a) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that the client ends
	s.StartTLS()
	t.Cleanup(s.Close)
	dir := t.TempDir()
	ca, empty := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(a) })
	for _, tt := range []struct {
		name, url string
		o         camera.Options
		want      string // in the error
	}{
		{"unknown", s.URL, camera.Options{}, "name its certificate authority in the source's setting ca"},
		{"ca", s.URL, camera.Options{CAFile: ca}, ""},
		{"insecure", s.URL, camera.Options{Insecure: true}, ""},
		{"other-name", strings.Replace(s.URL, "127.0.0.1", "localhost", 1), camera.Options{CAFile: ca}, "name its certificate authority"},
		{"no-certificates", s.URL, camera.Options{CAFile: empty}, "got none in " + empty},
		{"no-file", s.URL, camera.Options{CAFile: ca + "x"}, "no such file"},
		{"no-tls", strings.Replace(plain.URL, "http:", "https:", 1), camera.Options{}, "try http://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Once = true
			r, err := open(t, tt.url, tt.o)
			if err == nil {
				_, err = images(r, 1)
			}
			if got := fmt.Sprint(err); (err != nil) != (tt.want != "") || !strings.Contains(got, tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestErrorsShowNoSecrets: whatever is wrong with a source, its error can be logged.
func TestErrorsShowNoSecrets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/"+r.URL.RawQuery)
		io.WriteString(w, "GET "+r.URL.RequestURI())
	})
	for _, source := range []string{
		"http://me:hunter2@" + l.Addr().String() + "/?token=hunter3",
		"http://me:hunter2%@h/", "http://me:hunter2@h:x/?hunter3", "http://me:hunter2@/", "http://me:hunter2@h\x7f/", "ftp://me:hunter2@h/", "http://h/%zz?token=hunter3",
		"http://me:hun/ter2@h/", "http://me:hunter2@no such host/", "https://me:hunter2@" + echo.Listener.Addr().String(),
		echo.URL + "/?token=hunter3",
	} {
		_, err := open(t, source, camera.Options{})
		if err == nil {
			t.Errorf("%q: got no error", source)
		} else if regexp.MustCompile("hunter[23]|hun/ter2").MatchString(err.Error()) {
			t.Errorf("%q: got error %v, want no secret in it", source, err)
		}
	}
}
