package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// pushing is a steadyframe push that runs.
type pushing struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer // to be read when it has ended
}

// push starts the program. When t ends it is killed, if it runs still.
func push(t testing.TB, args ...string) *pushing {
	t.Helper()
	p := &pushing{t: t, cmd: exec.CommandContext(t.Context(), program, append([]string{"push"}, args...)...)}
	p.cmd.Stderr = &p.stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// write writes raw frame n, gray 64x32, to its standard input.
func (p *pushing) write(n int) {
	p.t.Helper()
	if _, err := p.stdin.Write(grayFrame(p.t, n)); err != nil {
		p.t.Fatalf("%v\n%s", err, p.stderr.Bytes())
	}
}

// wantEnd waits for its end, and for that exit code.
func (p *pushing) wantEnd(code int) string {
	p.t.Helper()
	p.stdin.Close()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("steadyframe push: got exit code %d, want %d\n%s", got, code, p.stderr.Bytes())
	}
	return p.stderr.String()
}

// grayFrame returns a raw frame, gray 64x32, that carries n.
func grayFrame(t testing.TB, n int) []byte {
	t.Helper()
	pix := make([]byte, 64*32)
	f, err := frame.WrapBytes(frame.Desc{Format: frame.Gray8, Width: 64, Height: 32}, pix)
	if err != nil {
		t.Fatal(err)
	}
	synth.Fill(&f, synth.Index(64, 32, n))
	return pix
}

var grayFlags = []string{"--format", "gray", "--size", "64x32"}

// snapshot returns the newest image of a stream, nil when there is none.
func (s *served) snapshot(t testing.TB, name string) []byte {
	t.Helper()
	response, err := http.Get("http://" + s.HTTP + "/snapshot/" + name + ".jpg")
	if err != nil {
		return nil // The server may be away.
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return nil
	}
	return data
}

// shows reports whether the newest image of a stream carries n.
func (s *served) shows(t testing.TB, name string, n int) bool {
	data := s.snapshot(t, name)
	return data != nil && indexOfJPEG(t, data) == n
}

// A frame is shown as soon as its last byte was written, however long the next one takes.
func TestPushAtOnce(t *testing.T) {
	s := serve(t)
	p := push(t, append([]string{"--stream", "cam", "http://" + s.HTTP}, grayFlags...)...)
	for n := 1; n <= 3; n++ {
		start := time.Now()
		p.write(n)
		daemon.WaitFor(t, fmt.Sprintf("frame %d", n), func() bool { return s.shows(t, "cam", n) })
		t.Logf("frame %d was shown %v after it was written", n, time.Since(start).Round(time.Millisecond))
	}
	stderr := p.wantEnd(0)
	want := regexp.MustCompile(`^steadyframe: watch: http://` + s.HTTP + `/#/stream/cam\npushed 3 frames in [\d.]+ s \([\d.]+ fps, [\d.]+ Mbit/s\), 0 dropped, 0 reconnects\n$`)
	if !want.MatchString(stderr) {
		t.Errorf("standard error: got %q, want %s", stderr, want)
	}
}

