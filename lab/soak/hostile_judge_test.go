package soak

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/meter"
	"github.com/steadyframe/steadyframe/lab/measure"
)

// What a server may have resident at default settings, the pages of its program's file not counted: the memory budget, and
// beside it 32 MiB and Go's own, an eighth of the budget. That is also the memory limit that the server sets itself.
const (
	hostileBudget = 512 << 20
	hostileBeside = hostileBudget/8 + 32<<20
)

// Limits of the verdicts.
const (
	maxSlowdown = 2    // times P99 of the quiet time just before
	p99Floor    = 30   // ms: what P99 may be in any case: several batches that are due at the same moment
	maxBack     = 10   // s
	maxOver     = 1.5  // s after drain_timeout: the second that SECURITY.md promises, and half of one for a busy machine
	maxLine     = 2000 // bytes
	maxALog     = 5    // lines a second for each cause
)

// hostileFigures is everything that TestHostile has measured.
type hostileFigures struct {
	Machine  measure.Machine  `json:"machine"`
	Settings hostileSettings  `json:"settings"`
	Attacks  []*hostileAttack `json:"attacks"`
}

// hostileSettings is how the run was.
type hostileSettings struct {
	Quiet  float64 `json:"quiet_s"`
	Attack float64 `json:"attack_s"` // at least
	Budget int64   `json:"memory_budget"`
	Beside int64   `json:"beside_budget"`
	Rate   float64 `json:"good_batches_per_s"` // over each of gRPC and HTTP
	Floor  float64 `json:"p99_floor_ms"`
}

// hostileAttack is what one attack showed.
type hostileAttack struct {
	Name        string         `json:"name"`
	About       string         `json:"about"`
	Counts      map[string]int `json:"counts"` // what the attackers did and saw
	Quiet       goodLook       `json:"quiet"`
	During      goodLook       `json:"during"`
	After       goodLook       `json:"after"`
	Without     goodLook       `json:"without"`               // before and after, and
	Beside      goodLook       `json:"beside"`                // during it, in calm seconds alone if there are enough
	Seconds     [3][]float64   `json:"p99_ms_of_each_second"` // before, during, after
	Failures    int            `json:"failures"`
	Mixed       int            `json:"mixed_up"`
	First       []string       `json:"first_failures"`
	Peak        float64        `json:"rss_peak_bytes"`     // without the pages of the program's file
	ProgramFile float64        `json:"program_file_bytes"` // which is resident too
	Start       hostileRest    `json:"start"`
	Most        hostileRest    `json:"most"`
	End         hostileRest    `json:"end"`
	Back        hostileBack    `json:"back"`
	Log         logFigures     `json:"log"`
	Exit        exitFigures    `json:"exit"`
	Left        []int          `json:"left_processes"`

	Needs        map[string]int `json:"-"`
	Began, Ended time.Time      `json:"-"`
}

// look sets what the good client has seen before, during and after the attack, in looks of a second each.
func (f *hostileAttack) look(before, during, after []goodLook) {
	f.Quiet, f.During, f.After = together(before...), together(during...), together(after...)
	for i, looks := range [][]goodLook{before, during, after} {
		for _, l := range looks {
			f.Seconds[i] = append(f.Seconds[i], together(l).P99)
		}
	}
	f.Without, f.Beside = calm(slices.Concat(before, after)), calm(during)
	if f.Without.Calm < minCalm || f.Beside.Calm < minCalm {
		f.Without, f.Beside = together(f.Quiet, f.After), f.During
	}
}

