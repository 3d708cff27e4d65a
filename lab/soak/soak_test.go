package soak

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// scripts/soak sets these, and -soak-for, which is also TestLiveSoak's.
var (
	soakSeed   = flag.Uint64("soak-seed", 0, "seed of what is random in TestSoak; 0: another one each time, which is printed")
	soakFaults = flag.Float64("soak-faults", 5, "misuses a second in TestSoak")
	soakBudget = flag.Int("soak-budget", 256, "limits.memory_budget of TestSoak's server, MiB")
	soakLimit  = flag.Int("soak-limit", 4, "MiB that GOMEMLIMIT of TestSoak's server is above its budget; negative: what the environment says, or else the server")
	soakLog    = flag.String("soak-log", "", "file that TestSoak writes a line to for each misuse; FILE.server gets the server's log")
	soakSkip   = flag.String("soak-skip", "", "parts that TestSoak leaves out, by commas: bursts, attacks, misuse, live, steady")

	soakProfile = flag.String("soak-profile", "", "folder that TestSoak writes profiles of the server to, of each burst, attack and the steady stream")
)

// soakOptions is how a soak goes.
type soakOptions struct {
	short   bool
	seed    uint64
	budget  int64         // bytes
	load    float64       // of the capacity
	demand  float64       // of bursts, of the capacity
	mixed   time.Duration // how long the mixed load lasts
	warm    time.Duration // of it, before slopes and rates count
	window  time.Duration // of the slope
	measure time.Duration // how long each capacity is looked for
	burst   time.Duration // how long a burst or an attack lasts
	settle  time.Duration // after which all is to be as before one
	steady  time.Duration // how long one stream is measured alone
	longest time.Duration // that a misuse holds on to anything
	frames  int           // of a ring
	faults  float64       // misuses a second
}

