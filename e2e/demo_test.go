package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// batches is how long TestSustainedLoad lasts; scripts/sustained-load sets it.
var batches = flag.Int("batches", 40, "batches of 25 frames that TestSustainedLoad sends, two a second")

// ports are the flags that let demos run beside each other and beside a server.
var ports = []string{"--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"}

// loadSummary is what demo --json prints.
type loadSummary struct {
	Frames, Batches, Errors, Collections int
	Seconds, FPS                         float64
	P50                                  float64  `json:"batch_p50_ms"`
	P99                                  float64  `json:"batch_p99_ms"`
	AllocsPerFrame                       float64  `json:"allocs_per_frame"`
	BytesPerFrame                        float64  `json:"bytes_per_frame"`
	MaxRSS                               float64  `json:"rss_max_bytes"`
	RSSSlope                             *float64 `json:"rss_mib_per_minute"`
	Error                                string
}

// TestSustainedLoad is a camera's load, or a model's: batches of 25 frames at 50 frames a second over gRPC, without an
// error, at a steady latency, in flat memory. In its long form, scripts/sustained-load, it is also the measurement:
// then the machine must be quiet.
func TestSustainedLoad(t *testing.T) {
	long := *batches >= 1000
	if !long {
		t.Parallel()
	}
	n := *batches
	if testing.Short() {
		n = min(n, 8)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{"demo", "--json", "--batches", strconv.Itoa(n)}, ports...)...)
	var seconds bytes.Buffer
	cmd.Stderr = &seconds
	if long {
		cmd.Stderr = os.Stderr // for the one who waits
	}
	stdout, err := cmd.Output()
	t.Logf("steadyframe demo --json --batches %d\n%s%s", n, seconds.Bytes(), stdout)
	if err != nil {
		t.Fatal(err)
	}
	var got loadSummary
	if err := json.Unmarshal(stdout, &got); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if got.Batches != n || got.Frames != 25*n || got.Errors != 0 || got.Error != "" {
		t.Errorf("got %d batches, %d frames, %d errors, %q; want %d, %d, none", got.Batches, got.Frames, got.Errors, got.Error, n, 25*n)
	}
	// Other tests, and other programs, may want the processors in the short form: it would tell a deadlock from work,
	// no more.
	limit := 5000.0
	if long {
		limit = 100
	}
	if got.P99 > limit || got.P50 <= 0 {
		t.Errorf("batch latency: got p50 %v ms, p99 %v ms, want p99 <= %v ms", got.P50, got.P99, limit)
	}
	if got.MaxRSS > 200e6 {
		t.Errorf("resident set: got %.0f MB, want at most 200", got.MaxRSS/1e6)
	}
	// On a busy machine batches overlap: each one more leases 17 MB for the first time, which weighs much among so few
	// frames. A frame of 691 kB for each would still be seen.
	size := 128e3
	if long {
		size = 8192
	}
	if got.AllocsPerFrame > 20 || got.BytesPerFrame > size {
		t.Errorf("client and server: got %v heap objects of %v bytes a frame, want at most 20 of %v", got.AllocsPerFrame, got.BytesPerFrame, size)
	}
	// Garbage that a collection every two minutes takes away makes waves of some MiB.
	if long && (got.RSSSlope == nil || *got.RSSSlope > 1) {
		t.Errorf("resident set: got a rise of more than 1 MiB a minute at the end, want none")
	}
}

var (
	secondLine = regexp.MustCompile(`(?m)^ +\d+ s +[\d.]+ fps   round trip (p50 +[\d.]+ ms  p99 +[\d.]+ ms|warming up) +[\d.]+ allocs/frame   \d+ collections? +RSS +\d+ MiB$`)
	framesLine = regexp.MustCompile(`(?m)^(\d+) frames in \d+ batch`)
	curlLine   = regexp.MustCompile(`(?m)^  (yes steadyframe .*)$`)
)

