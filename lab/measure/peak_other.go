//go:build !linux

package measure

// PeakRSS returns false: the system does not tell what was resident at most since some time.
func PeakRSS() (uint64, bool) { return 0, false }

// ResetPeakRSS returns false.
func ResetPeakRSS() bool { return false }
