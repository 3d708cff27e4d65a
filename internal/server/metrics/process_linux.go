package metrics

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// processReader reads the process's use of the machine from the system. The collector of Prometheus reads six files and makes some
// 400 objects for the same.
type processReader struct{}

func newProcessReader(prometheus.Collector) processReader { return processReader{} }

// read is Process: the second number of /proc/self/statm, in pages (proc_pid_statm(5)), and getrusage(2).
func (processReader) read() (resident uint64, cpu float64) {
	text, _ := os.ReadFile("/proc/self/statm") // What could not be read is 0.
	_, fields, _ := bytes.Cut(text, []byte(" "))
	field, _, _ := bytes.Cut(fields, []byte(" "))
	pages, _ := strconv.ParseUint(string(field), 10, 64)
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		cpu = (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
	}
	return pages * uint64(os.Getpagesize()), cpu
}
