package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// loadOutcome is what bench load --json prints, as far as it is looked at.
type loadOutcome struct {
	Settings struct{ Via string }
	Result   *struct {
		Batches, Frames, Answered, Images, Rejects, Timeouts int
		Errors, Findings                                     []any
		P50                                                  float64 `json:"p50_ms"`
		BytesIn                                              int64   `json:"bytes_in"`
		Server                                               *struct {
			RSSMax float64 `json:"rss_max_bytes"`
			CPU    float64 `json:"cpu_s"`
		}
		Error string
	}
	Capacity *struct {
		FPS   float64
		Steps []struct{ Passed bool }
	}
}

// benchLoad runs bench load --json with args.
func benchLoad(t *testing.T, args ...string) (loadOutcome, result) {
	t.Helper()
	r := steadyframe(t, nil, append([]string{"bench", "load", "--json"}, args...)...)
	var o loadOutcome
	if err := json.Unmarshal(r.stdout, &o); err != nil || o.Result == nil && o.Capacity == nil {
		t.Fatalf("steadyframe bench load %q: exit code %d, %v\n%s%s", args, r.code, err, r.stdout, r.stderr)
	}
	return o, r
}

// A load on the real server comes back whole, over each transport.
func TestBenchLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t)
	onUnix := serve(t, "--http", "unix:"+filepath.Join(dir, "http"), "--grpc", "unix:"+filepath.Join(dir, "grpc"), "--admin", "unix:"+filepath.Join(dir, "admin"))
	for _, tt := range []struct {
		name, admin string
		args        []string
	}{
		{"grpc", s.Admin, []string{s.GRPC}},
		{"http", s.Admin, []string{"http://" + s.HTTP, "--connections", "2"}},
		{"grpc-unix", onUnix.Admin, []string{onUnix.GRPC}},
		{"http-unix", onUnix.Admin, []string{onUnix.HTTP, "--via", "http"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report := filepath.Join(t.TempDir(), "out")
			o, r := benchLoad(t, append(tt.args, "--requests", "12", "--rate", "600", "--timeout", "1m", "--admin", tt.admin, "--report", report)...)
			got := o.Result
			if r.code != 0 || o.Settings.Via != strings.TrimSuffix(tt.name, "-unix") || got.Batches != 12 || got.Images != 300 || got.Frames != 300 ||
				len(got.Errors)+len(got.Findings)+got.Rejects+got.Timeouts > 0 || got.P50 <= 0 || got.BytesIn < 300*2000 {
				t.Errorf("exit code %d, via %s, got %+v\n%s", r.code, o.Settings.Via, got, r.stderr)
			}
			if got.Server == nil || got.Server.RSSMax < 1e6 {
				t.Errorf("the server says %+v", got.Server)
			}
			if html := read(t, filepath.Join(report, "index.html")); !strings.Contains(string(html), "300 of 300 frames came back") {
				t.Errorf("the page has %d bytes and not the figures", len(html))
			}
		})
	}
}

