package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

func BenchmarkRow(b *testing.B) {
	const n = 320
	dst, src := make([]int16, n), make([]byte, 4*n)
	for i := range n {
		binary.LittleEndian.PutUint32(src[4*i:], math.Float32bits(float32(i)/n))
	}
	for _, e := range Implementations.All() {
		b.Run(fmt.Sprintf("n=%d/impl=%s", n, e.Level), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				e.Kernels.Row(dst, src, 0, Scale{32640, 0})
			}
		})
	}
}
