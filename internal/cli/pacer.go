package cli

import "time"

// pacer lets frames through at a steady rate.
type pacer struct {
	interval time.Duration // 0: all at once
	next     time.Time
	timer    *time.Timer
}

func newPacer(fps float64) *pacer {
	p := &pacer{}
	if fps > 0 {
		p.interval = time.Duration(float64(time.Second) / fps)
		p.timer = time.NewTimer(0)
	}
	return p
}

// wait returns true when the next frame is due, or false as soon as stop is closed. A reader that is late catches up.
func (p *pacer) wait(stop <-chan struct{}) bool {
	if p.interval == 0 {
		return true
	}
	now := time.Now()
	if p.next.IsZero() {
		p.next = now
	}
	p.timer.Reset(p.next.Sub(now))
	p.next = p.next.Add(p.interval)
	select {
	case <-p.timer.C:
		return true
	case <-stop:
		return false
	}
}

// restart makes the next frame due an interval from now: those before it were late for a reason that is over.
func (p *pacer) restart() { p.next = time.Now().Add(p.interval) }