// Sessions of a scene come back whole, over each transport.
func TestBenchLoadScene(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"scene.json": `{"size": "320x240", "color": "#203040"}`, "rects.json": `{"all": ["80x80+100+60"]}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	socket, err := os.MkdirTemp("", "ring") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(socket) })
	ring := filepath.Join(socket, "s")
	s := serve(t, "--set", "scenes.anna="+dir, "--set", "ring.listen=unix:"+ring)
	for _, target := range []string{s.GRPC, "http://" + s.HTTP, "ring:" + ring} {
		o, r := benchLoad(t, target, "--scene", "anna", "--silence", "50", "--size", "64x64", "--batch", "3", "--connections", "4", "--requests", "40", "--rate", "600", "--timeout", "1m")
		got := o.Result
		if r.code != 0 || got.Images != 120 || len(got.Errors)+len(got.Findings)+got.Rejects+got.Timeouts > 0 {
			t.Errorf("%s: exit code %d, got %+v\n%s", target, r.code, got, r.stderr)
		}
	}
	if r := steadyframe(t, nil, "bench", "load", s.GRPC, "--scene", "nobody", "--requests", "1"); r.code != 1 || !strings.Contains(string(r.stderr), "unknown scene") {
		t.Errorf("a scene that is not there: got exit code %d, %s", r.code, r.stderr)
	}
	if r := steadyframe(t, nil, "bench", "load", "--silence", "5"); r.code != 2 || !strings.Contains(string(r.stderr), "want it with --scene") {
		t.Errorf("silence without a scene: got exit code %d, %s", r.code, r.stderr)
	}
}

// Capacity is found on the real server, whatever it is.
func TestBenchLoadCapacity(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := serve(t)
	// A bound that no machine misses, and steps as short as they can be: what is found is of no interest.
	o, r := benchLoad(t, s.GRPC, "--find-capacity", "--rate", "200", "--batch", "4", "--step", "200ms", "--p99", "100ms", "--size", "1280x720")
	if o.Capacity == nil || len(o.Capacity.Steps) < 2 || (r.code == 0) != (o.Capacity.FPS > 0) {
		t.Errorf("exit code %d, got %+v\n%s", r.code, o.Capacity, r.stderr)
	}
}

// What goes wrong is said, and ends with the right code.
func TestBenchLoadErrors(t *testing.T) {
	t.Parallel()
	s := serve(t, "--set", "auth.token=secret")
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no-server", []string{"127.0.0.1:1"}, 1, "no server at 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"no-http-server", []string{"http://127.0.0.1:1"}, 1, "no server at http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"no-socket", []string{"unix:/nobody/s"}, 1, "no server at unix:/nobody/s: "},
		{"no-token", []string{s.GRPC}, 1, "Unauthenticated: "},
		{"no-http-token", []string{"http://" + s.HTTP}, 1, "401 unauthorized: "},
		{"large-batch", []string{s.GRPC, "--token", "secret", "--batch", "65"}, 1, "limits.max_batch"},
		{"bad-rate", []string{"--rate", "0"}, 2, "--rate: got 0"},
		{"bad-target", []string{"localhost"}, 2, `target: got "localhost", want host:port`},
		{"small", []string{"--resize", "16x16"}, 2, "--verify: a frame of 640x360 and an image of 16x16 are too small"},
		{"short-steps", []string{"--find-capacity", "--step", "1ms"}, 2, "--step: got 1ms, in which fewer than 3 batches of 25 are due at 50 frames a second"},
		{"impossible-rate", []string{"--rate", "1e12"}, 2, "--rate: got 1e+12"},
		{"report-nowhere", []string{s.GRPC, "--token", "secret", "--report", filepath.Join(program, "out")}, 1, "report: mkdir"},
		{"capacity-for-long", []string{"--find-capacity", "--duration", "1m"}, 2, "want --step alone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := steadyframe(t, nil, append([]string{"bench", "load"}, tt.args...)...)
			if r.code != tt.code || !strings.Contains(string(r.stderr), tt.want) {
				t.Errorf("got exit code %d, %s, want %d, %q", r.code, r.stderr, tt.code, tt.want)
			}
		})
	}
}

// A server that is killed under a load ends it, and what was measured is there.
func TestBenchLoadKilled(t *testing.T) {
	t.Parallel()
	s := serve(t)
	cmd := exec.CommandContext(t.Context(), program, "bench", "load", "--json", "--rate", "100", "--duration", "5m", s.GRPC)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last, killed := "", false
	for lines := bufio.NewScanner(stderr); lines.Scan(); last = lines.Text() {
		if !killed && strings.Contains(lines.Text(), " fps   batch p50 ") {
			s.Kill()
			killed = true
		}
	}
	var o loadOutcome
	if err := cmd.Wait(); err == nil || json.Unmarshal(stdout.Bytes(), &o) != nil || o.Result == nil {
		t.Fatalf("got %v, %s\n%s", err, last, stdout.Bytes())
	}
	want := "the server at " + s.GRPC + " went away after "
	if cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(o.Result.Error, want) || !strings.Contains(last, want) {
		t.Errorf("got exit code %d, %q, last line %q", cmd.ProcessState.ExitCode(), o.Result.Error, last)
	}
	if o.Result.Images < 25 || o.Result.P50 <= 0 {
		t.Errorf("got %+v, want what was measured before", o.Result)
	}
}

// TestBenchWithoutItsProgram: the error says how to get the program.
func TestBenchWithoutItsProgram(t *testing.T) {
	alone := filepath.Join(t.TempDir(), filepath.Base(program))
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), alone, "bench", "load", "--rate", "1")
	cmd.Env = []string{"PATH=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if want := "make build"; cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), want) {
		t.Errorf("got %v, %q, want exit code 1 and a text that has %q", err, out, want)
	}
}
