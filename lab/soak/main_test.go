// Package soak runs the built steadyframe program for seconds, minutes or hours under load and misuse, and judges what it
// did. scripts/soak and scripts/soak-live start it; docs/bench.md is its manual.
package soak

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// program is the path of the program under test, set by TestMain alone.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(reaperVariable) != "" {
		os.Exit(runReaper())
	}
	if os.Getenv(attackVariable) != "" {
		os.Exit(runAttackers())
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "steadyframe-soak-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	folders := []string{dir}
	if own := os.Getenv("SOAK_FOLDER"); own != "" { // where scripts/soak has put this program
		folders = append(folders, own)
	}
	if reaper, err = startReaper(folders...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if program, err = daemon.Build(dir, "../../cmd/steadyframe"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// served is a running steadyframe serve.
type served struct{ *daemon.Server }

// serve starts the server on free ports, with further variables of the environment.
func serve(t *testing.T, environment []string, args ...string) *served {
	t.Helper()
	s := &served{daemon.Serve(t, program, environment, args...)}
	fmt.Fprintln(reaper, s.Cmd.Process.Pid)
	return s
}

// paced reads so many bytes a tick.
type paced struct {
	io.Reader
	tick *time.Ticker
	each int // bytes a tick at most
}

func (p paced) Read(b []byte) (int, error) {
	<-p.tick.C
	return p.Reader.Read(b[:min(len(b), p.each)])
}

// pushing is a running steadyframe push.
type pushing struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

// push starts the program. When t ends it is killed, if it still runs.
func push(t testing.TB, args ...string) *pushing {
	t.Helper()
	p := &pushing{t: t, cmd: exec.CommandContext(t.Context(), program, append([]string{"push"}, args...)...)}
	p.cmd.Stderr = &bytes.Buffer{}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// wantSuccess ends the input, and waits for exit code 0.
func (p *pushing) wantSuccess() {
	p.t.Helper()
	p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("steadyframe push: %v\n%s", err, p.cmd.Stderr)
	}
}
