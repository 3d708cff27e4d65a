package pooling

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/steadyframe/steadyframe/lab/measure"
)

func TestDiffer(t *testing.T) {
	tests := []struct {
		name string
		a, b []float64
		want bool
	}{
		{"alike", []float64{10, 11, 12}, []float64{10, 11, 12}, false},
		{"apart", []float64{20, 21, 22}, []float64{10, 11, 12}, true},
		{"below", []float64{1, 2, 1}, []float64{10, 11, 12}, true},
		{"one-round-within", []float64{20, 21, 12}, []float64{10, 11, 12}, false},
		{"less-than-the-rounds", []float64{20, 40, 60}, []float64{15, 16, 17}, false},
		{"far-apart-though-scattered", []float64{60, 200, 300}, []float64{5, 6, 7}, true},
		{"too-little-to-speak-of", []float64{101, 101, 101}, []float64{100, 100, 100}, false},
		{"from-nothing", []float64{5, 5, 5}, []float64{0, 0, 0}, true},
	}
	for _, tt := range tests {
		if got := differ(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// resultOf returns a result of options in mode Flat whose rounds had these frames a second.
func resultOf(fps map[string][]float64, order ...string) *Result {
	res := &Result{Settings: Settings{Rounds: 3, RateFrames: 1200, Modes: []Mode{Flat}}}
	for _, name := range order {
		o := OptionResult{Name: name, Mode: Flat, Batches: 6000, Values: map[string][]float64{"fps": fps[name]}}
		res.Options = append(res.Options, o)
	}
	return res
}

func TestRemarks(t *testing.T) {
	slow, same, fast := []float64{1000, 1001, 1002}, []float64{999, 1003, 1004}, []float64{2002, 2003, 2004}
	tests := []struct {
		name string
		res  *Result
		want []string
	}{
		{"no-difference", resultOf(map[string][]float64{"none": slow, "pool": same}, "none", "pool"),
			[]string{"Frames a second, flat out: no option differs from none (1,001) by more than the rounds among themselves."}},
		{"more", resultOf(map[string][]float64{"pool": fast, "none": slow, "arena": same, "mutex": {500, 501, 502}}, "pool", "none", "arena", "mutex"),
			[]string{"Frames a second, flat out: none 1,001; fewer with mutex (-50 %); more with pool (+100 %); no clear difference with arena."}},
		{"without-none", resultOf(map[string][]float64{"pool": fast, "arena": slow}, "arena", "pool"),
			[]string{"Frames a second, flat out: arena 1,001; more with pool (+100 %)."}},
		{"alone", resultOf(map[string][]float64{"pool": fast}, "pool"), nil},
		{"nothing-known", resultOf(nil, "none", "pool"), nil},
	}
	for _, tt := range tests {
		if got := remarks(tt.res); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestRemarksOnWhatIsMissing(t *testing.T) {
	res := resultOf(map[string][]float64{"none": {1}, "pool": {9}}, "none", "pool")
	res.Settings.Rounds = 2
	res.Options[1].Late, res.Options[0].Batches = 40, 100
	got := strings.Join(remarks(res), "\n")
	for _, want := range []string{
		"Fewer than 3 rounds tell no difference from chance",
		"1,200 frames a second were too many, in the open loop, for pool (40 of 6,040 batches): batches that waited",
		"Batches of a turn: 50 or more",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want it to say %q", got, want)
		}
	}
	if strings.Contains(got, "flat out") {
		t.Errorf("got %q, want no verdict of two rounds", got)
	}
}

// TestTableFits: whatever the figures, a table fits a terminal of 120 columns, and says nothing of what is not known.
func TestTableFits(t *testing.T) {
	res := &Result{Settings: Settings{Size: W1, Work: W1.String(), Modes: Modes(), Rounds: 5, Seconds: 3, Batch: 25, Concurrency: 2, Rate: 48, RateFrames: 1200}}
	for _, o := range Options() {
		for _, m := range Modes() {
			r := OptionResult{Name: o.Name, Mode: m}
			for _, f := range figures() {
				if v := 99_999.0; o.Name == "pool" || f.of(&r.Figures) != nil {
					switch f.name {
					case "rss_peak_bytes", "heap_end_bytes", "bytes_per_s":
						v = 12_345e6
					case "bytes_per_frame":
						v = 7_300_000
					case "gc_cpu_fraction", "cpu_s_per_1000_frames":
						v = 0.5
					case "allocs_per_frame", "page_faults_per_frame", "collections_per_s":
						v = 1234
					case "p50_ms", "p95_ms", "p99_ms", "p999_ms", "max_ms":
						v = 9999
					}
					f.set(&r.Figures, v)
				}
			}
			r.Spread = map[string]measure.Spread{"fps": {Low: 1000, Median: 2000, High: 5000}}
			res.Options = append(res.Options, r)
		}
	}
	res.Remarks = []string{strings.Repeat("a remark of many words ", 20)}
	var b strings.Builder
	if err := res.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > 120 {
			t.Errorf("%d columns: %q", n, line)
		}
		if name, _, _ := strings.Cut(line, " "); name == "arena" && strings.Count(line, " -") < 5 {
			t.Errorf("got %q, want - for each figure that is not known", line)
		}
	}
	for _, want := range []string{"open: 48 batches a second, which is 1,200 frames/s", "batch latency, ms", "flat: 2 requests at a time"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got %q, want it to have %q", b.String(), want)
		}
	}
}

// TestTableKeepsColumnsApart: also where a column is narrower than what stands over it.
func TestTableKeepsColumnsApart(t *testing.T) {
	res := &Result{Settings: Settings{Size: W1, Modes: []Mode{Open}, Rate: 0.5, RateFrames: 12.5}, Options: []OptionResult{{Name: "none", Mode: Open}}}
	var b strings.Builder
	if err := res.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0.5 batches a second, which is 12.5 frames/s", " MB GCs pause, us GC "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got %s\nwant it to have %q", b.String(), want)
		}
	}
}

func TestFold(t *testing.T) {
	if got, want := fold("one two (-100 %), three", 14, "  "), "one two\n  (-100 %),\n  three\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(v); got != want {
			t.Errorf("thousands(%v): got %s, want %s", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 0.004: "0.00", 0.5: "0.50", 0.999: "1.0", 9.96: "10.0", 99.94: "99.9", 99.96: "100", 1234: "1234"} {
		if got := digits(v); got != want {
			t.Errorf("digits(%v): got %s, want %s", v, got, want)
		}
	}
}
