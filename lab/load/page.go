package load

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/steadyframe/steadyframe/lab/report"
)

// Page returns the outcome as a page.
func (o *Outcome) Page() *report.Page {
	p := &report.Page{
		Title:   "Load on " + o.Settings.Target,
		Machine: o.Machine,
		Intro: []string{
			"Batches of frames were sent to a server at a set rate, each at a time that does not depend on any response. Its latency counts " +
				"from when it was due to when all its images were there, so that a server that falls behind cannot hide it.",
		},
		Settings: o.Settings.lines(),
	}
	if o.Capacity != nil {
		p.Intro = append(p.Intro, o.Capacity.verdict())
		p.Sections = append(p.Sections, o.Capacity.section())
	}
	if r := o.Result; r != nil {
		if o.Capacity == nil {
			p.Intro = append(p.Intro, r.verdict())
		}
		figures := r.figures()
		if o.Capacity != nil {
			figures.Text = []string{"Of the load at the highest rate that passed, as all that follows."}
		}
		p.Sections = append(p.Sections, figures, r.latencies(), r.overTime())
		if r.Server != nil {
			p.Sections = append(p.Sections, r.Server.section())
		}
		if s := r.troubles(); s.Table != nil {
			p.Sections = append(p.Sections, s)
		}
	}
	return p
}

// verdict returns what came out, in a sentence.
func (c *Capacity) verdict() string {
	if c.FPS == 0 {
		return fmt.Sprintf("Not even %.1f frames a second came back as they should, with 99 %% of the batches within %.0f ms.", c.lowest(), c.Bound)
	}
	return fmt.Sprintf("The server bears %.0f frames a second, with 99 %% of the batches within %.0f ms.", c.FPS, c.Bound)
}

// verdict returns what came out, in a sentence.
func (r *Result) verdict() string {
	s := fmt.Sprintf("%d of %d frames came back as their images, %.1f a second; 99 %% of the batches within %.1f ms.", r.Images, r.Frames, r.FPS, r.P99)
	if err := r.Wrong(); err != nil {
		s += " Not all went well: " + err.Error() + "."
	}
	if r.Error != "" {
		s += " The load ended early: " + r.Error + "."
	}
	return s
}

// lines returns the settings as a page has them.
func (s *Settings) lines() []report.Setting {
	verify := "off"
	if s.Verify {
		verify = "every image"
	}
	images := fmt.Sprintf("JPEG, %s, quality %d", s.Resize, s.Quality)
	if s.Scene != "" {
		images = fmt.Sprintf("of scene %s, %v %% of them without a region", s.Scene, 100*s.Silence)
	}
	lines := []report.Setting{
		{Name: "server", Value: s.Target + ", " + s.Via},
		{Name: "frames", Value: fmt.Sprintf("%s %s, %d distinct ones", s.Size, s.Format, s.Distinct)},
		{Name: "images", Value: images},
		{Name: "rate", Value: fmt.Sprintf("%v frames a second in batches of %d", s.Rate, s.Batch)},
		{Name: "connections", Value: fmt.Sprintf("%d, with at most %d batches on their way over each", s.Connections, s.Outstanding)},
		{Name: "verified", Value: verify},
	}
	if s.Requests > 0 {
		lines = append(lines, report.Setting{Name: "batches", Value: strconv.Itoa(s.Requests)})
	}
	if s.Duration > 0 {
		lines = append(lines, report.Setting{Name: "duration", Value: fmt.Sprintf("%v s", s.Duration)})
	}
	return lines
}

// figures returns the table of the load as a whole.
func (r *Result) figures() report.Section {
	t := &report.Table{Head: []string{"figure", "value"}}
	row := func(name, format string, args ...any) {
		t.Rows = append(t.Rows, []string{name, fmt.Sprintf(format, args...)})
	}
	row("images", "%d of %d frames", r.Images, r.Frames)
	row("time", "%.1f s", r.Duration)
	row("rate", "%.1f frames/s", r.FPS)
	row("batch latency, median", "%.1f ms", r.P50)
	row("95 %", "%.1f ms", r.P95)
	row("99 %", "%.1f ms", r.P99)
	row("99.9 %", "%.1f ms", r.P999)
	row("longest", "%.1f ms", r.Max)
	row("batches rejected", "%d", r.Rejects)
	row("batches timed out", "%d", r.Timeouts)
	row("batches never sent", "%d", r.Unsent)
	row("frames failed", "%d", r.FailedFrames)
	row("batches held back by the server", "%d", r.HeldSends)
	row("batches sent late by this program", "%d", r.LateSends)
	row("frames sent", "%.1f MB/s", r.perSecond(r.BytesOut)/1e6)
	row("images got", "%.2f MB/s", r.perSecond(r.BytesIn)/1e6)
	if r.ClientCPUPer1000 != nil {
		row("processor time of this program, for 1,000 frames", "%.3f s", *r.ClientCPUPer1000)
	}
	return report.Section{Title: "Figures", Table: t}
}

