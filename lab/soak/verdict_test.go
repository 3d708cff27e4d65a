package soak

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// soakFigures is everything that a soak has measured.
type soakFigures struct {
	Machine  measure.Machine     `json:"machine"`
	Settings soakSettings        `json:"settings"`
	Capacity capacity            `json:"capacity"`
	Clients  map[string]*clients `json:"clients"`
	Failures int                 `json:"failures"`
	Mixed    int                 `json:"mixed_up"`
	First    []string            `json:"first_failures"`
	Misuses  map[string]int      `json:"misuses"`
	Wrong    []string            `json:"wrong_responses"`
	Slope    *measure.Slope      `json:"rss_slope_bytes_per_hour"` // nil for less than leastForSlope
	Windows  int                 `json:"rss_windows"`
	Most     float64             `json:"rss_max_bytes"`
	Load     loadFigures         `json:"load"`
	Steady   steadyFigures       `json:"steady"`
	Bursts   []burstFigures      `json:"bursts"`
	Attacks  []attackFigures     `json:"attacks"`
	Emptied  float64             `json:"emptied_s"` // after the end of the load nothing was leased or admitted
	Start    restFigures         `json:"start"`
	End      restFigures         `json:"end"`
	Exit     exitFigures         `json:"exit"`
}

// soakSettings is how the run was.
type soakSettings struct {
	Seed        uint64  `json:"seed"`
	Seconds     float64 `json:"seconds"` // of mixed load
	Load        float64 `json:"load"`    // of the capacity
	Misuses     float64 `json:"misuses_per_s"`
	Skipped     string  `json:"skipped,omitempty"`
	Budget      int64   `json:"memory_budget"`
	MemoryLimit string  `json:"GOMEMLIMIT"` // empty: the server's own
}

// skips reports whether a part is to be left out.
func (s soakSettings) skips(part string) bool {
	return slices.Contains(strings.Split(s.Skipped, ","), part)
}

// String returns it for the terminal.
func (s soakSettings) String() string {
	text := fmt.Sprintf("seed %d, %.0f s of mixed load at %.0f %% of the capacity, %.1f misuses a second, memory budget %d MiB, GOMEMLIMIT %s",
		s.Seed, s.Seconds, 100*s.Load, s.Misuses, s.Budget>>20, cmp.Or(s.MemoryLimit, "the server's own"))
	if s.Skipped != "" {
		text += ", without " + s.Skipped
	}
	return text
}

// clients is what became of one kind of healthy clients. Latencies count from when a request was due, or an image
// captured, outside of bursts and attacks.
type clients struct {
	kindTally
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	Max  float64 `json:"max_ms"`
}

// loadFigures is what the server took for the whole mixed load, misuse and all, after the warm-up.
type loadFigures struct {
	Seconds     float64 `json:"seconds"`
	Images      float64 `json:"images"`
	Objects     float64 `json:"objects_per_image"`
	Bytes       float64 `json:"bytes_per_image"`
	Collections float64 `json:"collections"`
	Gets        float64 `json:"gets"`
	Misses      float64 `json:"misses"`
}

// restFigures is what the server holds when nothing goes on.
type restFigures struct {
	After       float64 `json:"after_s"` // how long after the end of all work nothing was leased or admitted
	Leases      float64 `json:"leases"`
	InUse       float64 `json:"in_use_bytes"`
	Admitted    float64 `json:"admitted_bytes"`
	Unbalanced  float64 `json:"unbalanced"` // gets that are neither puts nor in use
	Lost        float64 `json:"lost"`       // buffers that were collected while they were leased
	Goroutines  float64 `json:"goroutines"`
	Files       float64 `json:"files"`
	Connections float64 `json:"connections"`
	Resident    float64 `json:"rss_bytes"`
}

// exitFigures is how the server ended.
type exitFigures struct {
	Code    int      `json:"code"`
	Seconds float64  `json:"seconds"`
	Panics  []string `json:"panics"` // lines of the log
}

