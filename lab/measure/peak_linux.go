package measure

import (
	"bytes"
	"os"
	"strconv"
)

// PeakRSS returns the most bytes of memory that were ever resident, or since ResetPeakRSS: VmHWM of /proc/self/status, see
// proc_pid_status(5). It returns false where the system does not tell.
func PeakRSS() (uint64, bool) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kB, err := strconv.ParseUint(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
			return kB << 10, err == nil
		}
	}
	return 0, false
}

// ResetPeakRSS begins PeakRSS anew, from what is resident now: a 5 written to /proc/self/clear_refs, see
// proc_pid_clear_refs(5). It returns false where the system does not do that.
func ResetPeakRSS() bool { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil }
