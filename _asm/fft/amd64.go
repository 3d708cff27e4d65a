package main

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// amd64 is the kernels for AVX2, with 8 lanes, or for AVX-512, with 16.
type amd64 struct {
	*gen.Asm
	level  string
	lanes  int
	vector func() reg.VecVirtual

	factors [len(constants)]operand.Mem
	numbers [5]operand.Mem // of a butterfly, their real parts
	table   reg.GPVirtual  // twiddles
}

func avx2(a *gen.Asm)   { kernels(&amd64{Asm: a, level: "AVX2", lanes: 8, vector: a.YMM}) }
func avx512(a *gen.Asm) { kernels(&amd64{Asm: a, level: "AVX512", lanes: 16, vector: a.ZMM}) }

func kernels(m *amd64) {
	for i, c := range constants {
		var data []byte
		for range m.lanes {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(c.value)))
		}
		m.factors[i] = m.Bytes(c.name, data)
	}
	m.frames()
	for radix := 2; radix <= 5; radix++ {
		m.first(radix)
		m.pass(radix)
	}
	m.spectrum("power", false)
	m.spectrum("magnitude", true)
}

func (m *amd64) bytes() int { return 4 * m.lanes }

func (m *amd64) add(x, y operand.Op) operand.Op {
	out := m.vector()
	m.VADDPS(y, x, out)
	return out
}

func (m *amd64) sub(x, y operand.Op) operand.Op {
	out := m.vector()
	m.VSUBPS(y, x, out)
	return out
}

func (m *amd64) mul(x, y operand.Op) operand.Op {
	out := m.vector()
	m.VMULPS(y, x, out)
	return out
}

func (m *amd64) constant(c constant) operand.Op { return m.factors[c] }

func (m *amd64) number(k int, imaginary bool) operand.Mem {
	at := m.numbers[k]
	if imaginary {
		at.Disp += m.bytes()
	}
	return at
}

func (m *amd64) load(k int, imaginary bool) operand.Op {
	v := m.vector()
	m.VMOVUPS(m.number(k, imaginary), v)
	return v
}

func (m *amd64) store(k int, re, im operand.Op) {
	m.VMOVUPS(re, m.number(k, false))
	m.VMOVUPS(im, m.number(k, true))
}

func (m *amd64) twiddle(k int) (cos, sin operand.Op) {
	c, s := m.vector(), m.vector()
	m.VBROADCASTSS(gen.At(m.table, 8*(k-1)), c)
	m.VBROADCASTSS(gen.At(m.table, 8*(k-1)+4), s)
	return c, s
}

func (m *amd64) first(radix int) {
	m.Func(fmt.Sprintf("first%d%s", radix, m.level), "func(work *float32, blocks int)", fmt.Sprintf(`
first%d%s makes blocks transforms, blocks > 0, of %[1]d numbers side by side.`, radix, m.level))
	work, blocks := m.Arg("work"), m.Arg("blocks")
	for k := range radix {
		m.numbers[k] = gen.At(work, 2*m.bytes()*k)
	}
	m.Loop("loop", blocks, 1, func() {
		butterfly[operand.Op](m, radix, false)
		m.ADDQ(operand.U32(uint32(2*m.bytes()*radix)), work)
	})
	m.End()
}

func (m *amd64) pass(radix int) {
	m.Func(fmt.Sprintf("pass%d%s", radix, m.level), "func(work, twiddles *float32, length, blocks int)", fmt.Sprintf(`
pass%d%s makes blocks transforms, blocks > 0, each of %[1]d transforms of length numbers, length > 0.`, radix, m.level))
	work, twiddles := m.Arg("work"), m.Arg("twiddles")
	length, blocks := m.Arg("length"), m.Arg("blocks")
	step := gen.Name(m.Asm, "bytes of length numbers", m.GP64())
	m.MOVQ(length, step)
	m.SHLQ(operand.U8(uint8(map[int]int{8: 6, 16: 7}[m.lanes])), step)
	step3 := m.GP64()
	if radix > 3 {
		gen.Name(m.Asm, "3 times as many", step3)
		m.LEAQ(operand.Mem{Base: step, Index: step, Scale: 2}, step3)
	}
	m.numbers = [5]operand.Mem{
		{Base: work}, {Base: work, Index: step, Scale: 1}, {Base: work, Index: step, Scale: 2},
		{Base: work, Index: step3, Scale: 1}, {Base: work, Index: step, Scale: 4},
	}
	m.table = m.GP64()
	left := m.GP64()
	m.Loop("block", blocks, 1, func() {
		m.MOVQ(twiddles, m.table)
		m.MOVQ(length, left)
		m.Loop("number", left, 1, func() {
			butterfly[operand.Op](m, radix, true)
			m.ADDQ(operand.U32(uint32(8*(radix-1))), m.table)
			m.ADDQ(operand.U32(uint32(2*m.bytes())), work)
		})
		for range radix - 1 {
			m.ADDQ(step, work)
		}
	})
	m.End()
}

