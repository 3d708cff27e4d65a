// Command fft writes the assembly of internal/kernel/fft.
package main

import "github.com/steadyframe/steadyframe/_asm/internal/gen"

func main() {
	gen.Main("fft", map[string]func(*gen.Asm){"avx2": avx2, "avx512": avx512})
	gen.MainNEON("fft", neon)
}
