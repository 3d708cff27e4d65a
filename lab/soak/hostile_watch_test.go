package soak

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// hostileRest is what a server holds: the most in some time, or at a moment.
type hostileRest struct {
	Resident   float64 `json:"rss_bytes"` // without the pages of the program's file
	Goroutines float64 `json:"goroutines"`
	Files      float64 `json:"files"`
	Admitted   float64 `json:"admitted_bytes"`
	InUse      float64 `json:"in_use_bytes"`
	Idle       float64 `json:"pool_idle_bytes"`

	Memory map[string]float64 `json:"memory_mb"` // what it was used for when the most was resident, in MB
}

func (r hostileRest) most(o hostileRest) hostileRest {
	memory := r.Memory
	if o.Resident > r.Resident {
		memory = o.Memory
	}
	return hostileRest{
		max(r.Resident, o.Resident), max(r.Goroutines, o.Goroutines), max(r.Files, o.Files), max(r.Admitted, o.Admitted), max(r.InUse, o.InUse), max(r.Idle, o.Idle), memory,
	}
}

// hostileWatch asks a server five times a second what it holds.
type hostileWatch struct {
	s       *served
	closing chan struct{}
	done    chan struct{}

	mu   sync.Mutex
	most hostileRest // since the last mark
	last hostileRest

	// Since await:
	ended  time.Time // zero before
	start  hostileRest
	inARow int // readings in which all was as at the start
	back   hostileBack

	cpu processorTime // at the last look at others
}

func startHostileWatch(s *served) *hostileWatch {
	w := &hostileWatch{s: s, closing: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			if m := s.scrape(); m != nil {
				now := restUnderAttack(m)
				now.Resident, _ = s.resident()
				now.Resident -= s.statusField("RssFile")
				w.mu.Lock()
				w.most, w.last = w.most.most(now), now
				w.look(now)
				w.mu.Unlock()
			}
			select {
			case <-w.closing:
				return
			case <-tick.C:
			}
		}
	}()
	return w
}

// restUnderAttack returns what a server says that it holds.
func restUnderAttack(m scrape) hostileRest {
	r := hostileRest{
		Goroutines: m[metricGoroutines], Files: m[metricFiles], Admitted: m[metricAdmitted], InUse: m[metricInUse], Idle: m["steadyframe_pool_idle_bytes"],
		Memory: map[string]float64{},
	}
	for key, v := range m {
		if kind, ok := strings.CutPrefix(key, `steadyframe_memory_bytes{kind="`); ok {
			r.Memory[strings.TrimSuffix(kind, `"}`)] = math.Round(v/1e5) / 10
		}
	}
	return r
}

// mark returns the most that there was since the last mark, and begins anew.
func (w *hostileWatch) mark() hostileRest {
	w.mu.Lock()
	defer w.mu.Unlock()
	most := w.most
	w.most = w.last
	return most
}

// now returns the newest reading.
func (w *hostileWatch) now() hostileRest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// stop ends the watch.
func (w *hostileWatch) stop() {
	close(w.closing)
	<-w.done
}

// What of a server under its usual load may differ from moment to moment.
const (
	slackResident   = 96 << 20 // limits.memory_floor, of which only a part was touched before, and garbage between two collections
	slackGoroutines = 16       // connections of newcomers, of three goroutines each, that are just ending
	slackFiles      = 6
	slackAdmitted   = 64 << 20 // three batches of 17 MB that came at the same moment
)

// asAtStart reports what of now is more than at the start.
func asAtStart(now, start hostileRest) (more []string) {
	for _, f := range []struct {
		name              string
		now, start, slack float64
		unit              string
	}{
		{"resident", now.Resident / 1e6, start.Resident / 1e6, slackResident / 1e6, "MB"},
		{"goroutines", now.Goroutines, start.Goroutines, slackGoroutines, ""},
		{"files", now.Files, start.Files, slackFiles, ""},
		{"admitted", now.Admitted / 1e6, start.Admitted / 1e6, slackAdmitted / 1e6, "MB"},
	} {
		if f.now > f.start+f.slack {
			more = append(more, fmt.Sprintf("%s %.0f %s, %.0f at the start", f.name, f.now, f.unit, f.start))
		}
	}
	return more
}

// hostileBack is when all was as before the attack.
type hostileBack struct {
	Seconds float64  `json:"after_s"`        // after the end of the attack
	More    []string `json:"more,omitempty"` // what was never as before
}

