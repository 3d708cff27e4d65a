package soak

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reaperVariable, when set, makes the test's program the reaper, a process that outlives it however it ends. It has the folders
// to remove then, as a list of paths.
const reaperVariable = "STEADYFRAME_SOAK_REAPER"

// reaper is where the reaper is told of servers, by the number of their process. TestMain sets it.
var reaper io.Writer = io.Discard

// startReaper starts the reaper. What it is told of is killed when this process has ended, even by SIGKILL.
func startReaper(folders ...string) (io.Writer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), reaperVariable+"="+strings.Join(folders, string(filepath.ListSeparator)))
	stdin, err := cmd.StdinPipe() // which ends with this process
	if err != nil {
		return nil, err
	}
	return stdin, cmd.Start()
}

// runReaper is that process.
func runReaper() int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) // They come to the whole group.
	folders := filepath.SplitList(os.Getenv(reaperVariable))
	var servers []int
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if pid, err := strconv.Atoi(lines.Text()); err == nil {
			servers = append(servers, pid)
		}
	}
	for _, pid := range servers {
		if runs(pid, folders[0]) {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill() // It may have ended meanwhile.
			}
		}
	}
	for _, f := range folders {
		_ = os.RemoveAll(f) // It is a temporary one.
	}
	return 0
}

// runs reports whether a process runs a program in that folder: its number may be another's now.
func runs(pid int, folder string) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.HasPrefix(exe, folder+string(filepath.Separator))
}

// TestReaper: when a test's program is killed, the servers that it has started end.
func TestReaper(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		t.Skip("no /proc")
	}
	program := filepath.Join(dir, "server")
	if err := os.Link(self, program); err != nil {
		data, err := os.ReadFile(self)
		if err == nil {
			err = os.WriteFile(program, data, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// The server stands for any process of a program in the folder: here a reaper that nobody tells to end.
	server := exec.Command(program)
	server.Env = append(os.Environ(), reaperVariable+"="+filepath.Join(dir, "nothing"))
	input, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "temporary")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	told, err := startReaper(dir, folder)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(told, "%d\n%d\n", server.Process.Pid, os.Getpid()) // This one is of no program in the folder.
	told.(io.Closer).Close()
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		_ = server.Process.Kill()
		t.Fatal("the server still runs")
	}
}
