package ffmpeg

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

const childVariable = "STEADYFRAME_TEST_CHILD"

// runAsChild is what the test's own program does when TestChildrenEndWithTheServer runs it: it starts a child, prints
// its number, and waits to be killed.
func runAsChild() bool {
	sleep := os.Getenv(childVariable)
	if sleep == "" {
		return false
	}
	c, err := startChild(sleep, []string{"1000"}, false, false)
	if err != nil {
		fmt.Println(err)
		return true
	}
	fmt.Println(c.cmd.Process.Pid)
	<-c.ended
	return true
}

// TestChildrenEndWithTheServer: a server that is killed leaves no child.
func TestChildrenEndWithTheServer(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep on PATH")
	}
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), childVariable+"="+sleep)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, parseErr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || parseErr != nil {
		t.Fatalf("got %q, %v, want the child's number", line, err)
	}
	if !alive(pid) {
		t.Fatalf("got no child %d", pid)
	}
	_ = server.Process.Kill()
	_ = server.Wait() // It was killed.
	for deadline := time.Now().Add(2 * time.Minute); alive(pid); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the child did not end")
		}
	}
}

// alive reports whether there is such a process that has not ended, waited for or not (proc(5), /proc/PID/stat).
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// TestChildOutput: what a child writes is read to its end.
func TestChildOutput(t *testing.T) {
	c := startShell(t, "echo out; echo first >&2; echo last >&2; exit 3")
	out, err := io.ReadAll(c.reader(c.stdout))
	if string(out) != "out\n" || err != nil {
		t.Errorf("standard output: got %q, %v", out, err)
	}
	errs, err := io.ReadAll(c.reader(c.stderr))
	if string(errs) != "first\nlast\n" || err != nil {
		t.Errorf("standard error: got %q, %v", errs, err)
	}
	<-c.ended
	if c.exit == nil || c.exit.Error() != "exit status 3" {
		t.Errorf("got exit %v, want status 3", c.exit)
	}
	if _, err := startChild("/none/such", nil, false, false); err == nil {
		t.Error("got no error for a program that is not there")
	}
}

// TestDescendants: a child's descendants that keep its pipes open hold up neither the end of its output nor our own, and
// none is left behind, in the child's process group or out of it.
func TestDescendants(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid on PATH")
	}
	for name, script := range map[string]string{
		"same-group":    "sleep 1000 & echo out",
		"other-session": "setsid sleep 1000 & echo out",
		"grandchildren": "setsid sh -c 'sleep 1000 & sleep 1001 & wait' & echo out",
	} {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/killed=%v", name, killed), func(t *testing.T) {
				if killed {
					script += "; exec sleep 1002"
				}
				start := time.Now()
				c := startShell(t, script)
				in := bufio.NewReader(c.reader(c.stdout))
				if line, err := in.ReadString('\n'); line != "out\n" || err != nil {
					t.Fatalf("got %q, %v", line, err)
				}
				if killed {
					c.kill()
				}
				if _, err := in.ReadByte(); err != io.EOF {
					t.Errorf("got %v, want the end of the output", err)
				}
				<-c.ended
				if took := time.Since(start); took > 2*time.Minute {
					t.Errorf("took %v", took)
				}
				if left := marked(c.mark); len(left) > 0 {
					t.Errorf("left behind: processes %v", left)
				}
			})
		}
	}
}

// TestFramesThatAreCut: output that ends anywhere in a frame is an error, between two of its planes too.
func TestFramesThatAreCut(t *testing.T) {
	desc := frame.Desc{Format: frame.I420, Width: 8, Height: 8}
	for _, n := range []int{1, 63, 64, 65, 80, 95} {
		c := startShell(t, fmt.Sprintf("head -c %d /dev/zero", n))
		r := &Reader{ctx: t.Context(), pool: pooltest.New(t, nil), child: c, log: newLog(c.reader(c.stderr)), out: c.reader(c.stdout), layout: layout{desc: desc, size: 96}, pending: true}
		_, err := r.Next()
		var cut *Error
		if want := fmt.Sprintf("ffmpeg ended %d bytes into frame 1", n); !errors.As(err, &cut) || cut.Cause != want {
			t.Errorf("after %d bytes: got %v, want %s", n, err, want)
		}
	}
}

// TestOutputThatIsCut: however a child ends, a whole frame comes out, and then an error, unless it ended between two frames and as it should.
func TestOutputThatIsCut(t *testing.T) {
	desc := frame.Desc{Format: frame.I420, Width: 8, Height: 8}
	const size = 96
	for i, end := range []string{"exit 0", "exit 3", "kill -9 $$", "kill -TERM $$"} {
		for _, n := range []int{0, 1, size - 1, size, 1 + rand.IntN(size)} {
			c := startShell(t, fmt.Sprintf("head -c %d /dev/zero; %s", n, end))
			p := pooltest.New(t, nil)
			r := &Reader{ctx: t.Context(), pool: p, child: c, log: newLog(c.reader(c.stderr)), out: c.reader(c.stdout), layout: layout{desc: desc, size: size}, pending: true}
			frames := 0
			f, err := r.Next()
			for ; err == nil; f, err = r.Next() {
				f.Release()
				frames++
			}
			if frames != n/size || (err == io.EOF) != (i == 0 && n%size == 0) {
				t.Errorf("%s after %d bytes: got %d frames and %v, want %d, and an error unless it ended well", end, n, frames, err, n/size)
			}
			if leaks := pooltest.Leaks(p.Stats()); leaks != "" {
				t.Errorf("%s after %d bytes: got %s", end, n, leaks)
			}
		}
	}
}

func startShell(t *testing.T, script string) *child {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh on PATH")
	}
	c, err := startChild(sh, []string{"-c", script}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.end)
	return c
}
