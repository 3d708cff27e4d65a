//go:build race

// Package race says whether the race detector is on. Under it sync.Pool drops one Put in four on purpose, so that
// allocation tests do not hold.
package race

// Enabled is whether this program was built with -race.
const Enabled = true
