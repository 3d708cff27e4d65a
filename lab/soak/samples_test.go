package soak

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/lab/measure"
)

// scrape is the metrics of a server at one moment: values by name and labels, as the text form of Prometheus has them.
type scrape map[string]float64

// scrape reads /metrics. It returns nil when there is no response.
func (s *served) scrape() scrape {
	response, err := http.Get("http://" + s.Admin + "/metrics")
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	values := scrape{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		if v, err := strconv.ParseFloat(line[at+1:], 64); err == nil {
			values[line[:at]] = v
		}
	}
	if lines.Err() != nil {
		return nil
	}
	return values
}

// sum returns the sum of a metric over all its labels.
func (m scrape) sum(name string) (total float64) {
	for key, v := range m {
		if key == name || strings.HasPrefix(key, name+"{") {
			total += v
		}
	}
	return total
}

// leases returns how many buffers of the pool are in use.
func (m scrape) leases() (n float64) {
	for key, v := range m {
		if strings.HasPrefix(key, "steadyframe_pool_buffers{") && strings.Contains(key, `state="in_use"`) {
			n += v
		}
	}
	return n
}

// images returns how many there have been made.
func (m scrape) images() float64 {
	return m[`steadyframe_frames_total{outcome="ok"}`] + m[`steadyframe_stream_frames_total{outcome="ok"}`]
}

// Names of metrics that several look at.
const (
	metricGoroutines  = "go_goroutines"
	metricFiles       = "process_open_fds"
	metricInUse       = "steadyframe_pool_in_use_bytes"
	metricAdmitted    = "steadyframe_pool_admitted_bytes"
	metricOpen        = "steadyframe_open_requests"
	metricCollections = "go_gc_cycles_total_gc_cycles_total"
	metricObjects     = "go_gc_heap_allocs_objects_total"
	metricBytes       = "go_gc_heap_allocs_bytes_total"
)

// resident returns the bytes of memory that the server has resident, and the most that it ever had: VmRSS and VmHWM of
// proc_pid_status(5). Where there is no /proc they are 0.
func (s *served) resident() (now, most float64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Cmd.Process.Pid))
	field := func(name string) float64 {
		_, rest, _ := bytes.Cut(text, []byte("\n"+name+":"))
		kB, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" kB"))
		n, _ := strconv.ParseFloat(string(kB), 64) // 0 where there is none
		return n * 1024
	}
	return field("VmRSS"), field("VmHWM")
}

// sampler samples the server once a second, and reports it at intervals.
type sampler struct {
	s     *served
	begun time.Time
	tell  io.Writer     // gets a line at intervals; may be nil
	every time.Duration // how often

	quiet   sync.Mutex // held while the server must not be asked
	closing chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	seconds []float64 // since begun, of each sample of the resident set
	memory  []float64 // bytes
	missed  int       // scrapes without a response
	last    scrape    // the newest
}

func startSampler(s *served, tell io.Writer, every time.Duration) *sampler {
	m := &sampler{s: s, begun: time.Now(), tell: tell, every: every, closing: make(chan struct{}), done: make(chan struct{})}
	go m.run()
	return m
}

func (m *sampler) run() {
	defer close(m.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var told time.Time
	before := m.s.scrape()
	at := time.Now()
	for {
		select {
		case <-m.closing:
			return
		case <-tick.C:
		}
		m.remember()
		if !m.quiet.TryLock() {
			continue
		}
		now := m.s.scrape()
		m.quiet.Unlock()
		if now == nil {
			m.mu.Lock()
			m.missed++
			m.mu.Unlock()
			continue
		}
		m.mu.Lock()
		m.last = now
		m.mu.Unlock()
		if m.tell != nil && before != nil && time.Since(told) >= m.every {
			seconds := time.Since(at).Seconds()
			m.say(before, now, seconds)
			told, before, at = time.Now(), now, time.Now()
		}
	}
}

// remember keeps the resident set, which costs the server nothing.
func (m *sampler) remember() {
	rss, _ := m.s.resident()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seconds, m.memory = append(m.seconds, time.Since(m.begun).Seconds()), append(m.memory, rss)
}

func (m *sampler) say(before, now scrape, seconds float64) {
	rss, _ := m.s.resident()
	made := now.images() - before.images()
	gets := now.sum("steadyframe_pool_gets_total") - before.sum("steadyframe_pool_gets_total")
	misses := now.sum("steadyframe_pool_misses_total") - before.sum("steadyframe_pool_misses_total")
	fmt.Fprintf(m.tell, "%6.0f s  %6.0f images/s  RSS %5.1f MB  %4.0f leases %6.1f MB  %4.2f %% of gets missed  %5.1f objects/image  "+
		"%3.0f collections  %4.0f goroutines  %4.0f files  %3.0f requests open\n",
		time.Since(m.begun).Seconds(), made/seconds, rss/1e6, now.leases(), now[metricInUse]/1e6, 100*misses/max(gets, 1),
		(now[metricObjects]-before[metricObjects])/max(made, 1), now[metricCollections]-before[metricCollections], now[metricGoroutines], now[metricFiles], now[metricOpen])
}

// stop ends the sampling.
func (m *sampler) stop() {
	close(m.closing)
	<-m.done
}

// slope returns how fast the resident set rises, in bytes an hour, from that second on, by the least of each window of so
// many seconds: what a burst takes for a moment, or a collection has not yet freed, is no rise. ok is false when there are
// too few windows.
func (m *sampler) slope(from, window float64) (s measure.Slope, windows int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return leastSlope(m.seconds, m.memory, from, window)
}

// leastSlope is the slope of what sampler.slope says, of any samples.
func leastSlope(seconds, values []float64, from, window float64) (s measure.Slope, windows int, ok bool) {
	var hours, least []float64
	for i := range seconds {
		if seconds[i] < from {
			continue
		}
		if w := int((seconds[i] - from) / window); w >= len(least) {
			for len(least) < w { // windows without a sample: as before
				hours, least = append(hours, (from+window*float64(len(least)))/3600), append(least, values[i])
			}
			hours, least = append(hours, (from+window*float64(w))/3600), append(least, values[i])
		}
		least[len(least)-1] = min(least[len(least)-1], values[i])
	}
	s, ok = measure.TheilSen(hours, least)
	return s, len(least), ok
}

// silence keeps the sampler from asking the server until the returned function is called.
func (m *sampler) silence() (end func()) {
	m.quiet.Lock()
	return m.quiet.Unlock
}

// mustScrape is scrape for when the server must respond.
func (s *served) mustScrape(t testing.TB) scrape {
	t.Helper()
	var got scrape
	daemon.WaitFor(t, "the metrics", func() bool { got = s.scrape(); return got != nil })
	return got
}
