package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

var bgr4x2 = frame.Desc{Format: frame.BGR24, Width: 4, Height: 2} // 24 bytes

func TestOpenRaw(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.bgr")
	writeFile(t, path, strings.Repeat("a", 24)+strings.Repeat("b", 24))
	tests := []struct {
		name  string
		in    Input
		total int
	}{
		{"file", Input{Path: path, Raw: bgr4x2}, 2},
		{"stdin", Input{Path: "-", Raw: bgr4x2, Stdin: strings.NewReader(strings.Repeat("a", 24) + strings.Repeat("b", 24))}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := openSource(t, tt.in)
			if s.Desc() != bgr4x2 || s.Total != tt.total {
				t.Errorf("got %s, %d frames; want %s, %d", s.Desc(), s.Total, bgr4x2, tt.total)
			}
			if got := readAll(t, s); !bytes.Equal(got, []byte(strings.Repeat("a", 24)+strings.Repeat("b", 24))) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestOpenY4M(t *testing.T) {
	const head = "YUV4MPEG2 W2 H2 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n"
	body := head + "FRAME\nYYYYuv"
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "clip.bin"), body)
	bt709 := frame.BT709
	full := frame.Desc{Format: frame.I420, Width: 2, Height: 2, Range: frame.RangeFull}
	changed := full
	changed.Range, changed.Color = frame.RangeLimited, bt709
	tests := []struct {
		name string
		in   Input
		want frame.Desc
	}{
		{"sniffed-file", Input{Path: filepath.Join(dir, "clip.bin")}, full},
		{"sniffed-stdin", Input{Path: "-", Stdin: strings.NewReader(body)}, full},
		{"flags-win", Input{Path: filepath.Join(dir, "clip.bin"), Range: frame.RangeLimited, Color: &bt709}, changed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := openSource(t, tt.in)
			if s.Desc() != tt.want {
				t.Errorf("geometry: got %s, want %s", s.Desc(), tt.want)
			}
			f, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Release()
			if f.Desc != tt.want {
				t.Errorf("geometry of a frame: got %s, want %s", f.Desc, tt.want)
			}
			if got := f.Plane(0).Pix; string(got) != "YYYY" {
				t.Errorf("luma: got %q", got)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "odd.bgr"), strings.Repeat("a", 50))
	writeFile(t, filepath.Join(dir, "short.bgr"), "abc")
	writeFile(t, filepath.Join(dir, "empty"), "")
	writeFile(t, filepath.Join(dir, "bad.y4m"), "YUV4MPEG2 W0 H2\n")
	tests := []struct {
		name string
		in   Input
		want string
	}{
		{"missing", Input{Path: "nowhere.mp4"}, "input nowhere.mp4: no such file"},
		{"folder", Input{Path: dir}, "none of its files is an image that can be read: skipped 4 of 4 files: "},
		{"folder-raw", Input{Path: dir, Raw: bgr4x2}, "is more than one file: raw frames are read from one"},
		{"url", Input{Path: "http://me:hunter2@h:x/?token=hunter3"}, "input http://me:xxxxx@h:x/?token=xxxxx: camera: got the URL http://me:xxxxx@h:x/?token=xxxxx"},
		{"empty-file", Input{Path: filepath.Join(dir, "empty")}, "is empty; want at least one frame"},
		{"empty-stdin", Input{Path: "-", Stdin: strings.NewReader("")}, "standard input is empty"},
		{
			"size-does-not-divide", Input{Path: filepath.Join(dir, "odd.bgr"), Raw: bgr4x2},
			"odd.bgr has 50 bytes: 2 frames and 2 bytes more, at 24 bytes a frame of bgr24 4x2; check --format and --size, or if the file was cut short, add --frames 2",
		},
		{"less-than-a-frame", Input{Path: filepath.Join(dir, "short.bgr"), Raw: bgr4x2}, "has 3 bytes: 0 frames and 3 bytes more, at 24 bytes a frame of bgr24 4x2; check --format and --size"},
		{"too-few-frames", Input{Path: filepath.Join(dir, "odd.bgr"), Raw: bgr4x2, Frames: 3}, "2 frames and 2 bytes more"},
		{"y4m", Input{Path: filepath.Join(dir, "bad.y4m")}, "W: got"},
		{
			"huge-frame", Input{Path: "-", Raw: frame.Desc{Format: frame.BGRA, Width: 16000, Height: 8000}, Stdin: strings.NewReader("x")},
			"standard input: a frame of bgra 16000x8000 has 512000000 bytes, want at most 268435456",
		},
		{"range-of-another-format", Input{Path: filepath.Join(dir, "odd.bgr"), Raw: bgr4x2, Range: frame.RangeLimited}, "range: got limited, want full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(t.Context(), tt.in, pooltest.New(t, nil))
			if err == nil {
				s.Close()
				t.Fatalf("got no error, want one with %q", tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error: got %q, want one with %q", err, tt.want)
			}
		})
	}
	s, err := Open(t.Context(), Input{Path: filepath.Join(dir, "odd.bgr"), Raw: bgr4x2, Frames: 2}, pooltest.New(t, nil))
	if err != nil {
		t.Fatalf("as many frames as there are: %v", err)
	}
	s.Close()
}

func TestNoFFmpeg(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clip.mp4")
	writeFile(t, path, "some video")
	t.Setenv("PATH", "")
	_, err := Open(t.Context(), Input{Path: path}, pooltest.New(t, nil))
	if !errors.Is(err, ffmpeg.ErrNotFound) || !strings.Contains(err.Error(), "sudo apt-get install ffmpeg") {
		t.Errorf("got %v, want ffmpeg.ErrNotFound with the package's name", err)
	}
}

func TestFFmpegFails(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	path := filepath.Join(t.TempDir(), "noise.bin")
	writeFile(t, path, strings.Repeat("no video ", 100))
	for _, in := range []Input{
		{Path: path},
		{Path: "-", Stdin: strings.NewReader(strings.Repeat("no video ", 100))},
	} {
		_, err := Open(t.Context(), in, pooltest.New(t, nil))
		var failed *ffmpeg.Error
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), in.name()+": ffmpeg does not know its format") {
			t.Errorf("%s: got %v, want an *ffmpeg.Error that says so", in.name(), err)
		}
	}
}

