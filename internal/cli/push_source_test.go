package cli

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// openPush opens an input that is closed when the test ends.
func openPush(t *testing.T, in Input, loop bool) *PushSource {
	t.Helper()
	s, err := OpenPush(t.Context(), in, loop, pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// frames returns the bytes of up to n frames of s, and what ended them.
func frames(s *PushSource, n int) (all []string, err error) {
	for len(all) < n {
		f, err := s.next()
		if err != nil {
			return all, err
		}
		var data []byte
		for i := 0; f.part(i) != nil; i++ {
			data = append(data, f.part(i)...)
		}
		f.release()
		all = append(all, string(data))
	}
	return all, nil
}

func jpegOf(t *testing.T, gray byte) string {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range m.Pix {
		m.Pix[i] = gray
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestOpenPush: what each input is, at what rate it is read, and that it starts over where it can.
func TestOpenPush(t *testing.T) {
	dir := t.TempDir()
	one, two := jpegOf(t, 1), jpegOf(t, 200)
	parts := "--f\r\n\r\n" + one + "\r\n--f\r\n\r\n" + two + "\r\n--f--\r\n"
	y4m := "YUV4MPEG2 W2 H2 F30:2 Ip A1:1 C420jpeg XCOLORRANGE=FULL\nFRAME\nYYYYuvFRAME\nZZZZuv"
	raw := strings.Repeat("a", 24) + strings.Repeat("b", 24)
	path := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, path("raw.bgr"), raw)
	writeFile(t, path("a.y4m"), y4m)
	writeFile(t, path("a.mjpeg"), one+two)
	writeFile(t, path("a.mpjpeg"), parts)
	writeFile(t, path("a.jpg"), one)
	writeFile(t, path("motion.jpg"), one+two+"ftypmp42")
	writeFile(t, path("a*b%d.jpg"), two)
	if err := os.Mkdir(path("folder"), 0o777); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path("folder/frame-000002.JPG"), two)
	writeFile(t, path("folder/frame-000001.jpg"), one)
	writeFile(t, path("folder/notes.txt"), "no image")

	frames24 := []string{raw[:24], raw[24:]}
	yuv := []string{"YYYYuv", "ZZZZuv"}
	jpegs := []string{one, two}
	tests := []struct {
		name    string
		in      Input
		fps     float64
		total   int
		query   string
		content string
		want    []string
	}{
		{"raw", Input{Path: path("raw.bgr"), Raw: bgr4x2}, 25, 2, "format=bgr24&size=4x2", "application/octet-stream", frames24},
		{"raw-stdin", Input{Path: "-", Raw: bgr4x2, Stdin: strings.NewReader(raw)}, 0, 0, "format=bgr24&size=4x2", "application/octet-stream", frames24},
		{"y4m", Input{Path: path("a.y4m")}, 15, 0, "format=yuv420p&range=full&size=2x2", "application/octet-stream", yuv},
		{"y4m-stdin", Input{Path: "-", Stdin: strings.NewReader(y4m)}, 0, 0, "format=yuv420p&range=full&size=2x2", "application/octet-stream", yuv},
		{"mjpeg", Input{Path: path("a.mjpeg")}, 25, 0, "", "video/x-motion-jpeg", jpegs},
		{"mjpeg-stdin", Input{Path: "-", Stdin: strings.NewReader(one + two)}, 0, 0, "", "video/x-motion-jpeg", jpegs},
		{"multipart", Input{Path: path("a.mpjpeg")}, 25, 0, "", "video/x-motion-jpeg", jpegs},
		{"multipart-stdin", Input{Path: "-", Stdin: strings.NewReader(parts)}, 0, 0, "", "video/x-motion-jpeg", jpegs},
		{"jpeg", Input{Path: path("a.jpg")}, 25, 0, "", "video/x-motion-jpeg", jpegs[:1]},
		{"jpeg-with-trailer", Input{Path: path("motion.jpg")}, 25, 0, "", "video/x-motion-jpeg", jpegs[:1]},
		{"pattern", Input{Path: path("folder/frame-*.jpg")}, 25, 1, "", "video/x-motion-jpeg", jpegs[:1]},
		{"file-like-a-pattern", Input{Path: path("a*b%d.jpg")}, 25, 0, "", "video/x-motion-jpeg", jpegs[1:]},
		{"folder", Input{Path: path("folder")}, 25, 3, "", "video/x-motion-jpeg", jpegs},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := openPush(t, tt.in, false)
			query := ""
			if s.video != nil {
				query = rawQuery(s.video.Desc()).Encode()
			}
			if s.FPS != tt.fps || s.Total != tt.total || query != tt.query || s.contentType() != tt.content {
				t.Errorf("got %v fps, %d frames, %s of %s; want %v, %d, %s of %s", s.FPS, s.Total, query, s.contentType(), tt.fps, tt.total, tt.query, tt.content)
			}
			if got, err := frames(s, 10); err != io.EOF || fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got frames %q, error %v, want %q", got, err, tt.want)
			}
		})
		t.Run(tt.name+"/loop", func(t *testing.T) {
			if tt.in.Path == "-" {
				_, err := OpenPush(t.Context(), tt.in, true, pooltest.New(t, nil))
				var usage *UsageError
				if !errors.As(err, &usage) {
					t.Errorf("got error %v, want that standard input cannot be started over", err)
				}
				return
			}
			s := openPush(t, tt.in, true)
			got, err := frames(s, 5)
			if err != nil || s.Total != 0 {
				t.Fatalf("got %d frames of %d, error %v", len(got), s.Total, err)
			}
			for i := range got {
				if got[i] != tt.want[i%len(tt.want)] {
					t.Errorf("frame %d is not that of the loop", i)
				}
			}
		})
	}
}

