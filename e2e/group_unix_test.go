//go:build unix

package e2e

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// A terminal sends SIGINT to all processes of a command, so to the child that decodes too: that this ends is then no
// error of the input.
func TestEncodeInterruptedWithChild(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.CommandContext(t.Context(), program, "encode", clip(t), "--fps", "1", "-o", out)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	daemon.WaitFor(t, "the first image", func() bool {
		images, _ := filepath.Glob(filepath.Join(out, "*.jpg"))
		return len(images) > 0
	})
	syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code: got %d, want 130", code)
	}
	if got := stderr.String(); !strings.HasPrefix(got, "encoded ") || !strings.HasSuffix(got, "\nsteadyframe: interrupted\n") {
		t.Errorf("standard error: got %q, want the figures and that it was interrupted", got)
	}
	if n := len(folder(t, out)); n < 1 || n >= frames {
		t.Errorf("got %d images, want some of %d", n, frames)
	}
}
