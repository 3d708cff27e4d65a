package cli

import "time"

// pacer lets frames through at a steady rate, or at the times of their time stamps.
type pacer struct {
	interval time.Duration // between frames without time stamps; 0: all frames at once
	due      time.Time     // when the last frame was due
	timer    *time.Timer
}

// maxStep is the longest time between two frames that a pacer keeps. A longer one is a gap in a stream.
const maxStep = time.Minute

func newPacer(fps float64) *pacer {
	p := &pacer{}
	if fps > 0 {
		p.interval = time.Duration(min(float64(time.Second)/fps, float64(24*time.Hour))) // More would overflow.
		p.timer = time.NewTimer(0)
	}
	return p
}

// wait returns true when the next frame is due, an interval after the last, or false as soon as stop is closed. A reader
// that is late catches up.
func (p *pacer) wait(stop <-chan struct{}) bool { return p.waitStep(0, stop) }

// waitStep is wait for a frame that is due step after the last. A step that cannot be is replaced by the interval.
func (p *pacer) waitStep(step time.Duration, stop <-chan struct{}) bool {
	if p.interval == 0 {
		return true
	}
	if step <= 0 || step > maxStep {
		step = p.interval
	}
	now := time.Now()
	if p.due.IsZero() {
		p.due = now
	} else {
		p.due = p.due.Add(step)
	}
	p.timer.Reset(p.due.Sub(now))
	select {
	case <-p.timer.C:
		return true
	case <-stop:
		return false
	}
}

// restart makes the next frame due an interval, or a step, from now: those before it were late for a reason that is over.
func (p *pacer) restart() { p.due = time.Now() }
