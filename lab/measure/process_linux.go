package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of processor time in /proc/PID/stat: sysconf(_SC_CLK_TCK), which is 100 a second wherever Linux runs Go.
const tick = 10 * time.Millisecond

// SpentBy returns the processor time that a process has used, in the program and in the kernel on its behalf, and the bytes of its
// memory that are resident.
func SpentBy(pid int) (cpu time.Duration, rss uint64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("no process %d: %w", pid, err)
	}
	// Fields after the name, which is in brackets and may have any characters: state is the third of all, proc_pid_stat(5).
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const utime, stime, pages = 14 - 3, 15 - 3, 24 - 3
	if len(fields) <= pages {
		return 0, 0, fmt.Errorf("/proc/%d/stat: got %d fields", pid, len(fields))
	}
	number := func(i int) int64 {
		n, e := strconv.ParseInt(string(fields[i]), 10, 64)
		if e != nil {
			err = fmt.Errorf("/proc/%d/stat: %w", pid, e)
		}
		return n
	}
	cpu = time.Duration(number(utime)+number(stime)) * tick
	return cpu, uint64(number(pages)) * uint64(os.Getpagesize()), err
}

// Idle returns the time in which the processors that this process may use had nothing to do, since the machine started.
func Idle() (sum time.Duration) {
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil {
		return 0
	}
	text, _ := os.ReadFile("/proc/stat")
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line) // cpuN, user, nice, system, idle, iowait, proc_stat(5)
		if len(fields) < 6 || !bytes.HasPrefix(fields[0], []byte("cpu")) {
			continue
		}
		if n, err := strconv.Atoi(string(fields[0][len("cpu"):])); err != nil || !allowed.IsSet(n) { // The first line is of all.
			continue
		}
		idle, _ := strconv.ParseInt(string(fields[4]), 10, 64) // The kernel writes numbers.
		wait, _ := strconv.ParseInt(string(fields[5]), 10, 64)
		sum += time.Duration(idle+wait) * tick
	}
	return sum
}
