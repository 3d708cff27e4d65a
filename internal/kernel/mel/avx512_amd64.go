//go:build !purego

package mel

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX512) {
		Implementations.Register(impl.AVX512, Kernels{
			step: 8, lanes: 16, condition: conditionAVX2, pcm16: pcm16AVX2, bands: bandsAVX512, log: logAVX2, dot: dotAVX2,
			transpose: transposeAVX2,
		})
	}
}

//go:noescape
func bandsAVX512(dst, spectrum *float32, spans *span, weights *float32, bands int)
