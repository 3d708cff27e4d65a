package live

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

const childVariable = "STEADYFRAME_TEST_LIVE_CHILD"

// runAsChild is what the test's own program does when TestChildrenEndWithTheServer runs it: it starts a child, prints
// its number, and waits to be killed.
func runAsChild() bool {
	sleep := os.Getenv(childVariable)
	if sleep == "" {
		return false
	}
	c, err := startChild(sleep, []string{"1000"})
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
	until(t, "the child to end", func() bool { return !alive(pid) })
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

// TestChildOutput: what a child writes is read to its end, and its last words are kept.
func TestChildOutput(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh on PATH")
	}
	c, err := startChild(sh, []string{"-c", "echo out; echo first >&2; echo last >&2"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.end()
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "out\n" || err != nil {
		t.Errorf("got %q, %v, want its output", line, err)
	}
	if got := c.lastLine(); got != "last" {
		t.Errorf("got last line %q, want last", got)
	}
	if _, err := startChild("/none/such", nil); err == nil {
		t.Error("got no error for a program that is not there")
	}
}
