package synth

import "encoding/binary"

// grain is the noise of a sensor: the same for the three samples of a pixel, since a camera's processing leaves little
// of it in chroma.
type grain struct {
	seed  uint64
	noise []byte // triplets of equal bytes, 0..2*grainLevels
	spots uint64 // where a row may begin in noise, in pixels
}

// grainPixels is how many pixels beyond a row the noise has, so that rows can begin in many places.
const grainPixels = 1 << 14

// newGrain returns the grain of rows of w pixels.
func newGrain(w int, seed uint64) grain {
	g := grain{seed: seed, noise: make([]byte, (w+grainPixels)*3), spots: grainPixels}
	for i := range w + grainPixels {
		h := mix(seed, uint64(i), 0)
		// The sum of two even distributions is a triangular one.
		v := byte(h>>32%(grainLevels+1) + h>>48%(grainLevels+1))
		g.noise[i*3], g.noise[i*3+1], g.noise[i*3+2] = v, v, v
	}
	return g
}

// add adds the grain of row y of frame n to the samples of a row, each within 0..255-2*grainLevels: no byte carries
// into the next.
func (g *grain) add(row []byte, n uint64, y int) {
	src := g.noise[mix(g.seed, n, uint64(y))%g.spots*3:][:len(row)]
	i := 0
	for ; i+8 <= len(row); i += 8 {
		s := binary.LittleEndian.Uint64(row[i:]) + binary.LittleEndian.Uint64(src[i:])
		binary.LittleEndian.PutUint64(row[i:], s)
	}
	for ; i < len(row); i++ {
		row[i] += src[i]
	}
}
