// Command huff writes the assembly of internal/kernel/huff.
package main

import "github.com/steadyframe/steadyframe/_asm/internal/gen"

func main() {
	gen.Main("huff", map[string]func(*gen.Asm){
		"avx2":   func(a *gen.Asm) { flattenBMI(a); write(a); stuffTable(a) },
		"avx512": func(a *gen.Asm) { flattenAVX512(a); write512(a); stuff(a) },
	})
	gen.MainNEON("huff", neon)
}
