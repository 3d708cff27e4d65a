package main

import (
	"fmt"

	"github.com/steadyframe/steadyframe/_asm/internal/gen"
)

func neon(n *gen.NEON) {
	for _, size := range []int{16, 8} {
		for to := rgb; to <= luma; to++ {
			resizedNEON(n, size, to)
		}
	}
	for step := 3; step <= 4; step++ {
		for to := ycc; to <= luma; to++ {
			packedNEON(n, step, to)
		}
		packedLinesNEON(n, step)
		halvedLinesNEON(n, step)
	}
	planarLinesNEON(n)
	halvedPlanarLinesNEON(n)
	for to := ycc; to <= luma; to++ {
		rowsNEON(n, to)
	}
	linesNEON(n)
}

// two is 16 samples.
type two [2]gen.V

// converterNEON writes what becomes of 16 samples each of R, G, B, 0..32640. The rows that they go to are in R0 to R2.
type converterNEON struct {
	*gen.NEON
	to           planes
	luma, cb, cr [3]gen.V // weights
	mid          gen.V
}

// newConverterNEON sets the weights: those of R, G, B, or, of pixels, those that follow each other at the address in a
// register, in the order of memory.
func newConverterNEON(n *gen.NEON, to planes, address string) *converterNEON {
	c := &converterNEON{NEON: n, to: to}
	if to == rgb {
		return c
	}
	c.mid = n.PinWords(22, mid, "128<<7")
	for i, to := range []struct {
		name    string
		weights [3]int16
		v       *[3]gen.V
	}{{"Y", lumaWeights, &c.luma}, {"Cb", cbWeights, &c.cb}, {"Cr", crWeights, &c.cr}} {
		if i > 0 && c.to == luma {
			break
		}
		for k, w := range to.weights {
			number := 23 + 3*i + k
			if address == "" {
				to.v[k] = n.PinWords(number, int(w), fmt.Sprintf("weight of %c in %s", "RGB"[k], to.name))
				continue
			}
			to.v[k] = n.Pin(number)
			n.Set(to.v[k], fmt.Sprintf("VLD1R.P 2(%s), [V%%d.H8] // weight of byte %d in %s", address, k, to.name))
		}
	}
	n.Flush()
	return c
}

// write makes the planes that are as long as R.
func (c *converterNEON) write(p [3]two) {
	for half := range 2 {
		v := [3]gen.V{p[0][half], p[1][half], p[2][half]}
		switch c.to {
		case rgb:
			for i := range v {
				c.store(i, v[i])
			}
			continue
		case ycc:
			c.store(1, c.weighted(v, c.cb))
			c.store(2, c.weighted(v, c.cr))
		}
		c.store(0, c.y(v))
	}
}

// y returns luma of 8 samples.
func (c *converterNEON) y(p [3]gen.V) gen.V { return c.Sub(c.weighted(p, c.luma), c.mid) }

// writeHalf makes chroma of 8 samples, the means of neighbors.
func (c *converterNEON) writeHalf(means [3]gen.V) {
	c.store(1, c.weighted(means, c.cb))
	c.store(2, c.weighted(means, c.cr))
}

// means returns the means of neighbors.
func (c *converterNEON) means(p [3]two) (means [3]gen.V) {
	for i, v := range p {
		sums := c.Op("VADDP V%[2]d.H8, V%[1]d.H8, V%[3]d.H8", v[0], v[1])
		means[i] = c.OpCode(0x6F1F2400, "URSHR V%[2]d.8H, V%[1]d.8H, #1", sums)
	}
	return means
}

func (c *converterNEON) store(plane int, v gen.V) { c.Store(fmt.Sprintf("R%d", plane), v) }

// weighted returns the sum of the products.
func (c *converterNEON) weighted(p, weights [3]gen.V) gen.V {
	sum := c.MulHRS(p[0], weights[0])
	for i := 1; i < 3; i++ {
		sum = c.Add(sum, c.MulHRS(p[i], weights[i]))
	}
	return sum
}

// rowsNEON writes YCC, YCCHalf or Luma.
func rowsNEON(n *gen.NEON, to planes) {
	name := fmt.Sprintf("rows%sNEON", to)
	n.Func(name, "first, second, third, red, green, blue *int16, vectors int",
		name+" converts 16*vectors samples, vectors > 0.")
	c := newConverterNEON(n, to, "")
	n.Loop("R6", func() {
		var p [3]two
		for i := range p {
			row := fmt.Sprintf("R%d", 3+i)
			p[i] = two{n.Load(row), n.Load(row)}
		}
		c.write(p)
		if to == yccHalf {
			c.writeHalf(c.means(p))
		}
	})
	n.Text("\tRET")
}

// resizedNEON writes a kernel of Resized, from windows of size bytes.
func resizedNEON(n *gen.NEON, size int, to planes) {
	name := map[int]string{16: "near", 8: "far"}[size] + to.String() + "NEON"
	n.Func(name, "first, second, third *int16, src, table *byte, ahead, groups int", fmt.Sprintf(`
%s makes groups*16 samples, groups > 0, of windows of %d bytes: resample's Packed%s.`, name, size, to.then()))
	c := newConverterNEON(n, to, "")
	var p [3]two
	for v := range 4 {
		n.Pin(v) // the windows
	}
	for i := range p {
		p[i] = two{n.Pin(4 + i), n.Pin(8 + i)}
	}
	n.Text("\tADD R3, R5 // the row ahead")
	n.Loop("R6", func() {
		for half := range 2 {
			for at := 0; at < 64; at += 2 * size { // every second window
				n.Do(fmt.Sprintf("MOVWU %d(R4), R7; ADD R5, R7; PRFM (R7), PLDL1KEEP", at*4/size))
			}
			n.Windows("R3", "R4", size)
			n.Interpolate([]gen.V{p[0][half], p[1][half], p[2][half]}, "R4")
		}
		c.write(p)
		if to == yccHalf {
			c.writeHalf(c.means(p))
		}
	})
	n.Text("\tRET")
}
