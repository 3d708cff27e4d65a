package e2e

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Size and number of the frames that the tests send. The sides are no multiple of a block.
const (
	width, height = 158, 90
	frames        = 30
)

var (
	bgr  = frame.Desc{Format: frame.BGR24, Width: width, Height: height}
	i420 = frame.Desc{Format: frame.I420, Width: width, Height: height}
)

// spec is what the paths are told to do with frames of geometry d, and flags and query are the same for the program and
// for HTTP.
func spec(d frame.Desc) pipeline.Spec {
	return pipeline.Spec{
		Input:  d,
		Crop:   pipeline.Rect{X: 6, Y: 4, Width: 150, Height: 84},
		Resize: pipeline.Resize{Width: 100, Height: 76, Mode: pipeline.Fit, Filter: pipeline.Area, Background: pipeline.Color{R: 16, G: 32, B: 48}},
		Output: pipeline.Output{Quality: 83, Restart: pipeline.RestartRow},
	}
}

var flags = []string{
	"--crop", "150x84+6+4", "--resize", "100x76", "--mode", "fit", "--filter", "area", "--background", "#102030",
	"--quality", "83", "--restart", "row",
}

const query = "crop=150x84%2B6%2B4&resize=100x76&mode=fit&filter=area&background=%23102030&quality=83&restart=row"

// clip makes a video of moving images, losslessly compressed, in a folder of the test's own.
func clip(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=25", width, height), "-frames:v", fmt.Sprint(frames),
		"-pix_fmt", "yuv420p", "-c:v", "ffv1", path)
	return path
}

// raw returns the frames of a video as ffmpeg gives them in the format of d.
func raw(t *testing.T, path string, d frame.Desc) []byte {
	t.Helper()
	data := ffmpeg(t, "-i", path, "-pix_fmt", d.Format.String(), "-f", "rawvideo", "-")
	if size, _ := d.Size(); len(data) != frames*size {
		t.Fatalf("ffmpeg gave %d bytes, want %d frames of %d", len(data), frames, size)
	}
	return data
}

// y4m returns a video as Y4M.
func y4m(t *testing.T, path string) []byte {
	t.Helper()
	return ffmpeg(t, "-i", path, "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-")
}

// ffmpeg runs ffmpeg and returns its standard output. It skips t when there is none, and fails it under continuous
// integration.
func ffmpeg(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), exttool.Require(t, "ffmpeg", "ffmpeg"), append([]string{"-v", "error", "-nostdin", "-y"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %q: %v\n%s", args, err, stderr.Bytes())
	}
	return out
}

// library returns the images that the pipeline makes of raw frames in this process.
func library(t *testing.T, s pipeline.Spec, data []byte) [][]byte {
	t.Helper()
	p, err := pipeline.Compile(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	size, _ := s.Input.Size()
	var b pipeline.Batch
	for ; len(data) > 0; data = data[size:] {
		f, err := frame.WrapBytes(s.Input, data[:size])
		if err != nil {
			t.Fatal(err)
		}
		b.In = append(b.In, f)
	}
	defer b.Release()
	if err := p.Run(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	var images [][]byte
	for i := range b.Out {
		if err := b.Out[i].Err; err != nil {
			t.Fatal(err)
		}
		images = append(images, bytes.Clone(b.Out[i].Bytes()))
	}
	return images
}

// wantImages fails t unless got are the images want, byte for byte.
func wantImages(t *testing.T, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d images, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("image %d: got %d bytes that differ from the library's %d", i+1, len(got[i]), len(want[i]))
		}
	}
}

// folder returns the images of an output folder, and fails t when there is anything else in it.
func folder(t *testing.T, path string) [][]byte {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var images [][]byte
	for i, e := range entries {
		if want := fmt.Sprintf("frame-%06d.jpg", i+1); e.Name() != want {
			t.Fatalf("file %d of the folder: got %s, want %s", i+1, e.Name(), want)
		}
		data, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, data)
	}
	return images
}

// split cuts JPEGs that stand one after the other. It relies on what ITU-T T.81 says of markers: within an image's
// coded data FF is followed by 00 or a restart marker, so FF D9 ends it; tables before that hold no FF D9 by the
// encoder's making.
func split(t *testing.T, data []byte) [][]byte {
	t.Helper()
	var images [][]byte
	for len(data) > 0 {
		end := bytes.Index(data, []byte{0xFF, 0xD9})
		if !bytes.HasPrefix(data, []byte{0xFF, 0xD8}) || end < 0 {
			t.Fatalf("after %d images: %d bytes that are no JPEG", len(images), len(data))
		}
		images = append(images, data[:end+2])
		data = data[end+2:]
	}
	return images
}

// wantDecodable fails t unless image/jpeg and libjpeg-turbo's djpeg decode every image without a complaint, to the
// size w x h.
func wantDecodable(t *testing.T, images [][]byte, w, h int) {
	t.Helper()
	djpeg := exttool.Require(t, "djpeg", "libjpeg-turbo-progs")
	for i, p := range images {
		c, err := jpeg.DecodeConfig(bytes.NewReader(p))
		if err != nil || c.Width != w || c.Height != h {
			t.Fatalf("image %d: got %dx%d, %v; want %dx%d", i+1, c.Width, c.Height, err, w, h)
		}
		if _, err := jpeg.Decode(bytes.NewReader(p)); err != nil {
			t.Fatalf("image %d: image/jpeg: %v", i+1, err)
		}
		cmd := exec.CommandContext(t.Context(), djpeg, "-outfile", os.DevNull)
		cmd.Stdin = bytes.NewReader(p)
		if complaints, err := cmd.CombinedOutput(); err != nil || len(complaints) > 0 {
			t.Fatalf("image %d: djpeg: %v %s", i+1, err, strings.TrimSpace(string(complaints)))
		}
	}
}
