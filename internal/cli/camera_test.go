package cli

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// cameraKinds are fakes of cameras that show frames 1, 2, 3, which end there if they can.
var cameraKinds = []struct {
	name, contentType string
	write             func(w io.Writer, n int, jpeg string)
}{
	{"multipart", "multipart/x-mixed-replace; boundary=b", func(w io.Writer, _ int, j string) {
		fmt.Fprintf(w, "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(j), j)
	}},
	{"no-first-boundary", "multipart/x-mixed-replace;boundary=b", func(w io.Writer, _ int, j string) {
		fmt.Fprintf(w, "Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n--b\r\n", len(j), j)
	}},
	{"dashes-behind", "multipart/x-mixed-replace; boundary=b", func(w io.Writer, _ int, j string) { fmt.Fprintf(w, "--b--\r\n\r\n%s\r\n", j) }},
	{"boundary-twice", "multipart/x-mixed-replace; boundary=b", func(w io.Writer, n int, j string) {
		fmt.Fprintf(w, "%s--b\r\nContent-type:image/jpg\r\n\r\n%s\r\n", map[bool]string{true: "--b\r\n"}[n == 1], j)
	}},
	{"no-dashes", "multipart/x-mixed-replace; boundary=b", func(w io.Writer, _ int, j string) { fmt.Fprintf(w, "b\n\n%s\n", j) }},
	{"one-after-the-other", "video/x-motion-jpeg", func(w io.Writer, _ int, j string) { io.WriteString(w, j) }},
}

// cameraJPEG returns a JPEG of 32x16 whose gray is 40 times n.
func cameraJPEG(t testing.TB, n int) string {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 32, 16))
	for i := range m.Pix {
		m.Pix[i] = byte(40 * n)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// colorJPEG returns a JPEG of 4:2:0.
func colorJPEG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 32, 16)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCameras: the images of an HTTP camera are the same for push and encode.
func TestCameras(t *testing.T) {
	jpegs := []string{cameraJPEG(t, 1), cameraJPEG(t, 2), cameraJPEG(t, 3)}
	for _, kind := range cameraKinds {
		t.Run(kind.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if user, password, _ := r.BasicAuth(); user != "me" || password != "hunter2" {
					w.Header().Set("WWW-Authenticate", "Basic realm=x")
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				w.Header().Set("Content-Type", kind.contentType)
				w.(http.Flusher).Flush()
				for i, j := range jpegs {
					kind.write(w, i+1, j)
				}
			}))
			t.Cleanup(s.Close)
			in := Input{Path: strings.Replace(s.URL, "://", "://me:hunter2@", 1) + "/?token=hunter3"}

			encode := openSource(t, in)
			if !encode.Live {
				t.Error("encode: got a source that is not live")
			}
			for i := range jpegs {
				f, err := encode.Next()
				if err != nil {
					t.Fatalf("encode: frame %d: %v", i+1, err)
				}
				if got := int(f.Plane(0).Pix[0]); got < 40*(i+1)-2 || got > 40*(i+1)+2 || f.Desc.Width != 32 {
					t.Errorf("encode: frame %d: got %v of %d, want %d", i+1, f.Desc, got, 40*(i+1))
				}
				f.Release()
			}
			if _, err := encode.Next(); err != io.EOF {
				t.Errorf("encode: got error %v, want %v", err, io.EOF)
			}

			push := openPush(t, in, false)
			got, err := frames(push, 3)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(jpegs) || push.FPS != 0 {
				t.Errorf("push: got %d frames, error %v, at %v fps, want the images as they are", len(got), err, push.FPS)
			}
		})
	}
}

