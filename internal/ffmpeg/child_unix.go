//go:build unix && !linux

package ffmpeg

import (
	"os"
	"syscall"
)

// childAttributes put a child into a process group of its own.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills the process p and its group. The caller has just seen that p was not waited for, so that its number
// is still its own.
func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) } // The only error is that it has ended.

// killDescendants kills those of a child that has ended that are in its process group. While some are, no other process
// has the group's number (POSIX.1-2024, fork: the process ID matches no active process group ID).
func killDescendants(pid int, _ string) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // The only error is that there are none.

func growPipe(*os.File) {}
