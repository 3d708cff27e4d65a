package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
)

// BenchmarkRow reads a row of samples, and BenchmarkPixels one of pixels, of 0..1, and of subnormal numbers.
func BenchmarkRow(b *testing.B) {
	const n = 320
	dst := make([]int16, n)
	bench(b, n, func(k *Kernels, src []byte, f Format) { k.Row(dst, src, 0, f) })
}

func BenchmarkPixels(b *testing.B) {
	const n = 320
	dst := [3][]int16{make([]int16, n), make([]int16, n), make([]int16, n)}
	bench(b, 3*n, func(k *Kernels, src []byte, f Format) { k.Pixels(dst, src, 0, f) })
}

func bench(b *testing.B, samples int, run func(k *Kernels, src []byte, f Format)) {
	for i := range 4 {
		f, values, unit := Format{i/2 == 1, 32640, 0}, "plain", float32(1)
		if i%2 == 1 {
			values, unit = "subnormal", 1e-39
			if f.Half {
				unit = 1e-5
			}
		}
		src := make([]byte, f.Size()*samples)
		for i := range samples {
			v := unit * float32(i) / float32(samples)
			if f.Half {
				binary.LittleEndian.PutUint16(src[2*i:], oracle.ToHalf(float64(v)))
			} else {
				binary.LittleEndian.PutUint32(src[4*i:], math.Float32bits(v))
			}
		}
		for _, e := range Implementations.All() {
			b.Run(fmt.Sprintf("half=%v/values=%s/n=%d/impl=%s", f.Half, values, samples, e.Level), func(b *testing.B) {
				for b.Loop() {
					run(&e.Kernels, src, f)
				}
			})
		}
	}
}
