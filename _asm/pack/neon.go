package main

import (
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// neon writes kernels that take 16 samples at a time.
func neon(n *gen.NEON) {
	limitedNEON(n)
	interleavedNEON(n, "rgb24NEON", 3, "")
	interleavedNEON(n, "rgbaNEON", 4, ", 255")
}

// limitedNEON writes the kernel of LimitedLuma and LimitedChroma, which differ in two constants.
func limitedNEON(n *gen.NEON) {
	n.Text(`
// func limitedNEON(dst *byte, src *int16, vectors int, factor, offset uint64)
TEXT ·limitedNEON(SB), NOSPLIT, $0-40
	// limitedNEON writes 16*vectors bytes, vectors > 0. factor and offset are one word four times.
	// 	for i, v := range src {
	// 		dst[i] = byte((mulhrs(v<<3, factor) + offset) >> 7)
	// 	}
	// Registers: R0 dst, R1 src, R2 vectors, V30 factor, V31 offset
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD vectors+16(FP), R2`)
	factor, offset, out := n.Pin(30), n.Pin(31), n.Pin(29)
	n.Set(factor, "MOVD factor+24(FP), R3; VDUP R3, V%d.D2")
	n.Set(offset, "MOVD offset+32(FP), R3; VDUP R3, V%d.D2")
	n.Flush()
	n.Text("\nloop:")
	narrow := [2]string{"SHRN V%[2]d.8B, V%[1]d.8H, #7", "SHRN2 V%[2]d.16B, V%[1]d.8H, #7"}
	for i, code := range [2]uint32{0x0F098400, 0x4F098400} {
		words := n.Op("VSHL $3, V%d.H8, V%d.H8", n.Op("VLD1.P 16(R1), [V%d.H8]"))
		words = n.Op("VADD V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", n.MulHRS(words, factor), offset)
		n.SetCode(out, code, narrow[i], words)
	}
	n.Do("VST1.P [V%d.B16], 16(R0)", out)
	n.Flush()
	n.Text("	SUBS $1, R2\n	BNE loop\n	RET")
}

// interleavedNEON writes the kernel of RGB24 or RGBA: pixels of so many bytes, those behind the third 255.
func interleavedNEON(n *gen.NEON, name string, bytes int, rest string) {
	n.Text(fmt.Sprintf(`
// func %[1]s(dst *byte, red, green, blue *int16, vectors int)
TEXT ·%[1]s(SB), NOSPLIT, $0-40
	// %[1]s writes 16*vectors pixels, vectors > 0.
	// 	for i := range r {
	// 		dst[%[2]d*i:] = pixel(r[i]), pixel(g[i]), pixel(b[i])%[3]s
	// 	}
	// Registers: R0 dst, R1 red, R2 green, R3 blue, R4 vectors, V0-V2 the bytes of a color each
	MOVD dst+0(FP), R0
	MOVD red+8(FP), R1
	MOVD green+16(FP), R2
	MOVD blue+24(FP), R3
	MOVD vectors+32(FP), R4`, name, bytes, rest))
	var colors [4]gen.V
	for c := range colors {
		colors[c] = n.Pin(c)
	}
	if bytes == 4 {
		n.Set(colors[3], "VMOVI $255, V%d.B16")
	}
	n.Flush()
	n.Text("\nloop:")
	for c := range 3 {
		low, high := n.Op(fmt.Sprintf("VLD1.P 16(R%d), [V%%d.H8]", 1+c)), n.Op(fmt.Sprintf("VLD1.P 16(R%d), [V%%d.H8]", 1+c))
		// pixel: rounded, shifted, clamped.
		n.SetCode(colors[c], 0x2F0C8C00, "SQRSHRUN V%[2]d.8B, V%[1]d.8H, #4", low)
		n.SetCode(colors[c], 0x6F0C8C00, "SQRSHRUN2 V%[2]d.16B, V%[1]d.8H, #4", high)
	}
	store := map[int]string{3: "VST3.P [V0.B16, V1.B16, V2.B16], 48(R0)", 4: "VST4.P [V0.B16, V1.B16, V2.B16, V3.B16], 64(R0)"}
	n.Do(store[bytes])
	n.Flush()
	n.Text("	SUBS $1, R4\n	BNE loop\n	RET")
}
