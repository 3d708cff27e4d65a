package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/lab/measure"
	"github.com/steadyframe/steadyframe/lab/report"
)

// page returns the results as a page: ours against the best in C, then each workload, then who took part.
func (d *document) page(m measure.Machine) *report.Page {
	p := &report.Page{
		Title: "Steadyframe and its peers",
		Intro: []string{
			"Raw frames become JPEGs of 4:2:0: the same frames for all, in one process, turn by turn, a turn of each in every round. " +
				"A ratio is our rate over a rival's of the same round: above 1 ours is faster.",
			d.outcome(),
		},
		Machine: m,
		Settings: []report.Setting{
			{Name: "Frames", Value: d.frames()},
			{Name: "Quality", Value: fmt.Sprintf("%d, as libjpeg counts; ffmpeg's is set so that its images are about as large as ours", d.Quality)},
			{Name: "Libraries", Value: strings.Join(d.Library, "; ")},
			{Name: "Rounds", Value: fmt.Sprintf("%d, of %d ms for each", d.Rounds, d.TurnMS)},
			{Name: "Time", Value: map[bool]string{false: "by the clock", true: "of the processors, all threads together"}[d.CPUTime]},
			{Name: "Measured", Value: d.Time},
		},
	}
	p.Sections = append(p.Sections, d.against())
	for _, w := range d.workloads() {
		p.Sections = append(p.Sections, d.section(w))
	}
	p.Sections = append(p.Sections, d.partakers())
	return p
}

// contestOf returns the results of a workload on so many processors, ours first.
func (d *document) contestOf(workload string, cores int) []result {
	var out []result
	for _, r := range d.Results {
		if r.Workload == workload && r.Cores == cores {
			out = append(out, r)
		}
	}
	return out
}

// workloads returns the names of those that were run, in their order.
func (d *document) workloads() []string {
	return distinct(d.Results, func(r result) string { return r.Workload })
}

// cores returns the numbers of processors that were used, in their order.
func (d *document) cores() []int {
	return distinct(d.Results, func(r result) int { return r.Cores })
}

