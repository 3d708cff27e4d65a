package soak

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// scripts/soak --hostile sets these.
var (
	soakHostile = flag.Bool("soak-hostile", false, "TestHostile in full size; else a tenth of each attack, for a moment")
	soakOnly    = flag.String("soak-only", "", "attacks of TestHostile, by commas; empty: all")
)

// hostileOptions is how TestHostile goes.
type hostileOptions struct {
	short  bool
	quiet  time.Duration // without an attack, before each
	attack time.Duration // at least
	after  time.Duration // how long the good client is measured after it
	settle time.Duration // of it, before the good client is measured
	again  time.Duration // how long the attack goes on once more before SIGTERM
}

// hostileDrain is drain_timeout of the servers under attack, the one setting that is not the default: to wait 20 s for each
// would show nothing more.
const hostileDrain = 3 * time.Second

// TestHostile: one attack after the other, each on a server of its own at default settings, while a good client uses it. The
// server stays within its memory and its time limits, the good client notices little, and afterwards all is as before.
//
// The attackers are processes of the lowest priority: on another machine, as attackers are, they would take none of the
// server's processor time. The short form, within `go test`, judges nothing that depends on the machine's speed or memory.
func TestHostile(t *testing.T) {
	o := hostileOptions{
		short: !*soakHostile, quiet: 5 * time.Second, attack: 10 * time.Second, after: 5 * time.Second, settle: 1500 * time.Millisecond, again: 1500 * time.Millisecond,
	}
	if o.short {
		o.quiet, o.attack, o.after, o.settle, o.again = 200*time.Millisecond, 0, 100*time.Millisecond, 0, 100*time.Millisecond
	}
	if runtime.GOOS != "linux" {
		t.Skip("it reads the server's memory from /proc: want Linux")
	}
	h := &hostile{o: o, rings: soakRings(t, 13), live: liveRing(t, 25)}
	h.figures.Machine = measure.Here(programVersion(t))
	h.figures.Settings = hostileSettings{
		Quiet: o.quiet.Seconds(), Attack: o.attack.Seconds(), Budget: hostileBudget, Beside: hostileBeside, Rate: goodRate, Floor: p99Floor,
	}
	names := strings.Split(*soakOnly, ",")
	for i := range attacks {
		a := &attacks[i]
		if *soakOnly != "" && !slices.Contains(names, a.name) {
			continue
		}
		h.run(t, a)
	}
	if len(h.figures.Attacks) == 0 {
		t.Fatalf("-soak-only: got %q, want some of %s", *soakOnly, strings.Join(attackNames(), ", "))
	}
	h.conclude(t)
}

