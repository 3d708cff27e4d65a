package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// TestManyWideSpecs: valid requests whose pipelines take much memory each, every one with a Spec of its own, keep the
// server within its budget. Afterwards the memory is free again, and other requests take as long as before.
func TestManyWideSpecs(t *testing.T) {
	const budget, specs, callers = 128 << 20, 32, 4
	t.Setenv(childCollects, "yes")
	server := startChild(t, `{"limits.memory_budget": "128MiB", "limits.memory_floor": "8MiB", "workers": "2"}`)
	caller := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(caller.CloseIdleConnections)
	post := func(s pipeline.Spec, body []byte) (status int, err error) {
		resp, err := caller.Post("http://"+server.HTTP+"/v1/encode?"+query(t, s), "application/octet-stream", bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, err
	}
	usual := makeFrames(t, w1.Input, 1)[0]
	cost := func() time.Duration { // of a usual frame, in processor time: what others take of the processors is not in it
		const frames = 15
		before := server.counters(t).CPU
		for range frames {
			if status, err := post(w1, usual); status != http.StatusOK || err != nil {
				t.Fatalf("got %d, %v for a usual frame", status, err)
			}
		}
		return (server.counters(t).CPU - before) / frames
	}
	wide := func(i int) pipeline.Spec {
		return pipeline.Spec{
			Input:  frame.Desc{Format: frame.Gray8, Width: 65535, Height: 16},
			Resize: pipeline.Resize{Width: 65534 - i, Height: 15, Filter: pipeline.Area},
			Output: pipeline.Output{Quality: 98, Subsampling: jpeg.Sub444, Restart: pipeline.RestartRow},
		}
	}
	cost()
	usually := cost()
	before := server.collected(t)

	// Without a frame nothing is compiled.
	for i := range 16 {
		if status, err := post(wide(100+i), []byte{0}); status != http.StatusBadRequest || err != nil {
			t.Fatalf("got %d, %v for a body of one byte, want 400", status, err)
		}
	}
	if grown := server.collected(t).RSS - before.RSS; grown > 16<<20 {
		t.Errorf("got %d bytes more after requests without a frame", grown)
	}

	noise := make([]byte, 65535*16)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	var attack sync.WaitGroup
	var next atomic.Int64
	for range callers {
		attack.Go(func() {
			for i := next.Add(1); i <= specs; i = next.Add(1) {
				if status, err := post(wide(int(i)), noise); status != http.StatusOK || err != nil {
					t.Errorf("got %d, %v for a wide frame, want it encoded", status, err)
				}
			}
		})
	}
	over := make(chan struct{})
	go func() { defer close(over); attack.Wait() }()
	var peak int64
	for done := false; !done; {
		select {
		case <-over:
			done = true
		default:
		}
		peak = max(peak, server.counters(t).RSS)
		checkAccount(t, caller, server.Admin)
	}
	if most := before.RSS + budget + 32<<20; peak > most {
		t.Errorf("got %d bytes resident, want at most %d: what it was, the budget and 32 MiB", peak, most)
	}
	var rss int64
	eventually(t, "the memory is back", func() bool {
		rss = server.counters(t).RSS
		return rss < before.RSS+24<<20
	})
	var after time.Duration
	eventually(t, "a usual frame takes about as much as before", func() bool { // not at once: what the attack left is collected
		after = cost()
		return after <= 4*usually+20*time.Millisecond
	})
	t.Logf("memory from %d MB to %d MB and back to %d MB; a usual frame took %v of processors before and %v after", before.RSS>>20, peak>>20, rss>>20, usually, after)
}

// checkAccount compares the account of memory in /debug/pools with its total, that of the runtime. What it is made of is read one after the
// other, so that under load not each reading adds up; but what is missing in one is missing in all.
func checkAccount(t *testing.T, caller *http.Client, admin string) {
	t.Helper()
	for left := 10; ; left-- {
		off := readAccount(t, caller, admin)
		if off == "" {
			return
		}
		if left == 0 {
			t.Error(off)
			return
		}
	}
}

// readAccount returns how a reading of the account does not add up; empty: it does.
func readAccount(t *testing.T, caller *http.Client, admin string) (off string) {
	t.Helper()
	resp, err := caller.Get("http://" + admin + "/debug/pools?format=json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var pools struct {
		Memory struct {
			Total  int64            `json:"total_bytes"`
			Held   map[string]int64 `json:"held_bytes"`
			Leased map[string]int64 `json:"leased_bytes"`
		} `json:"memory"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&pools); err != nil {
		t.Fatal(err)
	}
	m := pools.Memory
	var sum int64
	var kinds []string
	for kind, n := range m.Held {
		sum += n
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, n))
	}
	if d := sum - m.Total; len(m.Leased) < 3 || d > m.Total/10 || d < -m.Total/10 {
		return fmt.Sprintf("got an account of %d bytes together (%s), want within a tenth of the runtime's %d", sum, strings.Join(kinds, ", "), m.Total)
	}
	return ""
}