// judge returns the verdicts on one attack.
func (f *hostileAttack) judge() []verdict {
	const most = hostileBudget + hostileBeside
	limit := max(maxSlowdown*f.Without.P99, p99Floor)
	slower := fmt.Sprintf("%.0f ms, twice that before and after it, and %d ms in any case", limit, p99Floor)
	of := fmt.Sprintf("%.1f calm seconds", f.Beside.Calm)
	if f.Beside.Calm < minCalm || f.Without.Calm < minCalm {
		of = fmt.Sprintf("all seconds: others had %.1f processors, %.1f without it", f.Beside.Others, f.Without.Others)
	}
	limitAfter := max(maxSlowdown*f.Quiet.P99, p99Floor)
	if f.Quiet.Others > maxOthers || f.After.Others > maxOthers { // It says little.
		limitAfter = maxSlowdown * max(f.Quiet.P99, f.During.P99, p99Floor)
	}
	lines := maxALog * float64(f.Log.Causes) * (f.Log.Seconds + 2) // the seconds of its beginning and end may be whole ones of the server
	within := hostileDrain.Seconds() + maxOver
	all := []verdict{
		f.judgeCounts(),
		{name: "memory", pass: f.Peak <= most, speed: true,
			measured: fmt.Sprintf("at most %.0f MB, and %.0f MB of the program's file", f.Peak/1e6, f.ProgramFile/1e6), limit: fmt.Sprintf("%.0f MB", most/1e6)},
		{name: "P99", pass: f.Beside.P99 <= limit && f.Beside.Batches > 0, speed: true,
			measured: fmt.Sprintf("%.1f ms of %d batches in %s, %.1f ms of %d without it", f.Beside.P99, f.Beside.Batches, of, f.Without.P99, f.Without.Batches), limit: slower},
		{name: "P99 after it", pass: f.After.P99 <= limitAfter && f.After.Batches > 0, speed: true, measured: fmt.Sprintf("%.1f ms of %d batches", f.After.P99, f.After.Batches),
			limit: fmt.Sprintf("%.0f ms", limitAfter)},
		{name: "good client", pass: f.Failures == 0 && f.During.Batches > 0, speed: true,
			measured: fmt.Sprintf("%d failures beside %d batches and %d newcomers", f.Failures, f.Quiet.Batches+f.During.Batches+f.After.Batches, f.Quiet.Newcomers+f.During.Newcomers+f.After.Newcomers), limit: "0"},
		{name: "good stream", pass: f.During.Kept >= minKept, speed: true, measured: fmt.Sprintf("%.1f %% of its images", 100*f.During.Kept), limit: "95 %"},
		{name: "images mixed up", pass: f.Mixed == 0, measured: fmt.Sprint(f.Mixed), limit: "0"},
		{name: "back", pass: f.Back.Seconds <= maxBack+0.5 && len(f.Back.More) == 0, speed: true, measured: strings.Join(append(f.Back.More, fmt.Sprintf("after %.1f s", f.Back.Seconds)), "; "), limit: "10 s, and half a second between two looks"},
		{name: "log", pass: float64(f.Log.Lines) <= lines && f.Log.Longest <= maxLine,
			measured: fmt.Sprintf("%d lines of %d causes in %.0f s, the longest of %d bytes", f.Log.Lines, f.Log.Causes, f.Log.Seconds, f.Log.Longest),
			limit:    fmt.Sprintf("%.0f lines, %d bytes", lines, maxLine)},
		{name: "panics", pass: len(f.Exit.Panics) == 0, measured: fmt.Sprint(len(f.Exit.Panics)), limit: "0"},
		{name: "SIGTERM under attack", pass: f.Exit.Seconds <= within && f.Exit.Code >= 0, speed: true,
			measured: fmt.Sprintf("exit code %d after %.2f s", f.Exit.Code, f.Exit.Seconds), limit: fmt.Sprintf("%.1f s, drain_timeout and %.1f s", within, maxOver)},
		{name: "processes left behind", pass: len(f.Left) == 0, measured: fmt.Sprint(len(f.Left)), limit: "0"},
	}
	for i := range all {
		all[i].name = f.Name + ": " + all[i].name
	}
	return all
}

