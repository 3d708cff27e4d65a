// Package cpu says which kernels this processor, its operating system and this build can run.
//
// What GODEBUG switches off (golang.org/x/sys/cpu reads it when the program starts) counts as not there, so that
//
//	GODEBUG=cpu.avx512f=off steadyframe version
//
// runs as on a processor without AVX-512, and with GODEBUG=cpu.avx2=off as on one without either. The build tag purego
// leaves plain Go alone.
package cpu

import "github.com/steadyframe/steadyframe/internal/impl"

// Level returns the highest level that runs here. Kernels of one architecture's levels up to it run, too.
func Level() impl.Level { return level() }

// Has reports whether kernels of level l run here. It is false for the levels of other architectures.
func Has(l impl.Level) bool {
	return l == impl.Generic || l > impl.Generic && l <= level() && (l == impl.NEON) == (level() == impl.NEON)
}