// spectrum writes Power, or with root Magnitude: from both ends to the middle.
func (m *amd64) spectrum(name string, root bool) {
	m.Func(name+m.level, "func(dst, work, halving *float32, size int)", fmt.Sprintf(`
%s%s makes size+1 bins, size > 0, by pairs: k and size-k for 0 <= k <= size/2.`, name, m.level))
	dst, work, size := m.Arg("dst"), m.Arg("work"), m.Arg("size")
	m.table = m.Arg("halving")
	last, dstLast, count := gen.Name(m.Asm, "number size-k", m.GP64()), gen.Name(m.Asm, "bin size-k", m.GP64()), m.GP64()
	shift := uint8(map[int]int{8: 5, 16: 6}[m.lanes])
	m.MOVQ(size, dstLast)
	m.SHLQ(operand.U8(shift), dstLast)
	m.LEAQ(operand.Mem{Base: work, Index: dstLast, Scale: 2}, last)
	m.ADDQ(dst, dstLast)
	m.MOVQ(size, count)
	m.SHRQ(operand.U8(1), count)
	m.INCQ(count)
	m.numbers[0], m.numbers[1] = gen.At(work, 0), gen.At(last, 0)
	m.Loop("loop", count, 1, func() {
		low, high := powers[operand.Op](m)
		if root {
			m.VSQRTPS(low, low)
			m.VSQRTPS(high, high)
		}
		m.VMOVUPS(high, gen.At(dstLast, 0))
		m.VMOVUPS(low, gen.At(dst, 0))
		m.ADDQ(operand.U8(8), m.table)
		m.ADDQ(operand.U32(uint32(2*m.bytes())), work)
		m.SUBQ(operand.U32(uint32(2*m.bytes())), last)
		m.ADDQ(operand.U32(uint32(m.bytes())), dst)
		m.SUBQ(operand.U32(uint32(m.bytes())), dstLast)
	})
	m.End()
}

// frames writes Frames: four samples of all frames at a time. A register takes those of frames j, j+4 and so on, four in each
// 128 bits; four of such registers are transposed within these.
func (m *amd64) frames() {
	m.Func("frames"+m.level, "func(dst, src, window, shift *float32, order *int32, hop, quads int)", fmt.Sprintf(`
frames%s puts 4*quads samples, quads > 0, of %d frames into their lanes.
	dst[order[i/2]/4 + i%%2*lanes + l] = (src[l*hop+i] - shift[l]) * window[i]`, m.level, m.lanes))
	dst, window, order := m.Arg("dst"), m.Arg("window"), m.Arg("order")
	hop, hop3 := gen.Name(m.Asm, "bytes of hop", m.Load(m.Param("hop"), m.GP64()).(reg.GPVirtual)), m.GP64()
	quads := m.Arg("quads")
	m.SHLQ(operand.U8(2), hop)
	m.LEAQ(operand.Mem{Base: hop, Index: hop, Scale: 2}, hop3)
	src := []reg.GPVirtual{m.Arg("src")}
	for i := 1; i < m.lanes/4; i++ {
		next := gen.Name(m.Asm, fmt.Sprintf("frame %d", 4*i), m.GP64())
		m.LEAQ(operand.Mem{Base: src[i-1], Index: hop, Scale: 4}, next)
		src = append(src, next)
	}
	shift := gen.Name(m.Asm, "shift", m.vector())
	at := m.GP64()
	m.Load(m.Param("shift"), at)
	m.VMOVUPS(gen.At(at, 0), shift)
	m.Loop("loop", quads, 1, func() {
		var rows [4]reg.VecVirtual
		for j := range rows {
			rows[j] = m.vector()
			for i, s := range src {
				from := [...]operand.Mem{{Base: s}, {Base: s, Index: hop, Scale: 1}, {Base: s, Index: hop, Scale: 2}, {Base: s, Index: hop3, Scale: 1}}[j]
				switch {
				case i == 0:
					m.VMOVUPS(from, rows[j].AsX())
				case m.lanes == 8:
					m.VINSERTF128(operand.U8(uint8(i)), from, rows[j], rows[j])
				default:
					m.VINSERTF32X4(operand.U8(uint8(i)), from, rows[j], rows[j])
				}
			}
		}
		var half [4]reg.VecVirtual
		for i := range half {
			half[i] = m.vector()
		}
		m.VUNPCKLPS(rows[1], rows[0], half[0])
		m.VUNPCKLPS(rows[3], rows[2], half[1])
		m.VUNPCKHPS(rows[1], rows[0], half[2])
		m.VUNPCKHPS(rows[3], rows[2], half[3])
		place := m.GP64()
		for i := range 4 {
			v, w := m.vector(), m.vector()
			if i%2 == 0 {
				m.VUNPCKLPD(half[i/2*2+1], half[i/2*2], v)
				m.MOVLQSX(gen.At(order, 4*(i/2)), place)
			} else {
				m.VUNPCKHPD(half[i/2*2+1], half[i/2*2], v)
			}
			m.VSUBPS(shift, v, v)
			m.VBROADCASTSS(gen.At(window, 4*i), w)
			m.VMULPS(w, v, v)
			m.VMOVUPS(v, operand.Mem{Base: dst, Index: place, Scale: 1, Disp: i % 2 * m.bytes()})
		}
		for _, s := range src {
			m.ADDQ(operand.U8(16), s)
		}
		m.ADDQ(operand.U8(16), window)
		m.ADDQ(operand.U8(8), order)
	})
	m.End()
}
