//go:build unix

package server_test

import (
	"syscall"
	"time"
)

// cpuTime returns the processor time of this process so far, in user space and in the kernel.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
