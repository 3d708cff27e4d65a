package stream

import "time"

const (
	binWidth = 500 * time.Millisecond
	numBins  = 4
)

// A meter measures the recent rate of an event: over the last 1.5 to 2 seconds, or from the last two events when they are
// rarer.
type meter struct {
	bins      [numBins]bin
	last      time.Duration // 0: never
	gap       time.Duration // between the last two; 0: not yet
	gapBefore time.Duration // between the two before, the same as gap when there weren't any
}

// A bin counts the events of one binWidth.
type bin struct {
	number int64 // binWidths since the beginning
	events int
	first  time.Duration
}

// add counts an event. Times are above 0 and do not fall.
func (m *meter) add(now time.Duration) {
	if m.last != 0 {
		m.gapBefore = m.gap
		m.gap = now - m.last
		if m.gapBefore == 0 {
			m.gapBefore = m.gap
		}
	}
	m.last = now
	number := int64(now / binWidth)
	b := &m.bins[number%numBins]
	if b.events == 0 || b.number != number {
		*b = bin{number: number, first: now}
	}
	b.events++
}

// steady is the time between events: the lesser of the last two gaps, so that one pause does not change it.
func (m *meter) steady() time.Duration { return min(m.gap, m.gapBefore) }

// rate returns events a second. It is exact for a regular series, however few events the bins hold.
func (m *meter) rate(now time.Duration) float64 {
	oldest := int64(now/binWidth) - numBins
	events, first := 0, now
	for i := range m.bins {
		if b := &m.bins[i]; b.events > 0 && b.number > oldest {
			events += b.events
			first = min(first, b.first)
		}
	}
	silence := now - m.last
	if events < 2 {
		if m.gap == 0 || silence > 3*m.gap {
			return 0
		}
		return 1 / max(m.gap, silence).Seconds()
	}
	// N events span N-1 intervals. Silence beyond an interval counts as time too.
	span, intervals := m.last-first, time.Duration(events-1)
	if silence*intervals > span {
		span, intervals = now-first, time.Duration(events)
	}
	if span == 0 {
		return 0
	}
	return float64(intervals) / span.Seconds()
}

// A cadence is the mean time between a stream's images.
type cadence struct {
	last time.Duration // 0: none yet
	mean time.Duration
	gaps int // that mean is of, at most cadenceGaps
}

// cadenceGaps is how many gaps the mean covers: a gap's weight is one in so many.
const cadenceGaps = 8

// add notes an image. More than a second is a pause, and no gap.
func (c *cadence) add(now time.Duration) {
	if gap := now - c.last; c.last != 0 && gap <= time.Second {
		c.gaps = min(c.gaps+1, cadenceGaps)
		c.mean += (gap - c.mean) / time.Duration(c.gaps)
	}
	c.last = now
}

// frame returns the time between images, 0 after too few.
func (c *cadence) frame() time.Duration {
	if c.gaps < 2 {
		return 0
	}
	return c.mean
}
