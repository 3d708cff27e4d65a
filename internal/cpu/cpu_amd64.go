//go:build !purego

package cpu

import (
	"golang.org/x/sys/cpu"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// level asks for everything that a level's definition in impl names, whatever a kernel uses of it: the processors that
// have one of these without the others are not worth a level of their own. x/sys/cpu says that AVX2 and AVX-512 are
// there only if the operating system saves their registers.
func level() impl.Level {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasBMI1 || !x.HasBMI2 || !x.HasF16C || !x.HasLZCNT || !x.HasPOPCNT:
		return impl.Generic
	case !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL,
		!x.HasAVX512VBMI || !x.HasAVX512VBMI2 || !x.HasAVX512VNNI:
		return impl.AVX2
	}
	return impl.AVX512
}