// TestOpenPushBroken: broken images of a multipart stream are passed over, and told of in the end.
func TestOpenPushBroken(t *testing.T) {
	one := jpegOf(t, 1)
	s := openPush(t, Input{Path: "-", Stdin: strings.NewReader("--f\r\n\r\nhello\r\n--f\r\n\r\n" + one + "\r\n--f--")}, false)
	if got, err := frames(s, 2); len(got) != 1 || got[0] != one || err != io.EOF {
		t.Errorf("got %d frames, error %v, want one", len(got), err)
	}
	if !strings.Contains(s.Warning(), "got byte 0x68") {
		t.Errorf("got warning %q, want one about the broken image", s.Warning())
	}
}

func TestOpenPushRefuses(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "notes.txt"), "")
	for path, want := range map[string]string{
		filepath.Join(dir, "*.png"):     "none matches it as a pattern",
		filepath.Join(dir, "none"):      "no such file",
		filepath.Join(dir, "notes.txt"): "is empty",
	} {
		if _, err := OpenPush(t.Context(), Input{Path: path}, false, pooltest.New(t, nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", path, err, want)
		}
	}
}

// TestOpenPushVideo: a video has its own rate, and ffmpeg starts it over.
func TestOpenPushVideo(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	for name, clip := range map[string]string{
		"video": makeClip(t, "clip.mp4", "-r 15 -frames:v 3 -pix_fmt yuv420p -c:v mpeg4"),
		"image": makeClip(t, "photo.png", "-frames:v 1 -pix_fmt rgb24"),
	} {
		t.Run(name, func(t *testing.T) {
			want, err := frames(openPush(t, Input{Path: clip}, false), 4)
			if err != io.EOF {
				t.Fatal(err)
			}
			s := openPush(t, Input{Path: clip}, true)
			if fps := map[string]float64{"video": 15, "image": 25}[name]; s.FPS != fps {
				t.Errorf("got %v fps, want %v", s.FPS, fps)
			}
			got, err := frames(s, 3*len(want)+1)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i] != want[i%len(want)] {
					t.Errorf("frame %d is not that of the loop of %d", i, len(want))
				}
			}
		})
	}
}
