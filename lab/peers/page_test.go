package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// measured returns a document of two workloads on one and two processors: a rival in C of the given ratios, and one not in
// C that cannot do the second workload.
func measured(low, ratio, high float64) *document {
	d := &document{Rounds: 3, Quality: usualQuality}
	for _, w := range []string{"bgr24 640x360 -> 320x320", "bgrf32p 320x320 -> 320x320"} {
		for _, n := range []int{1, 2} {
			d.Results = append(d.Results,
				result{Workload: w, Cores: n, Rival: "steadyframe", FPS: 900, FPSLow: 880, FPSHigh: 910, verdict: verdict{17000, 31.7, 0.94}},
				result{Workload: w, Cores: n, Rival: "opencv", FPS: 300, FPSLow: 290, FPSHigh: 310, Ratio: ratio, RatioLow: low, RatioHigh: high, BestOfC: true, verdict: verdict{17100, 31.6, 0.93}})
			if strings.HasPrefix(w, "bgr24") {
				d.Results = append(d.Results, result{Workload: w, Cores: n, Rival: "go", FPS: 30, Ratio: 30, RatioLow: 29, RatioHigh: 31})
			}
		}
	}
	return d
}

func TestPage(t *testing.T) {
	dir := t.TempDir()
	p := measured(2.9, 3, 3.1).page(measure.Here("v1"))
	if err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.html", "best-in-c.svg", "ratio-bgr24-640x360-320x320-cores-1.svg", "rate-bgrf32p-320x320-320x320-cores-2.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	first := p.Sections[0]
	if want := []string{"bgr24 640x360 to 320x320", "1", "opencv", "3.00", "2.90 to 3.10"}; !slices.Equal(first.Table.Rows[0], want) {
		t.Errorf("best in C: got %q, want %q", first.Table.Rows[0], want)
	}
	if s := first.Plots[0].Series; len(s) != 2 || s[0].Name != "1 core" || s[1].Name != "2 cores" || len(s[1].Points) != 2 || s[1].Points[1].X != 1 {
		t.Errorf("best in C: got %+v, want two workloads on 1 core and on 2", s)
	}
	rival := p.Sections[1].Table.Rows[1]
	if want := []string{"opencv", "300", "3.00", "2.90 to 3.10", "300", "3.00", "2.90 to 3.10", "17100", "31.60", "0.9300"}; !slices.Equal(rival, want) {
		t.Errorf("workload: got %q, want %q", rival, want)
	}
	if got := len(p.Sections[2].Table.Rows); got != 2 {
		t.Errorf("second workload: got %d rows, want 2: one has no way to do it", got)
	}
	last := p.Sections[len(p.Sections)-1].Text
	if !slices.ContainsFunc(last, func(s string) bool { return strings.HasPrefix(s, "opencv: cv::resize") }) ||
		slices.ContainsFunc(last, func(s string) bool { return strings.HasPrefix(s, "ffmpeg") }) {
		t.Errorf("who took part: got %q, want opencv and not ffmpeg", last)
	}
}

// TestOutcome: the page says where ours is not ahead.
func TestOutcome(t *testing.T) {
	tests := []struct {
		name             string
		low, ratio, high float64
		want, not        string
	}{
		{"ahead", 2.9, 3, 3.1, "No rival is as fast as ours in any of the 6 comparisons", "Not everywhere"},
		{"behind", 0.8, 0.9, 0.95, "opencv is faster in bgr24 640x360 to 320x320 on 1 core (0.90)", "No rival"},
		{"even", 0.9, 1.1, 1.2, "opencv is as fast in bgr24 640x360 to 320x320 on 2 cores (1.10)", "No rival"},
	}
	for _, tt := range tests {
		if got := measured(tt.low, tt.ratio, tt.high).outcome(); !strings.Contains(got, tt.want) || strings.Contains(got, tt.not) {
			t.Errorf("%s: got %q, want %q in it and not %q", tt.name, got, tt.want, tt.not)
		}
	}
}

func TestCoresOf(t *testing.T) {
	tests := []struct {
		list string
		all  int
		want []int // nil: an error
	}{
		{"1,all", 4, []int{1, 4}},
		{"1,all", 1, []int{1}},
		{"2", 4, []int{2}},
		{"4,1", 4, []int{4, 1}},
		{"5", 4, nil},
		{"0", 4, nil},
		{"", 4, nil},
		{"1,many", 4, nil},
	}
	for _, tt := range tests {
		got, err := coresOf(tt.list, tt.all)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("%q of %d: got %v, %v, want %v", tt.list, tt.all, got, err, tt.want)
		}
	}
}
