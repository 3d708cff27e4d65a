package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// indexedJPEG returns a JPEG of image/jpeg, gray 64x32, that carries n.
func indexedJPEG(t testing.TB, n int) []byte {
	t.Helper()
	m := &image.Gray{Pix: grayFrame(t, n), Stride: 64, Rect: image.Rect(0, 0, 64, 32)}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// cameras are the manners of HTTP cameras: what each writes for an image. A snapshot writes one and ends.
var cameras = []struct {
	name, contentType, format string // %[1]s is the JPEG, %[2]d its length
	first                     string // what comes before the first image
	snapshot                  bool
}{
	{name: "usual", contentType: "multipart/x-mixed-replace; boundary=b", format: "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %[2]d\r\n\r\n%[1]s\r\n"},
	{name: "no-first-boundary", contentType: "multipart/x-mixed-replace;boundary=b", format: "Content-Type: image/jpeg\r\nContent-Length: %[2]d\r\n\r\n%[1]s\r\n--b\r\n"},
	{name: "dashes-behind", contentType: "multipart/x-mixed-replace; boundary=b", format: "--b--\r\nContent-Type: image/jpeg\r\nContent-Length: %[2]d\r\n\r\n%[1]s\r\n"},
	{name: "boundary-twice", contentType: "multipart/x-mixed-replace;boundary=b", first: "--b\r\n", format: "--b\r\nContent-type:image/jpeg\r\nContent-Length:%[2]d\r\n\r\n%[1]s\r\n"},
	{name: "no-length", contentType: "multipart/x-mixed-replace; boundary=b", format: "--b\r\nContent-Type: image/jpeg\r\n\r\n%[1]s\r\n"},
	{name: "no-type", contentType: "multipart/x-mixed-replace; boundary=b", format: "--b\r\nContent-Length: %[2]d\r\n\r\n%[1]s\r\n"},
	{name: "odd-type", contentType: "multipart/x-mixed-replace; boundary=b", format: "--b\r\nContent-Type: image/jpg\r\n\r\n%[1]s\r\n"},
	{name: "line-feeds", contentType: "multipart/x-mixed-replace; boundary=b", format: "--b\nContent-Length: %[2]d\n\n%[1]s\n"},
	{name: "dashes-declared", contentType: "multipart/x-mixed-replace; boundary=--b", format: "--b\r\nContent-Length: %[2]d\r\n\r\n%[1]s\r\n"},
	{name: "no-dashes", contentType: "multipart/x-mixed-replace; boundary=b", format: "b\r\nContent-Length: %[2]d\r\n\r\n%[1]s\r\n"},
	{name: "mixed", contentType: "multipart/mixed; boundary=b", format: "--b\r\n\r\n%[1]s\r\n"},
	{name: "jpegs", contentType: "video/x-motion-jpeg", format: "%[1]s"},
	{name: "jpegs-of-no-type", contentType: "application/octet-stream", format: "%[1]s"},
	{name: "snapshot", contentType: "image/jpeg", format: "%[1]s", snapshot: true},
}

// startCameras serves each of cameras below its name, to those who know user and password, and returns the URL of one.
// Image n of a camera carries n, up to 200.
func startCameras(t testing.TB) (url func(name string) string) {
	t.Helper()
	var jpegs [][]byte
	for n := range 201 {
		jpegs = append(jpegs, indexedJPEG(t, n))
	}
	mux := http.NewServeMux()
	for _, c := range cameras {
		mux.HandleFunc("/"+c.name, func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "me" || password != "hunter2" {
				w.Header().Set("WWW-Authenticate", `Basic realm="cam"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.Header().Set("Content-Type", c.contentType)
			if !c.snapshot {
				w.(http.Flusher).Flush()
			}
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			io.WriteString(w, c.first)
			for n := 1; r.Context().Err() == nil; n++ {
				j := jpegs[min(n, 200)]
				fmt.Fprintf(w, strings.ReplaceAll(c.format, "%[2]d", fmt.Sprint(len(j))), j)
				if c.snapshot {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
				case <-tick.C:
				}
			}
		})
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return func(name string) string {
		return strings.Replace(s.URL, "://", "://me:hunter2@", 1) + "/" + name + "?token=hunter3&channel=1"
	}
}

// Cameras of every manner are online as the server's own sources, and nothing that people see has their secrets.
func TestServeCameras(t *testing.T) {
	url := startCameras(t)
	args := []string{"--set", "live.encode_unwatched=true"}
	for _, c := range cameras {
		args = append(args, "--stream", c.name+"="+url(c.name))
	}
	s := serve(t, append(args, "--stream", "gone="+url("gone"), "--stream", "rtsp=rtsp://me:hunter2@127.0.0.1:1/?token=hunter3")...)
	for _, c := range cameras {
		daemon.WaitFor(t, c.name, func() bool {
			data := s.snapshot(t, c.name)
			return data != nil && indexOfJPEG(t, data) > 0 && (c.snapshot || indexOfJPEG(t, data) > 3)
		})
	}
	var seen strings.Builder
	for _, path := range []string{s.HTTP + "/v1/streams", s.Admin + "/metrics", s.Admin + "/debug/pprof/cmdline", s.Admin + "/debug/pools"} {
		response, err := http.Get("http://" + path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&seen, response.Body); err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	s.Terminate(t)
	<-s.Done
	seen.Write(s.Log.Bytes())
	if text := seen.String(); strings.Contains(text, "hunter") || !strings.Contains(text, "got 404 Not Found") || !strings.Contains(text, "channel=1") {
		t.Errorf("got\n%s\nwant no secrets, and the reason why a camera is lost", text)
	}
}

// push and encode read the same images from cameras of every manner.
func TestPushAndEncodeCameras(t *testing.T) {
	t.Parallel()
	url := startCameras(t)
	s := serve(t)
	var all []*pushing
	for _, c := range cameras {
		all = append(all, push(t, "--stream", c.name, url(c.name), "http://"+s.HTTP))
	}
	for i, c := range cameras {
		daemon.WaitFor(t, c.name, func() bool {
			data := s.snapshot(t, c.name)
			return data != nil && indexOfJPEG(t, data) > 0
		})
		all[i].cmd.Process.Signal(syscall.SIGINT)
		if stderr := all[i].wantEnd(130); strings.Contains(stderr, "hunter") {
			t.Errorf("%s: push: got %s, want no secret in it", c.name, stderr)
		}
		out, frames := t.TempDir(), 3
		if c.snapshot {
			frames = 1
		}
		succeed(t, nil, "encode", url(c.name), "--frames", "3", "--quality", "95", "-o", out)
		for n := 1; n <= frames; n++ {
			data, err := os.ReadFile(filepath.Join(out, fmt.Sprintf("frame-%06d.jpg", n)))
			if err != nil {
				t.Fatal(err)
			}
			if got := indexOfJPEG(t, data); got != n {
				t.Errorf("%s: encode: got image %d as number %d", c.name, got, n)
			}
		}
	}
	if r := steadyframe(t, nil, "encode", url("gone"), "-o", t.TempDir()); r.code != 1 || !strings.Contains(string(r.stderr), "got 404 Not Found") || strings.Contains(string(r.stderr), "hunter") {
		t.Errorf("encode of a URL that is gone: got exit code %d, %s", r.code, r.stderr)
	}
}

// Folders of images give every image once, in natural order; a file that is no image is skipped and named.
func TestFolders(t *testing.T) {
	t.Parallel()
	exttool.Require(t, "ffmpeg", "ffmpeg")
	whole := func(n int) []byte { return indexedJPEG(t, n) }
	png, err := exec.Command("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "64x32", "-i", rawFile(t, grayFrame(t, 2)), "-f", "image2pipe", "-c:v", "png", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	ppm := []byte("P5\n64 32\n255\n" + string(grayFrame(t, 2)))
	bmp, err := exec.Command("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "64x32", "-i", rawFile(t, grayFrame(t, 2)), "-pix_fmt", "bgr24", "-f", "image2pipe", "-c:v", "bmp", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		file   string // of the second of three images; "" for img2.jpg
		second []byte
		want   string // why it is skipped, "" when it is not
	}{
		{"whole", "", whole(2), ""},
		{"trailer", "", slices.Concat(whole(2), []byte("MotionPhoto_Data"), whole(9)[:100]), ""},
		{"two-images", "", slices.Concat(whole(2), whole(9)), ""},
		{"png", "img2.png", png, ""},
		{"png-called-jpg", "", png, ""},
		{"pgm", "img2.pgm", ppm, ""},
		{"bmp", "img2.bmp", bmp, ""},
		{"percent", "img2%d.jpg", whole(2), ""},
		{"star", "img2*.jpg", whole(2), ""},
		{"colon", "img2:-x.jpg", whole(2), ""},
		{"no-utf-8", "img2\xff.jpg", whole(2), ""},
		{"cut", "", whole(2)[:len(whole(2))*2/3], "img2.jpg: the JPEG is cut short after"},
		{"empty", "", nil, "img2.jpg: it is empty"},
		{"foreign", "img2.txt", []byte("notes"), `img2.txt: it is not an image: it begins with "notes"`},
		{"broken-png", "", slices.Concat(png[:30], make([]byte, 100)), "img2.jpg: the PNG is broken"},
	}
	s := serve(t, "--set", "live.encode_unwatched=true", "--set", "live.offline_after=10m")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.file == "" {
				tt.file = "img2.jpg"
			}
			for name, data := range map[string][]byte{"img1.jpg": whole(1), tt.file: tt.second, "img10.jpg": whole(3)} {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, code := []int{1, 2, 3}, 0
			if tt.want != "" {
				want, code = []int{1, 3}, 1
			}
			for _, input := range []string{dir, filepath.Join(dir, "img*")} {
				out := filepath.Join(t.TempDir(), "out")
				r := steadyframe(t, nil, "encode", input, "--quality", "95", "-o", out)
				if r.code != code || !strings.Contains(string(r.stderr), tt.want) {
					t.Errorf("encode: got exit code %d, want %d and %q\n%s", r.code, code, tt.want, r.stderr)
				}
				names, err := filepath.Glob(filepath.Join(out, "*.jpg"))
				if err != nil || len(names) != len(want) {
					t.Fatalf("encode: got %d images, error %v, want %d", len(names), err, len(want))
				}
				for i, name := range names {
					data, err := os.ReadFile(name)
					if err != nil {
						t.Fatal(err)
					}
					if got := indexOfJPEG(t, data); got != want[i] {
						t.Errorf("encode: got image %d in place %d, want %d", got, i+1, want[i])
					}
				}
			}
			stderr := push(t, dir, "http://"+s.HTTP, "--stream", tt.name, "--fps", "100").wantEnd(code)
			if !strings.Contains(stderr, tt.want) || !strings.Contains(stderr, fmt.Sprintf("pushed %d frames", len(want))) {
				t.Errorf("push: got %s, want %d frames and %q", stderr, len(want), tt.want)
			}
			daemon.WaitFor(t, "the last image", func() bool { return s.shows(t, tt.name, 3) })
			if r := steadyframe(t, nil, "encode", dir, "--strict", "-o", filepath.Join(t.TempDir(), "out")); r.code != code || !strings.Contains(string(r.stderr), tt.want) {
				t.Errorf("encode --strict: got exit code %d, want %d and %q\n%s", r.code, code, tt.want, r.stderr)
			}
		})
	}
}

// rawFile returns the name of a file with that content.
func rawFile(t testing.TB, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "frame.gray")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// An image that is stored lying is upright by every way that decodes it; its JPEG is passed on as it is.
func TestOrientation(t *testing.T) {
	t.Parallel()
	exttool.Require(t, "ffmpeg", "ffmpeg")
	// A bright half at the top of the stored image, which is wide; upright it is on the right.
	m := image.NewGray(image.Rect(0, 0, 64, 32))
	for i := range 64 * 16 {
		m.Pix[i] = 220
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	exif := "\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	stored := slices.Concat(b.Bytes()[:2], []byte(exif), b.Bytes()[2:])
	dir := t.TempDir()
	file := filepath.Join(dir, "lying.jpg")
	if err := os.WriteFile(file, stored, 0o600); err != nil {
		t.Fatal(err)
	}
	camera := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(stored) }))
	t.Cleanup(camera.Close)
	s := serve(t, "--stream", "asis="+camera.URL, "--stream", "small="+camera.URL, "--set", "streams.small.quality=90", "--stream", "file="+file, "--set", "live.encode_unwatched=true")
	upright := func(what string, data []byte) {
		t.Helper()
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		left, _, _, _ := img.At(4, 32).RGBA()
		right, _, _, _ := img.At(27, 32).RGBA()
		if img.Bounds().Dx() != 32 || left>>8 > 40 || right>>8 < 180 {
			t.Errorf("%s: got %v, %d on the left and %d on the right, want 32x64 with the right half bright", what, img.Bounds(), left>>8, right>>8)
		}
	}
	for name, input := range map[string]string{"file": file, "folder": dir, "pattern": filepath.Join(dir, "*.jpg"), "url": camera.URL, "stdin": "-"} {
		var stdin []byte
		if input == "-" {
			stdin = stored
		}
		out := filepath.Join(t.TempDir(), "out.jpg")
		succeed(t, stdin, "encode", input, "-o", out)
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		upright("encode "+name, data)
	}
	for _, name := range []string{"small", "file"} {
		daemon.WaitFor(t, name, func() bool { return s.snapshot(t, name) != nil })
		upright("source "+name, s.snapshot(t, name))
	}
	daemon.WaitFor(t, "asis", func() bool { return s.snapshot(t, "asis") != nil })
	if got := s.snapshot(t, "asis"); !bytes.Equal(got, stored) {
		t.Errorf("got %d other bytes than the %d of the camera's JPEG", len(got), len(stored))
	}
}
