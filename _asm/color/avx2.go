package main

import "github.com/steadyframe/steadyframe/_asm/internal/gen"

func avx2(a *gen.Asm) {
	f := newFile(a, 32)
	resizedAVX2(f)
	packedAVX2(f)
	planarLines(f, "AVX2")
	halvedPlanarLines(f, "AVX2")
	planarResized(f, "AVX2")
	rows(f, "AVX2")
	lines(f)
}
