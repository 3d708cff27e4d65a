//go:build !purego

package mel

import "github.com/steadyframe/steadyframe/internal/impl"

func init() {
	Implementations.Register(impl.NEON, Kernels{
		step: 4, lanes: 8, condition: conditionNEON, pcm16: pcm16NEON, bands: bandsNEON, log: logNEON, dot: dotNEON,
	})
}

//go:noescape
func conditionNEON(dst, src *float32, vectors, scale, coef int)

//go:noescape
func pcm16NEON(dst *float32, src *byte, vectors int)

//go:noescape
func bandsNEON(dst, spectrum *float32, spans *span, weights *float32, bands int)

//go:noescape
func logNEON(dst *float32, l *Log, vectors int)

//go:noescape
func dotNEON(a, b *float32, sixteens int) float32
