package main

import (
	"bytes"
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// halver writes HalvedLines: the lines of a band that two pairs of rows of pixels become.
type halver struct {
	*converter
	step           int
	rows           [2][2]reg.GPVirtual // of the upper pair, and of the lower
	ahead          reg.GPVirtual
	y              [2]reg.GPVirtual
	blocks, places reg.GPVirtual
	middle, eighth operand.Op
}

const halvedSignature = "y0, y1, cb, cr *int16, upper, lower *byte, stride, ahead, blocks int, places *byte"

// halvedDoc says what the kernel of a name does, of pixels of step bytes, so many samples at a time.
func halvedDoc(name string, samples, step int) string {
	return fmt.Sprintf(`
%s makes two lines of a band, %d*blocks samples of Y of each, blocks > 0, and the chroma that they share, of two pairs
of rows of %d*blocks pixels of %d bytes. The rows of a pair are stride bytes apart. It asks for the cache lines ahead of theirs.
	r, g, b = the sums of 2x2 pixels << 5
	y[x] = (Y of r, g, b + 4) >> 3
	cb[i], cr[i] = (Cb, Cr of the means of r, g, b of both lines, and then of neighbors + 4) >> 3`, name, samples, 2*samples, step)
}

func newHalver(f *file, step int, level, doc string) *halver {
	name := fmt.Sprintf("halved%dLines%s", step, level)
	f.Func(name, "func("+halvedSignature+")", halvedDoc(name, f.width/2, step)+doc)
	h := &halver{converter: &converter{file: f, to: yccHalf}, step: step}
	for i, name := range []string{"upper", "lower"} {
		h.rows[i] = [2]reg.GPVirtual{f.Arg(name), gen.Name(f.Asm, "the row below "+name, f.GP64())}
		f.MOVQ(f.ArgAddr("stride"), h.rows[i][1])
		f.ADDQ(h.rows[i][0], h.rows[i][1])
	}
	h.places = f.Arg("places")
	h.load()
	return h
}

// load loads the parameters that do not depend on how pixels lie in memory, and constants.
func (h *halver) load() {
	f := h.file
	h.y = [2]reg.GPVirtual{f.Arg("y0"), f.Arg("y1")}
	h.dst[1], h.dst[2] = f.Arg("cb"), f.Arg("cr")
	h.ahead, h.blocks = f.Arg("ahead"), f.Arg("blocks")
	h.at = gen.Name(f.Asm, "samples done", f.GP64())
	f.XORL(h.at.As32(), h.at.As32())
	h.luma = f.each(lumaWeights, lumaWeights, "Y")
	h.inTurn = f.each(cbWeights, crWeights, "Cb, Cr")
	h.middle, h.eighth = f.constant(mid, midName), f.constant(1<<12, "32768/8")
}

// constant returns words of a value: in a register in AVX-512, in memory in AVX2, as each does.
func (f *file) constant(value int16, name string) operand.Op {
	if f.width == 64 {
		return f.words(value, value, name)
	}
	return f.data(fmt.Sprintf("pairs_%s", pairName(value, value)), bytes.Repeat(pair(value, value), 8))
}

// packedBlock makes a block of both lines: samples returns those of one, R, G, B.
func (h *halver) packedBlock(samples func(rows [2]reg.GPVirtual) [3]reg.VecVirtual) {
	h.block(func(line int) [3]reg.VecVirtual {
		for _, row := range h.rows[line] {
			h.fetch(row, h.ahead, h.width*h.step)
		}
		return samples(h.rows[line])
	})
	for _, rows := range h.rows {
		for _, row := range rows {
			h.ADDQ(operand.U32(h.width*h.step), row)
		}
	}
}

// block makes a block of both lines: samples returns those of one, R, G, B.
func (h *halver) block(samples func(line int) [3]reg.VecVirtual) {
	var lines [2][3]reg.VecVirtual
	for i := range lines {
		lines[i] = samples(i)
		y := h.weighted(lines[i], h.luma)
		h.VPSUBW(h.middle, y, y)
		h.VPMULHRSW(h.eighth, y, y)
		h.move(y, operand.Mem{Base: h.y[i], Index: h.at, Scale: 2})
	}
	for k, upper := range lines[0] {
		h.VPAVGW(lines[1][k], upper, upper)
	}
	chroma := h.half(lines[0])
	h.VPMULHRSW(h.eighth, chroma, chroma)
	h.storeHalf(chroma)
	h.advance(h.width / 2)
}

func writeHalvedLinesAVX2(f *file, step int) {
	h := newHalver(f, step, "AVX2", placesAVX2)
	h.loadChroma(false)
	weight := f.data("bytes32", bytes.Repeat([]byte{32}, 32))
	f.Loop("loop", h.blocks, 1, func() {
		h.packedBlock(func(rows [2]reg.GPVirtual) [3]reg.VecVirtual {
			var quads [4]reg.VecVirtual // two samples each: 0 and 4, 1 and 5, 2 and 6, 3 and 7
			for i := range quads {
				high, shuffle := 4*step*(i+4), 0
				if i == 3 {
					high, shuffle = 32*step-16, 32
				}
				for k, row := range rows {
					v := f.YMM()
					f.loadHalves(gen.At(row, 4*step*i), gen.At(row, high), v)
					f.VPSHUFB(gen.At(h.places, shuffle), v, v)
					f.VPMADDUBSW(weight, v, v)
					if k == 0 {
						quads[i] = v
					} else {
						f.VPADDW(v, quads[i], quads[i])
					}
				}
			}
			return transpose(f, quads)
		})
	})
	f.End()
}

func writeHalvedLinesAVX512(f *file, step int) {
	h := newHalver(f, step, "AVX512", `
Of the first 32 pixels, in 128 bytes, and of the last, places has where R and G are, and where B is.`)
	h.loadChroma(false)
	var places [2][2]reg.VecVirtual // by half of the pixels
	for i := range places {
		for k, name := range []string{"R and G", "B"} {
			places[i][k] = gen.Name(f.Asm, "places of "+name, f.ZMM())
			f.VMOVDQU64(gen.At(h.places, 128*i+64*k), places[i][k])
		}
	}
	weight := f.words(32<<8|32, 32<<8|32, "32, in bytes")
	f.Loop("loop", h.blocks, 1, func() {
		h.packedBlock(func(rows [2]reg.GPVirtual) [3]reg.VecVirtual {
			var parts [2][2]reg.VecVirtual // of 32 pixels each: R and G in either half; B
			for k, row := range rows {
				// As few loads as there are bytes: those that cross lines of the cache are slow while these are on their way.
				var pixels []reg.VecVirtual
				for i := range step {
					pixels = append(pixels, f.ZMM())
					f.VMOVDQU64(gen.At(row, 64*i), pixels[i])
				}
				for i := range parts {
					low, high := pixels[i*(step-2)], pixels[i*(step-2)+1]
					for j := range parts[i] {
						v := f.ZMM()
						f.VMOVDQA64(places[i][j], v)
						f.VPERMI2B(high, low, v)
						f.VPMADDUBSW(weight, v, v)
						if k == 0 {
							parts[i][j] = v
						} else {
							f.VPADDW(v, parts[i][j], parts[i][j])
						}
					}
				}
			}
			p := [3]reg.VecVirtual{f.ZMM(), f.ZMM(), f.ZMM()}
			f.VSHUFI64X2(operand.U8(0b01_00_01_00), parts[1][0], parts[0][0], p[0])
			f.VSHUFI64X2(operand.U8(0b11_10_11_10), parts[1][0], parts[0][0], p[1])
			f.VSHUFI64X2(operand.U8(0b01_00_01_00), parts[1][1], parts[0][1], p[2])
			return p
		})
	})
	f.End()
}
