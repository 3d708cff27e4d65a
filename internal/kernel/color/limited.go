package color

// Limited range has luma in 16..235 and chroma in 16..240 (ITU-R BT.601-7, 2.5.3): full luma is (y-16)*255/219, full chroma c*255/224. In
// 32768ths 255/219 is 1 and 5387, 255/224 is 1 and 4535. For luma less 128 there is (128-16)*255/219 - 128 to add, 309 with 7 fractional
// bits.
const (
	expandY, expandYOffset = 5387, 309
	expandC                = 4535
)

func expandLuma(y []int16) {
	rest := y[lumaRange.expandWords(y):]
	for x, v := range rest {
		c := int32(v)
		rest[x] = int16(min(max(c+mulhrs(c, expandY)+expandYOffset, -16384), 16256)) // before the clamp -18769..19237
	}
}

func expandChroma(c []int16) {
	rest := c[chromaRange.expandWords(c):]
	for x, v := range rest {
		rest[x] = int16(min(max(int32(v)+mulhrs(int32(v), expandC), -16320), 16320)) // before the clamp -18652..18506
	}
}

// limits is how a range is expanded a word at a time. The clamp comes first: samples below 16 become 16 and those above
// 235 or 240 become that, all with 128 added so that they are 0..32640 and the sign bit is free to catch a borrow. What
// remains is a linear function of how far a sample is below the top.
type limits struct {
	span  uint64 // from 16 to the top, in each lane
	start uint64 // what the top comes to, 128 added, before the shift by 15; less than 1<<31
	slope uint64
	over  uint64 // 1 in each lane where the top comes to 32641, a 128th more than 255
}

// Both are written here alone.
var (
	lumaRange   = limits{(235 - 16) << 7 * each, ((235-128)<<7*(1<<15+expandY) + expandYOffset<<15 + 1<<14 + 128<<22) * ones, 1<<15 + expandY, each}
	chromaRange = limits{(240 - 16) << 7 * each, ((240-128)<<7*(1<<15+expandC) + 1<<14 + 128<<22) * ones, 1<<15 + expandC, 0}
)

// expandWords expands as many samples as fill whole words, and returns how many.
func (l *limits) expandWords(s []int16) int {
	span, start, slope, over := l.span|signs, l.start, l.slope, l.over
	w := words(s)
	for i, v := range w {
		v = (v ^ 128<<7*each) &^ signs      // 128 added
		v = above((v | signs) - 16<<7*each) // how far above 16
		v = above(span - v)                 // how far below the top
		even := (start - (v&evenLanes)*slope) >> 15 & evenLanes
		odd := (start - (v>>16&evenLanes)*slope) << 1 &^ evenLanes
		v = even | odd
		v -= (v + 127*each) >> 15 & over
		w[i] = (v + 128<<7*each) ^ signs // 128 subtracted
	}
	return 4 * len(w)
}

// above returns the lanes of d that have their sign bit set, without it, and 0 for the others.
func above(d uint64) uint64 {
	set := d & signs
	return d & (set - set>>15)
}
