//go:build unix

package live

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/internal/testkit/patches"
)

// clip makes a video of two seconds and returns its path.
func clip(t *testing.T) string {
	t.Helper()
	ffmpeg := exttool.Require(t, "ffmpeg", "ffmpeg")
	path := filepath.Join(t.TempDir(), "a clip; of 'two' seconds.mp4")
	out, err := exec.Command(ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=2", "-c:v", "mpeg4", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// processes returns the ids of the processes one of whose arguments contains text.
func processes(t *testing.T, text string) (pids []int) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(lines) == 0 {
		t.Skip("no /proc to find children in")
	}
	for _, line := range lines {
		data, err := os.ReadFile(line)
		if pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(line))); err == nil && pid != os.Getpid() && strings.Contains(string(data), text) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestFFmpegComesBack: a child that dies is started again, while viewers stay; none is left when Run has ended.
func TestFFmpegComesBack(t *testing.T) {
	path := clip(t)
	r := start(t, func(c *config.Config) { c.Streams = config.Streams{"film": {Source: path}} })
	v := r.view("film")
	for s := r.next(v); s.Offline || s.Width != 160 || s.Height != 96; s = r.next(v) { // It may come after the first tick of the Hub.
		if !s.Offline {
			t.Fatalf("got an image of %dx%d, want 160x96", s.Width, s.Height)
		}
	}
	pids := processes(t, path)
	if len(pids) != 1 {
		t.Fatalf("got children %v, want one", pids)
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the loss to be told", func() bool { return strings.HasPrefix(r.info("film").Format, "lost: ffmpeg failed (signal: killed)") })
	before := r.info("film").Published
	until(t, "another child's frames", func() bool { i := r.info("film"); return i.Published > before+5 && i.State == stream.Online })
	if again := processes(t, path); len(again) != 1 || again[0] == pids[0] {
		t.Errorf("got children %v, want another than %v", again, pids)
	}
	for s := r.next(v); s.Offline; s = r.next(v) { // On a busy machine it may look lost once more.
	}
	r.stop()
	if left := processes(t, path); len(left) != 0 {
		t.Errorf("got children %v after Run, want none", left)
	}
}

// TestVideoChangesSize: viewers see each frame in its own size; the stream stays online, and each change is logged once.
func TestVideoChangesSize(t *testing.T) {
	ffmpeg := exttool.Require(t, "ffmpeg", "ffmpeg")
	var both []byte
	for _, size := range []string{"160x96", "96x160"} {
		part, err := exec.Command(ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=rate=25:duration=1:size="+size, "-c:v", "mpeg2video", "-f", "mpegts", "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, part...)
	}
	path := filepath.Join(t.TempDir(), "both.ts")
	if err := os.WriteFile(path, both, 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, func(c *config.Config) {
		c.Streams = config.Streams{"film": {Source: path}}
		c.Live.OfflineAfter = config.Duration(30 * time.Second) // A busy machine is no loss.
	})
	v := r.view("film")
	changes, width := 0, 160
	for changes < 2 {
		s := r.next(v)
		if s.Offline {
			if changes > 0 {
				t.Fatal("got the image of a lost source at a change of size")
			}
			continue
		}
		if s.Width+s.Height != 160+96 {
			t.Fatalf("got an image of %dx%d, want 160x96 or 96x160", s.Width, s.Height)
		}
		if s.Width != width {
			changes, width = changes+1, s.Width
		}
	}
	r.stop()
	log := r.log.String()
	if online, changed := strings.Count(log, "source online"), strings.Count(log, "source changed format"); online != 1 || changed < 2 || changed > 3 {
		t.Errorf("got %d lines of a source online and %d of changes, want 1 and 2:\n%s", online, changed, log)
	}
	if strings.Contains(log, "source lost") {
		t.Errorf("got a lost source:\n%s", log)
	}
}

// TestStillImage: it is shown for as long as the server runs.
func TestStillImage(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	var still bytes.Buffer
	if err := png.Encode(&still, image.NewGray(image.Rect(0, 0, 160, 96))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "still.jpg") // ffmpeg goes by the contents
	if err := os.WriteFile(file, still.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, func(c *config.Config) { c.Streams = config.Streams{"still": {Source: file}} })
	until(t, "three frames", func() bool { return r.info("still").Arrived >= 3 })
	until(t, "one frame a second, and not more in the long run", func() bool { i := r.info("still"); return i.State == stream.Online && i.FPSIn <= 2 })
	if i := r.info("still"); !strings.Contains(i.Format, "160x96") {
		t.Errorf("got format %q, want 160x96", i.Format)
	}
	if log := r.log.String(); strings.Contains(log, "lost") {
		t.Errorf("got a source that was lost:\n%s", log)
	}
}

// TestSourcesThatCannotBeRead say why, without passwords.
func TestSourcesThatCannotBeRead(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	noVideo := filepath.Join(t.TempDir(), "text.mp4")
	if err := os.WriteFile(noVideo, []byte("no film"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, func(c *config.Config) {
		c.Streams = config.Streams{
			"none":  {Source: "/none.mp4"},
			"text":  {Source: noVideo},
			"deaf":  {Source: "rtsp://user:hunter2@127.0.0.1:1/cam"},
			"loose": {Source: "rtsp://user:hunter2@127.0.0.1:1/a cam"},
		}
	})
	for name, want := range map[string]string{
		"none": "No such file or directory", "text": "it has no index (moov atom)", "deaf": "Connection refused", "loose": "Connection refused",
	} {
		until(t, name+" to say why", func() bool { return strings.Contains(r.info(name).Format, want) })
	}
	r.stop()
	if strings.Contains(r.log.String(), "hunter2") {
		t.Errorf("got the password in the log:\n%s", r.log)
	}
}

func TestNoFFmpeg(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := start(t, func(c *config.Config) { c.Streams = config.Streams{"film": {Source: "film.mp4"}} })
	until(t, "the stream to say so", func() bool { return strings.Contains(r.info("film").Format, "ffmpeg not found on PATH") })
	r.stop()
	if log := r.log.String(); strings.Count(log, "ffmpeg not found on PATH") != 1 || !strings.Contains(log, "stream=film") {
		t.Errorf("got log\n%s\nwant one line that says so of the stream", log)
	}
}

// TestColorOfAVideo: the color space of the settings replaces the one that a video states, or that its size suggests,
// also where it is BT.601.
func TestColorOfAVideo(t *testing.T) {
	for name, v := range map[string]patches.Video{
		"tagged":   {Matrix: "bt601", PixFmt: "yuv420p", Width: 320, Height: 96, Tags: "-colorspace bt709"},
		"untagged": {Matrix: "bt601", PixFmt: "yuv420p", Width: 1280, Height: 720},
	} {
		t.Run(name, func(t *testing.T) {
			v.Frames = 25
			path := patches.Make(t, name+".mkv", v)
			r := start(t, func(c *config.Config) {
				c.Streams = config.Streams{
					"unset": {Source: path, Quality: 95},
					"bt601": {Source: path, Quality: 95, Color: config.ColorSpace{Value: frame.BT601, Set: true}},
				}
			})
			for stream, right := range map[string]bool{"unset": false, "bt601": true} {
				v := r.view(stream)
				s := r.next(v)
				for s.Offline {
					s = r.next(v)
				}
				if worst, got := patches.Error(r.decode(s.data)); (worst < 5) != right {
					t.Errorf("%s: got colors %v, wrong by %.1f, want them right: %t", stream, got, worst, right)
				}
			}
		})
	}
}