// options returns what the flags say: the long form, or, without -soak-for, one of some ten seconds.
func options() soakOptions {
	o := soakOptions{
		seed: *soakSeed, budget: int64(*soakBudget) << 20, load: 0.7, demand: 3, faults: *soakFaults,
		mixed: *soakFor, warm: min(2*time.Minute, *soakFor/4), window: min(time.Minute, *soakFor/12), measure: 5 * time.Second,
		burst: 10 * time.Second, settle: 2 * time.Second, steady: 30 * time.Second, longest: stallLongest, frames: 61,
	}
	if *soakFor == 0 {
		o.short, o.faults, o.load = true, 20, 0.3 // other tests want the processors as well
		o.mixed, o.warm, o.window, o.measure = 2*time.Second, time.Second, 200*time.Millisecond, 300*time.Millisecond
		o.settle = 200 * time.Millisecond
		o.burst, o.steady, o.longest, o.frames = 400*time.Millisecond, time.Second, 400*time.Millisecond, 13
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	return o
}

// soak is one run: a server, those who use it well, those who do not, and what is seen of it.
type soak struct {
	o        soakOptions
	s        *served
	rings    *rings
	tally    *tally
	load     *load
	sampler  *sampler
	capacity capacity
	figures  soakFigures
}

// TestSoak: a server under a mixed load, part of whose clients die, stall and send nonsense all the time, serves the
// others without an error or a wrong image, survives bursts and attacks on its memory, and holds nothing at the end.
//
// Its short form, within `go test`, goes through all of that once, before those tests that run beside others: it takes all
// the processors that there are. Other programs may want them too, so that it judges nothing that depends on speed. The long form, scripts/soak, judges all, and prints a line for each verdict.
func TestSoak(t *testing.T) {
	o := options()
	if runtime.GOOS != "linux" && !o.short {
		t.Fatal("the soak reads the server's memory from /proc: want Linux")
	}
	k := &soak{o: o, tally: newTally()}
	k.rings = soakRings(t, o.frames)
	k.s = serve(t, []string{"GOMEMLIMIT=" + memoryLimit(o.budget)},
		"--set", fmt.Sprintf("limits.memory_budget=%d", o.budget), "--set", "limits.max_requests=512", "--set", "limits.max_connections=2000",
		"--set", fmt.Sprintf("limits.queue_depth=%d", queueDepth), "--set", "live.keep="+liveKeep.String())
	k.load = &load{s: k.s, rings: k.rings, tally: k.tally}
	text, err := exec.Command(program, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(string(text), "\n")
	k.figures.Machine = measure.Here(version)
	k.figures.Settings = soakSettings{
		Seed: o.seed, Seconds: o.mixed.Seconds(), Load: o.load, Misuses: o.faults, Skipped: *soakSkip, Budget: o.budget, MemoryLimit: memoryLimit(o.budget),
	}
	k.say("soak: %v\n", k.figures.Settings)

	k.measureCapacity(t)
	k.figures.Start = k.rest(t, nil)
	k.mixedLoad(t)
	if !k.figures.Settings.skips("steady") {
		k.steady(t)
	}
	k.figures.End = k.rest(t, &k.figures.Start)
	k.sampler.stop()
	k.finish(t)
	k.conclude(t)
}

// liveKeep is live.keep: how long a stream that nobody feeds or watches holds its newest image.
const liveKeep = time.Second

// memoryLimit returns the server's GOMEMLIMIT as -soak-limit says: by default 4 MiB above the budget, lower than what the
// server sets itself. With the program's text, 28 MB which it does not count, that is what the server may have beside its budget.
func memoryLimit(budget int64) string {
	if *soakLimit < 0 {
		return os.Getenv("GOMEMLIMIT")
	}
	return fmt.Sprintf("%dMiB", budget>>20+int64(*soakLimit))
}

// say prints a line for the one who waits for a long form.
func (k *soak) say(format string, args ...any) {
	if !k.o.short {
		fmt.Fprintf(os.Stderr, format, args...)
	}
}

// wait waits, and fails the test at once when the server has ended meanwhile.
func (k *soak) wait(t testing.TB, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-k.s.Done:
		t.Fatalf("the server ended: %v\n%s", k.s.Cmd.ProcessState, lastLines(k.s.Log.Bytes(), 60))
	}
}

// lastLines returns the last n lines of text.
func lastLines(text []byte, n int) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], nil)
}

// measureCapacity finds what the machine can do, client and server together, and what of the server's processor time each kind of
// request takes, and warms both up.
func (k *soak) measureCapacity(t testing.TB) {
	k.load.flatOut(t, mix, 4, k.o.measure/3)
	n, took := k.load.flatOut(t, mix, 4, k.o.measure)
	k.capacity.Rounds = float64(n) / float64(roundRequests()) / took.Seconds()
	k.capacity.CPU = map[string]float64{}
	for i := range mix {
		cpu := k.s.cpu(t)
		n, _ := k.load.flatOut(t, mix[i:i+1], 4, k.o.measure/3)
		k.capacity.CPU[mix[i].name] = (k.s.cpu(t) - cpu) / float64(max(n, 1))
	}
	b := newBurster(t, k.s)
	defer b.close()
	b.flatOut(8, k.o.measure/3)
	cpu, before := k.s.cpu(t), b.served.Load()
	k.capacity.Heavy = b.flatOut(8, k.o.measure)
	k.capacity.CPU[heavyKind] = (k.s.cpu(t) - cpu) / float64(max(b.served.Load()-before, 1))
	if b.wrong != nil {
		t.Fatalf("heavy requests: %v", b.wrong)
	}
	k.figures.Capacity = k.capacity
	k.say("capacity: %.1f rounds a second of %d frames, or %.1f heavy requests\n", k.capacity.Rounds, roundFrames(), k.capacity.Heavy)
}

