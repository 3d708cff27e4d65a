// Package daemon builds the steadyframe program for tests, and runs `steadyframe serve` as a service manager would.
package daemon

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Build builds the program whose source is in that folder into dir, and returns its path. It is for TestMain.
func Build(dir, source string) (string, error) {
	program := filepath.Join(dir, filepath.Base(source))
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = source // which may be of a nested module
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	return program, nil
}

// FreeAddress returns an address of the loopback interface for what is told its port: nobody listens on it, and no connection gets its
// port meanwhile, since it is below those that systems give out.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// Server is a running steadyframe serve.
type Server struct {
	HTTP, GRPC, Admin, RTSP string // addresses of its listeners; empty: it has none

	Cmd  *exec.Cmd
	Log  bytes.Buffer  // all of standard error; complete after Done
	Done chan struct{} // closed when the process has ended

	asked  bool // to end: a second signal would end it at once
	killed bool // so that it has no exit code
}

// Serve starts the program's server on free ports, with further variables of the environment. The ring is off unless they say
// otherwise. When t ends the server gets SIGTERM, if it still runs, and must exit with 0.
func Serve(t *testing.T, program string, environment []string, args ...string) *Server {
	t.Helper()
	s := &Server{Cmd: exec.Command(program, append([]string{"serve"}, args...)...), Done: make(chan struct{})}
	s.Cmd.Env = append(append(append(os.Environ(), "STEADYFRAME_RING_LISTEN=off"), environment...), "STEADYFRAME_LOG_FORMAT=json",
		"STEADYFRAME_HTTP_LISTEN=127.0.0.1:0", "STEADYFRAME_GRPC_LISTEN=127.0.0.1:0", "STEADYFRAME_ADMIN_LISTEN=127.0.0.1:0")
	endsWithUs(s.Cmd)
	stderr, err := s.Cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(io.TeeReader(stderr, &s.Log))
	for s.HTTP == "" {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("steadyframe serve ended before it logged its addresses: %v\n%s", err, s.Log.Bytes())
		}
		var entry struct{ Msg, HTTP, GRPC, Admin, RTSP string }
		if json.Unmarshal(line, &entry) == nil && entry.Msg == "serving" {
			s.HTTP, s.GRPC, s.Admin, s.RTSP = entry.HTTP, entry.GRPC, entry.Admin, entry.RTSP
		}
	}
	go func() {
		defer close(s.Done)
		io.Copy(io.Discard, lines)
		s.Cmd.Wait()
	}()
	t.Cleanup(func() { s.Terminate(t) })
	return s
}

// AskToEnd sends SIGTERM, once.
func (s *Server) AskToEnd() { s.Signal(syscall.SIGTERM) }

// Signal sends a signal that asks the server to end, once.
func (s *Server) Signal(signal os.Signal) {
	if !s.asked {
		s.Cmd.Process.Signal(signal)
	}
	s.asked = true
}

// Kill ends the server in a way that it cannot prepare for.
func (s *Server) Kill() {
	s.killed = true
	s.Cmd.Process.Kill()
	<-s.Done
}

// Terminate ends the server as a service manager does, and waits for it.
func (s *Server) Terminate(t *testing.T) {
	t.Helper()
	s.AskToEnd()
	select {
	case <-s.Done:
	case <-time.After(2 * time.Minute):
		s.Cmd.Process.Kill()
		t.Fatal("the server did not end within two minutes of SIGTERM")
	}
	if code := s.Cmd.ProcessState.ExitCode(); code != 0 && !s.killed {
		t.Errorf("steadyframe serve: got exit code %d, want 0\n%s", code, s.Log.Bytes())
	}
}

// WaitFor waits until cond holds. It fails t after two minutes.
func WaitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