// What ffmpeg hands over has the samples of the file: nothing is converted on the way that need not be.
func TestFFmpegFormats(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	tests := []struct {
		name string
		file string
		args string // of the ffmpeg that makes it
		want frame.Desc
	}{
		{"png", "x.png", "-pix_fmt rgb24 -frames:v 1", frame.Desc{Format: frame.RGB24}},
		{"gray-png", "x.png", "-pix_fmt gray -frames:v 1", frame.Desc{Format: frame.Gray8}},
		{"jpeg", "x.jpg", "-pix_fmt yuvj420p -frames:v 1", frame.Desc{Format: frame.I420, Range: frame.RangeFull}},
		{"video", "x.mkv", "-pix_fmt yuv420p -c:v ffv1", frame.Desc{Format: frame.I420}},
		{"video-bt709", "x.mkv", "-pix_fmt yuv420p -c:v ffv1 -colorspace bt709", frame.Desc{Format: frame.I420, Color: frame.BT709}},
		{"video-444", "x.mkv", "-pix_fmt yuv444p -c:v ffv1", frame.Desc{Format: frame.RGB24}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := makeClip(t, tt.file, tt.args)
			tt.want.Width, tt.want.Height = 96, 64
			s := openSource(t, Input{Path: path})
			if s.Desc() != tt.want {
				t.Fatalf("geometry: got %s, want %s", s.Desc(), tt.want)
			}
			got := readAll(t, s)
			pixFmt := s.Desc().Format.String()
			if s.Desc().Format == frame.I420 && s.Desc().Range == frame.RangeFull {
				pixFmt = "yuvj420p"
			}
			want, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-pix_fmt", pixFmt, "-f", "rawvideo", "-").Output()
			if err != nil {
				t.Fatal(err)
			}
			if tt.name == "video-444" { // The conversion is ours: swscale rounds less well.
				for i := range min(len(got), len(want)) {
					if d := int(got[i]) - int(want[i]); d < -3 || d > 3 {
						t.Fatalf("sample %d: got %d, want about %d", i, got[i], want[i])
					}
				}
				want = got[:len(want)]
			}
			if !bytes.Equal(got, want) {
				t.Errorf("samples: got %d bytes that differ from ffmpeg's own %d", len(got), len(want))
			}
		})
	}
}

// A variable frame rate must not make ffmpeg drop or repeat frames.
func TestFFmpegGivesEveryFrameOnce(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	path := makeClip(t, "x.mkv", "-pix_fmt yuv420p -c:v ffv1 -vf setpts=N*N*1000 -vsync passthrough")
	s := openSource(t, Input{Path: path})
	size, _ := s.Desc().Size()
	if got := len(readAll(t, s)) / size; got != 5 {
		t.Errorf("frames: got %d, want 5", got)
	}
}

func TestFFmpegFromStdin(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	path := makeClip(t, "x.mkv", "-pix_fmt yuv420p -c:v ffv1")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := readAll(t, openSource(t, Input{Path: "-", Stdin: f}))
	if want := readAll(t, openSource(t, Input{Path: path})); len(want) == 0 || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want the %d of the file", len(got), len(want))
	}
}

// A named pipe cannot be read twice, as sniffing and ffmpeg would.
func TestFFmpegFromNamedPipe(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	mkfifo := exttool.Require(t, "mkfifo", "coreutils")
	path := makeClip(t, "x.mkv", "-pix_fmt yuv420p -c:v ffv1")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := exec.Command(mkfifo, pipe).Run(); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(pipe, data, 0) }()
	got := readAll(t, openSource(t, Input{Path: pipe}))
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if want := readAll(t, openSource(t, Input{Path: path})); len(want) == 0 || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want the %d of the file", len(got), len(want))
	}
}

// A child that has more to say ends when the source is closed, also while nobody reads.
func TestCloseEndsFFmpeg(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	path := makeClip(t, "x.mkv", "-pix_fmt yuv420p -c:v ffv1")
	s, err := Open(t.Context(), Input{Path: path}, pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestIsURL(t *testing.T) {
	tests := map[string]bool{
		"rtsp://camera/1": true, "http://h:8080/x.mp4": true, "srt+tls://x": true,
		"clip.mp4": false, "/a/b.mp4": false, "C:\\x.mp4": false, "a b://c": false, "://x": false, "dir://": true,
	}
	for path, want := range tests {
		if got := isURL(path); got != want {
			t.Errorf("isURL(%q): got %v, want %v", path, got, want)
		}
	}
}

// makeClip makes a file of 5 frames of 96x64 with ffmpeg, in a folder of the test's own.
func makeClip(t *testing.T, name, args string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	all := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=0.2"}, strings.Fields(args)...)
	if out, err := exec.Command("ffmpeg", append(all, path)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", args, err, out)
	}
	return path
}

func openSource(t *testing.T, in Input) *Source {
	t.Helper()
	s, err := Open(t.Context(), in, pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// readAll returns the samples of all frames to come, one plane after the other.
func readAll(t *testing.T, s *Source) []byte {
	t.Helper()
	var all []byte
	for {
		f, err := s.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range f.Planes() {
			all = append(all, p.Pix...)
		}
		f.Release()
	}
}
