//go:build unix

package measure

import (
	"syscall"
	"time"
)

// spent reads getrusage(2).
func spent() (cpu time.Duration, faults uint64, told bool) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, 0, false
	}
	cpu = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	return cpu, uint64(u.Minflt) + uint64(u.Majflt), true
}