// Limits are those of the project's list of what it must survive, whose numbers stand beside the verdicts.
const (
	maxSlope         = 1e6  // bytes an hour
	maxMisses        = 1e-3 // of gets
	maxObjects       = 6    // a frame
	maxObjectBytes   = 512  // a frame (docs/adr/0009-grpc-codec.md)
	maxCollections   = 1    // in ten seconds
	minGoodput       = 0.95 // of the peak
	maxRefusal       = 5    // ms, above twice a request for nothing: of one that is refused the message's beginning is waited for, too
	maxAfterBurst    = 1.5  // times P99 before it
	minKept          = 0.95
	beyondBudget     = 32 << 20
	maxExitSeconds   = 20
	maxAfterEnd      = 1  // s
	maxAfterEndShort = 30 // s, where other programs have the processors
)

// verdict is one line of the result.
type verdict struct {
	name     string
	pass     bool
	measured string
	limit    string
	quality  int
	speed    bool // whether it depends on how fast the machine is, and how quiet
}

// leastForSlope is how long a soak must last for a slope: before that the pool still gets to know what it is asked for.
const leastForSlope = 8 * time.Minute

// String returns the line.
func (v verdict) String() string {
	word := "FAIL"
	if v.pass {
		word = "PASS"
	}
	line := fmt.Sprintf("%s %s: %s, limit %s", word, v.name, v.measured, v.limit)
	if v.quality > 0 {
		line += fmt.Sprintf(" (QUALITY %d)", v.quality)
	}
	return line
}

// judge returns the verdicts on f. In short form some limits are wider.
func (f *soakFigures) judge(budget float64, short bool) []verdict {
	within := float64(maxAfterEnd)
	if short {
		within = maxAfterEndShort
	}
	var all []verdict
	all = append(all, f.judgeClients()...)
	all = append(all, f.judgeSteady()...)
	all = append(all, f.judgeMemory(budget)...)
	if len(f.Bursts) > 0 {
		all = append(all, f.judgeBursts()...)
	}
	if len(f.Attacks) > 0 {
		all = append(all, f.judgeAttacks(budget)...)
	}
	return append(all, f.judgeEnd(within)...)
}

func (f *soakFigures) judgeClients() []verdict {
	requests, misuses := 0, 0
	for _, k := range f.Clients {
		requests += k.Requests
	}
	for _, n := range f.Misuses {
		misuses += n
	}
	verdicts := []verdict{
		{"healthy clients", f.Failures == 0 && requests > 0,
			fmt.Sprintf("%d failed of %d requests and images watched", f.Failures, requests), "0", 14, false},
		{"images mixed up", f.Mixed == 0, fmt.Sprint(f.Mixed), "0", 7, false},
	}
	if !f.Settings.skips("misuse") {
		verdicts = append(verdicts, verdict{"misuse answered wrongly", len(f.Wrong) == 0 && misuses > 0, fmt.Sprintf("%d of %d", len(f.Wrong), misuses), "0", 22, false})
	}
	return verdicts
}

func (f *soakFigures) judgeSteady() []verdict {
	if f.Settings.skips("steady") {
		return nil
	}
	s := f.Steady
	ten := s.Collections / max(s.Seconds, 10) * 10 // what takes less than ten seconds may have one
	return []verdict{
		{"pool misses, one stream", s.Gets > 0 && s.Misses/s.Gets < maxMisses,
			fmt.Sprintf("%.0f of %.0f gets (%.3f %%)", s.Misses, s.Gets, 100*s.Misses/max(s.Gets, 1)), "0.1 %", 2, true},
		{"heap objects, one stream", s.Frames > 0 && s.Objects <= maxObjects, fmt.Sprintf("%.2f a frame", s.Objects), fmt.Sprint(maxObjects), 2, true},
		{"heap bytes, one stream", s.Frames > 0 && s.Bytes <= maxObjectBytes, fmt.Sprintf("%.0f a frame", s.Bytes), fmt.Sprint(maxObjectBytes), 2, true},
		{"collections, one stream", s.Frames > 0 && ten <= maxCollections,
			fmt.Sprintf("%.2f in 10 s at %.0f frames/s", ten, s.Frames/max(s.Seconds, 1)), fmt.Sprint(maxCollections), 2, true},
	}
}

