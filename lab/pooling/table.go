package pooling

import (
	"fmt"
	"io"
	"strings"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// WriteTable writes res for a terminal of 120 columns: a table for each mode, and the remarks.
func (res *Result) WriteTable(w io.Writer) error {
	var b strings.Builder
	s := &res.Settings
	fmt.Fprintf(&b, "%s; batches of %d, %s at a time, %s of %v s\n", s.Work, s.Batch, count(s.Concurrency, "request"), count(s.Rounds, "round"), s.Seconds)
	fmt.Fprintf(&b, "%s, %s, %s %s/%s, kernels %s, GOGC %s, memory limit %s\n",
		res.Machine.CPU, count(res.Machine.GOMAXPROCS, "processor"), res.Machine.Go, res.Machine.OS, res.Machine.Arch, res.Machine.Kernels, s.GOGC, s.limit())
	for _, m := range s.Modes {
		fmt.Fprintf(&b, "\n%s\n", s.modeTitle(m))
		writeAligned(&b, columns(), res.rows(m, columns()))
	}
	b.WriteByte('\n')
	for _, r := range res.Remarks {
		b.WriteString(fold("- "+r, 118, "  "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// limit returns the memory limit, for a reader.
func (s *Settings) limit() string {
	if s.MemoryLimit == nil {
		return "none"
	}
	text := fmt.Sprintf("%.1f MB", float64(*s.MemoryLimit)/1e6)
	if s.Tight {
		text += fmt.Sprintf(" (%v times what pool holds)", tightFactor)
	}
	return text
}

// modeTitle says what a mode is.
func (s *Settings) modeTitle(m Mode) string {
	if m == Open {
		return fmt.Sprintf("open: %s batches a second, which is %s frames/s; latency from when a batch is due", rateText(s.Rate), rateText(s.RateFrames))
	}
	return fmt.Sprintf("flat: %s at a time, each asked again as soon as it is answered", count(s.Concurrency, "request"))
}

// column is a column of a table: two lines of head on a terminal, its title on a page, and the text of a row.
type column struct {
	top, head, title string
	text             func(o *OptionResult) string
}

// span is the top of a column that the top of the one before stands over too.
const span = "<"

// latencyColumns is how many of the columns are about how fast it goes.
const latencyColumns = 8

// columns returns the columns but the first, which has the names.
func columns() []column {
	return []column{
		{"frames", "/s", "frames/s", func(o *OptionResult) string { return thousands(o.FPS) }},
		{"", "+-%", "± %", func(o *OptionResult) string { return percentOf(o.Spread["fps"]) }},
		{"batch latency, ms", "p50", "p50, ms", func(o *OptionResult) string { return digits(o.P50) }},
		{span, "p95", "p95", func(o *OptionResult) string { return digits(o.P95) }},
		{span, "p99", "p99", func(o *OptionResult) string { return digits(o.P99) }},
		{span, "p99.9", "p99.9", func(o *OptionResult) string { return digits(o.P999) }},
		{span, "max", "max", func(o *OptionResult) string { return digits(o.MaxMS) }},
		{"CPU s", "/1000", "CPU s/1,000 frames", func(o *OptionResult) string { return known(o.CPU, 1) }},
		{"allocs", "/frame", "allocs/frame", func(o *OptionResult) string { return digits(o.AllocsPerFrame) }},
		{"kB", "/frame", "kB/frame", func(o *OptionResult) string { return digits(o.BytesPerFrame / 1e3) }},
		{"MB", "/s", "MB/s", func(o *OptionResult) string { return digits(o.BytesPerSecond / 1e6) }},
		{"GCs", "/s", "GCs/s", func(o *OptionResult) string { return digits(o.CollectionsPerSecond) }},
		{"pause, us", "p99", "pause p99, µs", func(o *OptionResult) string { return known(o.PauseP99, 1) }},
		{span, "max", "pause max, µs", func(o *OptionResult) string { return known(o.PauseMax, 1) }},
		{"GC", "%", "GC, %", func(o *OptionResult) string { return digits(o.CollectorFraction * 100) }},
		{"faults", "/frame", "faults/frame", func(o *OptionResult) string { return known(o.FaultsPerFrame, 1) }},
		{"RSS", "MB", "RSS peak, MB", func(o *OptionResult) string { return known(o.RSSPeak, 1e-6) }},
		{"heap", "MB", "heap end, MB", func(o *OptionResult) string { return digits(o.HeapEnd / 1e6) }},
	}
}

// rows returns the rows of a mode's table: name, then the columns.
func (res *Result) rows(m Mode, columns []column) [][]string {
	var rows [][]string
	for _, o := range res.of(m) {
		row := []string{o.Name}
		for _, c := range columns {
			row = append(row, c.text(o))
		}
		rows = append(rows, row)
	}
	return rows
}

// writeAligned writes rows under their head, the first column to the left, the others to the right.
func writeAligned(b *strings.Builder, columns []column, rows [][]string) {
	bottom := []string{""}
	for _, c := range columns {
		bottom = append(bottom, c.head)
	}
	rows = append([][]string{bottom}, rows...)
	widths := make([]int, len(bottom))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	b.WriteString(topLine(columns, widths))
	for _, row := range rows {
		line := fmt.Sprintf("%-*s", widths[0], row[0])
		for i, cell := range row[1:] {
			line += fmt.Sprintf(" %*s", widths[i+1], cell)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// topLine returns the first line of the head: what stands over columns of these widths. Where it is wider than those, with a blank
// before it, the first of them is widened.
func topLine(columns []column, widths []int) string {
	line := strings.Repeat(" ", widths[0])
	for i := 0; i < len(columns); {
		first, text, width := i, columns[i].top, 0
		for ; i == first || i < len(columns) && columns[i].top == span; i++ {
			width += 1 + widths[i+1]
		}
		widths[first+1] += max(1+len(text)-width, 0)
		line += fmt.Sprintf("%*s", max(width, 1+len(text)), text)
	}
	return line + "\n"
}

// percentOf returns half of how far the middle half of the rounds lies apart, in percent of the median.
func percentOf(s measure.Spread) string {
	if s.Median == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", (s.High-s.Low)/2/s.Median*100)
}

// known returns v times factor, or - where it is not known.
func known(v *float64, factor float64) string {
	if v == nil {
		return "-"
	}
	return digits(*v * factor)
}

// digits formats v with two to three digits that count.
func digits(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// fold breaks text into lines of at most width columns, but not before a percent sign; those after the first begin with indent.
func fold(text string, width int, indent string) string {
	var b strings.Builder
	column := 0
	const bound = "\x00"
	for i, word := range strings.Fields(strings.ReplaceAll(text, " %", bound+"%")) {
		word = strings.ReplaceAll(word, bound, " ")
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
	return b.String()
}

// count returns "1 round", "2 rounds".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
