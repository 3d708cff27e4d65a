// Command color writes the assembly of internal/kernel/color.
package main

import "github.com/steadyframe/steadyframe/_asm/internal/gen"

func main() {
	gen.Main("color", map[string]func(*gen.Asm){"avx2": avx2, "avx512": avx512})
	gen.MainNEON("color", neon)
}
