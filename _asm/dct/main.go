// Command dct writes the assembly of internal/kernel/dct.
package main

import "github.com/steadyframe/steadyframe/_asm/internal/gen"

func main() {
	gen.Main("dct", map[string]func(*gen.Asm){"avx2": avx2, "avx512": avx512})
	gen.MainNEON("dct", neon)
}
