package main

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// processors are those that the process may use.
type processors struct{ set unix.CPUSet }

// ownProcessors returns the processors of this process. Once it is pinned they are fewer.
func ownProcessors() (processors, error) {
	var p processors
	if err := unix.SchedGetaffinity(0, &p.set); err != nil {
		return p, fmt.Errorf("peers: sched_getaffinity: %w", err)
	}
	return p, nil
}

func (p *processors) count() int { return p.set.Count() }

// pin keeps the process, and all threads that it starts from now on, on the first n of the processors, and Go's
// scheduler to as many threads.
func (p *processors) pin(n int) error {
	if p.count() < n {
		return fmt.Errorf("peers: --cores: got %d, want %d or less: this process may use no more", n, p.count())
	}
	var some unix.CPUSet
	for cpu := 0; some.Count() < n; cpu++ {
		if p.set.IsSet(cpu) {
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
		if err := unix.SchedSetaffinity(id, &some); err != nil && err != unix.ESRCH { // a thread that has ended since
			return fmt.Errorf("peers: sched_setaffinity: %w", err)
		}
	}
	runtime.GOMAXPROCS(n)
	return nil
}
