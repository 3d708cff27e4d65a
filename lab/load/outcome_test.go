package load

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// measured returns the outcome of a load of five seconds on a server that refuses some, and of a search if asked.
func measured(t *testing.T, search bool) (o Outcome) {
	synctest.Test(t, func(t *testing.T) {
		options := bare()
		options.Duration = 5 * time.Second
		server := &fakeServer{took: 10 * time.Millisecond, refuse: func(n int) *Error {
			if n%20 == 13 {
				return &Error{Kind: "Internal", Reason: "a bug"}
			}
			return nil
		}}
		g := server.on(newGenerator(t, options))
		o = Outcome{Machine: measure.Here("v1"), Settings: g.Settings()}
		if search {
			server.refuse = nil
			c, err := g.FindCapacity(t.Context(), Search{})
			if err != nil {
				t.Fatal(err)
			}
			o.Capacity, o.Result = &c, &c.Best().Result
			return
		}
		r, err := g.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.Findings = append(r.Findings, Finding{"differs", 3, "batch 7, image 1: that of frame 8"})
		r.Server = &Server{AllocsPerFrame: 4.2}
		o.Result = &r
	})
	return o
}

// Other programs read these names.
func TestJSON(t *testing.T) {
	text, err := json.Marshal(measured(t, true))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"machine":{"cpu":`, `"settings":{"target":"127.0.0.1:1","via":"grpc","rate":50,"batch":5,`, `"result":{"seconds":`,
		`"p50_ms":`, `"p95_ms":`, `"p99_ms":`, `"p999_ms":`, `"max_ms":`, `"fps":`, `"rejects":0`, `"timeouts":0`, `"errors":[]`, `"findings":[]`,
		`"late_sends":`, `"bytes_out":`, `"bytes_in":`, `"client_cpu_s":`, `"capacity":{"p99_bound_ms":300,"step_s":5,"fps":`, `"steps":[{"rate":50,"achieved":`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("got\n%s\nwant it to have %s", text, want)
		}
	}
}

func TestPage(t *testing.T) {
	for _, search := range []bool{false, true} {
		o, dir := measured(t, search), t.TempDir()
		if err := o.Page().Write(dir); err != nil {
			t.Fatal(err)
		}
		html, err := os.ReadFile(filepath.Join(dir, "index.html"))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"Load on 127.0.0.1:1", "latency", "over time", "20 of", "error: Internal", "a bug", "finding: differs", "heap objects allocated for a frame"}
		plots := []string{"latency.svg", "rate.svg", "latency-over-time.svg"}
		if search {
			want, plots = []string{"The server bears ", "passed", "less than 99 % of the rate"}, append(plots, "capacity.svg")
		} else {
			want[3] = "240 of 250 frames"
		}
		for _, w := range want {
			if !strings.Contains(string(html), w) {
				t.Errorf("search %v: the page does not have %q", search, w)
			}
		}
		for _, name := range plots {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestText(t *testing.T) {
	o := measured(t, false)
	text := o.Result.String()
	for _, want := range []string{
		"240 images of 250 in 5.0 s (48.0 fps), 0 rejects, 10 failed frames\n", "batch p50 10.0 ms, p95 10.0 ms, p99 10.0 ms,",
		"error Internal: 10 frames; the first: a bug\n", "FINDING differs: 3; the first: batch 7, image 1: that of frame 8\n", "this program: ", "server: 4.2 allocs/frame",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwant it to have %q", text, want)
		}
	}
}
