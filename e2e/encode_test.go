package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/pipeline"
)

// The same frames give the same bytes, whichever way they come and go.
func TestEncodePathsAgree(t *testing.T) {
	t.Parallel()
	video := clip(t)
	bgrFrames, i420Frames, y4mFile := raw(t, video, bgr), raw(t, video, i420), y4m(t, video)
	dir := t.TempDir()
	bgrPath, y4mPath := filepath.Join(dir, "frames.bgr"), filepath.Join(dir, "frames.y4m")
	write(t, bgrPath, bgrFrames)
	write(t, y4mPath, y4mFile)
	fromBGR, fromI420 := library(t, spec(bgr), bgrFrames), library(t, spec(i420), i420Frames)
	wantDecodable(t, fromBGR, 100, 76)
	wantDecodable(t, fromI420, 100, 76)

	size := fmt.Sprintf("%dx%d", width, height)
	tests := []struct {
		name  string
		stdin []byte
		input []string
		want  [][]byte
	}{
		{"raw-file", nil, []string{bgrPath, "--format", "bgr24", "--size", size}, fromBGR},
		{"raw-stdin", bgrFrames, []string{"-", "--format", "bgr24", "--size", size}, fromBGR},
		{"raw-i420-stdin", i420Frames, []string{"-", "--format", "i420", "--size", size}, fromI420},
		{"y4m-file", nil, []string{y4mPath}, fromI420},
		{"y4m-stdin", y4mFile, []string{"-"}, fromI420},
		{"video-file", nil, []string{video}, fromI420},
		{"one-by-one", nil, []string{y4mPath, "--batch", "1", "--workers", "1"}, fromI420},
		{"many-workers", nil, []string{y4mPath, "--batch", "7", "--workers", "5"}, fromI420},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append(append([]string{"encode"}, tt.input...), flags...)
			out := filepath.Join(t.TempDir(), "out")
			succeed(t, tt.stdin, append(args, "-o", out)...)
			wantImages(t, folder(t, out), tt.want)

			mjpeg := out + ".mjpeg"
			succeed(t, tt.stdin, append(args, "-o", mjpeg)...)
			wantImages(t, split(t, read(t, mjpeg)), tt.want)

			r := succeed(t, tt.stdin, append(args, "-o", "-")...)
			wantImages(t, split(t, r.stdout), tt.want)
		})
	}
}

