//go:build !poolcheck

package pool

// everyPool is whether pools are checked without being asked to: in programs built with -tags poolcheck.
const everyPool = false
