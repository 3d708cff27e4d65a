package stream

import (
	"math"
	"time"
)

const (
	// quick and slow are the times between two repeats of a still picture, those of Late viewers in the first second, and all
	// others. What is promised is 5 a second and 1 a second; a tenth is for what clocks and schedulers take.
	quick = 180 * time.Millisecond
	slow  = 900 * time.Millisecond
	// soonest is the least time to any repeat, for streams whose pictures come in bursts.
	soonest = 10 * time.Millisecond
	// never is how long a viewer waits when nothing but its Wake can end the wait.
	never = time.Duration(math.MaxInt64)
)

// repeatDue returns when a viewer is to be given a picture again that it was given at first, and last at given. frame is the
// time between the stream's pictures, 0 when it isn't known.
//
// A Late viewer's client shows what it has when more comes. It waits most after motion: so the first repeat comes half a
// frame time after the next picture should have come, and not before it when that one is merely late.
func repeatDue(late bool, first, given, frame time.Duration) time.Duration {
	afterMotion := max(frame+frame/2, soonest)
	switch {
	case !late:
		return given + slow
	case given == first && frame > 0 && afterMotion < quick:
		return first + afterMotion
	case given+quick <= first+time.Second:
		return given + quick
	}
	return given + slow
}

// A pace gives slots in time to a viewer that wants so many pictures a second at most. The zero pace is always ready.
type pace struct {
	spacing time.Duration
	slot    time.Duration // no picture before this; 0: there was none yet
}

// paceOf returns the pace of so many pictures a second; 0, and what is no number, stand for any.
func paceOf(fps float64) pace {
	if !(fps > 0) || math.IsInf(fps, 1) {
		return pace{}
	}
	return pace{spacing: time.Duration(min(float64(time.Second)/fps, float64(time.Hour)))}
}

// take uses the slot. The next one is a spacing later, so that slots are even though pictures come late in them; but a slot
// that was missed altogether is not made up for.
func (p *pace) take(now time.Duration) {
	if p.slot == 0 || now-p.slot >= p.spacing {
		p.slot = now
	}
	p.slot += p.spacing
}

// A cadence is the mean time between a stream's pictures.
type cadence struct {
	last time.Duration // 0: none yet
	mean time.Duration
	gaps int // that mean is of, at most cadenceGaps
}

// cadenceGaps is how many gaps the mean is of; more exactly, a gap's weight is one in so many.
const cadenceGaps = 8

// add notes a picture. More than a second is a pause, and no gap.
func (c *cadence) add(now time.Duration) {
	if gap := now - c.last; c.last != 0 && gap <= time.Second {
		c.gaps = min(c.gaps+1, cadenceGaps)
		c.mean += (gap - c.mean) / time.Duration(c.gaps)
	}
	c.last = now
}

// frame returns the time between pictures, 0 when there were too few to tell.
func (c *cadence) frame() time.Duration {
	if c.gaps < 2 {
		return 0
	}
	return c.mean
}