// A demo over Unix sockets is the same.
func TestDemoUnixSockets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return "unix:" + filepath.Join(dir, name) }
	r := succeed(t, nil, "demo", "--json", "--batches", "3", "--batch", "5", "--http", at("http"), "--grpc", at("grpc"), "--admin", at("admin"))
	var got loadSummary
	if err := json.Unmarshal(r.stdout, &got); err != nil || got.Frames != 15 || got.Errors != 0 || got.Error != "" {
		t.Errorf("got %v, %s, want 15 frames without an error", err, r.stdout)
	}
}

// A demo of three seconds says what it does, a line a second, and a summary; its curl command works, and it keeps the
// images.
func TestDemo(t *testing.T) {
	t.Parallel()
	exttool.Require(t, "curl", "curl")
	bash := exttool.Require(t, "bash", "bash")
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"demo", "--for", "3s", "-o", filepath.Join(dir, "demo.mjpeg")}, ports...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	tried := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if m := curlLine.FindStringSubmatch(lines.Text()); m != nil {
			curl := exec.CommandContext(t.Context(), bash, "-c", m[1])
			curl.Dir = dir
			if out, err := curl.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", m[1], err, out)
			}
			tried = true
		}
	}
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v, standard error: %s", err, stderr.Bytes())
	}
	if !secondLine.MatchString(text.String()) { // A busy machine swallows some.
		t.Errorf("got no line of a second:\n%s", text.String())
	}
	for _, want := range []string{"An animated scene, 640x360 bgr24, 50 frames a second in batches of 25", " 0 errors\n", "round trip of a batch, from when it is due: p50 ", "client and server: "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("got\n%s\nwant it to have %q", text.String(), want)
		}
	}
	if !tried {
		t.Fatalf("no curl command to try in\n%s", text.String())
	}
	wantDecodable(t, [][]byte{read(t, filepath.Join(dir, "frame.jpg"))}, 320, 320)
	kept := split(t, read(t, filepath.Join(dir, "demo.mjpeg")))
	m := framesLine.FindStringSubmatch(text.String())
	if m == nil {
		t.Fatalf("got no line that sums up all frames:\n%s", text.String())
	}
	if frames, _ := strconv.Atoi(m[1]); len(kept) != frames || frames < 25 {
		t.Errorf("kept %d images, want those of all %d frames, of a batch of 25 or more", len(kept), frames)
	}
	wantDecodable(t, kept[max(0, len(kept)-3):], 320, 320)
}

// SIGINT ends a demo without an end of its own, with a summary.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"demo", "--batch", "5"}, ports...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last string
	for lines := bufio.NewScanner(stdout); lines.Scan(); last = lines.Text() {
		if m := secondLine.FindStringSubmatch(lines.Text()); m != nil && m[1] != "warming up" { // Before, there is nothing to sum up.
			cmd.Process.Signal(syscall.SIGINT)
		}
	}
	if err := cmd.Wait(); err != nil || !strings.HasPrefix(last, "client and server: ") {
		t.Errorf("got %v, last line %q; want a summary and exit code 0", err, last)
	}
}

// Where the usual ports are taken a demo says so and takes others.
func TestDemoOnTakenPorts(t *testing.T) {
	for _, address := range []string{"127.0.0.1:8080", "127.0.0.1:50051", "127.0.0.1:9090"} {
		occupy(t, address)
	}
	r := succeed(t, nil, "demo", "--batches", "1", "--batch", "2")
	for _, want := range []string{
		"127.0.0.1:8080 is taken: HTTP listens on a free port instead",
		"127.0.0.1:50051 is taken: gRPC listens on a free port instead",
		"127.0.0.1:9090 is taken: admin listens on a free port instead",
		"2 frames in 1 batch",
	} {
		if !strings.Contains(string(r.stdout), want) {
			t.Errorf("got\n%s\nwant it to have %q", r.stdout, want)
		}
	}
}