// Every way to push a video brings all of its frames to the server.
func TestPushWays(t *testing.T) {
	t.Parallel()
	video, dir := clip(t), t.TempDir()
	s := serve(t, "--set", "live.encode_unwatched=true")
	y4mPath, jpegs, mjpeg := filepath.Join(dir, "clip.y4m"), filepath.Join(dir, "images"), filepath.Join(dir, "clip.mjpeg")
	write(t, y4mPath, y4m(t, video))
	succeed(t, nil, "encode", video, "-o", jpegs)
	succeed(t, nil, "encode", video, "-o", mjpeg)
	last := folder(t, jpegs)[frames-1]
	size := fmt.Sprintf("%dx%d", width, height)
	url := "http://" + s.HTTP
	direct := func(name string, args ...string) []string {
		return append(append([]string{exttool.Require(t, "ffmpeg", "ffmpeg"), "-v", "error", "-nostdin", "-re", "-i", video}, args...), url+"/v1/streams/"+name)
	}
	tests := []struct {
		name string
		run  []string
		want []byte // the last image, where it must be one
	}{
		{"video", []string{program, "push", video, url, "--stream", "video", "--quality", "80", "--resize", "100x"}, nil},
		{"y4m", []string{program, "push", y4mPath, url, "--stream", "y4m"}, nil},
		{"folder", []string{program, "push", jpegs, url, "--stream", "folder"}, last},
		{"mjpeg", []string{program, "push", mjpeg, url + "/v1/streams/mjpeg", "--fps", "50"}, last},
		{"ffmpeg-mpjpeg", direct("ffmpeg-mpjpeg", "-c:v", "mjpeg", "-f", "mpjpeg"), nil},
		{"ffmpeg-image2pipe", direct("ffmpeg-image2pipe", "-c:v", "mjpeg", "-f", "image2pipe"), nil},
		{"ffmpeg-yuv4mpegpipe", direct("ffmpeg-yuv4mpegpipe", "-f", "yuv4mpegpipe"), nil},
		{"ffmpeg-rawvideo", direct("ffmpeg-rawvideo?format=bgr24&size="+size, "-pix_fmt", "bgr24", "-f", "rawvideo"), nil},
		{"ffmpeg-put", direct("ffmpeg-put", "-method", "PUT", "-c:v", "mjpeg", "-f", "mpjpeg"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), tt.run[0], tt.run[1:]...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%q: %v\n%s", tt.run, err, out)
			}
			daemon.WaitFor(t, "all frames", func() bool { return s.Stream(t, tt.name).Arrived >= frames })
			got := s.snapshot(t, tt.name)
			if tt.want != nil && !bytes.Equal(got, tt.want) {
				t.Errorf("the last image has %d other bytes than the last file, %d", len(got), len(tt.want))
			}
			if tt.name == "video" {
				wantDecodable(t, [][]byte{got}, 100, 57)
			}
		})
	}
}

// A server that was killed and started again has its stream back within 3 s, and who writes into the pipe did not wait.
func TestPushReconnects(t *testing.T) {
	address := daemon.FreeAddress(t)
	first := serve(t, "--http", address)
	p := push(t, append([]string{"--stream", "cam", "http://" + address}, grayFlags...)...)
	p.write(1)
	daemon.WaitFor(t, "frame 1", func() bool { return first.shows(t, "cam", 1) })

	first.Kill()
	for n := 2; n < 200; n++ { // 400 kB, more than a pipe holds
		p.write(n)
	}
	second := serve(t, "--http", address)
	n := 199
	daemon.WaitFor(t, "the new server to show a frame", func() bool {
		n++
		p.write(n)
		return second.snapshot(t, "cam") != nil
	})
	stderr := p.wantEnd(0)
	if !strings.Contains(stderr, "trying again") || !strings.Contains(stderr, "connected again after") || !strings.Contains(stderr, "1 reconnect\n") {
		t.Errorf("standard error: got %q, want word of a reconnect", stderr)
	}
	m := regexp.MustCompile(`pushed (\d+) frames? .* (\d+) dropped`).FindStringSubmatch(stderr)
	if m == nil {
		t.Fatalf("standard error: got %q, want a summary", stderr)
	}
	pushed, _ := strconv.Atoi(m[1]) // digits
	dropped, _ := strconv.Atoi(m[2])
	if pushed+dropped != n || dropped < 100 {
		t.Errorf("got %d frames pushed and %d dropped of %d, want no other, and at least 100 dropped", pushed, dropped, n)
	}
}

