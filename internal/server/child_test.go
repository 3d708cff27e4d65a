package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/server"
)

// childVariable makes the test binary a server with the settings in it, as JSON. It writes its addresses to standard
// output, and stops when its standard input ends.
const childVariable = "TEST_STEADYFRAME_CHILD"

// childCollects, when set, leaves the child's garbage collector on.
const childCollects = "TEST_STEADYFRAME_CHILD_COLLECTS"

// collect asks the child to collect garbage first.
const collect = "collect"

// runChild is that server.
func runChild() {
	if os.Getenv(childCollects) == "" {
		debug.SetGCPercent(-1) // so that sync.Pool keeps its objects
	}
	set := map[string]string{"http.listen": "127.0.0.1:0", "grpc.listen": "127.0.0.1:0", "admin.listen": "127.0.0.1:0"}
	if err := json.Unmarshal([]byte(os.Getenv(childVariable)), &set); err != nil {
		panic(err)
	}
	c, err := server.LoadConfig(server.LoadOptions{Set: set})
	if err != nil {
		panic(err)
	}
	s, err := server.NewOver(c, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	requests := bufio.NewScanner(os.Stdin)
	if err := json.NewEncoder(os.Stdout).Encode(s.Addrs()); err != nil {
		panic(err)
	}
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	for requests.Scan() { // Each line asks for the process's counters.
		if requests.Text() == collect {
			debug.FreeOSMemory()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		out := counters{Mallocs: m.Mallocs, Bytes: m.TotalAlloc, RSS: rss(), Goroutines: runtime.NumGoroutine(), CPU: cpuTime(), Stats: s.Stats()}
		if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
			panic(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		panic(err)
	}
}

// counters are a process's.
type counters struct {
	Mallocs, Bytes uint64
	RSS            int64
	Goroutines     int
	CPU            time.Duration // in user space and in the kernel; 0 where the process cannot tell
	Stats          server.Stats
}

// rss returns the resident bytes of this process, 0 where it cannot tell.
func rss() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(data), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// child is a server in a process of its own.
type child struct {
	server.Addrs
	in  io.Writer
	out *bufio.Reader
}

// startChild starts a server in a process of its own, so that its allocations are not mixed with the test's.
func startChild(t testing.TB, set string) *child {
	t.Helper()
	if testing.Short() {
		t.Skip("memory and allocations are measured in the full form")
	}
	if race.Enabled {
		t.Skip("allocations are not counted under the race detector: sync.Pool drops one Put in four")
	}
	if clientTLS != nil {
		t.Skip("what crypto/tls allocates is not the server's")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVariable+"="+set)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server's process: %v", err)
		}
	})
	c := &child{in: in, out: bufio.NewReader(out)}
	c.readJSON(t, &c.Addrs)
	c.counters(t) // The first time allocates more.
	return c
}

func (c *child) readJSON(t testing.TB, v any) {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(strings.NewReader(line)).Decode(v); err != nil {
		t.Fatal(err)
	}
}

// counters asks for the server's counters.
func (c *child) counters(t testing.TB) counters {
	t.Helper()
	return c.ask(t, "")
}

// collected is counters after a garbage collection: resident memory is then memory that is held.
func (c *child) collected(t testing.TB) counters {
	t.Helper()
	return c.ask(t, collect)
}

func (c *child) ask(t testing.TB, line string) counters {
	t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
	var out counters
	c.readJSON(t, &out)
	return out
}
