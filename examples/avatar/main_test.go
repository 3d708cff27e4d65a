package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/mel"
)

// TestMouth: the mouth opens in each syllable of the speech, and is closed between its sentences. e2e/browser tests the rest.
func TestMouth(t *testing.T) {
	spec, err := mel.Preset("wav2lip")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mel.Compile(spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.Windows(fps, 16)
	if err != nil {
		t.Fatal(err)
	}
	pcm := speech()
	features := m.AppendPCM16(nil, pcm)
	windows := client.Features{Shape: []int{w.Count(m.Frames(len(pcm) / 2)), m.Bands(), 16}}
	for i := range windows.Shape[0] {
		windows.Values = w.Append(windows.Values, features, i)
	}
	for _, tt := range []struct {
		image int
		open  bool
	}{{2, true}, {7, true}, {42, true}, {50, false}, {70, false}, {77, true}, {102, false}, {120, false}, {129, false}} {
		if got := mouthOf(&windows, tt.image); (got.open > 0.3) != tt.open || !tt.open && got.open > 0 {
			t.Errorf("image %d: got %+v, want an open mouth: %v", tt.image, got, tt.open)
		}
	}
}

// TestRegion: a region is what the scene has at its place, but for the mouth.
func TestRegion(t *testing.T) {
	const n = 17
	x, y := place(n)
	var shown [2][]byte
	for i, c := range []canvas{{width: width, height: height}, {width: placeSide, height: placeSide, x: float64(x), y: float64(y)}} {
		c.pixels, c.scale = make([]byte, 3*c.width*c.height), 1
		c.draw(n, mouth{open: 0.5})
		shown[i] = c.pixels
	}
	for row := range placeSide {
		want := shown[0][3*(width*(y+row)+x):][:3*placeSide]
		if got := shown[1][3*placeSide*row:][:3*placeSide]; !bytes.Equal(got, want) {
			t.Fatalf("row %d: got other pixels than the scene has there", row)
		}
	}
	closed, open := make([]byte, 3*regionSide*regionSide), make([]byte, 3*regionSide*regionSide)
	drawMouth(closed, n, mouth{})
	drawMouth(open, n, mouth{open: 0.5})
	if bytes.Equal(closed, open) || !bytes.Equal(closed[:3*regionSide*20], open[:3*regionSide*20]) {
		t.Error("got regions that do not differ, or at their upper edge, want those with the mouth to differ in the middle")
	}
}

// TestReadSound: sound of a file has the rate that the rest expects, and an error says what was wrong with it.
func TestReadSound(t *testing.T) {
	ffmpeg := exttool.Require(t, "ffmpeg", "ffmpeg")
	path := filepath.Join(t.TempDir(), "tone.wav")
	if out, err := exec.Command(ffmpeg, "-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=1", "-ac", "2", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if pcm, err := readSound(path); err != nil || len(pcm) != 2*rate {
		t.Errorf("got %d bytes, %v, want a second: %d", len(pcm), err, 2*rate)
	}
	if _, err := readSound(path + "x"); err == nil || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("no file: got %v, want what ffmpeg says", err)
	}
}
