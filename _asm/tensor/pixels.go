package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

// pixels writes a kernel of Pixels. Words are packed in an order in which the three registers that they fill have three
// different channels at each place, so that a channel is a blend of all three, put in order afterwards.
func (c *converter) pixels(level string) {
	name := c.name("pixels", level)
	c.Func(name, "func(first, second, third *int16, src *byte, vectors, ahead, factor, offset int)", fmt.Sprintf(`
%s makes %d*vectors samples of each of three rows, vectors > 0, of pixels of three samples, and asks for the cache lines
ahead of src. src is %s`, name, c.n, c.definition()))
	var dst [3]reg.GPVirtual
	for i, name := range []string{"first", "second", "third"} {
		dst[i] = c.Arg(name)
	}
	src, vectors, ahead := c.Arg("src"), c.Arg("vectors"), c.Arg("ahead")
	c.load()
	channels := c.channelsAVX2
	if c.n == 32 {
		channels = c.partAVX512()
	}
	c.Loop("loop", vectors, 1, func() {
		var parts [6]reg.VecVirtual
		for i := range parts {
			parts[i] = c.samples(src, ahead, c.n/2*c.size()*i)
		}
		for i, v := range channels(parts) {
			if c.n == 32 {
				c.VMOVDQU64(v, gen.At(dst[i], 0))
			} else {
				c.VMOVDQU(v, gen.At(dst[i], 0))
			}
		}
		c.ADDQ(operand.U32(3*c.size()*c.n), src)
		for _, row := range dst {
			c.ADDQ(operand.U32(2*c.n), row)
		}
	})
	c.End()
}

// channelsAVX2 returns the channels of 16 pixels, whose samples 8*i.. are parts[i]. Registers of words have 8 samples of the
// first 8 pixels in the lower half, and those 24 behind them in the upper.
func (c *converter) channelsAVX2(parts [6]reg.VecVirtual) (channels [3]reg.VecVirtual) {
	var words [3]reg.VecVirtual
	for i := range words {
		words[i] = parts[i]
		c.VPACKSSDW(parts[i+3], parts[i], words[i])
		c.VPERMQ(operand.U8(0b11_01_10_00), words[i], words[i])
	}
	for channel := range channels {
		var masks [3]uint8 // of each register, the words that are of the channel
		order := make([]byte, 16)
		for sample := range 24 {
			if sample%3 == channel {
				masks[sample/8] |= 1 << (sample % 8)
				order[sample/3*2], order[sample/3*2+1] = byte(sample%8*2), byte(sample%8*2+1)
			}
		}
		v := c.YMM()
		c.VPBLENDW(operand.U8(masks[1]), words[1], words[0], v)
		c.VPBLENDW(operand.U8(masks[2]), words[2], v, v)
		c.VPSHUFB(c.order(channel, append(order, order...)), v, v)
		channels[channel] = v
	}
	return channels
}

// partAVX512 returns what makes the channels of 32 pixels of samples 16*i.. in parts[i]. It loads masks and orders.
func (c *converter) partAVX512() func(parts [6]reg.VecVirtual) [3]reg.VecVirtual {
	// Where packing puts sample i of 32: eight words of either register in turn.
	place := func(i int) int { return i%16/4*8 + i/16*4 + i%4 }
	// Of a register of words, those of the channel are at the places of a mask: that of channel-2*register, modulo 3.
	var masks [3]reg.OpmaskVirtual
	for k := range masks {
		var mask uint32
		for i := range 32 {
			if i%3 == k {
				mask |= 1 << place(i)
			}
		}
		bits := c.GP32()
		masks[k] = gen.Name(c.Asm, fmt.Sprintf("places of samples 3*i+%d", k), c.K())
		c.MOVL(operand.U32(mask), bits)
		c.KMOVD(bits, masks[k])
	}
	var orders [3]reg.VecVirtual
	for channel := range orders {
		order := make([]byte, 64)
		for sample := channel; sample < 96; sample += 3 {
			for b := range 2 {
				order[sample/3*2+b] = byte(place(sample%32)*2 + b)
			}
		}
		orders[channel] = gen.Name(c.Asm, fmt.Sprintf("order of channel %d", channel), c.ZMM())
		c.VMOVDQU64(c.order(channel, order), orders[channel])
	}
	return func(parts [6]reg.VecVirtual) (channels [3]reg.VecVirtual) {
		var words [3]reg.VecVirtual
		for i := range words {
			words[i] = parts[2*i]
			c.VPACKSSDW(parts[2*i+1], parts[2*i], words[i])
		}
		for channel := range channels {
			v := c.ZMM()
			c.VPBLENDMW(words[1], words[0], masks[(channel+1)%3], v) // 32 is 2 modulo 3
			c.VPBLENDMW(words[2], v, masks[(channel+2)%3], v)
			c.VPERMB(v, orders[channel], v)
			channels[channel] = v
		}
		return channels
	}
}

// order returns where the places of a channel's bytes lie in the file, which it puts there once.
func (c *converter) order(channel int, places []byte) operand.Mem {
	if c.orders[channel].Symbol.Name == "" {
		c.orders[channel] = c.Bytes(fmt.Sprintf("order%d", channel), places)
	}
	return c.orders[channel]
}
