package load

import (
	"slices"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/meter"
	"github.com/steadyframe/steadyframe/lab/measure"
)

// tally collects the figures of a load. Its methods may be called from any goroutine.
type tally struct {
	options *Options

	mu        sync.Mutex // of all below
	latency   *meter.Latency
	lag       *meter.Latency // of sends that nothing but this program held up
	costs     *measure.Costs
	cost      measure.Cost // at the start
	start     time.Time
	last      time.Time // of the last response
	result    Result
	failures  []Failure
	findings  [findingKinds]Finding
	line      line // frames with images over time
	onTheWay  int  // batches
	sentUntil time.Duration

	window struct { // since the last tick
		at        time.Time
		images    int
		latencies []time.Duration
	}
}

func newTally(o *Options) *tally {
	return &tally{options: o, latency: meter.NewLatency(), lag: meter.NewLatency(), costs: measure.NewCosts()}
}

// begin starts the clock.
func (t *tally) begin(start time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.start, t.last = start, start
	t.window.at = start.Add(-t.options.halfInterval())
	t.cost = t.costs.Read()
}

// lateSend is how long after it was due a batch is sent late, where nothing but this program or its machine is to blame.
const lateSend = 10 * time.Millisecond

// sent counts a batch that is about to be sent; held, after it was due since the connection took no more, or too many
// responses were missing.
func (t *tally) sent(c *call, held bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Batches++
	t.result.Frames += len(c.frames)
	t.onTheWay++
	t.sentUntil = max(t.sentUntil, t.options.due(c.n+1))
	lag := c.sent.Sub(c.due)
	switch {
	case held:
		t.result.HeldSends++
		return
	case lag > lateSend:
		t.result.LateSends++
	}
	t.lag.Record(lag, 1)
}

// unsent counts a batch that was due for so long and was never sent. It has waited for at least as long.
func (t *tally) unsent(waited time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Unsent++
	t.latency.Record(waited, 1) // and of no second: there may be millions
}

// answered counts a response.
func (t *tally) answered(c *call, images []client.Image, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onTheWay--
	t.last = now
	t.record(now.Sub(c.due))
	good := 0
	for i := range images {
		if err := images[i].Err; err != nil {
			t.failure(fromGRPC(err), 0, 1)
			continue
		}
		good++
		t.result.BytesIn += int64(len(images[i].Data))
	}
	t.result.Answered++
	t.result.BytesOut += bytesOf(c.frames)
	t.result.Images += good
	t.window.images += good
	t.line.add(now.Sub(t.start).Seconds(), float64(t.result.Images))
}

// failed counts a batch without images.
func (t *tally) failed(c *call, err *Error, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onTheWay--
	switch err.Class {
	case Rejected: // At once, as a rule: it would make the latencies better than they are.
		t.result.Rejects++
		if t.result.RejectReason == "" {
			t.result.RejectReason = err.Reason
		}
	case TimedOut:
		t.result.Timeouts++
		t.last = now
		t.record(now.Sub(c.due)) // It has taken as long at least.
	default:
		t.failure(err, 1, len(c.frames))
	}
}

// failure counts batches and frames that failed. t.mu is held.
func (t *tally) failure(err *Error, batches, frames int) {
	kind := err.Kind
	if err.Class != Failed {
		kind = err.Class.String()
	}
	i := slices.IndexFunc(t.failures, func(f Failure) bool { return f.Kind == kind })
	if i < 0 {
		i = len(t.failures)
		t.failures = append(t.failures, Failure{Kind: kind, Example: err.Reason})
	}
	t.failures[i].Batches += batches
	t.failures[i].Frames += frames
	t.result.FailedFrames += frames
}

// found counts responses that were not what they should be.
func (t *tally) found(kind findingKind, n int, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := &t.findings[kind]
	if f.Count == 0 {
		f.Kind, f.Example = kind.String(), text
	}
	f.Count += n
}

// record counts a latency. t.mu is held.
func (t *tally) record(d time.Duration) {
	t.latency.Record(d, 1)
	t.window.latencies = append(t.window.latencies, d)
}

// second ends a second and returns its figures.
func (t *tally) second(now time.Time) Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := Progress{Second: t.row(now), OnTheWay: t.onTheWay, Rejects: t.result.Rejects, Errors: t.result.Timeouts}
	for _, f := range t.failures {
		p.Errors += max(f.Batches, 1)
	}
	for _, f := range t.findings {
		p.Findings += f.Count
	}
	return p
}

// row ends the window and adds its figures to the result. t.mu is held.
func (t *tally) row(now time.Time) Second {
	w := &t.window
	row := Second{End: now.Sub(t.start).Seconds(), FPS: float64(w.images) / now.Sub(w.at).Seconds()}
	if len(w.latencies) > 0 {
		slices.Sort(w.latencies)
		at := func(q float64) *float64 {
			ms := meter.Milliseconds(w.latencies[int(q*float64(len(w.latencies)-1)+0.5)])
			return &ms
		}
		row.P50, row.P99, row.Max = at(0.5), at(0.99), at(1)
	}
	t.result.Seconds = append(t.result.Seconds, row)
	w.at, w.images, w.latencies = now, 0, w.latencies[:0]
	return row
}

// lastRow adds the figures of what came after the last second ended: of a time no shorter than its batches stand for. t.mu is
// held.
func (t *tally) lastRow() {
	n := len(t.window.latencies)
	if n == 0 {
		return
	}
	end := t.window.at.Add(t.options.due(n))
	if t.last.After(end) {
		end = t.last
	}
	t.row(end)
}

// end returns the figures of all.
func (t *tally) end() Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastRow()
	r := t.result
	r.Findings, r.Errors = []Finding{}, append([]Failure{}, t.failures...)
	for _, f := range t.findings {
		if f.Count > 0 {
			r.Findings = append(r.Findings, f)
		}
	}
	if t.start.IsZero() {
		return r
	}
	// To the last response, and no less than the batches that were sent stand for.
	r.Duration = max(t.last.Sub(t.start), t.sentUntil).Seconds()
	if r.Duration > 0 {
		r.FPS = float64(r.Images) / r.Duration
	}
	r.Pace, r.PaceError = t.line.slope()
	r.setLatencies(t.latency)
	r.SendLagP99 = meter.Milliseconds(t.lag.Quantile(0.99))
	if cost := t.costs.Read(); cost.Told {
		cpu := (cost.CPU - t.cost.CPU).Seconds()
		r.ClientCPU = &cpu
		if r.Images > 0 {
			per := cpu * 1000 / float64(r.Images)
			r.ClientCPUPer1000 = &per
		}
	}
	return r
}
