package pipeline

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is how long this thread has run.
func processorTime() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		panic(err)
	}
	return time.Duration(now.Nano())
}
