//go:build !purego

package mel

import (
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func init() {
	if cpu.Has(impl.AVX2) {
		Implementations.Register(impl.AVX2, Kernels{
			step: 8, lanes: 8, condition: conditionAVX2, pcm16: pcm16AVX2, bands: bandsAVX2, log: logAVX2, dot: dotAVX2,
			transpose: transposeAVX2,
		})
	}
}

//go:noescape
func conditionAVX2(dst, src *float32, vectors, scale, coef int)

//go:noescape
func pcm16AVX2(dst *float32, src *byte, vectors int)

//go:noescape
func bandsAVX2(dst, spectrum *float32, spans *span, weights *float32, bands int)

//go:noescape
func logAVX2(dst *float32, l *Log, vectors int)

//go:noescape
func dotAVX2(a, b *float32, sixteens int) float32

//go:noescape
func transposeAVX2(dst, src *float32, bands, lanes, eights int)