func distinct[T comparable](results []result, of func(result) T) []T {
	var out []T
	seen := map[T]bool{}
	for _, r := range results {
		if v := of(r); !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// onCores says on how many processors.
func onCores(n int) string {
	if n == 1 {
		return "1 core"
	}
	return strconv.Itoa(n) + " cores"
}

// outcome says what came out, and plainly where ours is not ahead.
func (d *document) outcome() string {
	var low, high float64
	var behind []string
	rivals := 0
	for _, r := range d.Results {
		if r.BestOfC {
			if low == 0 || r.Ratio < low {
				low = r.Ratio
			}
			high = max(high, r.Ratio)
		}
		if r.Ratio == 0 {
			continue
		}
		rivals++
		switch {
		case r.RatioHigh < 1:
			behind = append(behind, fmt.Sprintf("%s is faster in %s on %s (%.2f)", r.Rival, titleOf(r.Workload), onCores(r.Cores), r.Ratio))
		case r.RatioLow <= 1:
			behind = append(behind, fmt.Sprintf("%s is as fast in %s on %s (%.2f)", r.Rival, titleOf(r.Workload), onCores(r.Cores), r.Ratio))
		}
	}
	var said []string
	if high > 0 {
		said = append(said, fmt.Sprintf("Ours is %.2f to %.2f times as fast as the fastest pipeline in C of each workload.", low, high))
	}
	switch {
	case len(behind) > 0:
		said = append(said, "Not everywhere: "+strings.Join(behind, "; ")+".")
	case rivals > 0:
		said = append(said, fmt.Sprintf("No rival is as fast as ours in any of the %d comparisons.", rivals))
	}
	return strings.Join(said, " ")
}

// against returns the section of ours against the best in C, by workload.
func (d *document) against() report.Section {
	s := report.Section{
		Title: "Ours against the best in C",
		Text:  []string{"Bars are medians of the rounds' ratios, thin lines go from the first quartile to the third. The dashed line is where both are equally fast."},
		Table: &report.Table{Head: []string{"workload", "cores", "best in C", "ours is", "quartiles"}},
	}
	plot := report.Plot{Name: "best-in-c", Title: "Our rate over that of the best in C", Kind: report.Bars,
		Y: report.Axis{Label: "times as fast", Mark: 1}}
	for _, w := range d.workloads() {
		plot.X.Labels = append(plot.X.Labels, titleOf(w))
	}
	for i, n := range d.cores() {
		series := report.Series{Name: onCores(n), Ours: i == 0}
		for group, w := range d.workloads() {
			for _, r := range d.contestOf(w, n) {
				if r.BestOfC {
					series.Points = append(series.Points, report.Point{X: float64(group), Y: r.Ratio, Low: r.RatioLow, High: r.RatioHigh})
					s.Table.Rows = append(s.Table.Rows, []string{titleOf(w), strconv.Itoa(n), r.Rival, fmt.Sprintf("%.2f", r.Ratio), quartiles(r.RatioLow, r.RatioHigh)})
				}
			}
		}
		plot.Series = append(plot.Series, series)
	}
	s.Plots = []report.Plot{plot}
	return s
}

func quartiles(low, high float64) string { return fmt.Sprintf("%.2f to %.2f", low, high) }

// titleOf returns the name of a workload as the page has it.
func titleOf(workload string) string { return strings.ReplaceAll(workload, " -> ", " to ") }

// section returns the section of a workload: all rivals on each number of processors, and how good their images are.
func (d *document) section(workload string) report.Section {
	s := report.Section{Title: titleOf(workload), Table: &report.Table{Head: []string{"rival"}, Mark: 1}}
	rows := map[string]int{}
	for _, n := range d.cores() {
		s.Table.Head = append(s.Table.Head, "frames/s, "+onCores(n), "ours is", "quartiles")
		ratios := report.Plot{Name: fileName("ratio", workload, n), Title: "Our rate over theirs, " + onCores(n), Kind: report.Bars, Y: report.Axis{Label: "times as fast", Mark: 1}}
		rates := report.Plot{Name: fileName("rate", workload, n), Title: "Frames a second, " + onCores(n), Kind: report.Bars, Y: report.Axis{Label: "frames/s"}}
		for i, r := range d.contestOf(workload, n) {
			if _, ok := rows[r.Rival]; !ok {
				rows[r.Rival] = len(s.Table.Rows)
				s.Table.Rows = append(s.Table.Rows, []string{r.Rival})
			}
			row := &s.Table.Rows[rows[r.Rival]]
			ratio, spread := "", ""
			if r.Ratio > 0 {
				ratio, spread = fmt.Sprintf("%.2f", r.Ratio), quartiles(r.RatioLow, r.RatioHigh)
				ratios.Series = append(ratios.Series, report.Series{Name: r.Rival, Points: []report.Point{{Y: r.Ratio, Low: r.RatioLow, High: r.RatioHigh}}})
			}
			*row = append(*row, fmt.Sprintf("%.0f", r.FPS), ratio, spread)
			rates.Series = append(rates.Series, report.Series{Name: r.Rival, Ours: i == 0, Points: []report.Point{{Y: r.FPS, Low: r.FPSLow, High: r.FPSHigh}}})
		}
		s.Plots = append(s.Plots, ratios, rates)
	}
	s.Table.Head = append(s.Table.Head, "bytes an image", "PSNR dB", "SSIM")
	for _, r := range d.contestOf(workload, d.cores()[0]) {
		row := &s.Table.Rows[rows[r.Rival]]
		*row = append(*row, fmt.Sprintf("%.0f", r.Bytes), fmt.Sprintf("%.2f", r.PSNR), fmt.Sprintf("%.4f", r.SSIM))
	}
	return s
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// fileName returns the name of a plot.
func fileName(kind, workload string, cores int) string {
	return kind + "-" + notInNames.ReplaceAllString(workload, "-") + "-cores-" + strconv.Itoa(cores)
}

// partakers returns the section that says what each rival does.
func (d *document) partakers() report.Section {
	s := report.Section{Title: "Who took part", Text: []string{
		"PSNR, of R, G and B together, and SSIM, of the luma, are means over six frames, against the frame resized in float64 and not rounded: with bilinear weights, or to means over areas where the workload says area.",
		"Who has no way to do a workload is left out there. libvips has no order B, G, R: its frames are turned round before its time begins.",
	}}
	took := distinct(d.Results, func(r result) string { return r.Rival })
	for _, r := range rivals() {
		for _, name := range took {
			if name == r.name {
				s.Text = append(s.Text, r.name+": "+r.what+".")
			}
		}
	}
	return s
}
