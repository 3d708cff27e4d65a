package huff

import (
	"bytes"
	"errors"
)

// decoder reads entropy-coded bytes by the procedures of T.81, annex F.2, from the tables as a DHT segment has them.
// It shares nothing with what it checks.
type decoder struct {
	data []byte
	bit  int
	pred [3]int
}

var errEnd = errors.New("the data ended inside a block")

func (d *decoder) readBit() (int, error) {
	if d.bit >= 8*len(d.data) {
		return 0, errEnd
	}
	b := int(d.data[d.bit/8]>>(7-d.bit%8)) & 1
	d.bit++
	return b, nil
}

// value reads one code: DECODE, with the tables of F.2.2.3 made on the way.
func (d *decoder) value(t *Table) (int, error) {
	code, first, at := 0, 0, 0
	for _, n := range t.Counts {
		b, err := d.readBit()
		if err != nil {
			return 0, err
		}
		code = code<<1 | b
		if code-first < int(n) {
			return int(t.Values[at+code-first]), nil
		}
		at += int(n)
		first = (first + int(n)) << 1
	}
	return 0, errors.New("no such code")
}

// extended reads size bits and extends their sign: RECEIVE and EXTEND.
func (d *decoder) extended(size int) (int, error) {
	v := 0
	for range size {
		b, err := d.readBit()
		if err != nil {
			return 0, err
		}
		v = v<<1 | b
	}
	if size > 0 && v < 1<<(size-1) {
		v -= 1<<size - 1
	}
	return v, nil
}

// block reads one block, in zig-zag order.
func (d *decoder) block(component int, c Class) (out [64]int16, err error) {
	size, err := d.value(DC(c))
	if err != nil {
		return out, err
	}
	diff, err := d.extended(size)
	if err != nil {
		return out, err
	}
	d.pred[component] += diff
	out[0] = int16(d.pred[component])
	for k := 1; k < 64; k++ {
		rs, err := d.value(AC(c))
		if err != nil {
			return out, err
		}
		run, size := rs>>4, rs&15
		if size == 0 && run != 15 {
			return out, nil
		}
		k += run
		if k > 63 {
			return out, errors.New("a run leaves the block")
		}
		v, err := d.extended(size)
		if err != nil {
			return out, err
		}
		out[k] = int16(v)
	}
	return out, nil
}

// unstuff takes the zeros after 0xFF out.
func unstuff(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0xFF, 0}, []byte{0xFF}) }
