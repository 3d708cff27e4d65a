//go:build race

// Package race says whether the race detector is on, for tests. Under it sync.Pool drops one Put in four on purpose, so
// that allocation tests do not hold, and comparisons of many pixels take minutes.
package race

// Enabled is whether this program was built with -race.
const Enabled = true