// TestSnapshots: encode reads a snapshot once, or at the rate that is asked for; push polls it, and sends it again while
// it does not change.
func TestSnapshots(t *testing.T) {
	one := cameraJPEG(t, 1)
	var requests atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"1"`)
		io.WriteString(w, one)
	}))
	t.Cleanup(s.Close)

	encode := openSource(t, Input{Path: s.URL})
	f, err := encode.Next()
	if err != nil {
		t.Fatal(err)
	}
	f.Release()
	if _, err := encode.Next(); err != io.EOF || requests.Load() != 1 {
		t.Errorf("encode: got error %v after %d requests, want %v after one", err, requests.Load(), io.EOF)
	}

	requests.Store(0)
	push := openPush(t, Input{Path: s.URL, Every: 10 * time.Millisecond}, false)
	got, err := frames(push, 5)
	if err != nil || requests.Load() != 5 {
		t.Errorf("push: got error %v after %d requests, want none after 5", err, requests.Load())
	}
	for i := range got {
		if got[i] != one {
			t.Errorf("push: frame %d is another than the snapshot", i+1)
		}
	}
}

// TestPushCameraComesBack: a camera that ends its stream is asked again, and that is told.
func TestPushCameraComesBack(t *testing.T) {
	jpegs := []string{cameraJPEG(t, 1), cameraJPEG(t, 2), cameraJPEG(t, 3)}
	var requests atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(requests.Add(1))
		if n == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
		fmt.Fprintf(w, "--b\r\n\r\n%s\r\n", jpegs[n-1])
		w.(http.Flusher).Flush()
		if n == 3 {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(s.Close)
	push, err := OpenPush(t.Context(), Input{Path: s.URL}, false, pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	var notices []string
	push.camera.notice = func(text string) { notices = append(notices, text) }
	got, err := frames(push, 2)
	if err != nil || got[0] != jpegs[0] || got[1] != jpegs[2] {
		t.Errorf("got %d frames, error %v, want the first and the third", len(got), err)
	}
	if len(notices) != 2 || notices[0] != "lost the camera (it ended the stream): trying again" || !strings.HasPrefix(notices[1], "the camera is back after ") {
		t.Errorf("got notices %q", notices)
	}
	closed := make(chan error, 1)
	time.AfterFunc(10*time.Millisecond, func() { closed <- push.Close() })
	if _, err := push.next(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got error %v after Close", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
}

// TestURLErrorsShowNoSecrets: neither what reads cameras nor ffmpeg tells the secrets of a URL.
func TestURLErrorsShowNoSecrets(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp4")
		io.WriteString(w, "no video at all, but for ffmpeg to see")
	}))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, scheme := range []string{"http://me:hunter2@" + host, "rtsp://me:hunter2@" + strings.TrimPrefix(closed.URL, "http://"), "https://me:hunter2@" + host, "nothing://me:hunter2@h"} {
		in := Input{Path: scheme + "/user=me_password=hunter4?token=hunter3"}
		_, err := Open(t.Context(), in, pooltest.New(t, nil))
		_, pushErr := OpenPush(t.Context(), in, false, pooltest.New(t, nil))
		for _, err := range []error{err, pushErr} {
			if err == nil || strings.Contains(err.Error(), "hunter") {
				t.Errorf("%s: got error %v, want one without secrets", in.Path, err)
			}
		}
		if name := streamName(in.Path); strings.Contains(name, "hunter") {
			t.Errorf("%s: got stream %s, want no secret in its name", in.Path, name)
		}
	}
}

// TestURLOfVideo: what is no JPEGs goes to ffmpeg, and a URL that has neither says what it has.
func TestURLOfVideo(t *testing.T) {
	clip := makeClip(t, "clip.mp4", "-r 15 -frames:v 3 -pix_fmt yuv420p -c:v mpeg4")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page" {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>")
			return
		}
		http.ServeFile(w, r, clip)
	}))
	t.Cleanup(s.Close)
	if got, err := frames(openPush(t, Input{Path: s.URL + "/clip.mp4"}, false), 10); err != io.EOF || len(got) != 3 {
		t.Errorf("got %d frames, error %v, want 3", len(got), err)
	}
	if _, err := Open(t.Context(), Input{Path: s.URL + "/page"}, pooltest.New(t, nil)); err == nil || !strings.Contains(err.Error(), "got text/html, want JPEGs or a video") {
		t.Errorf("got error %v, want one about the page", err)
	}
}