// programVersion returns what the program under test says that it is.
func programVersion(t testing.TB) string {
	t.Helper()
	text, err := exec.Command(program, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(string(text), "\n")
	return version
}

// hostile is one run of TestHostile.
type hostile struct {
	o       hostileOptions
	rings   *rings
	live    *ring
	figures hostileFigures
}

// run attacks a server, and notes what came of it.
func (h *hostile) run(t *testing.T, a *attack) {
	t.Helper()
	if !h.o.short {
		fmt.Fprintf(os.Stderr, "%s %s: %s\n", time.Now().Format("15:04:05"), a.name, a.about)
	}
	f := &hostileAttack{Name: a.name, About: a.about, Needs: a.needs}
	var environment, args []string
	if a.serve != nil {
		environment, args = a.serve(t, h.o.short)
	}
	drain := hostileDrain
	if h.o.short {
		drain = 500 * time.Millisecond
	}
	s := serve(t, environment, append(args, "--set", "drain_timeout="+drain.String())...)
	good := startGood(t, s, h.rings, h.live)
	watch := startHostileWatch(s)

	good.wait(t, h.o.quiet/3) // a warm-up
	watch.mark()
	others := func(p *attackers) func(time.Duration) float64 {
		return func(since time.Duration) float64 { return watch.others(since, p) }
	}
	before := good.watch(t, others(nil), lasting(h.o.quiet))
	f.Start = watch.mark()

	s.resetPeak()
	attackers := startAttackers(t, a, s, h.o.short)
	f.Began = time.Now()
	held := 0
	during := good.watch(t, others(attackers), func() bool {
		if a.do == nil { // To look through all processes costs much.
			held = max(held, len(heldProcesses(s)))
		}
		switch took := time.Since(f.Began); {
		case h.o.short:
			return attackers.enough() && (a.do != nil || held > 0) || took > 2*time.Minute
		case a.most > 0:
			return took >= h.o.attack && (attackers.done() || took > a.most)
		default:
			return took >= h.o.attack
		}
	})
	f.Peak, f.ProgramFile = s.peak()
	f.Most = watch.mark()
	attackers.end(t)
	f.Counts = attackers.counts()
	if a.do == nil {
		f.Counts = map[string]int{"processes": held}
	}
	f.Ended = time.Now()
	watch.await(f.Start)

	good.wait(t, h.o.settle)
	after := good.watch(t, others(nil), lasting(h.o.after))
	f.look(before, during, after)
	f.Back = watch.cameBack(t, good, h.o)
	f.End = watch.now()

	attackers = startAttackers(t, a, s, h.o.short)
	good.wait(t, h.o.again)
	watch.stop()
	good.stop()
	begin := time.Now()
	s.AskToEnd()
	select {
	case <-s.Done:
	case <-time.After(25 * time.Second):
		s.Kill()
	}
	f.Exit = exitFigures{Code: s.Cmd.ProcessState.ExitCode(), Seconds: time.Since(begin).Seconds(), Panics: panics(s.Log.Bytes())}
	s.Kill() // It has ended. That it may end with code 1, since something hung, is judged by its time.
	for f.Left = heldProcesses(s); len(f.Left) > 0 && time.Since(begin) < time.Minute; f.Left = heldProcesses(s) {
		<-time.After(50 * time.Millisecond) // What was killed takes a moment to end.
	}
	attackers.end(t)
	f.Failures, f.Mixed, f.First = good.failures()
	f.Log = judgeLog(s.Log.Bytes(), f.Began, f.Ended)
	if *soakLog != "" {
		if err := os.WriteFile(*soakLog+"."+a.name+".server", s.Log.Bytes(), 0o666); err != nil {
			t.Error(err)
		}
	}
	h.figures.Attacks = append(h.figures.Attacks, f)
	if !h.o.short {
		passed, all := 0, f.judge()
		for _, v := range all {
			if v.pass {
				passed++
			} else {
				fmt.Fprintln(os.Stderr, v)
			}
		}
		fmt.Fprintf(os.Stderr, "%s: %d of %d verdicts pass; P50 %.1f ms, %.1f without; P99 %.1f ms, %.1f without\n", a.name, passed, len(all),
			f.Beside.P50, f.Without.P50, f.Beside.P99, f.Without.P99)
	}
}

// lasting returns a function that returns true when so much time has passed.
func lasting(d time.Duration) func() bool {
	begin := time.Now()
	return func() bool { return time.Since(begin) >= d }
}

// conclude prints all, and fails the test for what is judged.
func (h *hostile) conclude(t *testing.T) {
	var text strings.Builder
	h.figures.report(&text)
	for _, f := range h.figures.Attacks {
		for _, v := range f.judge() {
			if h.o.short && v.speed {
				continue
			}
			if !v.pass {
				t.Errorf("%v", v)
			}
			fmt.Fprintln(&text, v)
		}
	}
	line, err := json.Marshal(h.figures)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&text, "%s\n", line)
	if h.o.short {
		t.Log(text.String())
		return
	}
	fmt.Print(text.String())
}

// attack is something that a server must bear.
type attack struct {
	name  string
	about string
	// needs is what must have been counted, so that the attack has taken place, in the short form too; 0: none of that.
	needs map[string]int
	// serve returns further variables of the environment and arguments of the server; may be nil.
	serve func(t testing.TB, short bool) (environment, args []string)
	// do attacks until all is done, if there is an end, or until a.ctx ends; may be nil.
	do func(a *attacker) error
	// most is how long the attack may take that has an end; 0: it has none.
	most time.Duration
}

// met reports whether the attack has taken place, by what was counted.
func (a *attack) met(counts map[string]int) bool {
	for what, need := range a.needs {
		if counts[what] < need || need == 0 && counts[what] > 0 {
			return false
		}
	}
	return true
}

func attackNames() (names []string) {
	for i := range attacks {
		names = append(names, attacks[i].name)
	}
	return names
}

// attacks are all, in the order in which they come.
var attacks = slices.Concat(grpcAttacks, httpAttacks, liveAttacks, rtspAttacks)

// attackVariable, when set, makes the test's program the attackers of one attack, in a process of its own.
const attackVariable = "STEADYFRAME_SOAK_ATTACK"

// attackOrder is what that variable has, as JSON.
type attackOrder struct {
	Name, HTTP, GRPC, RTSP string
	Short                  bool
}

// runAttackers is that process. It attacks until its standard input ends, says "enough" when the attack has taken place, "done" when
// nothing is left to do, and at last what it has counted.
func runAttackers() int {
	var order attackOrder
	if err := json.Unmarshal([]byte(os.Getenv(attackVariable)), &order); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ordered := &largeFrames
	if i := slices.Index(attackNames(), order.Name); i >= 0 {
		ordered = &attacks[i]
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &attacker{attackOrder: order, ctx: ctx, counts: map[string]int{}}
	over := make(chan error, 1)
	go func() {
		err := ordered.do(a)
		fmt.Println("done")
		over <- err
	}()
	go func() {
		for a.pause(20 * time.Millisecond) {
			a.mu.Lock()
			enough := ordered.met(a.counts)
			a.mu.Unlock()
			if enough {
				fmt.Println("enough")
				return
			}
		}
	}()
	_, _ = os.Stdin.Read(make([]byte, 1)) // It ends, or cannot be read, which is the same.
	cancel()
	select {
	case err := <-over:
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	case <-time.After(10 * time.Second): // Its connections end with the process.
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	line, err := json.Marshal(a.counts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Printf("%s\n", line)
	return 0
}