func TestEncodeOneImage(t *testing.T) {
	video, dir := clip(t), t.TempDir()
	png, out := filepath.Join(dir, "in.png"), filepath.Join(dir, "out.jpg")
	ffmpeg(t, "-i", video, "-frames:v", "1", "-pix_fmt", "rgb24", png)
	succeed(t, nil, "encode", png, "--subsampling", "444", "-o", out)

	rgb := frame.Desc{Format: frame.RGB24, Width: width, Height: height}
	pixels := ffmpeg(t, "-i", png, "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
	s := pipeline.Spec{Input: rgb}
	if err := s.Output.Subsampling.UnmarshalText([]byte("444")); err != nil {
		t.Fatal(err)
	}
	want := library(t, s, pixels)
	wantImages(t, [][]byte{read(t, out)}, want)

	// The same image from standard input.
	succeed(t, read(t, png), "encode", "-", "--force", "-o", out)
	wantDecodable(t, [][]byte{read(t, out)}, width, height)
}

// summaryLine is what every run ends with.
var summaryLine = regexp.MustCompile(`^encoded (\d+) frames in \d+\.\d\d s \([\d.]+ fps\), p50 [\d.]+ ms p99 [\d.]+ ms, [\d.]+ allocs/frame, \d+ collections?\n$`)

func TestEncodeSummary(t *testing.T) {
	data := bytes.Repeat(make([]byte, width*height*3), 200)
	size := fmt.Sprintf("%dx%d", width, height)
	for _, out := range []string{"-", filepath.Join(t.TempDir(), "out")} {
		r := succeed(t, data, "encode", "-", "--format", "bgr24", "--size", size, "-o", out)
		m := summaryLine.FindSubmatch(r.stderr)
		if m == nil || string(m[1]) != "200" {
			t.Errorf("standard error: got %q, want one line that matches %s with 200 frames", r.stderr, summaryLine)
		}
		if out != "-" && len(r.stdout) > 0 {
			t.Errorf("standard output: got %d bytes, want none", len(r.stdout))
		}
	}
	var got struct {
		Frames, Batch, Collections int
		FPS                        float64
		P50                        float64  `json:"p50_ms"`
		P99                        float64  `json:"p99_ms"`
		AllocsPerFrame             *float64 `json:"allocs_per_frame"`
		Bytes                      int
	}
	least := math.Inf(1)
	for run := 0; run < 5 && least > 1; run++ { // On a busy machine the Go runtime makes more threads, and what they need.
		r := succeed(t, data, "encode", "-", "--format", "bgr24", "--size", size, "-o", "-", "--json", "--batch", "5")
		if err := json.Unmarshal(r.stderr, &got); err != nil {
			t.Fatalf("%v: %s", err, r.stderr)
		}
		if got.Frames != 200 || got.Batch != 5 || got.Bytes != len(r.stdout) || got.FPS <= 0 || got.P50 <= 0 || got.P99 < got.P50 || got.AllocsPerFrame == nil {
			t.Fatalf("got %s", r.stderr)
		}
		least = min(least, *got.AllocsPerFrame)
	}
	if least > 1 {
		t.Errorf("got %v allocations a frame, want none", least)
	}
}

// A run that fails says what was wrong and what to do, ends with the right code, and leaves whole images alone.
func TestEncodeErrors(t *testing.T) {
	dir := t.TempDir()
	odd, text, many := filepath.Join(dir, "odd.bgr"), filepath.Join(dir, "text.mp4"), filepath.Join(dir, "many.bgr")
	write(t, odd, make([]byte, 4*2*3+5))
	write(t, text, []byte(strings.Repeat("this is no video ", 50)))
	write(t, many, make([]byte, 10*4*2*3))
	raw := []string{"--format", "bgr24", "--size", "4x2"}
	tests := []struct {
		name  string
		stdin []byte
		args  []string
		code  int
		want  []string
	}{
		{"no-arguments", nil, []string{}, 2, []string{"--out", "steadyframe encode --help"}},
		{"no-output", nil, []string{odd}, 2, []string{"--out"}},
		{"unknown-flag", nil, []string{odd, "-o", "x", "--fast"}, 2, []string{"unknown flag --fast"}},
		{"unknown-format", nil, []string{odd, "--format", "yuv9", "--size", "4x2", "-o", "x"}, 2, []string{`"yuv9"`, "bgr24"}},
		{"size-without-format", nil, []string{odd, "--size", "4x2", "-o", "x"}, 2, []string{"--size", "needs --format"}},
		{"format-without-size", nil, []string{odd, "--format", "bgr24", "-o", "x"}, 2, []string{"--format", "needs --size"}},
		{"bad-size", nil, []string{odd, "--format", "bgr24", "--size", "4", "-o", "x"}, 2, []string{`"4"`, "640x360"}},
		{"bad-quality", nil, []string{odd, "--quality", "101", "-o", "x"}, 2, []string{"--quality", "101", "1 to 100"}},
		{"bad-crop", make([]byte, 24), append([]string{"-", "--crop", "5x2+0+0", "-o", "x"}, raw...), 2, []string{"crop", "5x2+0+0"}},
		{"huge-batch", make([]byte, 24), append([]string{"-", "--batch", "1000000000", "-o", "x"}, raw...), 2, []string{"a batch of 1000000000 frames of 24 bytes", "at most 4096 frames"}},
		{"missing-input", nil, []string{"nowhere.mp4", "-o", "x"}, 1, []string{"nowhere.mp4", "no such file"}},
		{"no-video", nil, []string{text, "-o", "x"}, 1, []string{"text.mp4", "it has no index", "raw frames need --format and --size"}},
		{"size-does-not-divide", nil, append([]string{odd, "-o", "x"}, raw...), 1, []string{"29 bytes", "1 frame and 5 bytes more", "24 bytes a frame", "--frames 1"}},
		{"empty-stdin", []byte{}, append([]string{"-", "-o", "x"}, raw...), 1, []string{"no frame"}},
		{"two-frames-in-one-image", nil, append([]string{many, "-o", "x.jpg"}, raw...), 1, []string{"more than one frame", "--frames 1"}},
		{"nothing-whole", make([]byte, 7), append([]string{"-", "-o", "x.mjpeg"}, raw...), 1, []string{"ends inside frame 1"}},
		{"full-disk", nil, append([]string{many, "-o", "/dev/full"}, raw...), 1, []string{"/dev/full", "no space left on device", "free some space"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := os.Stat("/dev/full"); err != nil && tt.name == "full-disk" {
				t.Skip("no /dev/full here")
			}
			t.Chdir(t.TempDir())
			r := steadyframe(t, tt.stdin, append([]string{"encode"}, tt.args...)...)
			if r.code != tt.code {
				t.Errorf("exit code: got %d, want %d", r.code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(r.stderr), want) {
					t.Errorf("standard error: got %q, want it to say %q", r.stderr, want)
				}
			}
			if lines := bytes.Count(r.stderr, []byte("\n")); lines > 2 {
				t.Errorf("standard error: got %d lines, want at most 2:\n%s", lines, r.stderr)
			}
			if left, _ := filepath.Glob("*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// The whole frames of an input that is cut come out.
func TestEncodeTruncatedInput(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	r := steadyframe(t, make([]byte, 40*24+7), "encode", "-", "--format", "bgr24", "--size", "4x2", "-o", out)
	if r.code != 1 || !strings.Contains(string(r.stderr), "ends inside frame 41: got 7 bytes of it, want 24; the 40 frames before it came out whole") {
		t.Errorf("got exit code %d, %s", r.code, r.stderr)
	}
	if !strings.Contains(string(r.stderr), "encoded 40 frames") {
		t.Errorf("got %q, want the figures of what was done", r.stderr)
	}
	wantDecodable(t, folder(t, out), 4, 2)
	if n := len(folder(t, out)); n != 40 {
		t.Errorf("got %d images, want 40", n)
	}
}

func TestEncodeToClosedPipe(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), program, "encode", "-", "--format", "bgr24", "--size", "64x64", "-o", "-")
	cmd.Stdin = endless{}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.String(), "standard output: its reader closed the pipe after") {
		t.Errorf("got exit code %d, %s", code, stderr.String())
	}
}

// An interrupt ends a run that waits for its input; what came before is written.
func TestEncodeInterrupted(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.mjpeg")
	cmd := exec.CommandContext(t.Context(), program, "encode", "-", "--format", "bgr24", "--size", "64x64", "--batch", "1", "-o", out)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write(make([]byte, 64*64*3)); err != nil {
		t.Fatal(err)
	}
	daemon.WaitFor(t, "the first image", func() bool {
		info, err := os.Stat(out)
		return err == nil && info.Size() > 0
	})
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("got exit code %d, %s", code, stderr.String())
	}
	wantDecodable(t, split(t, read(t, out)), 64, 64)
}

func TestEncodeRefusesToOverwrite(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	args := []string{"encode", "-", "--format", "bgr24", "--size", "4x2", "-o", out}
	succeed(t, make([]byte, 24), args...)
	r := steadyframe(t, make([]byte, 24), args...)
	if r.code != 1 || !strings.Contains(string(r.stderr), "frame-000001.jpg already") || !strings.Contains(string(r.stderr), "--force") {
		t.Errorf("got exit code %d, %s", r.code, r.stderr)
	}
	succeed(t, make([]byte, 48), append(args, "--force")...)
	if n := len(folder(t, out)); n != 2 {
		t.Errorf("got %d images, want 2", n)
	}
}

// Every error of a run with --json is JSON too.
func TestEncodeJSONError(t *testing.T) {
	r := steadyframe(t, make([]byte, 30), "encode", "-", "--format", "bgr24", "--size", "4x2", "-o", "-", "--json")
	var got struct {
		Frames int
		Error  string
	}
	if err := json.Unmarshal(r.stderr, &got); err != nil || r.code != 1 || got.Frames != 1 || !strings.Contains(got.Error, "ends inside frame 2") {
		t.Errorf("got exit code %d, %v, %s", r.code, err, r.stderr)
	}
}

func TestNoFFmpeg(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clip.mp4")
	write(t, path, []byte("some video"))
	cmd := exec.CommandContext(t.Context(), program, "encode", path, "-o", filepath.Join(t.TempDir(), "out"))
	cmd.Env = []string{"PATH="}
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(string(out), "ffmpeg not found on PATH: install it with: sudo apt-get install ffmpeg") {
		t.Errorf("got exit code %d, %s", code, out)
	}
}

// endless is black pixels without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}
