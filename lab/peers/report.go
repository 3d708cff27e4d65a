package main

import (
	"fmt"
	"io"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// result is one rival in one contest.
type result struct {
	Workload string  `json:"workload"`
	Cores    int     `json:"cores"`
	Rival    string  `json:"rival"`
	FPS      float64 `json:"fps"`      // the median of the rounds
	FPSLow   float64 `json:"fps_low"`  // a quarter of the rounds were slower
	FPSHigh  float64 `json:"fps_high"` // a quarter were faster
	// Ratio is the median of ours over this rival's, round by round, Low and High its quartiles. It is 0 for ours.
	Ratio     float64 `json:"ratio,omitempty"`
	RatioLow  float64 `json:"ratio_low,omitempty"`
	RatioHigh float64 `json:"ratio_high,omitempty"`
	BestOfC   bool    `json:"best_of_c,omitempty"` // no C pipeline was faster in this contest
	verdict
}

// results returns what a contest came to, ours first.
func (c *contest) results() []result {
	var out []result
	best := -1
	for i := range c.entries {
		e := &c.entries[i]
		r := result{Workload: c.workload.name, Cores: c.cores, Rival: e.rival.name, verdict: e.quality}
		rates := measure.SpreadOf(e.rates)
		r.FPSLow, r.FPS, r.FPSHigh = rates.Low, rates.Median, rates.High
		if i > 0 {
			ratios := make([]float64, len(e.rates))
			for round := range ratios {
				ratios[round] = c.entries[0].rates[round] / e.rates[round]
			}
			spread := measure.SpreadOf(ratios)
			r.RatioLow, r.Ratio, r.RatioHigh = spread.Low, spread.Median, spread.High
		}
		if e.rival.c && (best < 0 || r.FPS > out[best].FPS) {
			best = i
		}
		out = append(out, r)
	}
	if best >= 0 {
		out[best].BestOfC = true
	}
	return out
}

// writeTable writes one contest as a table.
func writeTable(w io.Writer, results []result) {
	fmt.Fprintf(w, "\n%s, %d core(s)\n%-16s %10s %17s %8s %17s %9s %7s %7s\n", results[0].Workload, results[0].Cores,
		"", "frames/s", "quartiles", "ours is", "quartiles", "bytes", "PSNR", "SSIM")
	for _, r := range results {
		ratio, spread := "", ""
		if r.Ratio > 0 {
			ratio, spread = fmt.Sprintf("%.2fx", r.Ratio), fmt.Sprintf("%.2f..%.2f", r.RatioLow, r.RatioHigh)
		}
		mark := ""
		if r.BestOfC {
			mark = "  <- the best in C"
		}
		fmt.Fprintf(w, "%-16s %10.0f %17s %8s %17s %9.0f %7.2f %7.4f%s\n", r.Rival, r.FPS, fmt.Sprintf("%.0f..%.0f", r.FPSLow, r.FPSHigh),
			ratio, spread, r.Bytes, r.PSNR, r.SSIM, mark)
	}
}
