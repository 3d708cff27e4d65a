// Command pack writes the assembly of internal/kernel/pack.
package main

import "github.com/steadyframe/steadyframe/_asm/internal/gen"

func main() {
	gen.Main("pack", map[string]func(*gen.Asm){"avx2": avx2})
	gen.MainNEON("pack", neon)
}
