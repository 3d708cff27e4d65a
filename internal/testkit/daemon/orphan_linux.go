package daemon

import (
	"os/exec"
	"syscall"
)

// endsWithUs has the kernel kill cmd when this process ends before it did, killed or timed out: no test's server stays behind.
func endsWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