// rest waits until nothing is held, and until there is no more than at the start, if that is known, and returns what there
// is then, or, after a generous time, at last.
func (k *soak) rest(t testing.TB, start *restFigures) restFigures {
	t.Helper()
	begin := time.Now()
	var f restFigures
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	empty, settled := false, 0
	for settled < 10 && time.Since(begin) < 30*time.Second {
		http.DefaultClient.CloseIdleConnections() // what is left is the one that the scrape opens
		at := time.Since(begin)
		m := k.s.mustScrape(t)
		after := f.After
		f = restOf(m)
		if f.After = after; !empty {
			f.After = at.Seconds()
			empty = f.Leases == 0 && f.InUse == 0 && f.Admitted == 0
		}
		if empty && m[metricOpen] == 0 && (start == nil || f.Goroutines <= start.Goroutines && f.Files <= start.Files) {
			settled++ // without a start: some time for what ends with connections
		}
		<-tick.C
	}
	f.Resident, _ = k.s.resident()
	return f
}

func restOf(m scrape) restFigures {
	f := restFigures{
		Leases: m.leases(), InUse: m[metricInUse], Admitted: m[metricAdmitted], Lost: m[`steadyframe_pool_discards_total{reason="lost"}`],
		Goroutines: m[metricGoroutines], Files: m[metricFiles], Connections: m.sum("steadyframe_connections"),
	}
	f.Unbalanced = m.sum("steadyframe_pool_gets_total") - m.sum("steadyframe_pool_puts_total") - f.Leases
	return f
}

// mixedLoad is the main part.
func (k *soak) mixedLoad(t testing.TB) {
	liveFrames := liveRings(t, min(25, k.o.frames))
	var tell io.Writer
	if !k.o.short {
		tell = os.Stderr
	}
	k.sampler = startSampler(k.s, tell, 10*time.Second)
	var streams *live
	if !k.figures.Settings.skips("live") {
		streams = startLive(t, k.s, liveFrames, k.tally, k.o.seed)
	}
	bad := &faults{s: k.s, rings: k.rings, seed: k.o.seed, rate: k.o.faults, longest: k.o.longest, strained: &k.tally.strained}
	if k.figures.Settings.skips("misuse") {
		bad.paused.Store(true)
	}
	if *soakLog != "" {
		file, err := os.Create(*soakLog)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewWriter(file)
		defer func() { lines.Flush(); file.Close() }()
		bad.log = lines
	}
	startFaults(bad)
	k.load.start(t, k.o.load*k.capacity.Rounds)

	k.events(t)

	bad.stop()
	k.load.stop()
	if streams != nil {
		streams.stop(t)
	}
	k.figures.Emptied = k.emptied(t)
	k.figures.Misuses, k.figures.Wrong = bad.done, bad.wrong
	k.figures.Most = k.most()
	if slope, n, ok := k.sampler.slope(k.o.warm.Seconds(), k.o.window.Seconds()); ok && k.o.mixed >= leastForSlope {
		k.figures.Slope, k.figures.Windows = &slope, n
	}
}

// emptied returns after how many seconds nothing was leased or admitted any more; when something still is, how long that
// was waited for.
func (k *soak) emptied(t testing.TB) float64 {
	t.Helper()
	begin := time.Now()
	for {
		at := time.Since(begin)
		f := restOf(k.s.mustScrape(t))
		if f.Leases == 0 && f.InUse == 0 && f.Admitted == 0 || at > 30*time.Second {
			return at.Seconds()
		}
		k.wait(t, 20*time.Millisecond)
	}
}

func (k *soak) most() float64 { _, most := k.s.resident(); return most }

