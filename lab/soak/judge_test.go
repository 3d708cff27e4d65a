package soak

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// goodSoak is the figures of a run in which nothing was wrong.
func goodSoak() *soakFigures {
	rest := restFigures{Goroutines: 13, Files: 13, Connections: 1}
	return &soakFigures{
		Clients: map[string]*clients{"stream": {kindTally: kindTally{Requests: 100}}},
		Misuses: map[string]int{"http-noise": 3},
		Slope:   &measure.Slope{Low: -5e6, Median: 1e5, High: 5e6}, Windows: 8,
		Most:    200e6,
		Steady:  steadyFigures{Frames: 1500, Seconds: 30, Objects: 5, Bytes: 400, Collections: 1, Gets: 3000, Misses: 1},
		Bursts:  []burstFigures{{Demand: 3, Peak: 1, Goodput: 0.8, PeakUse: 0.9, Use: 0.87, PeakCPU: 1.5, CPU: 1.4, Served: 10, Refused: 20, RefusalP50: 2, TrivialP50: 1, Before: 10, After: 12}},
		Attacks: []attackFigures{{Streams: 200, Opened: 200, Images: 10, Resident: 200e6, Kept: 0.99, Live: 0.98}},
		Start:   rest, End: rest,
	}
}

// TestSoakVerdicts: each thing that can be wrong fails the verdict on it, and no other.
func TestSoakVerdicts(t *testing.T) {
	tests := map[string]struct {
		spoil func(*soakFigures)
		want  string
	}{
		"client":       {func(f *soakFigures) { f.Failures = 1 }, "healthy clients"},
		"no-client":    {func(f *soakFigures) { f.Clients = nil }, "healthy clients"},
		"mixed-up":     {func(f *soakFigures) { f.Mixed = 1 }, "images mixed up"},
		"nonsense":     {func(f *soakFigures) { f.Wrong = []string{"http-noise"} }, "misuse answered wrongly"},
		"misses":       {func(f *soakFigures) { f.Steady.Misses = 4 }, "pool misses, one stream"},
		"objects":      {func(f *soakFigures) { f.Steady.Objects = 6.1 }, "heap objects, one stream"},
		"bytes":        {func(f *soakFigures) { f.Steady.Bytes = 3000 }, "heap bytes, one stream"},
		"collections":  {func(f *soakFigures) { f.Steady.Collections = 4 }, "collections, one stream"},
		"rise":         {func(f *soakFigures) { f.Slope.Low = 2e6 }, "rise of the resident set"},
		"memory":       {func(f *soakFigures) { f.Most = 400e6 }, "most memory"},
		"goodput":      {func(f *soakFigures) { f.Bursts[0].Use = 0.8 }, "burst: goodput"},
		"no-advice":    {func(f *soakFigures) { f.Bursts[0].Wrong = 1 }, "burst: refusals"},
		"slow-refusal": {func(f *soakFigures) { f.Bursts[0].RefusalP50 = 8 }, "burst: time of a refusal"},
		"none-refused": {func(f *soakFigures) { f.Bursts[0].Refused = 0 }, "burst: time of a refusal"},
		"after-burst":  {func(f *soakFigures) { f.Bursts[0].After = 20 }, "burst: P99 from 2 s after it"},
		"goodputs": {func(f *soakFigures) {
			f.Bursts = append(f.Bursts, f.Bursts[0], f.Bursts[0])
			f.Bursts[0].Use, f.Bursts[2].Use = 0.8, 0.8
		}, "burst: goodput"},
		"one-goodput":  {func(f *soakFigures) { f.Bursts = append(f.Bursts, f.Bursts[0], f.Bursts[0]); f.Bursts[2].Use = 0.8 }, ""},
		"one-attack":   {func(f *soakFigures) { f.Attacks = append(f.Attacks, f.Attacks[0]); f.Attacks[1].Kept = 0.5 }, "attack: existing streams"},
		"attack":       {func(f *soakFigures) { f.Attacks[0].Resident = 400e6 }, "attack: memory"},
		"no-attack":    {func(f *soakFigures) { f.Attacks[0].Opened = 150 }, "attack: streams"},
		"starved":      {func(f *soakFigures) { f.Attacks[0].Kept = 0.5 }, "attack: existing streams"},
		"live-starved": {func(f *soakFigures) { f.Attacks[0].Live = 0.5 }, "attack: live streams"},
		"load-lease":   {func(f *soakFigures) { f.Emptied = 3 }, "leases after the load"},
		"lease":        {func(f *soakFigures) { f.End.Leases = 1 }, "leases at the end"},
		"admission":    {func(f *soakFigures) { f.End.Admitted = 1 }, "leases at the end"},
		"late":         {func(f *soakFigures) { f.End.After = 2 }, "leases at the end"},
		"unbalanced":   {func(f *soakFigures) { f.End.Unbalanced = 1 }, "gets = puts + in use"},
		"lost":         {func(f *soakFigures) { f.End.Lost = 1 }, "buffers lost"},
		"goroutine":    {func(f *soakFigures) { f.End.Goroutines++ }, "goroutines at the end"},
		"file":         {func(f *soakFigures) { f.End.Files++ }, "open files at the end"},
		"panic":        {func(f *soakFigures) { f.Exit.Panics = panics([]byte("{}\npanic in a call\n")) }, "panics in the log"},
		"exit-code":    {func(f *soakFigures) { f.Exit.Code = 1 }, "end by SIGTERM under load"},
		"slow-end":     {func(f *soakFigures) { f.Exit.Seconds = 21 }, "end by SIGTERM under load"},
		"nothing":      {func(*soakFigures) {}, ""},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			f := goodSoak()
			tests[name].spoil(f)
			var failed []string
			for _, v := range f.judge(256<<20, false) {
				if !v.pass {
					failed = append(failed, v.name)
				}
				if line := v.String(); strings.HasPrefix(line, "PASS ") != v.pass || !strings.Contains(line, "(QUALITY ") {
					t.Errorf("got the line %q for a verdict that passed: %v", line, v.pass)
				}
			}
			if got := strings.Join(failed, "; "); got != tests[name].want {
				t.Errorf("got %q failed, want %q", got, tests[name].want)
			}
		})
	}
}

