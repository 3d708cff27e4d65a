package stream

import "time"

// Clock gives the images and the sound of a stream the times of a recording, or of a player: how long after its beginning they were
// captured. The beginning is what comes first. Whatever the clocks of publishers do, the times of images grow. The zero value is for
// a new recording.
type Clock struct {
	base     time.Time     // the time of capture that is the beginning; zero: nothing has come yet
	heard    time.Time     // the same of sound, whose clock may be another one
	captured time.Time     // when the last image was
	last     time.Duration // its time
	given    time.Time     // when it came
}

// clockJump is how far the times of two images may be apart beyond what has passed between them: beyond it the publisher's
// clock, or the publisher, is another one.
const clockJump = 5 * time.Second

// begin makes the time of capture the beginning, unless there is one.
func (c *Clock) begin(captured, now time.Time) bool {
	if !c.base.IsZero() {
		return false
	}
	*c = Clock{base: captured, heard: captured, given: now}
	return true
}

// Image returns the time of an image that was captured then, and comes now. Times grow by a millisecond at least.
func (c *Clock) Image(captured, now time.Time) time.Duration {
	if c.begin(captured, now) {
		c.captured = captured
		return 0
	}
	passed, at := now.Sub(c.given), captured.Sub(c.base)
	switch step := at - c.last; {
	case step < -clockJump || step > passed+clockJump:
		at = c.last + max(passed, time.Millisecond)
		c.base = captured.Add(-at)
	case step < time.Millisecond:
		at = c.last + time.Millisecond
	}
	c.captured, c.last, c.given = captured, at, now
	return at
}

// Had reports whether the last image was captured then.
func (c *Clock) Had(captured time.Time) bool { return captured.Equal(c.captured) }

// Again returns the time of an image that comes again now: as if it were captured as long ago as it was when it came last.
func (c *Clock) Again(now time.Time) time.Duration {
	at := c.Now(now)
	c.last, c.given = at, now
	return at
}

// Sound returns the time of sound that was captured then, and comes now.
func (c *Clock) Sound(captured, now time.Time) time.Duration {
	if c.begin(captured, now) {
		return 0
	}
	at := captured.Sub(c.heard)
	if expected := c.Now(now); (at - expected).Abs() > clockJump { // Its clock is not that of the images.
		at = expected
		c.heard = captured.Add(-at)
	}
	return at
}

// Now returns the time of an image that would come now.
func (c *Clock) Now(now time.Time) time.Duration { return c.last + now.Sub(c.given) }

// Wall returns when what has that time was captured, by the publisher's clock.
func (c *Clock) Wall(at time.Duration) time.Time { return c.base.Add(at) }