// judgeCounts judges that the attack has taken place.
func (f *hostileAttack) judgeCounts() verdict {
	v := verdict{name: "attack", pass: true, limit: "none"}
	var limits []string
	for _, what := range slices.Sorted(maps.Keys(f.Needs)) {
		need, got := f.Needs[what], f.Counts[what]
		if need < 1 {
			v.pass = v.pass && got == 0
			limits = append(limits, "no "+what)
		} else {
			v.pass = v.pass && got >= need
			limits = append(limits, fmt.Sprintf("%s at least %d", what, need))
		}
	}
	var counted []string
	for _, what := range slices.Sorted(maps.Keys(f.Counts)) {
		counted = append(counted, fmt.Sprintf("%s %d", what, f.Counts[what]))
	}
	v.measured = strings.Join(counted, ", ")
	if len(limits) > 0 {
		v.limit = strings.Join(limits, ", ")
	}
	return v
}

// report writes what is worth reading before the verdicts.
func (f *hostileFigures) report(w io.Writer) {
	m := f.Machine
	fmt.Fprintf(w, "%s on %s, %d processors, %s kernels, %s\n", m.Version, m.CPU, m.Processors, m.Kernels, m.Go)
	fmt.Fprintf(w, "the good client: %.0f batches of %d frames a second over each of gRPC and HTTP, a stream of %d frames a second, %d newcomers a second\n", f.Settings.Rate, goodBatch, liveFPS, newcomerRate)
	fmt.Fprintf(w, "%-18s %7s | %7s %7s %7s | %7s %7s %7s | %6s %6s | %5s %5s %5s | %6s %5s\n", "attack", "seconds", "p50 ms", "before", "after", "p99 ms", "before", "after",
		"images", "fails", "MB", "MB before", "MB after", "back s", "end s")
	for _, a := range f.Attacks {
		fmt.Fprintf(w, "%-18s %7.1f | %7.1f %7.1f %7.1f | %7.1f %7.1f %7.1f | %5.1f%% %6d | %5.0f %9.0f %8.0f | %6.1f %5.2f\n", a.Name, a.During.Seconds, a.During.P50, a.Quiet.P50, a.After.P50,
			a.During.P99, a.Quiet.P99, a.After.P99, 100*a.During.Kept, a.Failures, a.Peak/1e6, a.Start.Resident/1e6, a.End.Resident/1e6, a.Back.Seconds, a.Exit.Seconds)
	}
	for _, a := range f.Attacks {
		a.report(w)
	}
}

// report writes what went wrong.
func (f *hostileAttack) report(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", f.Name, f.About)
	fmt.Fprintf(w, "  P99 of each second in ms: %.0f before, %.0f during, %.0f after\n", f.Seconds[0], f.Seconds[1], f.Seconds[2])
	for _, line := range slices.Concat(f.First, f.Exit.Panics) {
		fmt.Fprintf(w, "  ! %.400s\n", line)
	}
}

// goodAttack is the figures of an attack that harmed nobody.
func goodAttack() *hostileAttack {
	look := goodLook{Seconds: 10, Batches: 160, Due: 160, P50: 10, P99: 40, Max: 50, Newcomers: 40, Images: 250, Kept: 1, Calm: 10}
	rest := hostileRest{Resident: 100e6, Goroutines: 50, Files: 30}
	return &hostileAttack{
		Name: "calls", Counts: map[string]int{"calls": 60, "status 403": 3}, Needs: map[string]int{"calls": 60, "status 200": 0},
		Quiet: look, During: look, After: look, Without: look, Beside: look, Peak: 600e6, Start: rest, Most: rest, End: rest, Back: hostileBack{Seconds: 10},
		Log: logFigures{Lines: 30, Causes: 1, Longest: 500, Seconds: 10}, Exit: exitFigures{Seconds: 4},
	}
}

