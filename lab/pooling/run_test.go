package pooling

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// TestRun runs two options as a user would, and looks at all that comes out.
func TestRun(t *testing.T) {
	skipChildren(t)
	c := shortConfig(t, "none", "pool")
	c.Rounds, c.GOGC, c.Tight = 2, "150", true
	var turns []string
	res, err := c.Run(t.Context(), "v1", func(p Progress) {
		turns = append(turns, fmt.Sprintf("%d/%d %s %s %d", p.Turn, p.Turns, p.Option, p.Mode, p.Round))
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{ // first the one that the limit follows from; then each round begins with another option and mode
		"1/9 pool flat 0",
		"2/9 none flat 1", "3/9 none open 1", "4/9 pool flat 1", "5/9 pool open 1",
		"6/9 pool open 2", "7/9 pool flat 2", "8/9 none open 2", "9/9 none flat 2",
	}
	if !slices.Equal(turns, want) {
		t.Errorf("turns: got %q, want %q", turns, want)
	}
	s := res.Settings
	if s.GOGC != "150" || s.MemoryLimit == nil || *s.MemoryLimit < 4<<20 || *s.MemoryLimit > 1<<30 || !s.Tight || s.RateFrames != 240 || s.BytesPerFrame != 1_166_336 {
		t.Errorf("settings: got %+v, want GOGC 150, a limit of some MB, 240 frames a second, 1166336 bytes", s)
	}
	if res.Machine.Version != "v1" || len(res.Options) != 4 || res.Options[0].Name != "none" || res.Options[0].Mode != Flat || res.Options[3].Name != "pool" || res.Options[3].Mode != Open {
		t.Fatalf("got %+v", res)
	}
	for _, o := range res.Options {
		if len(o.Values["fps"]) != 2 || o.Batches < 2 || len(o.Curve) == 0 || len(o.Heap) == 0 {
			t.Errorf("%s, %s: got %d values, %d batches, %d and %d points, want two rounds of some", o.Name, o.Mode, len(o.Values["fps"]), o.Batches, len(o.Curve), len(o.Heap))
		}
	}
	res.DropSeries()
	checkJSON(t, res)
}

// checkJSON looks for the fields that are promised, by their names.
func checkJSON(t *testing.T, res *Result) {
	t.Helper()
	text, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Machine  map[string]any
		Settings map[string]any
		Options  []map[string]any
		Findings []Finding
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	promised := strings.Split("name, mode, fps, p50_ms, p95_ms, p99_ms, p999_ms, max_ms, allocs_per_frame, bytes_per_frame, collections, pause_p99_us, "+
		"pause_max_us, cpu_s_per_1000_frames, gc_cpu_fraction, page_faults, rss_peak_bytes, heap_end_bytes", ", ")
	for _, name := range promised {
		if _, there := got.Options[0][name]; !there {
			t.Errorf("JSON: no %s in %s", name, text)
		}
	}
	if got.Machine["cpu"] == "" || got.Settings["rounds"] != 2.0 || got.Findings == nil || got.Options[0]["heap"] != nil {
		t.Errorf("JSON: got %s", text)
	}
}

// TestFiguresAreAll: a field that figures leaves out would never be summed up.
func TestFiguresAreAll(t *testing.T) {
	typ := reflect.TypeFor[Figures]()
	var f Figures
	names := map[string]bool{}
	for i, one := range figures() {
		names[one.name] = true
		one.set(&f, float64(i+1))
	}
	for i := range typ.NumField() {
		field := typ.Field(i)
		if !names[field.Tag.Get("json")] {
			t.Errorf("figures leaves %s out", field.Name)
		}
	}
	for i, one := range figures() {
		if v := one.of(&f); v == nil || *v != float64(i+1) {
			t.Errorf("%s: got %v, want %d: two figures stand in one place", one.name, v, i+1)
		}
	}
}

func TestSummarize(t *testing.T) {
	turnOf := func(fps, most float64, pause *float64) turnResult {
		r := turnResult{Batches: 10, Late: 1, Curve: []CurvePoint{{0, fps}, {0.1, fps}}}
		r.FPS, r.MaxMS, r.PauseMax = fps, most, pause
		return r
	}
	pause := 7.0
	results := []turnResult{turnOf(30, 5, nil), turnOf(10, 9, &pause), turnOf(20, 7, nil)}
	results[2].Curve = results[2].Curve[:1]
	res := summarize(Option{Name: "o"}, Open, results)
	if res.FPS != 20 || res.MaxMS != 9 || res.Batches != 30 || res.Late != 3 {
		t.Errorf("got %v frames/s, at most %v ms, %d batches, %d late, want the median 20, the most 9, 30, 3", res.FPS, res.MaxMS, res.Batches, res.Late)
	}
	if want := (measure.Spread{Low: 20, Median: 20, High: 30}); res.Spread["fps"] != want {
		t.Errorf("spread: got %v, want %v", res.Spread["fps"], want)
	}
	if res.PauseMax == nil || *res.PauseMax != 7 || res.PauseP99 != nil {
		t.Errorf("pauses: got %v, %v, want 7, and none where there is none", res.PauseMax, res.PauseP99)
	}
	if _, there := res.Spread["pause_p99_us"]; there {
		t.Error("a figure that no turn has got a spread")
	}
	if want := []CurvePoint{{0, 20}}; !slices.Equal(res.Curve, want) {
		t.Errorf("curve: got %v, want %v: as far as all rounds go", res.Curve, want)
	}
}
