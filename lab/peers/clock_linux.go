package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock returns how much time has passed, from whenever.
type clock func() time.Duration

// clockOf returns the clock on the wall, or that of the processors' time this process has had: of all of its threads
// together, so that with several processors it says what they have done and not how well they were used.
func clockOf(cpu bool) clock {
	if !cpu {
		start := time.Now()
		return func() time.Duration { return time.Since(start) }
	}
	return func() time.Duration {
		var t unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
			panic(err) // every Linux has this clock
		}
		return time.Duration(t.Nano())
	}
}
