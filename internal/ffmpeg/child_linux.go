package ffmpeg

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// childAttributes put a child into a process group of its own and have it killed when this process ends.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills the process p and its group. The caller has just seen that p was not waited for, so that its number
// is still its own.
func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) } // The only error is that it has ended.

// killRounds bounds how often killDescendants looks again: a process may fork while it looks.
const killRounds = 5

// killDescendants kills the descendants of a child that has ended, which may have left its process group: all processes
// whose environment has mark.
func killDescendants(_ int, mark string) {
	for range killRounds {
		pids := marked(mark)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // The only error is that it has ended.
		}
	}
}

// marked returns the processes whose environment has mark. A process that replaces its environment is not found.
func marked(mark string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // The pattern is valid; without /proc nothing matches.
	for _, file := range files {
		environ, err := os.ReadFile(file) // Those of other users cannot be read.
		if err != nil || !bytes.Contains(environ, []byte(mark)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// pipeBytes is the size of a pipe that frames come through, so that a frame takes fewer switches between the processes.
const pipeBytes = 1 << 20

// growPipe makes a pipe larger. Where the limits of the user do not allow that it stays as it is.
func growPipe(f *os.File) {
	if conn, err := f.SyscallConn(); err == nil {
		conn.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeBytes) })
	}
}
