package live

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// TestSoundtrack: a source has its sound where that is wanted, and all ends with the server.
func TestSoundtrack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clip.mkv")
	out, err := exec.Command(exttool.Require(t, "ffmpeg", "ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=2", "-f", "lavfi", "-i", "sine=r=22050:d=2",
		"-c:v", "mpeg4", "-c:a", "pcm_s16le", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := start(t, func(c *config.Config) {
		c.Streams = config.Streams{"film": {Source: path, Sound: true}, "mute": {Source: path}}
	})
	until(t, "the sound", func() bool { return r.info("film").Sound.Rate == 22050 && r.info("film").Sound.Channels == 1 })
	l, err := r.Hub.Listen("film", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	<-l.Wake()
	if i := r.info("mute"); i.Sound.Rate != 0 {
		t.Errorf("got sound %+v without the setting, want none", i.Sound)
	}
	r.stop()
	if _, _, err := l.Read(nil); err == nil {
		t.Error("got no error after the end, want that the sound has ended")
	}
}

// TestSoundtrackTimes: the frame that came soonest says when samples are due, as long as that is not long ago.
func TestSoundtrackTimes(t *testing.T) {
	begun := time.Now()
	s := &soundtrack{ready: make(chan struct{})}
	ready := func() bool {
		select {
		case <-s.ready:
			return true
		default:
			return false
		}
	}
	for _, tt := range []struct {
		pts, came, want time.Duration // of the time stamp 0, after begun
		ready           bool
	}{
		{0, 0, 0, false},
		{500 * time.Millisecond, 200 * time.Millisecond, -300 * time.Millisecond, false}, // the beginning, read at once
		{time.Second, 900 * time.Millisecond, -300 * time.Millisecond, true},
		{9 * time.Second, 10200 * time.Millisecond, -300 * time.Millisecond, true},
		{20 * time.Second, 20 * time.Second, -300 * time.Millisecond, true},
		{31 * time.Second, 32 * time.Second, 0, true}, // the one above
		{42 * time.Second, 43 * time.Second, time.Second, true},
	} {
		s.follow(tt.pts, begun.Add(tt.came))
		if got := s.timeOf(0, 16000).Sub(begun); got != tt.want || ready() != tt.ready {
			t.Errorf("after a frame of %v at %v: got %v, ready %v, want %v, %v", tt.pts, tt.came, got, ready(), tt.want, tt.ready)
		}
	}
	if got, want := s.timeOf(3*16000+8, 16000).Sub(begun), 4*time.Second+500*time.Microsecond; got != want {
		t.Errorf("got %v for a sample, want %v", got, want)
	}
}
