package main

// order is Order of internal/kernel/dct: where the coefficient at a zig-zag index is, when columns follow each other.
var order = func() (o [64]uint8) {
	v, u := 0, 0
	for k := range o {
		o[k] = uint8(8*u + v)
		switch up := (u+v)%2 == 0; { // along the diagonals of ITU-T T.81, figure A.6
		case up && u == 7:
			v++
		case up && v == 0:
			u++
		case up:
			v, u = v-1, u+1
		case v == 7:
			u++
		case u == 0:
			v++
		default:
			v, u = v+1, u-1
		}
	}
	return o
}()
