package pooling

import "syscall"

// childAttributes have a child killed when this process ends.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
