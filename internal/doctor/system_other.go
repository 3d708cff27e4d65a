//go:build !linux

package doctor

// openFiles returns how many files the process may open, if that is known.
func openFiles() (uint64, bool) { return 0, false }

// clockSynchronized reports whether the kernel's clock follows another one, if that is known.
func clockSynchronized() (known, synchronized bool) { return false, false }