// TestLeastSlope: a leak shows through collections and bursts, which are no leaks.
func TestLeastSlope(t *testing.T) {
	const seed, hour = 3, 3600
	random := rand.New(rand.NewPCG(seed, 0))
	samples := func(bytesPerHour float64) (seconds, values []float64) {
		for s := range hour {
			v := 150e6 + bytesPerHour*float64(s)/hour
			v += 40e6 * float64(s%90) / 90 // the heap until the next collection
			if s%600 < 15 {
				v += 200e6 // a burst
			}
			seconds, values = append(seconds, float64(s)), append(values, v+1e5*random.NormFloat64())
		}
		return seconds, values
	}
	for _, rise := range []float64{0, 20e6} {
		seconds, values := samples(rise)
		s, windows, ok := leastSlope(seconds, values, 120, 60)
		if !ok || windows != 58 || s.Low > rise || s.High < rise {
			t.Errorf("seed %d, a rise of %.0f MB/h: got %+v from %d windows, %v", seed, rise/1e6, s, windows, ok)
		}
		if leaks := s.Low > maxSlope; leaks != (rise > 0) {
			t.Errorf("seed %d, a rise of %.0f MB/h: got %+v, which says leak: %v", seed, rise/1e6, s, leaks)
		}
	}
	if _, windows, ok := leastSlope([]float64{0, 60, 120}, []float64{1, 2, 3}, 0, 60); ok || windows != 3 {
		t.Errorf("of three windows: got %d, %v, want no slope", windows, ok)
	}
}

// TestGoodputCountsWork: what is served counts by the processor time that it takes of the server, whatever the mix is, and whatever
// clients take beside it; what is refused counts for nothing, and idle time against the server.
func TestGoodputCountsWork(t *testing.T) {
	c := capacity{Rounds: 32, Heavy: 140, CPU: map[string]float64{heavyKind: 0.010, "stream": 0.013, "encode": 0.0026, "http-one": 0.0004, "http-raw": 0.0029, "http-y4m": 0.001}}
	rounds := func(n int) map[string]int {
		all := map[string]int{}
		for i := range mix {
			all[mix[i].name] = n * mix[i].weight
		}
		return all
	}
	const round = 2*0.013 + 0.0026 + 5*0.0004 + 0.0029 + 0.001 // seconds of the server
	tests := map[string]struct {
		heavy, rounds int
		cpu, idle     float64
		use           float64
	}{
		"half-each":  {700, 230, 700*0.010 + 230*round, 0, 1},
		"more-heavy": {1000, 100, 1000*0.010 + 100*round, 0, 1},
		"refusing":   {700, 230, (700*0.010 + 230*round) / 0.9, 0, 0.9},
		"idle":       {350, 115, (700*0.010 + 230*round) / 2, (700*0.010 + 230*round) / 2, 0.5},
		"nothing":    {0, 0, 1, 0, 0},
	}
	for name, tt := range tests {
		s := spell{seconds: 10, cpu: tt.cpu, idle: tt.idle}
		s.served(c, tt.heavy, rounds(tt.rounds))
		done, use := s.capacities(c)
		if want := float64(tt.heavy)/10/c.Heavy + float64(tt.rounds)/10/c.Rounds; math.Abs(done-want) > 1e-9 || math.Abs(use-tt.use) > 1e-9 {
			t.Errorf("%s: got %.3f capacities and %.3f of the processor time, want %.3f and %.3f", name, done, use, want, tt.use)
		}
	}
}

// TestSoakChoice: the same seed misuses in the same order, and every way comes as often.
func TestSoakChoice(t *testing.T) {
	a, b, other := &faults{seed: 1}, &faults{seed: 1}, &faults{seed: 2}
	counts, same := map[string]int{}, 0
	const rounds = 10
	for n := range rounds * len(misuses) {
		name := a.choice(n).name
		if got := b.choice(n).name; got != name {
			t.Fatalf("misuse %d: got %s and %s for one seed", n, name, got)
		}
		if other.choice(n).name == name {
			same++
		}
		counts[name]++
	}
	for _, m := range misuses {
		if counts[m.name] != rounds {
			t.Errorf("%s: got it %d times of %d, want %d", m.name, counts[m.name], rounds*len(misuses), rounds)
		}
	}
	if same > rounds*len(misuses)/2 {
		t.Errorf("got the same order for two seeds: %d of %d", same, rounds*len(misuses))
	}
}

// TestRingTells: an image of another frame is not taken for the right one, and it is told whose it is.
func TestRingTells(t *testing.T) {
	r := soakRings(t, 4).w1
	if err := r.check(r.images[2], 2); err != nil {
		t.Error(err)
	}
	err := r.check(r.images[3], 2)
	if err == nil || !strings.Contains(err.Error(), "of frame 2") || !strings.Contains(err.Error(), "they carry index 3") {
		t.Errorf("got %v, want word of frames 2 and 3", err)
	}
	if err := r.check(r.images[2][:len(r.images[2])-1], 2); err == nil {
		t.Error("got an image taken that lacks its last byte")
	}
}
