package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// listed is what these tests read of GET /v1/streams/NAME.
type listed struct {
	State     string
	Published int
	Arrived   int
	Sound     *struct{ Rate, Channels int }
}

// listed returns what the server says of a stream, the zero value when it has none.
func (s *served) listed(t testing.TB, name string) (l listed) {
	t.Helper()
	response, err := http.Get("http://" + s.HTTP + "/v1/streams/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		if err := json.NewDecoder(response.Body).Decode(&l); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// flashes makes a video of 2 s that is white, and has a tone, for the first 0.2 s of each 0.5 s; without sound, if mute.
func flashes(t *testing.T, mute bool) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "flashes.mp4")
	args := []string{"-v", "error", "-nostdin", "-f", "lavfi", "-i", "color=black:s=64x64:r=25,drawbox=c=white:t=fill:enable='lt(mod(t,0.5),0.2)'"}
	if !mute {
		args = append(args, "-f", "lavfi", "-i", `aevalsrc=if(lt(mod(t\,0.5)\,0.2)\,0.7*sin(2*PI*1000*t)\,0)|0:s=44100`)
	}
	args = append(args, "-t", "2", "-c:v", "mpeg4", "-c:a", "aac", name)
	if out, err := exec.CommandContext(t.Context(), exttool.Require(t, "ffmpeg", "ffmpeg"), args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return name
}

// numbers returns what the first group of a pattern matches in text.
func numbers(t testing.TB, pattern, text string) (found []float64) {
	t.Helper()
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, v)
	}
	return found
}

// soundAfterImages returns, in seconds, how much later than the flash that is next to it each beep of a recording begins, as ffmpeg
// decodes it.
func soundAfterImages(t *testing.T, recording string) (offsets []float64) {
	t.Helper()
	run := func(args ...string) string {
		args = append(append([]string{"-hide_banner", "-nostdin", "-i", recording}, args...), "-f", "null", "-")
		out, err := exec.CommandContext(t.Context(), exttool.Require(t, "ffmpeg", "ffmpeg"), args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		return string(out)
	}
	beeps := numbers(t, `silence_end: ([0-9.]+)`, run("-af", "silencedetect=noise=-30dB:d=0.1"))
	images := run("-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG")
	times, levels := numbers(t, `pts_time:([0-9.]+)`, images), numbers(t, `YAVG=([0-9.]+)`, images)
	if len(times) != len(levels) {
		t.Fatalf("got %d times of %d images", len(times), len(levels))
	}
	for _, beep := range beeps {
		nearest := math.Inf(1)
		for i := 1; i < len(times); i++ {
			if levels[i-1] < 128 && levels[i] >= 128 && math.Abs(beep-times[i]) < math.Abs(nearest) {
				nearest = beep - times[i]
			}
		}
		if math.Abs(nearest) < 0.3 { // The flash of the first and the last may not be in the recording.
			offsets = append(offsets, nearest)
		}
	}
	return offsets
}

// TestPushSound: the sound of a video is pushed with its frames, in step, and steadyframe record writes both.
func TestPushSound(t *testing.T) {
	probe := exttool.Require(t, "ffprobe", "ffmpeg")
	s := serve(t)
	clip := flashes(t, false)
	const attempts = 5 // A busy machine may hold up a process when it sends its first sample, whose time is when it comes.
	var wrong error
	for range attempts {
		p := push(t, "--loop", "--stream", "talk", clip, "http://"+s.HTTP)
		daemon.WaitFor(t, "images with sound", func() bool { l := s.listed(t, "talk"); return l.State == "online" && l.Sound != nil })
		wrong = s.recordFlashes(t, probe)
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		p.cmd.Wait() // It was killed.
		if wrong == nil {
			return
		}
		t.Log(wrong)
	}
	t.Fatal(wrong)
}

// recordFlashes records the stream talk, and returns what is wrong with that.
func (s *served) recordFlashes(t *testing.T, probe string) error {
	t.Helper()
	out := filepath.Join(t.TempDir(), "talk.mkv")
	record := exec.CommandContext(t.Context(), program, "record", "http://"+s.HTTP+"/v1/streams/talk", "-o", out, "--for", "2.5s")
	if said, err := record.CombinedOutput(); err != nil {
		return fmt.Errorf("steadyframe record: %v\n%s", err, said)
	}
	streams, err := exec.CommandContext(t.Context(), probe, "-v", "error", "-show_entries", "stream=codec_name,sample_rate,channels:format=duration", "-of", "compact=p=0", out).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ffprobe: %v\n%s", err, streams)
	}
	for _, want := range []string{"codec_name=mjpeg", "codec_name=pcm_s16le|sample_rate=44100|channels=2"} {
		if !strings.Contains(string(streams), want) {
			return fmt.Errorf("ffprobe of the recording: got %s, want %s", streams, want)
		}
	}
	if d := numbers(t, `duration=([0-9.]+)`, string(streams)); len(d) != 1 || d[0] < 2.3 {
		return fmt.Errorf("the recording lasts %v s, want 2.5", d)
	}
	offsets := soundAfterImages(t, out)
	slices.Sort(offsets)
	if n := len(offsets); n < 3 || math.Abs(offsets[n/2]) > 0.040 {
		return fmt.Errorf("sound is %.3f s after its images, want at most 0.040 as the median of 3 or more", offsets)
	}
	t.Logf("sound is %.3f s after its images", offsets)
	return nil
}

// TestSourceSound: a source of the settings has its sound, if that is wanted, in step with its frames.
func TestSourceSound(t *testing.T) {
	probe := exttool.Require(t, "ffprobe", "ffmpeg")
	clip := flashes(t, false)
	s := serve(t, "--set", "streams.talk.source="+clip, "--set", "streams.talk.sound=true", "--set", "streams.mute.source="+clip)
	const attempts = 5 // A busy machine may hold up what decodes and what records.
	var wrong error
	for range attempts {
		daemon.WaitFor(t, "images with sound", func() bool { l := s.listed(t, "talk"); return l.State == "online" && l.Sound != nil })
		if wrong = s.recordFlashes(t, probe); wrong == nil {
			break
		}
		t.Log(wrong)
	}
	if wrong != nil {
		t.Error(wrong)
	}
	daemon.WaitFor(t, "frames", func() bool { return s.listed(t, "mute").Arrived > 2*25 })
	if l := s.listed(t, "mute"); l.Sound != nil {
		t.Errorf("got sound %+v without the setting, want none", l.Sound)
	}
}

// TestPushWithoutSound: a video without sound, and one with --no-sound, is a stream without sound.
func TestPushWithoutSound(t *testing.T) {
	s := serve(t)
	streams := map[string][]string{"silent": {flashes(t, true)}, "muted": {"--no-sound", flashes(t, false)}}
	for name, args := range streams {
		push(t, append([]string{"--loop", "--stream", name}, append(args, "http://"+s.HTTP)...)...)
	}
	for name := range streams {
		daemon.WaitFor(t, "frames", func() bool { return s.listed(t, name).Arrived > 5 })
		if l := s.listed(t, name); l.Sound != nil {
			t.Errorf("%s: got sound %+v, want none", name, l.Sound)
		}
	}
}
