package pooling

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// remarks returns what the figures say, in sentences: where the options differ from no pooling (or, without it, from the first
// option), and where they do not.
func remarks(res *Result) []string {
	var said []string
	for _, f := range res.Findings {
		said = append(said, fmt.Sprintf("%s, mode %s: %s. Its figures are worth nothing.", f.Option, f.Mode, f.Text))
	}
	if res.Settings.Rounds < minRounds {
		said = append(said, fmt.Sprintf("Fewer than %d rounds tell no difference from chance: none is judged.", minRounds))
	} else {
		for _, t := range topics() {
			said = append(said, t.remark(res)...)
		}
	}
	return append(said, latenessRemarks(res)...)
}

// minRounds is the fewest rounds that remarks are made of: with two, one of two options that are alike is ahead in both every
// third time.
const minRounds = 3

// leastDifference is the difference between medians below which none is spoken of, whatever the rounds say.
const leastDifference = 0.02

// topic is a figure in a mode that is spoken of.
type topic struct {
	mode   Mode
	name   string // of the figure
	title  string
	up     string // what more of it is called
	down   string
	format func(v float64) string
}

func topics() []topic {
	return []topic{
		{Flat, "fps", "Frames a second, flat out", "more", "fewer", thousands},
		{Open, "bytes_per_s", "Memory allocated, in the open loop", "more", "less", func(v float64) string { return withUnit("MB/s", 0)(v / 1e6) }},
		{Open, "p50_ms", "Median latency of a batch, in the open loop", "longer", "shorter", withUnit("ms", 2)},
		{Open, "p99_ms", "P99 of it", "longer", "shorter", withUnit("ms", 2)},
		{Open, "cpu_s_per_1000_frames", "Processor time for 1,000 frames, in the open loop", "more", "less", withUnit("s", 3)},
		{Flat, "rss_peak_bytes", "Memory resident at most, flat out", "more", "less", func(v float64) string { return withUnit("MB", 0)(v / 1e6) }},
	}
}

// remark returns the sentence about t, none where nothing was measured of it.
func (t *topic) remark(res *Result) []string {
	reference, others := t.measured(res)
	if reference == nil || len(others) == 0 {
		return nil
	}
	var more, less, same []string
	for _, o := range others {
		a, b := o.Values[t.name], reference.Values[t.name]
		if !differ(a, b) {
			same = append(same, o.Name)
			continue
		}
		change := (median(a)/median(b) - 1) * 100
		text := fmt.Sprintf("%s (%+.0f %%)", o.Name, change)
		if change > 0 {
			more = append(more, text)
		} else {
			less = append(less, text)
		}
	}
	value := t.format(median(reference.Values[t.name]))
	if len(same) == len(others) {
		return []string{fmt.Sprintf("%s: no option differs from %s (%s) by more than the rounds among themselves.", t.title, reference.Name, value)}
	}
	s := fmt.Sprintf("%s: %s %s", t.title, reference.Name, value)
	for _, part := range []struct {
		what  string
		names []string
	}{{t.down + " with", less}, {t.up + " with", more}, {"no clear difference with", same}} {
		if len(part.names) > 0 {
			s += "; " + part.what + " " + strings.Join(part.names, ", ")
		}
	}
	return []string{s + "."}
}

// measured returns what others are compared with, and the others.
func (t *topic) measured(res *Result) (reference *OptionResult, others []*OptionResult) {
	for i := range res.Options {
		if o := &res.Options[i]; o.Mode == t.mode && len(o.Values[t.name]) > 0 {
			others = append(others, o)
		}
	}
	if len(others) == 0 {
		return nil, nil
	}
	i := max(0, slices.IndexFunc(others, func(o *OptionResult) bool { return o.Name == "none" }))
	reference = others[i]
	return reference, slices.Delete(others, i, i+1)
}

// differ reports whether two options differ by more than their rounds do: no round of one is within those of the other, and the
// medians are further apart than the rounds of either, as ratios.
func differ(a, b []float64) bool {
	minA, maxA, minB, maxB := slices.Min(a), slices.Max(a), slices.Min(b), slices.Max(b)
	if minA <= maxB && minB <= maxA {
		return false
	}
	if minA <= 0 || minB <= 0 {
		return true // nothing is unlike something by any ratio
	}
	apart := math.Abs(math.Log(median(a) / median(b)))
	return apart > math.Log(1+leastDifference) && apart > math.Log(maxA/minA) && apart > math.Log(maxB/minB)
}

// latenessRemarks says which options fell behind in mode Open, and where batches were too few for the far end of the latencies.
func latenessRemarks(res *Result) []string {
	var said, late []string
	fewest := math.MaxInt
	for i := range res.Options {
		o := &res.Options[i]
		fewest = min(fewest, o.Batches/res.Settings.Rounds)
		if o.Late > 0 {
			late = append(late, fmt.Sprintf("%s (%s of %s batches)", o.Name, thousands(float64(o.Late)), thousands(float64(o.Late+o.Batches))))
		}
	}
	if len(late) > 0 {
		said = append(said, fmt.Sprintf("%s frames a second were too many, in the open loop, for %s: batches that waited for as long as a turn were given up.",
			rateText(res.Settings.RateFrames), strings.Join(late, ", ")))
	}
	if fewest < 1000 {
		said = append(said, fmt.Sprintf("Batches of a turn: %d or more. Quantiles beyond that many are its slowest batch.", fewest))
	}
	return said
}

// withUnit formats numbers with so many decimals and a unit.
func withUnit(unit string, decimals int) func(v float64) string {
	return func(v float64) string { return fmt.Sprintf("%.*f %s", decimals, v, unit) }
}

// rateText formats what a rate was set to, which may have decimals.
func rateText(v float64) string {
	if v == math.Trunc(v) {
		return thousands(v)
	}
	return fmt.Sprintf("%.6g", v)
}

// thousands formats a number as 12,345.
func thousands(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
