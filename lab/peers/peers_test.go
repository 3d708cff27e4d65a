package main

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fake is an encoder that gives the same image whatever comes, for which its clock, if it has one, goes on by some time.
type fake struct {
	data  []byte
	takes time.Duration
	now   *atomic.Int64
}

func (f fake) Encode([]byte) ([]byte, error) {
	if f.now != nil {
		f.now.Add(int64(f.takes))
	}
	return f.data, nil
}

func (f fake) Close() {}

func small(t *testing.T) *workload {
	t.Helper()
	w := workloads(usualQuality)[0]
	if err := w.load("", 0, 4); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestJudge: a rival that gives wrong images is found out, whatever is wrong with them.
func TestJudge(t *testing.T) {
	w := small(t)
	ours, err := openOurs(w)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	v, err := judge(w, ours)
	if err != nil || v.PSNR < 30 || v.SSIM < 0.9 || v.Bytes < 1000 {
		t.Errorf("ours: got %+v, %v, want a good image", v, err)
	}
	gray := func(width, height int) []byte {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"black", gray(w.width, w.height), "shows something else"},
		{"size", gray(w.width, w.height-1), "want 320x320"},
		{"torn", gray(w.width, w.height)[:100], "does not decode"},
	}
	for _, tt := range tests {
		if _, err := judge(w, fake{data: tt.data}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// TestContest: the ratio of a rival that takes twice as long is two, and those that take no part are not shown.
func TestContest(t *testing.T) {
	w := small(t)
	ours, err := openOurs(w)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	data, err := ours.Encode(w.frames[0])
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Clone(data)
	w.frames = w.frames[:1] // the only one that the image shows
	var now atomic.Int64
	taking := func(name string, c bool, takes time.Duration) rival {
		return rival{name: name, c: c, open: func(*workload) (encoder, error) { return fake{data, takes, &now}, nil }}
	}
	c := &contest{workload: w, cores: 1, rounds: 5, turn: 20 * time.Millisecond, clock: func() time.Duration { return time.Duration(now.Load()) }, rivals: []rival{
		taking("ours", false, time.Millisecond),
		taking("slow", true, 4*time.Millisecond),
		taking("twice", true, 2*time.Millisecond),
		{name: "none", open: func(*workload) (encoder, error) { return nil, errNoWay }},
	}}
	if err := c.run(); err != nil {
		t.Fatal(err)
	}
	results := c.results()
	if len(results) != 3 || results[1].BestOfC || !results[2].BestOfC || results[0].Ratio != 0 {
		t.Fatalf("got %+v, want ours, slow, and twice as the best in C", results)
	}
	if r := results[2]; r.Ratio != 2 || r.RatioLow != 2 || r.RatioHigh != 2 || r.FPS != 500 {
		t.Errorf("a rival that takes twice as long: got %+v, want a ratio of 2, and 500 frames/s", r)
	}
	c.rivals = []rival{{name: "broken", open: func(*workload) (encoder, error) { return nil, errors.New("no") }}}
	c.entries = nil
	if err := c.run(); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("a rival that cannot start: got %v, want an error that names it", err)
	}
}

// TestKeepStill: a frame differs from the one before in a twentieth of its pixels, in the middle.
func TestKeepStill(t *testing.T) {
	w := &workload{width: 40, height: 20}
	for n := range 4 {
		w.frames = append(w.frames, bytes.Repeat([]byte{byte(n + 1)}, 3*40*20))
	}
	w.keepStill()
	for n, f := range w.frames[1:] {
		changed := 0
		for i := 0; i < len(f); i += 3 {
			switch f[i] {
			case byte(n + 2):
				changed++
			case 1:
			default:
				t.Fatalf("frame %d: got %d, want it of frame 0 or its own", n+1, f[i])
			}
		}
		if changed != 40*20/20 {
			t.Errorf("frame %d: got %d pixels of its own, want %d", n+1, changed, 40*20/20)
		}
	}
}
