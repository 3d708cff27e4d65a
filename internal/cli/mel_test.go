package cli

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/sound"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/mel"
)

// makeSounds makes files of the same sweep of a second: WAV of two rates, FLAC, and a video that has it.
func makeSounds(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	ffmpeg := exttool.Require(t, "ffmpeg", "ffmpeg")
	for _, args := range []string{
		"-f lavfi -i aevalsrc=0.4*sin(2*PI*(100+3000*t)*t)+0.1*(random(0)-0.5):d=1:s=16000 -c:a pcm_s16le a.wav",
		"-i a.wav -c:a pcm_alaw alaw.wav",
		"-i a.wav -ar 96000 fast.wav",
		"-i a.wav a.flac",
		"-f lavfi -i testsrc=d=1:s=64x48 -i a.wav -c:a flac -strict -2 a.mkv",
		"-f lavfi -i testsrc=d=1:s=64x48 silent.mkv",
		"-i a.wav -f s16le a.s16",
	} {
		cmd := exec.Command(ffmpeg, append([]string{"-v", "error", "-nostdin", "-y"}, strings.Fields(args)...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg %s: %v: %s", args, err, out)
		}
	}
	return dir
}

// readFloats returns the data of a .f32 file.
func readFloats(t *testing.T, path string) []float32 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f []float32
	for ; len(data) >= 4; data = data[4:] {
		f = append(f, math.Float32frombits(binary.LittleEndian.Uint32(data)))
	}
	return f
}