// TestHostileVerdicts: each thing that can be wrong fails the verdict on it, and no other.
func TestHostileVerdicts(t *testing.T) {
	for want, spoil := range map[string]func(*hostileAttack){
		"":                             func(*hostileAttack) {},
		"calls: attack":                func(f *hostileAttack) { f.Counts["calls"] = 59 },
		"calls: memory":                func(f *hostileAttack) { f.Peak = 640e6 },
		"calls: P99":                   func(f *hostileAttack) { f.Beside.P99 = 81 },
		"calls: P99 after it":          func(f *hostileAttack) { f.After.P99 = 81 },
		"calls: good client":           func(f *hostileAttack) { f.Failures = 1 },
		"calls: good stream":           func(f *hostileAttack) { f.During.Kept = 0.94 },
		"calls: images mixed up":       func(f *hostileAttack) { f.Mixed = 1 },
		"calls: back":                  func(f *hostileAttack) { f.Back.More = []string{"files"} },
		"calls: log":                   func(f *hostileAttack) { f.Log.Lines = 61 },
		"calls: panics":                func(f *hostileAttack) { f.Exit.Panics = []string{"panic"} },
		"calls: SIGTERM under attack":  func(f *hostileAttack) { f.Exit.Seconds = 5 },
		"calls: processes left behind": func(f *hostileAttack) { f.Left = []int{1} },
	} {
		f := goodAttack()
		spoil(f)
		var failed []string
		for _, v := range f.judge() {
			if !v.pass {
				failed = append(failed, v.name)
			}
		}
		if got := strings.Join(failed, "; "); got != want {
			t.Errorf("got %q failed, want %q", got, want)
		}
	}
	f := goodAttack()
	f.Counts["status 200"] = 1
	if v := f.judgeCounts(); v.pass {
		t.Error("got an attack passed that the server let through")
	}
}

// TestCalm: seconds in which others had the processors count only where too few others did not.
func TestCalm(t *testing.T) {
	second := func(took time.Duration, others float64) goodLook {
		l := goodLook{Seconds: 1, Batches: 1, Others: others, batches: meter.NewLatency(), newcomers: meter.NewLatency()}
		if others <= maxOthers {
			l.Calm = 1
		}
		l.batches.Record(took, 1)
		return l
	}
	fast, slow := second(time.Millisecond, 0), second(time.Second, 1)
	var f hostileAttack
	f.look([]goodLook{fast, slow, fast}, []goodLook{slow, fast, fast, fast}, []goodLook{fast, slow})
	if f.Without.Batches != 3 || f.Beside.Batches != 3 || f.Without.P99 > 2 || f.Beside.P99 > 2 || f.During.Batches != 4 {
		t.Errorf("got %+v and %+v, want the calm seconds", f.Without, f.Beside)
	}
	f.look([]goodLook{fast, slow, fast}, []goodLook{slow, fast, fast, slow}, []goodLook{fast, slow})
	if f.Without.Batches != 5 || f.Beside.Batches != 4 {
		t.Errorf("got %+v and %+v, want all seconds", f.Without, f.Beside)
	}
}

// TestAsAtStart: what has grown beyond its slack is named.
func TestAsAtStart(t *testing.T) {
	start := hostileRest{Resident: 100e6, Goroutines: 50, Files: 30, Admitted: 17e6}
	if more := asAtStart(start, start); len(more) > 0 {
		t.Errorf("got %q of the same", more)
	}
	now := hostileRest{Resident: 201e6, Goroutines: 90, Files: 60, Admitted: 170e6}
	if more := asAtStart(now, start); len(more) != 4 {
		t.Errorf("got %q, want all four", more)
	}
}

// TestJudgeLog: lines outside the attack are not counted, and causes are told apart.
func TestJudgeLog(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	line := func(after time.Duration, msg string) string {
		return fmt.Sprintf("{\"time\":%q,\"level\":\"WARN\",\"msg\":%q,\"kind\":\"invalid\",\"reason\":%q}\n", begin.Add(after).Format(time.RFC3339Nano), msg, fmt.Sprintf("no stream \"%d\\\"\"; want %d", after, after))
	}
	log := line(-time.Second, "before") + line(0, "a") + line(time.Second, "a") + line(2*time.Second, "bb") + line(time.Hour, "after")
	got := judgeLog([]byte(log), begin, begin.Add(10*time.Second))
	if want := (logFigures{Lines: 3, Causes: 2, Longest: len(line(2*time.Second, "bb")), Seconds: 10, Most: "a, invalid: no stream *; want *: 2"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
