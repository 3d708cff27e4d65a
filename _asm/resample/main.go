// Command resample writes the assembly of internal/kernel/resample.
package main

import "github.com/steadyframe/steadyframe/_asm/internal/gen"

func main() {
	gen.Main("resample", map[string]func(*gen.Asm){"avx2": avx2, "avx512": wide512})
	gen.MainNEON("resample", neon)
}
