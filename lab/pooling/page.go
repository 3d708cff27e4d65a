package pooling

import (
	"fmt"
	"strings"

	"github.com/steadyframe/steadyframe/lab/report"
)

// Page returns res as a page: for each mode its table, the curves of latencies, the heap over time, and bars of the rest.
func (res *Result) Page() *report.Page {
	p := &report.Page{
		Title: "What pooling is worth here",
		Intro: append([]string{fmt.Sprintf("The same work with its buffers from different places: %s, in batches of %d. Each value is the median of %s, but in tables max is the largest of any; the whiskers hold the middle half of them.",
			res.Settings.Work, res.Settings.Batch, count(res.Settings.Rounds, "round"))}, res.Remarks...),
		Machine:  res.Machine,
		Settings: res.Settings.lines(),
		Sections: []report.Section{aboutOptions(res.Settings.Options)},
	}
	for _, m := range res.Settings.Modes {
		p.Sections = append(p.Sections, res.sections(m)...)
	}
	return p
}

// lines returns the settings, for a reader.
func (s *Settings) lines() []report.Setting {
	return []report.Setting{
		{Name: "workload", Value: string(s.Size) + ": " + s.Work},
		{Name: "buffers of a frame", Value: thousands(float64(s.BytesPerFrame)) + " bytes"},
		{Name: "frames of a batch", Value: thousands(float64(s.Batch))},
		{Name: "requests at a time", Value: thousands(float64(s.Concurrency))},
		{Name: "open loop", Value: fmt.Sprintf("%s batches a second, %s frames", rateText(s.Rate), rateText(s.RateFrames))},
		{Name: "rounds", Value: fmt.Sprintf("%d, interleaved, of %v s", s.Rounds, s.Seconds)},
		{Name: "GOGC", Value: s.GOGC},
		{Name: "memory limit", Value: s.limit()},
	}
}

// aboutOptions says what the options are.
func aboutOptions(names []string) report.Section {
	s := report.Section{Title: "The options"}
	options, _ := optionsNamed(Options(), names) // options of tests are none of these, and need no words
	for _, o := range options {
		s.Text = append(s.Text, o.Name+": "+o.About+".")
	}
	return s
}

// sections returns what was measured in a mode: its latencies, and what else the options take.
func (res *Result) sections(m Mode) []report.Section {
	title, text, _ := strings.Cut(res.Settings.modeTitle(m), ": ")
	title, text = strings.ToUpper(title[:1])+title[1:], strings.ToUpper(text[:1])+text[1:]+"."
	latency := report.Section{Title: title, Text: []string{text}, Table: res.table(m, columns()[:latencyColumns]), Plots: []report.Plot{res.curves(m)}}
	memory := report.Section{Title: title + ": memory and the collector", Table: res.table(m, columns()[latencyColumns:]), Plots: []report.Plot{res.heaps(m)}}
	for _, b := range bars() {
		s := &memory
		if b.speed {
			s = &latency
		}
		if p, ok := res.bars(m, b); ok {
			s.Plots = append(s.Plots, p)
		}
	}
	return []report.Section{latency, memory}
}

// table returns columns of the terminal's table of a mode.
func (res *Result) table(m Mode, columns []column) *report.Table {
	t := &report.Table{Head: []string{"Option"}, Rows: res.rows(m, columns)}
	for _, c := range columns {
		t.Head = append(t.Head, c.title)
	}
	for i, o := range res.of(m) {
		if o.ours {
			t.Mark = i + 1
		}
	}
	return t
}

// of returns the options in a mode.
func (res *Result) of(m Mode) (options []*OptionResult) {
	for i := range res.Options {
		if o := &res.Options[i]; o.Mode == m {
			options = append(options, o)
		}
	}
	return options
}

// curves returns the latencies of batches by quantile.
func (res *Result) curves(m Mode) report.Plot {
	p := report.Plot{
		Name: string(m) + "-latency", Title: "Latency of a batch", Kind: report.Lines,
		X: report.Axis{Label: "quantile", Nines: true}, Y: report.Axis{Label: "ms", Log: true},
	}
	for _, o := range res.of(m) {
		s := report.Series{Name: o.Name, Ours: o.ours}
		for _, c := range o.Curve {
			s.Points = append(s.Points, report.Point{X: c.Fraction, Y: c.MS})
		}
		p.Series = append(p.Series, s)
	}
	return p
}

// heaps returns the heap over time.
func (res *Result) heaps(m Mode) report.Plot {
	p := report.Plot{
		Name: string(m) + "-heap", Title: "The heap, garbage included, in the first second of the first round", Kind: report.Lines,
		X: report.Axis{Label: "s"}, Y: report.Axis{Label: "MB"},
	}
	for _, o := range res.of(m) {
		s := report.Series{Name: o.Name, Ours: o.ours}
		for _, h := range o.Heap {
			s.Points = append(s.Points, report.Point{X: h.Seconds, Y: float64(h.Bytes) / 1e6})
		}
		p.Series = append(p.Series, s)
	}
	return p
}

// bar is a figure that is shown as bars, one for each option.
type bar struct {
	name, title, unit string
	factor            float64
	speed             bool // belongs to the latencies
}

func bars() []bar {
	return []bar{
		{"fps", "Frames a second", "frames/s", 1, true},
		{"p99_ms", "P99 of the latency of a batch", "ms", 1, true},
		{"cpu_s_per_1000_frames", "Processor time for 1,000 frames", "s", 1, true},
		{"gc_cpu_fraction", "The collector's share of the processor time", "%", 100, false},
		{"collections_per_s", "Collections", "a second", 1, false},
		{"pause_max_us", "Longest pause of the collector", "µs", 1, false},
		{"bytes_per_s", "Memory allocated", "MB/s", 1e-6, false},
		{"allocs_per_frame", "Objects allocated", "a frame", 1, false},
		{"page_faults_per_frame", "Page faults", "a frame", 1, false},
		{"rss_peak_bytes", "Memory resident at most", "MB", 1e-6, false},
		{"heap_end_bytes", "What lives on the heap in the end", "MB", 1e-6, false},
	}
}

// bars returns the plot of b, and false where nothing was measured of it.
func (res *Result) bars(m Mode, b bar) (report.Plot, bool) {
	p := report.Plot{
		Name: string(m) + "-" + strings.ReplaceAll(b.name, "_", "-"), Title: b.title, Kind: report.Bars,
		Y: report.Axis{Label: b.unit},
	}
	for _, o := range res.of(m) {
		if s, known := o.Spread[b.name]; known {
			point := report.Point{Y: s.Median * b.factor, Low: s.Low * b.factor, High: s.High * b.factor}
			p.Series = append(p.Series, report.Series{Name: o.Name, Ours: o.ours, Points: []report.Point{point}})
		}
	}
	return p, len(p.Series) > 0
}