func (f *soakFigures) judgeMemory(budget float64) []verdict {
	slope := verdict{name: "rise of the resident set", limit: "1 MB/h", quality: 3, speed: true}
	switch s := f.Slope; {
	case s == nil:
		slope.pass, slope.measured = true, fmt.Sprintf("not looked at, for less than %v", leastForSlope)
	default:
		slope.pass = s.Low <= maxSlope
		slope.measured = fmt.Sprintf("%+.2f MB/h, with 95 %% confidence %+.2f to %+.2f, from %d windows", s.Median/1e6, s.Low/1e6, s.High/1e6, f.Windows)
		if slope.pass && s.High > maxSlope {
			slope.measured += " (too short to exclude a rise)"
		}
	}
	return []verdict{slope,
		{"most memory", f.Most <= budget+beyondBudget,
			fmt.Sprintf("%.0f MB", f.Most/1e6), fmt.Sprintf("%.0f MB, the budget and 32 MiB", (budget+beyondBudget)/1e6), 15, true},
	}
}

// judgeBursts judges speed by the median burst, since what one of a few seconds shows goes up and down with the machine, and beyond 100 %.
// The least and the most are said, too.
func (f *soakFigures) judgeBursts() []verdict {
	var refused, wrong int64
	leastRefused := int64(math.MaxInt64)
	for _, b := range f.Bursts {
		refused, wrong, leastRefused = refused+b.Refused, wrong+b.Wrong, min(leastRefused, b.Refused)
	}
	of := func(value func(b burstFigures) float64) (values []float64) {
		for _, b := range f.Bursts {
			values = append(values, value(b))
		}
		return values
	}
	median := func(values []float64) float64 { return measure.SpreadOf(values).Median }
	in := func(values []float64, format string) string {
		text := fmt.Sprintf(format, median(values))
		if len(values) > 1 {
			text += fmt.Sprintf(" (median of %d bursts, "+format+" to "+format+")", len(values), slices.Min(values), slices.Max(values))
		}
		return text
	}
	goodput := of(func(b burstFigures) float64 { return 100 * b.Use / max(b.PeakUse, 1e-9) })
	plain := of(func(b burstFigures) float64 { return 100 * b.Goodput / max(b.Peak, 1e-9) })
	refusal := of(func(b burstFigures) float64 { return b.RefusalP50 })
	above := of(func(b burstFigures) float64 { return b.RefusalP50 - 2*b.TrivialP50 })
	worst := of(func(b burstFigures) float64 { return b.RefusalP99 })
	after := of(func(b burstFigures) float64 { return b.After / max(b.Before, 1e-9) })
	return []verdict{
		{"burst: goodput", median(goodput) >= 100*minGoodput,
			fmt.Sprintf("%s of the peak by processor time, %.1f %% by the clock, at %.1f times the capacity", in(goodput, "%.1f %%"), median(plain), f.Bursts[0].Demand), "95 %", 14, true},
		{"burst: refusals", wrong == 0, fmt.Sprintf("%d of %d without advice", wrong, refused+wrong), "0", 14, false},
		{"burst: time of a refusal", leastRefused > 0 && median(above) < maxRefusal,
			fmt.Sprintf("median %s, P99 %.1f ms at most", in(refusal, "%.1f ms"), slices.Max(worst)), fmt.Sprintf("%.1f ms, 5 ms and twice a request for nothing", maxRefusal+median(refusal)-median(above)), 14, true},
		{"burst: P99 from 2 s after it", median(after) <= maxAfterBurst, in(after, "%.2f times") + " that before it", "1.5", 14, true},
	}
}

// judgeAttacks judges by the worst attack, and live streams if there were any.
func (f *soakFigures) judgeAttacks(budget float64) []verdict {
	worst := f.Attacks[0]
	for _, a := range f.Attacks[1:] {
		worst.Opened, worst.Images, worst.Resident = min(worst.Opened, a.Opened), min(worst.Images, a.Images), max(worst.Resident, a.Resident)
		worst.Kept, worst.Live = min(worst.Kept, a.Kept), min(worst.Live, a.Live)
	}
	of := ""
	if n := len(f.Attacks); n > 1 {
		of = fmt.Sprintf(" in the worst of %d", n)
	}
	all := []verdict{
		{"attack: streams", worst.Opened == worst.Streams && worst.Images > 0, fmt.Sprintf("%d, which got %d images%s", worst.Opened, worst.Images, of), fmt.Sprint(worst.Streams), 15, true},
		{"attack: memory", worst.Resident <= budget+beyondBudget,
			fmt.Sprintf("%.0f MB with %d streams of 4K frames%s", worst.Resident/1e6, worst.Streams, of), fmt.Sprintf("%.0f MB, the budget and 32 MiB", (budget+beyondBudget)/1e6), 15, true},
		{"attack: existing streams", worst.Kept >= minKept, fmt.Sprintf("%.1f %% of their frames%s", 100*worst.Kept, of), "95 %", 15, true},
	}
	if !f.Settings.skips("live") {
		all = append(all, verdict{"attack: live streams", worst.Live >= minKept, fmt.Sprintf("%.1f %% of their images%s", 100*worst.Live, of), "95 %", 15, true})
	}
	return all
}

