package main

import (
	"bytes"
	"os/exec"
	"testing"
)

// TestNoise: noise changes the frames and nothing of their size, and little where there is little of it.
func TestNoise(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip(err)
	}
	w, noisy := workloads(90)[0], workloads(90)[0]
	if err := w.load("", 0, 2); err != nil {
		t.Fatal(err)
	}
	if err := noisy.load("", 14, 2); err != nil {
		t.Fatal(err)
	}
	for i, f := range noisy.frames {
		if len(f) != len(w.frames[i]) || bytes.Equal(f, w.frames[i]) {
			t.Fatalf("frame %d: got %d bytes, want %d that are not as before", i, len(f), len(w.frames[i]))
		}
		var sum int
		for j, v := range f {
			d := int(v) - int(w.frames[i][j])
			sum += d * d
		}
		if mean := sum / len(f); mean < 4 || mean > 400 {
			t.Errorf("frame %d: squares of differences: got a mean of %d, want those of noise of some levels", i, mean)
		}
	}
	if got := w.spec().Output.Quality; got != 90 {
		t.Errorf("quality: got %d, want 90", got)
	}
}
