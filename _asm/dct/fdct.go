package main

// machine is vector instructions, on words in registers, or in memory where these allow it.
type machine[V any] interface {
	add(x, y V) V
	sub(x, y V) V
	mulhrs(x V, c constant) V
	zip(bits int, x, y V) (low, high V) // elements of x and y by turns: those of the first half, and the second
}

// constant is a factor of the transform, a fraction of 1<<15; lanes.go of internal/kernel/dct says what it is.
type constant int

const (
	c4 constant = iota
	c6
	c2Sub6
	c2Add6
	eighth
)

var constants = [...]struct {
	name  string
	value uint32
}{{"c4", 23170}, {"c6", 12540}, {"c2Sub6", 17734}, {"c2Add6", 10045}, {"eighth", 4096}}

// fdct8 is fdct8 of lanes.go, and reference8 of reference_test.go, in words. The second half of x may be in memory.
func fdct8[V any](m machine[V], x [8]V) [8]V {
	t0, t7 := m.add(x[0], x[7]), m.sub(x[0], x[7])
	t1, t6 := m.add(x[1], x[6]), m.sub(x[1], x[6])
	t2, t5 := m.add(x[2], x[5]), m.sub(x[2], x[5])
	t3, t4 := m.add(x[3], x[4]), m.sub(x[3], x[4])

	t10, t13 := m.add(t0, t3), m.sub(t0, t3)
	t11, t12 := m.add(t1, t2), m.sub(t1, t2)
	y0, y4 := m.add(t10, t11), m.sub(t10, t11)
	z1 := m.mulhrs(m.add(t12, t13), c4)
	y2, y6 := m.add(t13, z1), m.sub(t13, z1)

	t10, t11, t12 = m.add(t4, t5), m.add(t5, t6), m.add(t6, t7)
	z5 := m.mulhrs(m.sub(t10, t12), c6)
	z2 := m.add(m.mulhrs(t10, c2Sub6), z5)
	z4 := m.add(m.add(m.mulhrs(t12, c2Add6), t12), z5)
	z3 := m.mulhrs(t11, c4)
	z11, z13 := m.add(t7, z3), m.sub(t7, z3)
	return [8]V{y0, m.add(z11, z4), y2, m.sub(z13, z2), y4, m.add(z13, z2), y6, m.sub(z11, z4)}
}

// transpose exchanges the rows and columns of each block.
func transpose[V any](m machine[V], x [8]V) (out [8]V) {
	var words, quads [8]V
	for i := 0; i < 8; i += 2 { // words[i] has columns 0-3 of rows i and i+1, words[i+1] columns 4-7
		words[i], words[i+1] = m.zip(16, x[i], x[i+1])
	}
	for i := range 2 { // quads[4*i+j] has columns 2j and 2j+1 of rows 4i..4i+3
		for j := range 2 {
			quads[4*i+2*j], quads[4*i+2*j+1] = m.zip(32, words[4*i+j], words[4*i+2+j])
		}
	}
	for j := range 4 {
		out[2*j], out[2*j+1] = m.zip(64, quads[j], quads[4+j])
	}
	return out
}

// transform is the transform of the rows x of blocks. Its results are columns.
func transform[V any](m machine[V], x [8]V, comment func(lines ...string)) [8]V {
	return fdct8(m, columns(m, x, comment))
}

// columns transforms the columns of the rows x of blocks. Its results are columns, too, of which fdct8 makes those of transform.
func columns[V any](m machine[V], x [8]V, comment func(lines ...string)) [8]V {
	comment("Columns: 2,048 -> 20,600 -> 2,576.")
	y := fdct8(m, x)
	for i := range y {
		y[i] = m.mulhrs(y[i], eighth)
	}
	comment("Rows: 2,576 -> 25,900.")
	return transpose(m, y)
}