// latencies returns the curve.
func (r *Result) latencies() report.Section {
	s := report.Series{Name: "batches", Ours: true}
	for _, p := range r.Curve {
		s.Points = append(s.Points, report.Point{X: p.Fraction, Y: p.MS})
	}
	return report.Section{
		Title: "Latency",
		Text:  []string{"A point of the curve: this part of the batches had all their images within so many milliseconds of when they were due."},
		Plots: []report.Plot{{
			Name: "latency", Title: "Latency of batches", X: report.Axis{Label: "part of the batches", Nines: true},
			Y: report.Axis{Label: "ms"}, Series: []report.Series{s},
		}},
	}
}

// overTime returns the plots of the load second by second.
func (r *Result) overTime() report.Section {
	rate := report.Series{Name: "images", Ours: true}
	p50, p99, longest := report.Series{Name: "median"}, report.Series{Name: "99 %", Ours: true}, report.Series{Name: "longest"}
	for _, s := range r.Seconds {
		rate.Points = append(rate.Points, report.Point{X: s.End, Y: s.FPS})
		if s.P50 != nil {
			p50.Points = append(p50.Points, report.Point{X: s.End, Y: *s.P50})
			p99.Points = append(p99.Points, report.Point{X: s.End, Y: *s.P99})
			longest.Points = append(longest.Points, report.Point{X: s.End, Y: *s.Max})
		}
	}
	seconds := report.Axis{Label: "seconds since the start"}
	return report.Section{
		Title: "Over time",
		Text:  []string{"Each point is a second: of the batches that were answered in it."},
		Plots: []report.Plot{
			{Name: "rate", Title: "Images a second", X: seconds, Y: report.Axis{Label: "images/s"}, Series: []report.Series{rate}},
			{Name: "latency-over-time", Title: "Latency of batches over time", X: seconds, Y: report.Axis{Label: "ms"}, Series: []report.Series{p50, p99, longest}},
		},
	}
}

// section returns the search, in the order of its steps, and the latency at each rate.
func (c *Capacity) section() report.Section {
	t := &report.Table{Head: []string{"frames/s", "achieved", "p50 ms", "p99 ms", "verdict"}}
	p99 := report.Series{Name: "99 %", Ours: true}
	for _, s := range c.Steps {
		verdict := "passed"
		if !s.Passed {
			verdict = s.Reason
		}
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%.1f", s.Rate), fmt.Sprintf("%.1f %%", 100*s.Achieved),
			fmt.Sprintf("%.1f", s.Result.P50), fmt.Sprintf("%.1f", s.Result.P99), verdict})
		if s.Passed && s.Rate == c.FPS {
			t.Mark = len(t.Rows)
		}
		p99.Points = append(p99.Points, report.Point{X: s.Rate, Y: s.Result.P99})
		if n := len(p99.Points); n > 1 && p99.Points[n-2].X == s.Rate { // tried twice: the second time counts
			p99.Points = slices.Delete(p99.Points, n-2, n-1)
		}
	}
	slices.SortStableFunc(p99.Points, func(a, b report.Point) int { return cmp.Compare(a.X, b.X) })
	return report.Section{
		Title: "Capacity",
		Text: []string{"The highest rate at which every frame comes back as its image, 99 % of the batches within the bound, and the responses keep up. " +
			"A rate that failed narrowly was tried twice."},
		Table: t,
		Plots: []report.Plot{{
			Name: "capacity", Title: "Latency at each rate", X: report.Axis{Label: "frames/s", Mark: c.FPS},
			Y: report.Axis{Label: "p99 of batches, ms", Log: true, Mark: c.Bound}, Series: []report.Series{p99},
		}},
	}
}

// section returns what the server says of itself.
func (s *Server) section() report.Section {
	return report.Section{
		Title: "The server, by its own metrics",
		Table: &report.Table{Head: []string{"figure", "value"}, Rows: [][]string{
			{"heap objects allocated for a frame", fmt.Sprintf("%.1f", s.AllocsPerFrame)},
			{"bytes of them", fmt.Sprintf("%.0f", s.BytesPerFrame)},
			{"garbage collections", fmt.Sprintf("%.0f", s.Collections)},
			{"buffers made since none was idle", fmt.Sprintf("%.0f", s.PoolMisses)},
			{"processor time for 1,000 frames", fmt.Sprintf("%.3f s", s.CPUPer1000)},
			{"memory resident, at most", fmt.Sprintf("%.0f MiB", s.RSSMax/(1<<20))},
		}},
	}
}

// troubles returns what went wrong, without a table when nothing did.
func (r *Result) troubles() report.Section {
	t := &report.Table{Head: []string{"what", "count", "the first"}}
	for _, f := range r.Findings {
		t.Rows = append(t.Rows, []string{"finding: " + f.Kind, strconv.Itoa(f.Count), f.Example})
	}
	for _, f := range r.Errors {
		t.Rows = append(t.Rows, []string{"error: " + f.Kind, fmt.Sprintf("%d frames", f.Frames), f.Example})
	}
	if r.Rejects > 0 {
		t.Rows = append(t.Rows, []string{"rejected batches", strconv.Itoa(r.Rejects), r.RejectReason})
	}
	s := report.Section{Title: "What went wrong"}
	if len(t.Rows) > 0 {
		s.Table = t
	}
	return s
}
