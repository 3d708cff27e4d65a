// Command mel writes the assembly of internal/kernel/mel.
package main

import "github.com/steadyframe/steadyframe/_asm/internal/gen"

func main() {
	gen.Main("mel", map[string]func(*gen.Asm){"avx2": avx2, "avx512": avx512})
	gen.MainNEON("mel", neon)
}

func avx2(a *gen.Asm) {
	condition(a)
	pcm16(a)
	bands(a, "AVX2", 8, a.YMM)
	log(a)
	dotAVX2(a)
	transpose(a)
}

// avx512 has what works on lanes. Along memory, kernels of AVX2 are nearly as fast as those of AVX-512 would be.
func avx512(a *gen.Asm) {
	bands(a, "AVX512", 16, a.ZMM)
}
