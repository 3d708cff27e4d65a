package live

import (
	"os"
	"syscall"
)

// childAttributes put a child into a group of its own, and have it killed when this process is.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killChild kills the child and its group. Its caller has just seen that the child was not waited for yet, so that its
// number is still its own.
func killChild(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) } // The error is that it has ended.
