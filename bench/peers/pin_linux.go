package main

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// pin keeps the process, and all threads that it starts from now on, on so many processors of those it may use, and Go's
// scheduler to as many threads.
func pin(n int) error {
	var all, some unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return fmt.Errorf("peers: sched_getaffinity: %w", err)
	}
	if all.Count() < n {
		return fmt.Errorf("peers: got %d processors, want %d", all.Count(), n)
	}
	for cpu := 0; some.Count() < n; cpu++ {
		if all.IsSet(cpu) {
			some.Set(cpu)
		}
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		var id int
		if _, err := fmt.Sscan(t.Name(), &id); err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &some); err != nil {
			return fmt.Errorf("peers: sched_setaffinity: %w", err)
		}
	}
	runtime.GOMAXPROCS(n)
	return nil
}
