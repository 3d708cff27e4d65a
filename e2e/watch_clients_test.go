package e2e

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"io"
	"net/http"
	"net/textproto"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// rgbImages cuts raw RGB images, as players write them, and returns the indices that they carry.
func rgbImages(t *testing.T, data []byte) []int {
	t.Helper()
	const size = liveWidth * liveHeight * 3
	if len(data)%size != 0 {
		t.Fatalf("got %d bytes, want images of %d", len(data), size)
	}
	var indices []int
	for ; len(data) > 0; data = data[size:] {
		img := image.NewRGBA(image.Rect(0, 0, liveWidth, liveHeight))
		for i := range liveWidth * liveHeight {
			img.Set(i%liveWidth, i/liveWidth, color.RGBA{data[i*3], data[i*3+1], data[i*3+2], 255})
		}
		indices = append(indices, indexOf(t, img))
	}
	return indices
}

// What players and cameras' clients pull shows the images, whole and in order.
func TestWatchClients(t *testing.T) {
	s := serve(t)
	s.feed(t, "cam1", 25, indexed(t, 1000, 0))
	url := "http://" + s.HTTP + "/stream/cam1.mjpg"
	const images = 25

	t.Run("ffmpeg", func(t *testing.T) {
		t.Parallel()
		out := ffmpeg(t, "-i", url, "-fps_mode", "passthrough", "-frames:v", fmt.Sprint(images), "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
		wantLive(t, rgbImages(t, out), images/2)
	})
	t.Run("ffprobe", func(t *testing.T) {
		t.Parallel()
		out, err := exec.CommandContext(t.Context(), exttool.Require(t, "ffprobe", "ffmpeg"), "-v", "error",
			"-show_entries", "stream=codec_name,width,height,avg_frame_rate,r_frame_rate:format=format_name", "-of", "csv=p=0", url).CombinedOutput()
		if want := "mjpeg,128,64,25/1,0/0\nmpjpeg\n"; err != nil || string(out) != want {
			t.Errorf("got %q, %v, want %q", out, err, want)
		}
	})
	t.Run("gstreamer", func(t *testing.T) {
		t.Parallel()
		out := filepath.Join(t.TempDir(), "out.rgb")
		pipeline := fmt.Sprintf("souphttpsrc location=%s is-live=true ! multipartdemux ! jpegdec ! videoconvert ! video/x-raw,format=RGB ! identity eos-after=%d ! filesink location=%s", url, images+1, out)
		gst := exec.CommandContext(t.Context(), exttool.Require(t, "gst-launch-1.0", "gstreamer1.0-tools"), append([]string{"-q"}, strings.Fields(pipeline)...)...)
		if said, err := gst.CombinedOutput(); err != nil {
			t.Fatalf("gst-launch-1.0 %s: %v\n%s", pipeline, err, said)
		}
		wantLive(t, rgbImages(t, read(t, out)), images/2)
	})
	t.Run("opencv", func(t *testing.T) {
		t.Parallel()
		out := filepath.Join(t.TempDir(), "out.rgb")
		python(t, "cv2", "python3-opencv", `
import cv2, sys
capture = cv2.VideoCapture(sys.argv[1])
with open(sys.argv[2], "wb") as out:
    for _ in range(int(sys.argv[3])):
        ok, image = capture.read()
        assert ok, "no image"
        out.write(cv2.cvtColor(image, cv2.COLOR_BGR2RGB).tobytes())
`, url, out, strconv.Itoa(images))
		wantLive(t, rgbImages(t, read(t, out)), images/2)
	})
	t.Run("curl", func(t *testing.T) {
		t.Parallel()
		curl := exec.CommandContext(t.Context(), exttool.Require(t, "curl", "curl"), "-sSN", url)
		out, err := curl.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := curl.Start(); err != nil {
			t.Fatal(err)
		}
		wantLive(t, mjpegImages(t, out, images), images/2)
		curl.Process.Kill()
		curl.Wait()
	})
	t.Run("curl-snapshot", func(t *testing.T) {
		t.Parallel()
		out, err := exec.CommandContext(t.Context(), exttool.Require(t, "curl", "curl"), "-sSf", "http://"+s.HTTP+"/snapshot/cam1.jpg?max_age=1").Output()
		if err != nil {
			t.Fatal(err)
		}
		indexOfJPEG(t, out)
	})
	t.Run("mjpg-streamer", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{"", "&stream=cam1"} {
			response, err := http.Get("http://" + s.HTTP + "/?action=stream" + query)
			if err != nil {
				t.Fatal(err)
			}
			wantLive(t, mjpegImages(t, response.Body, 2), 1)
			response.Body.Close()
			if response, err = http.Get("http://" + s.HTTP + "/?action=snapshot" + query); err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("snapshot: %s, %v, %s", response.Status, err, data)
			}
			indexOfJPEG(t, data)
		}
	})
}

// mjpegImages reads so many parts of multipart/x-mixed-replace and returns the indices of the images.
func mjpegImages(t testing.TB, body io.Reader, parts int) []int {
	t.Helper()
	r := bufio.NewReader(body)
	var indices []int
	eachPart(t, r, func(_ textproto.MIMEHeader, data []byte) bool {
		indices = append(indices, indexOfJPEG(t, data))
		return len(indices) < parts
	})
	return indices
}

// eachPart calls f with the parts of multipart/x-mixed-replace until it returns false.
func eachPart(t testing.TB, r *bufio.Reader, f func(head textproto.MIMEHeader, data []byte) bool) {
	t.Helper()
	expect := func(want string) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	expect("--frame\r\n")
	for {
		head, err := textproto.NewReader(r).ReadMIMEHeader()
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(head.Get("Content-Length"))
		if err != nil || head.Get("Content-Type") != "image/jpeg" {
			t.Fatalf("got head %v, %v, want image/jpeg of a length", head, err)
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			t.Fatal(err)
		}
		expect("\r\n--frame\r\n")
		if !f(head, data) {
			return
		}
	}
}

// python runs a Python program that needs that module, of that Debian package.
func python(t *testing.T, module, debianPackage, code string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), pythonWith(t, module, debianPackage), append([]string{"-c", code}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("python3: %v\n%s", err, out)
	}
}