// events lets the load go on, and has its bursts and attacks at their times: both once in the warm-up, so that what they
// leave behind is there before slopes count, and then every three and ten minutes.
func (k *soak) events(t testing.TB) {
	begin := time.Now()
	nextAttack, nextBurst := begin.Add(k.o.warm/4), begin.Add(k.o.warm/2)
	var warm scrape
	once := func() bool { // whether all have been
		return warm != nil && (len(k.figures.Bursts) > 0 || k.figures.Settings.skips("bursts")) && (len(k.figures.Attacks) > 0 || k.figures.Settings.skips("attacks"))
	}
	for time.Since(begin) < k.o.mixed || !once() {
		now := time.Now()
		switch {
		case warm == nil && now.Sub(begin) >= k.o.warm:
			warm = k.s.mustScrape(t)
			warmAt := now
			defer func() { k.figures.Load = loadOf(warm, k.s.mustScrape(t), time.Since(warmAt)) }()
		case !now.Before(nextAttack):
			nextAttack = now.Add(10 * time.Minute)
			if !k.figures.Settings.skips("attacks") {
				k.say("%6.0f s  attack by %d streams\n", now.Sub(begin).Seconds(), largeStreams(k.o.short))
				k.attack(t)
			}
		case !now.Before(nextBurst):
			nextBurst = now.Add(3 * time.Minute)
			if !k.figures.Settings.skips("bursts") {
				k.say("%6.0f s  burst of %.0f times the capacity\n", now.Sub(begin).Seconds(), k.o.demand)
				k.burst(t)
			}
		default:
			k.wait(t, 50*time.Millisecond)
		}
	}
}

func loadOf(before, after scrape, took time.Duration) loadFigures {
	images := after.images() - before.images()
	delta := func(name string) float64 { return after.sum(name) - before.sum(name) }
	return loadFigures{
		Seconds: took.Seconds(), Images: images, Objects: delta(metricObjects) / max(images, 1), Bytes: delta(metricBytes) / max(images, 1),
		Collections: delta(metricCollections), Gets: delta("steadyframe_pool_gets_total"), Misses: delta("steadyframe_pool_misses_total"),
	}
}

// finish ends the server while a stream of batches goes on, of which no image may be wrong.
func (k *soak) finish(t *testing.T) {
	c, err := streamCaller(k.rings, k.s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	answered, over := make(chan struct{}), make(chan error)
	go func() {
		for n := 0; ; n++ {
			if err := c.call(t.Context(), n); err != nil {
				over <- err
				return
			}
			if n == 0 {
				close(answered)
			}
		}
	}()
	select {
	case <-answered:
	case err := <-over:
		t.Fatalf("the last stream: %v", err)
	}
	begin := time.Now()
	k.s.Terminate(t)
	k.figures.Exit = exitFigures{Code: k.s.Cmd.ProcessState.ExitCode(), Seconds: time.Since(begin).Seconds(), Panics: panics(k.s.Log.Bytes())}
	var mixed *mixedError
	if err := <-over; errors.As(err, &mixed) {
		k.tally.failed("the last stream", err)
	}
	if *soakLog != "" {
		if err := os.WriteFile(*soakLog+".server", k.s.Log.Bytes(), 0o666); err != nil {
			t.Error(err)
		}
	}
}

// panics returns the lines of a log that tell of a panic or an error of the Go runtime.
func panics(log []byte) (found []string) {
	for line := range bytes.Lines(log) {
		for _, word := range []string{"panic", "fatal error", "DATA RACE", "SIGSEGV"} {
			if bytes.Contains(line, []byte(word)) && len(found) < 20 {
				found = append(found, string(line[:min(len(line), 2000)]))
				break
			}
		}
	}
	return found
}

// conclude prints all, and fails the test for what is judged.
func (k *soak) conclude(t *testing.T) {
	f := &k.figures
	f.Failures, f.Mixed, f.First, f.Clients = k.tally.failures, k.tally.mixed, k.tally.first, k.tally.clients()
	var text strings.Builder
	f.report(&text)
	for _, v := range f.judge(float64(k.o.budget), k.o.short) {
		if k.o.short && v.speed {
			fmt.Fprintf(&text, "(not judged in the short form) ")
		} else if !v.pass {
			t.Errorf("%v", v)
		}
		fmt.Fprintln(&text, v)
	}
	line, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&text, "%s\n", line)
	if k.o.short {
		t.Log(text.String())
		return
	}
	fmt.Print(text.String())
}
