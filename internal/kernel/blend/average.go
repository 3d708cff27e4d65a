package blend

import "encoding/binary"

// Rows is neighbouring rows of bytes, the first at the beginning of Pix.
type Rows struct {
	Pix    []byte
	Stride int // bytes from one row to the next
	Ahead  int // rows to fetch into the caches: those that lie so many bytes behind; 0 for none
}

// MaxWhole is how many rows an Average can take whole: so many bytes add up to less than 1<<16.
const MaxWhole = 257

// Average says what the mean of neighbouring rows is made of. Those that are taken whole count the same, so that they are
// added up before they are multiplied; a row before and one behind them may count less. The mean is
//
//	(Before*(row<<8))>>16 + (Weight*(sum of the whole rows << Shift))>>16 + (Behind*(row<<8))>>16
//
// which NewAverage makes 0..32640, and at most 4 less than the exact mean of bytes, times 128.
type Average struct {
	Whole          int    // rows taken whole, 0..MaxWhole
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
	factor, x := uint32(a.Weight)<<(a.Shift&15), 0 // times a sum, it is below 1<<32
	for ; x+8 <= n; x += 8 {
		e, o := addColumns(whole, x, rows.Stride, a.Whole)
		eight := dst[x : x+8]
		for i := range 4 {
			eight[2*i], eight[2*i+1] = int16(e&0xffff*uint64(factor)>>16), int16(o&0xffff*uint64(factor)>>16)
			e, o = e>>16, o>>16
		}
	}
	for ; x < n; x++ {
		sum := uint32(0)
		for i := range a.Whole {
			sum += uint32(whole[i*rows.Stride+x])
		}
		dst[x] = int16(sum * factor >> 16)
	}
	addWeighted(dst, before, a.Before)
	addWeighted(dst, behind, a.Behind)
}

// addColumns adds up eight columns of rows from x on: the sums of every other byte, in four lanes each.
func addColumns(whole []byte, x, stride, rows int) (e, o uint64) {
	const even = 0x00ff00ff_00ff00ff
	for range rows {
		v := binary.LittleEndian.Uint64(whole[x:])
		e += v & even
		o += v >> 8 & even
		x += stride
	}
	return e, o
}

// addWeighted adds to dst what a row beside the whole ones adds.
func addWeighted(dst []int16, row []byte, weight uint16) {
	if weight == 0 {
		return
	}
	row = row[:len(dst)]
	for i, v := range row {
		dst[i] += int16(uint32(v) * uint32(weight) >> 8)
	}
}
