package pooling

import (
	"context"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// Result is what was measured.
type Result struct {
	Machine  measure.Machine `json:"machine"`
	Settings Settings        `json:"settings"`
	Options  []OptionResult  `json:"options"`
	Findings []Finding       `json:"findings"` // what an option did that it must not do
	Remarks  []string        `json:"remarks"`  // what the figures say
}

// Settings are what was measured with.
type Settings struct {
	Size          Size     `json:"size"`
	Work          string   `json:"work"` // what Size is, for a reader
	Options       []string `json:"options"`
	Modes         []Mode   `json:"modes"`
	Rounds        int      `json:"rounds"`
	Seconds       float64  `json:"duration_s"`         // of a turn
	Rate          float64  `json:"rate_batches_per_s"` // of mode open
	RateFrames    float64  `json:"rate_frames_per_s"`  // the same
	Batch         int      `json:"batch"`
	Concurrency   int      `json:"concurrency"`
	GOGC          string   `json:"gogc"`               // as the Go runtime of the turns has it
	MemoryLimit   *uint64  `json:"memory_limit_bytes"` // the same; nil: none
	Tight         bool     `json:"tight"`              // MemoryLimit follows from what pool holds
	BytesPerFrame int      `json:"buffer_bytes_per_frame"`
}

// OptionResult is what an option did in a mode: the medians of its rounds, but the worst of all for what is a maximum.
type OptionResult struct {
	Name string `json:"name"`
	Mode Mode   `json:"mode"`
	Figures
	Batches int                       `json:"batches"`         // answered in the measured time of all rounds
	Late    int                       `json:"late"`            // batches of mode open that were due in it and not begun for as long again
	Spread  map[string]measure.Spread `json:"spread"`          // of the rounds, by the name of the figure
	Values  map[string][]float64      `json:"-"`               // of all rounds, in their order, by the name of the figure
	Curve   []CurvePoint              `json:"curve,omitempty"` // of latencies: medians of the rounds
	Heap    []HeapPoint               `json:"heap,omitempty"`  // over time, of the first round

	ours bool
}

// Progress is a turn that begins.
type Progress struct {
	Turn, Turns int // counted from 1
	Option      string
	Mode        Mode
	Round       int // from 1; 0: the turn that a tight limit follows from
}

// plan is a run of turns.
type plan struct {
	Config
	options  []Option
	frames   *os.File
	hashes   []uint64
	progress func(Progress)
	turns    int // begun
	results  map[turnKey][]turnResult
}

// turnKey is whose turn it is.
type turnKey struct {
	option string
	mode   Mode
}

// Run measures. It calls progress, which may be nil, before each turn. version is the program's. Errors are about a Config that is
// wrong, a file for the frames that can't be made, *TurnError, and context.Cause(ctx).
func (c Config) Run(ctx context.Context, version string, progress func(Progress)) (*Result, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	p := &plan{Config: c.resolve(), progress: progress, results: map[turnKey][]turnResult{}}
	p.options, _ = optionsNamed(p.known, p.Options) // checked
	var err error
	if p.frames, p.hashes, err = writeFrames(p.Size.workload()); err != nil {
		return nil, err
	}
	defer removeFile(p.frames)
	if p.Tight {
		if err := p.tighten(ctx); err != nil {
			return nil, err
		}
	}
	for round := range p.Rounds {
		if err := p.round(ctx, round); err != nil {
			return nil, err
		}
	}
	return p.result(version), nil
}

// round gives each option its turns. Which one begins, and which mode, changes from round to round, so that what else the machine
// does meanwhile meets all alike.
func (p *plan) round(ctx context.Context, round int) error {
	for i := range p.options {
		o := p.options[(i+round)%len(p.options)]
		for j := range p.Modes {
			t := p.turn(o, p.Modes[(j+round)%len(p.Modes)])
			r, err := p.take(ctx, t, round+1)
			if err != nil {
				return err
			}
			key := turnKey{o.Name, t.Mode}
			p.results[key] = append(p.results[key], r)
		}
	}
	return nil
}

// turn returns the turn of an option in a mode.
func (p *plan) turn(o Option, m Mode) turn {
	return turn{
		Option: o.Name, Mode: m, Size: p.Size, Batch: p.Batch, Concurrency: p.Concurrency, Rate: p.Rate,
		Duration: p.Duration, WarmUp: min(max(p.Duration/5, minWarmUp), maxWarmUp), Hashes: p.hashes,
	}
}

// Bounds of the time that a turn warms up, beside so many batches: see warmBatches.
const minWarmUp, maxWarmUp = 100 * time.Millisecond, 2 * time.Second

// take has a turn measured.
func (p *plan) take(ctx context.Context, t turn, round int) (turnResult, error) {
	p.turns++
	if p.progress != nil {
		turns := p.Rounds * len(p.options) * len(p.Modes)
		if p.Tight {
			turns++
		}
		p.progress(Progress{p.turns, turns, t.Option, t.Mode, round})
	}
	return p.start(ctx, t, p.frames)
}

// tighten sets the memory limit: tightFactor times what option pool holds. That is what the Go runtime has of the system, which is
// what GOMEMLIMIT bounds; of what is resident it is all but the program's text and the frames that are received.
func (p *plan) tighten(ctx context.Context) error {
	ours := Options()[len(Options())-1]
	r, err := p.take(ctx, p.turn(ours, Flat), 0)
	p.MemoryLimit = int64(tightFactor * float64(r.Held))
	return err
}

// result sums the turns up.
func (p *plan) result(version string) *Result {
	res := &Result{Machine: measure.Here(version), Settings: p.settings(), Findings: []Finding{}}
	for _, m := range p.Modes {
		for _, o := range p.options {
			results := p.results[turnKey{o.Name, m}]
			res.Options = append(res.Options, summarize(o, m, results))
			t := p.turn(o, m)
			res.Findings = append(res.Findings, findings(o, &t, results)...)
		}
	}
	res.Remarks = remarks(res)
	return res
}

// settings returns what was measured with, of which the children know the collector's.
func (p *plan) settings() Settings {
	w := p.Size.workload()
	s := Settings{
		Size: p.Size, Work: p.Size.String(), Options: p.Options, Modes: p.Modes, Rounds: p.Rounds, Seconds: p.Duration.Seconds(),
		Rate: p.Rate, RateFrames: p.Rate * float64(p.Batch), Batch: p.Batch, Concurrency: p.Concurrency,
		Tight: p.Tight, BytesPerFrame: w.frameBytes(), GOGC: "off",
	}
	r := &p.results[turnKey{p.Options[0], p.Modes[0]}][0]
	if r.GOGC <= math.MaxInt32 {
		s.GOGC = strconv.FormatUint(r.GOGC, 10)
	}
	if r.MemoryLimit < math.MaxInt64 {
		s.MemoryLimit = &r.MemoryLimit
	}
	return s
}

// summarize returns the medians and the spread of an option's turns.
func summarize(o Option, m Mode, results []turnResult) OptionResult {
	res := OptionResult{Name: o.Name, Mode: m, Spread: map[string]measure.Spread{}, Values: map[string][]float64{}, Heap: results[0].Heap, ours: o.ours}
	for i := range results {
		res.Batches += results[i].Batches
		res.Late += results[i].Late
	}
	for _, f := range figures() {
		var values []float64
		for i := range results {
			if v := f.of(&results[i].Figures); v != nil {
				values = append(values, *v)
			}
		}
		if len(values) > 0 {
			f.set(&res.Figures, f.all(values))
			res.Spread[f.name], res.Values[f.name] = measure.SpreadOf(values), values
		}
	}
	res.Curve = medianCurve(results)
	return res
}

// medianCurve returns the medians of the rounds' curves, as far as all of them go.
func medianCurve(results []turnResult) []CurvePoint {
	var curve []CurvePoint
	for i := range curveFractions {
		var values []float64
		for _, r := range results {
			if i >= len(r.Curve) {
				return curve
			}
			values = append(values, r.Curve[i].MS)
		}
		curve = append(curve, CurvePoint{curveFractions[i], median(values)})
	}
	return curve
}

// DropSeries forgets the curves of latencies and the heaps over time.
func (res *Result) DropSeries() {
	for i := range res.Options {
		res.Options[i].Curve, res.Options[i].Heap = nil, nil
	}
}