// TestMelInputs wants the features of one sound from every way in.
func TestMelInputs(t *testing.T) {
	dir := makeSounds(t)
	pcm, err := os.ReadFile(filepath.Join(dir, "a.s16"))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := mel.Preset("wav2lip")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mel.Compile(spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := m.AppendPCM16(nil, pcm)
	raw := &sound.Format{Channels: 1, Rate: 16000}
	for _, c := range []struct {
		input  string
		stdin  bool
		pcm    *sound.Format
		within float64 // on average, for what is not the same samples
	}{
		{input: "a.wav"}, {input: "a.flac"}, {input: "a.mkv"}, {input: "a.s16", pcm: raw},
		{input: "a.wav", stdin: true}, {input: "a.flac", stdin: true}, {input: "a.s16", stdin: true, pcm: raw},
		{input: "alaw.wav", within: 0.5}, {input: "alaw.wav", stdin: true, within: 0.5}, {input: "fast.wav", within: 0.5},
	} {
		out := filepath.Join(t.TempDir(), "out.f32")
		j := MelJob{Input: filepath.Join(dir, c.input), PCM: c.pcm, Out: out, Preset: "wav2lip"}
		if c.stdin {
			f, err := os.Open(j.Input)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			j.Input, j.Stdin = "-", f
		}
		s, err := j.Run(t.Context())
		if err != nil {
			t.Errorf("%s: %v", c.input, err)
			continue
		}
		got := readFloats(t, out)
		if len(got) != len(want) || !slices.Equal(s.Shape, []int{len(want) / 80, 80}) || s.Seconds != 1 {
			t.Errorf("%s: got %d features, %+v, want %d", c.input, len(got), s, len(want))
			continue
		}
		if c.within == 0 && !slices.Equal(got, want) {
			t.Errorf("%s: got other features than those of its samples", c.input)
		}
		mean := 0.0
		for i := range got {
			mean += math.Abs(float64(got[i]-want[i])) / float64(len(got))
		}
		if mean > c.within {
			t.Errorf("%s: features differ by %v on average, want at most %v", c.input, mean, c.within)
		}
	}
}

// TestMelPlot wants a sweep that goes up to be an image whose lightest pixels go up.
func TestMelPlot(t *testing.T) {
	dir := makeSounds(t)
	out := filepath.Join(dir, "out.png")
	j := MelJob{Input: filepath.Join(dir, "a.wav"), Out: out, Preset: "whisper80"}
	if _, err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	lightest := func(x int) (at int) {
		most := uint32(0)
		for y := plotTop; y < plotTop+400; y++ {
			if r, g, _, _ := img.At(x, y).RGBA(); r+g > most {
				most, at = r+g, y
			}
		}
		return at
	}
	if b := img.Bounds(); b.Dx() != plotLeft+1200+plotRight || b.Dy() != plotTop+400+plotBottom {
		t.Fatalf("got an image of %v", b)
	}
	at := plotTop + 400
	for _, x := range []int{200, 500, 800, 1100} {
		y := lightest(plotLeft + x)
		if y >= at {
			t.Errorf("at %d: got the lightest pixel at %d, want it above %d", x, y, at)
		}
		at = y
	}
}

func TestMelErrors(t *testing.T) {
	dir := makeSounds(t)
	wav, err := os.ReadFile(filepath.Join(dir, "a.wav"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"cut.wav": wav[:1000], "text": []byte("no sound at all\n"), "empty": nil, "odd.s16": wav[:999], "there.npy": {1}} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw := &sound.Format{Channels: 1, Rate: 16000}
	form := sound.JSON
	for _, c := range []struct {
		input, out string
		change     func(j *MelJob)
		usage      bool
		want       string
	}{
		{input: "missing.wav", want: "missing.wav: no such file or directory"},
		{input: "cut.wav", want: "cut.wav is cut short: got 922 bytes of samples, want 32000 as its header says"},
		{input: "empty", want: "empty is empty"},
		{input: "text", want: "samples without a header need --format and --rate"},
		{input: "silent.mkv", want: "silent.mkv: it has no sound"},
		{input: "odd.s16", change: func(j *MelJob) { j.PCM = raw }, want: "ends inside a sample: got 999 bytes, want a multiple of 2"},
		{input: "empty", change: func(j *MelJob) { j.PCM = raw }, want: "is too short: got 0 samples"},
		{input: "a.wav", out: "there.npy", want: "exists already: choose another name, or add --force"},
		{input: "a.wav", out: "no/folder.npy", want: "no such file or directory"},
		{input: "a.wav", out: "out.txt", usage: true, want: "name a file that ends in .npy, .f32, .json or .png"},
		{input: "a.wav", change: func(j *MelJob) { j.Preset = "mfcc" }, usage: true, want: `--preset: got "mfcc", want one of wav2lip`},
		{input: "a.wav", change: func(j *MelJob) { j.FPS = 25 }, usage: true, want: "--fps and --window go together"},
		{input: "a.wav", change: func(j *MelJob) { j.FPS, j.Window = 25, 5000 }, usage: true, want: "--fps, --window: "},
		{input: "a.wav", out: "out.png", change: func(j *MelJob) { j.FPS, j.Window = 25, 16 }, usage: true, want: "leave out --fps and --window"},
		{input: "a.wav", out: "out.png", change: func(j *MelJob) { j.Form = &form }, usage: true, want: "is an image"},
		{input: "a.wav", change: func(j *MelJob) { j.FPS, j.Window, j.Bands = 25, 16, true }, usage: true, want: "--layout bands"},
	} {
		out := c.out
		if out == "" {
			out = "out.npy"
		}
		j := MelJob{Input: filepath.Join(dir, c.input), Out: filepath.Join(dir, out), Preset: "wav2lip"}
		if c.change != nil {
			c.change(&j)
		}
		_, err := j.Run(t.Context())
		var usage *UsageError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &usage) != c.usage {
			t.Errorf("%s to %s: got %v, want %q (usage: %v)", c.input, out, err, c.want, c.usage)
		}
		if _, err := os.Stat(filepath.Join(dir, "out.npy")); err == nil {
			t.Fatalf("%s: there is an output after %q", c.input, c.want)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("got %v left behind, %v", left, err)
	}
}
