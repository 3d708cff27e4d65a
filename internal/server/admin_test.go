package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
)

// admin gets a page of the admin API.
func (s *running) admin(t testing.TB, path string) (status int, body string) {
	t.Helper()
	transport := newTransport()
	transport.DisableKeepAlives = true
	req, err := http.NewRequestWithContext(timeout(t), http.MethodGet, scheme+"://"+s.Addrs().Admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, string(readAll(t, resp.Body))
}

// viewers returns how many viewers the server has, of all live streams. A publisher's status says so later.
func (s *running) viewers(t testing.TB) (n int) {
	t.Helper()
	_, body := s.admin(t, "/metrics")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, "steadyframe_viewers{"); ok {
			_, value, _ = strings.Cut(strings.TrimSpace(value), "} ")
			some, err := strconv.Atoi(value)
			if err != nil {
				t.Fatalf("viewers: %v in %q", err, line)
			}
			n += some
		}
	}
	return n
}

// TestMetrics: after a known run the counters are exact, and every name is there.
func TestMetrics(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	frames := makeFrames(t, small.Input, 10)
	frames[9] = frames[9][1:]
	var a client.Response
	if err := c.Encode(timeout(t), &client.Batch{Spec: small, Frames: frames}, &a); err != nil {
		t.Fatal(err)
	}
	if err := c.Encode(timeout(t), &client.Batch{Spec: small}, &a); err == nil {
		t.Fatal("got no error for a batch without frames")
	}
	readAll(t, s.post(t, query(t, small), bytes.NewReader(frames[0])).Body)
	eventually(t, "all leases are returned", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().OpenRequests == 0 })
	_, body := s.admin(t, "/metrics")
	values := map[string]string{}
	for line := range strings.Lines(body) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok {
			values[name+"}"] = value
		} else if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			values[name] = value
		}
	}
	for name, want := range map[string]string{
		`steadyframe_frames_total{outcome="ok"}`:                            "10",
		`steadyframe_frames_total{outcome="invalid"}`:                       "1",
		`steadyframe_rejected_total{reason="invalid"}`:                      "1",
		`steadyframe_rejected_total{reason="busy"}`:                         "0",
		`steadyframe_pool_in_use_bytes`:                                     "0",
		`steadyframe_pool_admitted_bytes`:                                   "0",
		`steadyframe_pool_discards_total{reason="lost"}`:                    "0",
		`steadyframe_queue_depth`:                                           "0",
		`steadyframe_open_requests`:                                         "0",
		`steadyframe_queue_wait_seconds_count`:                              "2",
		`steadyframe_batch_duration_seconds_count`:                          "2",
		`steadyframe_limit{setting="limits.queue_depth"}`:                   "64",
		`steadyframe_connections{listener="admin"}`:                         "1",
		`steadyframe_connections_refused_total{listener="http"}`:            "0",
		`steadyframe_stage_duration_seconds_count{stage="run"}`:             "2",
		`steadyframe_stage_duration_seconds_bucket{stage="run",le="+Inf"}`:  "2",
		`steadyframe_stage_duration_seconds_bucket{stage="send",le="+Inf"}`: "1", // HTTP's single image goes to net/http's buffer
		`steadyframe_stage_duration_seconds_count{stage="receive"}`:         "2", // gRPC's, the one without frames too
	} {
		if got := values[name]; got != want {
			t.Errorf("%s: got %q, want %s", name, got, want)
		}
	}
	var gets, puts float64
	for _, cs := range s.Stats().Pool.Classes {
		gets, puts = gets+float64(cs.Gets), puts+float64(cs.Puts)
		if got := values[fmt.Sprintf(`steadyframe_pool_gets_total{class="%d"}`, cs.Size)]; got != fmt.Sprint(cs.Gets) {
			t.Errorf("gets of class %d: got %s, want %d", cs.Size, got, cs.Gets)
		}
	}
	if gets != puts {
		t.Errorf("got %v gets and %v puts at rest, want the same", gets, puts)
	}
	for _, name := range []string{"steadyframe_pool_puts_total{", "steadyframe_pool_misses_total{", "steadyframe_pool_idle_bytes", "steadyframe_build_info{", "go_sched_latencies_seconds_bucket",
		"go_sched_pauses_total_gc_seconds_bucket", "go_gc_cycles_total_gc_cycles_total", "go_cpu_classes_gc_total_cpu_seconds_total", "steadyframe_gc_pause_seconds_bucket{", "process_resident_memory_bytes"} {
		if !strings.Contains(body, "\n"+name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
}

func TestAdminPages(t *testing.T) {
	s := start(t, nil)
	for path, want := range map[string]string{
		"/":                    "/debug/pools",
		"/healthz":             "ok",
		"/readyz":              "ok",
		"/debug/pools":         "collected  evicted  trimmed  lost",
		"/debug/pprof/cmdline": "test",
	} {
		if status, body := s.admin(t, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d, %q, want 200 with %q", path, status, body, want)
		}
	}
	if status, _ := s.admin(t, "/nothing"); status != http.StatusNotFound {
		t.Errorf("/nothing: got %d, want 404", status)
	}
	_, body := s.admin(t, "/debug/pools?format=json")
	var pools struct {
		Budget  int64 `json:"budget_bytes"`
		Classes []struct {
			Size, Gets int64
			Discards   map[string]int64
		}
	}
	if err := json.Unmarshal([]byte(body), &pools); err != nil {
		t.Fatal(err)
	}
	if l := server.Default().Limits; pools.Budget != int64(l.MemoryBudget)-l.PipelineShare() || len(pools.Classes) == 0 {
		t.Errorf("/debug/pools: got %+v, want the budget and the class of /healthz's image", pools)
	}
}
