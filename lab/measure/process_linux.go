package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
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

// Idle returns the time in which processors of the machine had nothing to do, since it started.
func Idle() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line) // cpu, user, nice, system, idle, iowait, proc_stat(5)
	if len(fields) < 6 {
		return 0
	}
	idle, _ := strconv.ParseInt(string(fields[4]), 10, 64) // The kernel writes numbers.
	wait, _ := strconv.ParseInt(string(fields[5]), 10, 64)
	return time.Duration(idle+wait) * tick
}
