// Command blend writes the assembly of internal/kernel/blend.
package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func main() {
	gen.Main("blend", map[string]func(*gen.Asm){
		"avx2":   func(a *gen.Asm) { write(&blender{Asm: a, level: "AVX2", samples: 16, vector: a.YMM}) },
		"avx512": func(a *gen.Asm) { write(&blender{Asm: a, level: "AVX512", samples: 32, vector: a.ZMM}) },
	})
	gen.MainNEON("blend", neon)
}

// blender writes kernels with registers of 16 or 32 samples.
type blender struct {
	*gen.Asm
	level   string
	samples int
	vector  func() reg.VecVirtual

	eighth, sixteenth operand.Mem // words with which mulhrs divides, rounding
	half              operand.Mem // of 1<<14, in doublewords
}

func write(b *blender) {
	b.eighth, b.sixteenth = b.Words("eighth", 4, 1<<12), b.Words("sixteenth", 4, 1<<11)
	b.half = b.Bytes("half", []byte{0, 1 << 5, 0, 0, 0, 1 << 5, 0, 0})
	b.line()
	b.lerp()
	b.mean()
	b.lerpMean()
	b.accumulate()
	b.resolve()
	if b.samples == 16 {
		b.average() // wider registers gained nothing: it waits for memory
	}
}
