//go:build !purego

package resample

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		Implementations.Register(impl.AVX512, kernelsAVX2()) // nothing of it gains from AVX-512
	}
}