func (f *soakFigures) judgeEnd(within float64) []verdict {
	e, s := f.End, f.Start
	after := within + liveKeep.Seconds()
	return []verdict{
		{"leases after the load", f.Emptied <= after, fmt.Sprintf("none after %.2f s", f.Emptied),
			fmt.Sprintf("%.0f s, one of them live.keep", after), 3, false},
		{"leases at the end", e.Leases == 0 && e.InUse == 0 && e.Admitted == 0 && e.After <= within,
			fmt.Sprintf("%.0f (%.0f bytes, %.0f admitted) after %.2f s", e.Leases, e.InUse, e.Admitted, e.After), fmt.Sprintf("0 within %.0f s", within), 3, false},
		{"gets = puts + in use", e.Unbalanced == 0, fmt.Sprintf("%.0f off", e.Unbalanced), "0", 25, false},
		{"buffers lost", e.Lost == 0, fmt.Sprintf("%.0f", e.Lost), "0", 25, false},
		{"goroutines at the end", e.Goroutines <= s.Goroutines,
			fmt.Sprintf("%.0f", e.Goroutines), fmt.Sprintf("%.0f as at the start", s.Goroutines), 3, false},
		{"open files at the end", e.Files <= s.Files,
			fmt.Sprintf("%.0f, %.0f connections", e.Files, e.Connections), fmt.Sprintf("%.0f as at the start", s.Files), 3, false},
		{"panics in the log", len(f.Exit.Panics) == 0, fmt.Sprint(len(f.Exit.Panics)), "0", 13, false},
		{"end by SIGTERM under load", f.Exit.Code == 0 && f.Exit.Seconds <= maxExitSeconds,
			fmt.Sprintf("exit code %d after %.2f s", f.Exit.Code, f.Exit.Seconds), "0 within 20 s", 23, false},
	}
}

// report writes what is worth reading before the verdicts.
func (f *soakFigures) report(w io.Writer) {
	m := f.Machine
	fmt.Fprintf(w, "%s on %s, %d processors, %s kernels, %s\n", m.Version, m.CPU, m.Processors, m.Kernels, m.Go)
	fmt.Fprintf(w, "%v\n", f.Settings)
	fmt.Fprintf(w, "capacity: %.1f rounds/s of %d frames, or %.1f heavy requests/s\n", f.Capacity.Rounds, roundFrames(), f.Capacity.Heavy)
	l := f.Load
	fmt.Fprintf(w, "after the warm-up: %.0f images in %.0f s, %.1f objects and %.0f bytes an image, %.1f collections in 10 s, "+
		"%.3f %% of %.0f gets missed\n",
		l.Images, l.Seconds, l.Objects, l.Bytes, 10*l.Collections/max(l.Seconds, 1), 100*l.Misses/max(l.Gets, 1), l.Gets)
	fmt.Fprintf(w, "%-10s %9s %9s %9s %9s %9s   %8s  %s\n", "clients", "requests", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "skipped", "under strain: refused, skipped")
	for _, name := range slices.Sorted(maps.Keys(f.Clients)) {
		c := f.Clients[name]
		fmt.Fprintf(w, "%-10s %9d %9.1f %9.1f %9.1f %9.1f   %8d  %d, %d\n", name, c.Requests, c.P50, c.P99, c.P999, c.Max, c.Skipped, c.Refused, c.Strained)
	}
	var misuses []string
	for _, name := range slices.Sorted(maps.Keys(f.Misuses)) {
		misuses = append(misuses, fmt.Sprintf("%s %d", name, f.Misuses[name]))
	}
	fmt.Fprintf(w, "misuse: %s\n", strings.Join(misuses, ", "))
	for _, line := range slices.Concat(f.First, f.Wrong, f.Exit.Panics) {
		fmt.Fprintf(w, "  ! %s\n", line)
	}
	for _, b := range f.Bursts {
		if b.WrongError != "" {
			fmt.Fprintf(w, "  ! burst: %s\n", b.WrongError)
		}
	}
}
