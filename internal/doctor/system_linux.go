package doctor

import "golang.org/x/sys/unix"

// openFiles returns how many files the process may open, if that is known. Go raises the soft limit to the hard one by itself.
func openFiles() (uint64, bool) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, false
	}
	return l.Max, true
}

// clockSynchronized reports whether the kernel's clock follows another one, if that is known.
func clockSynchronized() (known, synchronized bool) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false, false
	}
	return true, t.Status&unix.STA_UNSYNC == 0
}