// What trying again does not mend ends the run, with what the server says.
func TestPushRefused(t *testing.T) {
	s := serve(t, "--set", "auth.token=secret")
	url := "http://" + s.HTTP
	one := append([]string{url, "--stream", "cam", "--token", "secret"}, grayFlags...)
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"token", append([]string{url, "--token", "wrong"}, grayFlags...), "the server refuses the stream (401 Unauthorized): "},
		{"path", append([]string{url + "/nowhere/v1/streams/a", "--token", "secret"}, grayFlags...), "the server refuses the stream (404 Not Found): "},
		{"crop", append([]string{"--crop", "100x100+0+0"}, one...), "the server refuses the stream (400 Bad Request): "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := push(t, tt.args...)
			p.write(1)
			if got := p.wantEnd(1); !strings.Contains(got, tt.want) {
				t.Errorf("standard error: got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("taken-over", func(t *testing.T) {
		first, second := push(t, one...), push(t, one...)
		first.write(1)
		waitForStream(t, s, 1)
		second.write(2)
		waitForStream(t, s, 2)
		if got := first.wantEnd(1); !strings.Contains(got, "(409 Conflict): another publisher took the stream over") {
			t.Errorf("standard error of the first: got %q, want a conflict", got)
		}
		second.wantEnd(0)
	})
}

// waitForStream waits until the server of TestPushRefused shows frame n of cam.
func waitForStream(t *testing.T, s *served, n int) {
	t.Helper()
	daemon.WaitFor(t, fmt.Sprintf("frame %d", n), func() bool {
		response, err := http.Get("http://" + s.HTTP + "/snapshot/cam.jpg?access_token=secret")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		return err == nil && response.StatusCode == http.StatusOK && indexOfJPEG(t, data) == n
	})
}

// A file that is started over goes on until it is interrupted, at its own rate.
func TestPushLoop(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := push(t, "--loop", clip(t), "http://"+s.HTTP, "--stream", "loop")
	daemon.WaitFor(t, "the second round", func() bool { return s.Stream(t, "loop").Arrived > frames+5 })
	daemon.WaitFor(t, "the clip's 25 frames a second", func() bool { fps := s.Stream(t, "loop").FPSIn; return fps >= 20 && fps <= 30 })
	p.cmd.Process.Signal(syscall.SIGINT)
	if got := p.wantEnd(130); !strings.Contains(got, "pushed ") || !strings.Contains(got, "steadyframe: interrupted") {
		t.Errorf("standard error: got %q, want a summary and why it ended", got)
	}
}

func TestPushUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "http.sock")
	serve(t, "--http", "unix:"+socket)
	p := push(t, append([]string{"unix:" + socket, "--json"}, grayFlags...)...)
	p.write(1)
	if got := p.wantEnd(0); !strings.HasPrefix(got, `{"frames":1,"dropped":0,"reconnects":0,"bytes":2048,`) {
		t.Errorf("standard error: got %q, want the figures of one frame", got)
	}
}

func TestPushUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"a.mp4", "ftp://h"}, 2, "the URL is ftp://h, want one such as http://127.0.0.1:8080"},
		{[]string{"--stream", "a b", "http://127.0.0.1:1"}, 2, "--stream: "},
		{[]string{"--loop", "http://127.0.0.1:1"}, 2, "standard input cannot be started over"},
		{[]string{"--quality", "101", "http://127.0.0.1:1"}, 2, "--quality: got 101"},
		{[]string{"--size", "4x4", "http://127.0.0.1:1"}, 2, "--size is the size of raw frames"},
		{[]string{"none.mp4", "http://127.0.0.1:1"}, 1, "input none.mp4: no such file"},
		{[]string{"http://127.0.0.1:1"}, 1, "standard input is empty"},
	} {
		r := steadyframe(t, []byte{}, append([]string{"push"}, tt.args...)...)
		if r.code != tt.code || !strings.Contains(string(r.stderr), tt.want) {
			t.Errorf("%q: got exit code %d, %s, want %d, %s", tt.args, r.code, r.stderr, tt.code, tt.want)
		}
	}
}
