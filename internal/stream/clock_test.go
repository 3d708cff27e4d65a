package stream_test

import (
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// TestClock: times are those of the captures, and grow whatever the publisher's clock does.
func TestClock(t *testing.T) {
	var c stream.Clock
	start := time.Now()
	for i, step := range []struct{ captured, came, want time.Duration }{
		{0, 0, 0},
		{40, 45, 40},
		{40, 50, 41},             // the same time again
		{39, 55, 42},             // a little back
		{1000, 900, 1000},        // ahead of its coming
		{-3_600_000, 1900, 2000}, // another clock, an hour behind
		{-3_599_960, 1950, 2040},
		{2100, 2100, 2190}, // and back
		{2140, 2140, 2230},
		{9000, 9100, 9090}, // nothing came for long
	} {
		got := c.Image(start.Add(step.captured*time.Millisecond), start.Add(step.came*time.Millisecond))
		if want := step.want * time.Millisecond; got != want {
			t.Errorf("image %d: got %v, want %v", i, got, want)
		}
	}
}

// Sound has the images' times, whatever its clock is; an image that comes again is as late as it was, and what has a time has a wall time.
func TestClockOfSound(t *testing.T) {
	var c stream.Clock
	start := time.Now()
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	for _, step := range []struct {
		name      string
		got, want time.Duration
	}{
		{"sound begins", c.Sound(ms(0), ms(10)), 0},
		{"image", c.Image(ms(40), ms(50)), 40},
		{"sound", c.Sound(ms(20), ms(60)), 20},
		{"again", c.Again(ms(1050)), 1040},
		{"next image", c.Image(ms(1080), ms(1090)), 1080},
		{"sound of another clock", c.Sound(ms(-3_600_000), ms(1100)), 1090},
		{"and on", c.Sound(ms(-3_599_980), ms(1110)), 1110},
	} {
		if want := step.want * time.Millisecond; step.got != want {
			t.Errorf("%s: got %v, want %v", step.name, step.got, want)
		}
	}
	if got := c.Wall(1080 * time.Millisecond); !got.Equal(ms(1080)) {
		t.Errorf("got %v for the image, want when it was captured", got.Sub(start))
	}
	if !c.Had(ms(1080)) || c.Had(ms(40)) {
		t.Error("got another last image than the last")
	}
}
