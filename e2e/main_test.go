// Package e2e tests the built steadyframe program from outside, as its users meet it: files, pipes, exit codes, texts,
// HTTP and gRPC.
package e2e

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// program is the path of the binary under test, set by TestMain alone.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	moreAtOnce()
	os.Exit(buildAndRun(m))
}

// moreAtOnce lets at least four tests run beside each other, unless -parallel says otherwise: they wait for programs more than
// they work.
func moreAtOnce() {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0))))
	}
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "steadyframe-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("STEADYFRAME_RING_LISTEN", "off") // of all servers that the tests start, unless they say otherwise
	if program, err = daemon.Build(dir, "../cmd/steadyframe"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := daemon.Build(dir, "../lab/cmd/steadyframe-bench"); err != nil { // bench finds it beside the program
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// result is how a run of the program ended.
type result struct {
	code           int
	stdout, stderr []byte
}

// steadyframe runs the program to its end; stdin may be nil.
func steadyframe(t testing.TB, stdin []byte, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("steadyframe %q: %v", args, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.Bytes(), stderr.Bytes()}
}

// succeed is steadyframe for a run that must exit with 0.
func succeed(t testing.TB, stdin []byte, args ...string) result {
	t.Helper()
	r := steadyframe(t, stdin, args...)
	if r.code != 0 {
		t.Fatalf("steadyframe %q: exit code %d\n%s", args, r.code, r.stderr)
	}
	return r
}

// occupy listens at address until t ends, unless another program does so already: then it is taken as well.
func occupy(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil && !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatal(err)
	}
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
}