// look notes whether now is as at the start. w.mu is held.
func (w *hostileWatch) look(now hostileRest) {
	if w.ended.IsZero() || w.inARow == 3 {
		return
	}
	w.back = hostileBack{Seconds: time.Since(w.ended).Seconds(), More: asAtStart(now, w.start)}
	if w.inARow++; len(w.back.More) > 0 {
		w.inARow = 0
	}
}

// await begins to look for when all is as at the start, three times in a row.
func (w *hostileWatch) await(start hostileRest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended, w.start = time.Now(), start
}

// cameBack returns when that was. Until then it waits, a minute after the end at most.
func (w *hostileWatch) cameBack(t testing.TB, g *good, o hostileOptions) hostileBack {
	t.Helper()
	for {
		w.mu.Lock()
		back, over := w.back, w.inARow == 3 || o.short || time.Since(w.ended) > time.Minute
		w.mu.Unlock()
		if over {
			return back
		}
		g.wait(t, 50*time.Millisecond)
	}
}

// statusField returns a field of proc_pid_status(5) in bytes, 0 where there is none.
func (s *served) statusField(name string) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Cmd.Process.Pid))
	_, rest, _ := bytes.Cut(text, []byte("\n"+name+":"))
	kB, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" kB"))
	n, _ := strconv.ParseFloat(string(kB), 64)
	return n * 1024
}

// resetPeak lets the peak of the resident set begin anew: proc_pid_clear_refs(5).
func (s *served) resetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.Cmd.Process.Pid), []byte("5"), 0) // Where it cannot, the peak is that of all time.
}

// peak returns the most that was resident since resetPeak, without the pages of the program's file, and the size of these.
func (s *served) peak() (most, file float64) {
	file = s.statusField("RssFile")
	_, most = s.resident()
	return most - file, file
}

// processorTime is seconds of processor time: of everybody, and of us.
type processorTime struct{ all, ours float64 }

// others returns how many processors other programs than the soak's kept busy since the last call.
func (w *hostileWatch) others(since time.Duration, p *attackers) float64 {
	now := processorTime{all: busySeconds(), ours: processSeconds(os.Getpid()) + processSeconds(w.s.Cmd.Process.Pid)}
	var attack float64
	if p != nil && p.cmd != nil {
		attack = processSeconds(p.cmd.Process.Pid)
	}
	before := w.cpu
	w.cpu = now
	if before.all == 0 {
		return 0
	}
	return max(0, now.all-before.all-(now.ours-before.ours)-attack) / since.Seconds()
}

// ticks is how many clock ticks /proc counts a second: USER_HZ, 100 on all of Linux that Go runs on.
const ticks = 100

// busySeconds returns the processor time of all: proc_stat(5).
func busySeconds() (sum float64) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line) {
		if i == 0 || i == 4 || i == 5 || i > 8 { // cpu, idle, iowait, guests, which are in user
			continue
		}
		n, _ := strconv.ParseFloat(field, 64)
		sum += n / ticks
	}
	return sum
}

// processSeconds returns the processor time of a process, 0 of one that has ended.
func processSeconds(pid int) float64 {
	cpu, _, _ := measure.SpentBy(pid)
	return cpu.Seconds()
}

// processesWith returns the processes that have text in their environment.
func processesWith(text string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environ, []byte(text)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// logFigures is what a server wrote to its log during an attack.
type logFigures struct {
	Lines   int     `json:"lines"`
	Causes  int     `json:"causes"`
	Longest int     `json:"longest_bytes"`
	Seconds float64 `json:"seconds"`
	Most    string  `json:"most_of"` // the cause with the most lines
}

// varying is what differs between two lines of one cause: numbers, and what clients have sent.
var varying = regexp.MustCompile(`[0-9]+|"([^"\\]|\\.)*"?`)

// judgeLog counts the lines from begin to end. A cause is a message with its kind and reason.
func judgeLog(log []byte, begin, end time.Time) logFigures {
	f := logFigures{Seconds: end.Sub(begin).Seconds()}
	causes := map[string]int{}
	for line := range bytes.Lines(log) {
		var entry struct {
			Time              time.Time
			Msg, Kind, Reason string
		}
		if json.Unmarshal(line, &entry) != nil || entry.Time.Before(begin) || entry.Time.After(end) {
			continue
		}
		f.Lines++
		f.Longest = max(f.Longest, len(line))
		causes[fmt.Sprintf("%s, %s: %s", entry.Msg, entry.Kind, varying.ReplaceAllString(entry.Reason, "*"))]++
	}
	f.Causes = len(causes)
	most := 0
	for cause, n := range causes {
		if n > most {
			f.Most, most = fmt.Sprintf("%s: %d", cause, n), n
		}
	}
	return f
}
