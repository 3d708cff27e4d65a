package live

import "time"

// pace says which frames become images where there may only be so many a second. It keeps a schedule, not gaps: the
// images come at their rate on average, and of frames at an even rate those nearest the schedule become images.
//
// A frame that comes close before its time, or later, is due at once; so a source at the rate of the schedule, whose
// frames come a little early or late, loses none. One that comes earlier waits for the next, which replaces it; but
// when none comes it has its turn, so that the last frame before a pause is shown.
type pace struct {
	interval time.Duration // between images; 0: no cap
	next     time.Time     // when the next image should be made
}

// paceOf returns the pace of fps images a second, 0 for any number.
func paceOf(fps float64) pace {
	if fps == 0 {
		return pace{}
	}
	return pace{interval: time.Duration(min(float64(time.Second)/fps, float64(time.Hour)))} // More would overflow.
}

// wait returns how long a frame that came at that time has to wait now: 0 when it is due.
func (p *pace) wait(came, now time.Time) time.Duration {
	if p.interval == 0 {
		return 0
	}
	slack := p.interval / 3
	if !came.Before(p.next.Add(-slack)) {
		return 0
	}
	return max(p.next.Add(slack).Sub(now), 0)
}

// took notes that a frame has had its turn now. Missed images are not made up for.
func (p *pace) took(now time.Time) {
	p.next = p.next.Add(p.interval)
	if p.next.Before(now) {
		p.next = now.Add(p.interval)
	}
}
