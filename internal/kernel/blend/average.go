package blend

import "encoding/binary"

// Rows is neighboring rows of bytes, the first at the beginning of Pix.
type Rows struct {
	Pix    []byte
	Stride int // bytes from one row to the next
	Ahead  int // rows to fetch into the caches: those that lie so many bytes behind; 0 for none
}

// MaxWhole is the most whole rows of an Average: so many bytes add up to less than 1<<16.
const MaxWhole = 257

// Average is a weighted mean of neighboring rows. Whole rows have the same weight, so that they are summed before they
// are multiplied; a row before and one behind them may weigh less. The mean is
//
//	(Before*(row<<8))>>16 + (Weight*(sum of the whole rows << Shift))>>16 + (Behind*(row<<8))>>16
//
// which NewAverage makes 0..32640, and at most 4 less than the exact mean of bytes, times 128.
type Average struct {
	Whole          int    // whole rows, 0..MaxWhole
	Before, Behind uint16 // weights of the rows beside them, in 32768ths; with 0 there is no such row
	Shift          uint8
	Weight         uint16
}

// NewAverage returns the mean of so many whole rows, which weigh what those before and behind them, in 32768ths, leave.
func NewAverage(before, whole, behind int) Average {
	a := Average{Whole: whole, Before: uint16(before), Behind: uint16(behind)}
	if whole == 0 {
		return a
	}
	for a.Shift < 8 && 255*whole<<(a.Shift+1) < 1<<16 {
		a.Shift++
	}
	a.Weight = uint16((1<<15 - before - behind) << (8 - a.Shift) / whole) // below 1<<16: the shifted sum reaches 1<<15, if not 8 bits
	return a
}

// Count returns how many rows a is made of.
func (a *Average) Count() int {
	n := a.Whole
	if a.Before != 0 {
		n++
	}
	if a.Behind != 0 {
		n++
	}
	return n
}

// split returns what is left of Pix at the row before, the first whole row and the row behind. Rows that a has not are
// empty, those that it has are n bytes or longer.
func (r *Rows) split(a *Average, n int) (before, whole, behind []byte) {
	rest := r.Pix
	_ = rest[(a.Count()-1)*r.Stride+n-1]
	if a.Before != 0 {
		before = rest
		if a.Whole == 0 && a.Behind == 0 {
			return before, nil, nil
		}
		rest = rest[r.Stride:]
	}
	if a.Whole > 0 {
		whole = rest
	}
	if a.Behind != 0 {
		behind = rest[a.Whole*r.Stride:]
	}
	return before, whole, behind
}

func average(dst []int16, rows Rows, a Average) {
	n := len(dst)
	if n == 0 {
		return
	}
	before, whole, behind := rows.split(&a, n)
	factor := uint64(a.Weight) << (a.Shift & 15) // times a sum, it is below 1<<32
	x := 0
	for ; x+8 <= n; x += 8 {
		var e, o uint64 // the sums of every other byte, in four lanes each
		at := x
		for range a.Whole {
			v := binary.LittleEndian.Uint64(whole[at:])
			e += v & everyOther
			o += v >> 8 & everyOther
			at += rows.Stride
		}
		m := means{}
		m.add(e, o, factor, 16)
		if a.Before != 0 {
			v := binary.LittleEndian.Uint64(before[x:])
			m.add(v&everyOther, v>>8&everyOther, uint64(a.Before), 8)
		}
		if a.Behind != 0 {
			v := binary.LittleEndian.Uint64(behind[x:])
			m.add(v&everyOther, v>>8&everyOther, uint64(a.Behind), 8)
		}
		m.store(dst[x : x+8])
	}
	for ; x < n; x++ {
		sum := uint64(0)
		for i := range a.Whole {
			sum += uint64(whole[i*rows.Stride+x])
		}
		sum = sum * factor >> 16
		if a.Before != 0 {
			sum += uint64(before[x]) * uint64(a.Before) >> 8
		}
		if a.Behind != 0 {
			sum += uint64(behind[x]) * uint64(a.Behind) >> 8
		}
		dst[x] = int16(sum)
	}
}

// everyOther is every other byte of a word.
const everyOther = 0x00ff00ff_00ff00ff

// means is eight samples in the making, of which each word holds one and the one four further on.
type means struct{ p0, p1, p2, p3 uint64 }

// add adds the products of four lanes each of even and odd columns, shifted down. A product is below 1<<32.
func (m *means) add(e, o, weight uint64, shift uint) {
	shift &= 31
	m.p0 += (e & even) * weight >> shift & even
	m.p1 += (o & even) * weight >> shift & even
	m.p2 += (e >> 16 & even) * weight >> shift & even
	m.p3 += (o >> 16 & even) * weight >> shift & even
}

func (m *means) store(dst []int16) {
	dst = dst[:8]
	dst[0], dst[1], dst[2], dst[3] = int16(m.p0), int16(m.p1), int16(m.p2), int16(m.p3)
	dst[4], dst[5], dst[6], dst[7] = int16(m.p0>>32), int16(m.p1>>32), int16(m.p2>>32), int16(m.p3>>32)
}
