package main

// machine is vector instructions on float32.
type machine[V any] interface {
	add(x, y V) V
	sub(x, y V) V
	mul(x, y V) V // y may be in memory
	load(k int, imaginary bool) V
	twiddle(k int) (cos, sin V) // of number k > 0 of a butterfly
	store(k int, re, im V)      // number k
	constant(c constant) V      // a factor, for mul
}

// constant is a factor of a butterfly; generic.go of internal/kernel/fft says what it is.
type constant int

const (
	half constant = iota
	quarter
	sin3
	root5
	sin5
	sin5x2
)

var constants = [...]struct {
	name  string
	value float64
}{
	{"half", 0.5}, {"quarter", 0.25}, {"sin3", 0.86602540378443864676}, {"root5", 0.55901699437494742410},
	{"sin5", 0.95105651629515357212}, {"sin5x2", 0.58778525229247312917},
}

// number loads number k of a butterfly, and turns it if there are twiddles.
func number[V any](m machine[V], k int, turn bool) (re, im V) {
	re, im = m.load(k, false), m.load(k, true)
	if k == 0 || !turn {
		return re, im
	}
	cos, sin := m.twiddle(k)
	return m.sub(m.mul(re, cos), m.mul(im, sin)), m.add(m.mul(re, sin), m.mul(im, cos))
}

// butterfly writes a butterfly. It is radix2..radix5 of generic.go, in the same order of operations.
func butterfly[V any](m machine[V], radix int, turn bool) {
	switch radix {
	case 2:
		ar, ai := number(m, 0, turn)
		br, bi := number(m, 1, turn)
		m.store(0, m.add(ar, br), m.add(ai, bi))
		m.store(1, m.sub(ar, br), m.sub(ai, bi))
	case 3:
		butterfly3(m, turn)
	case 4:
		butterfly4(m, turn)
	case 5:
		butterfly5(m, turn)
	}
}

func butterfly3[V any](m machine[V], turn bool) {
	br, bi := number(m, 1, turn)
	cr, ci := number(m, 2, turn)
	sr, si := m.add(br, cr), m.add(bi, ci)
	vr, vi := m.mul(m.sub(br, cr), m.constant(sin3)), m.mul(m.sub(bi, ci), m.constant(sin3))
	ar, ai := number(m, 0, turn)
	m.store(0, m.add(ar, sr), m.add(ai, si))
	ur, ui := m.sub(ar, m.mul(sr, m.constant(half))), m.sub(ai, m.mul(si, m.constant(half)))
	m.store(1, m.add(ur, vi), m.sub(ui, vr))
	m.store(2, m.sub(ur, vi), m.add(ui, vr))
}

func butterfly4[V any](m machine[V], turn bool) {
	ar, ai := number(m, 0, turn)
	cr, ci := number(m, 2, turn)
	er, ei, fr, fi := m.add(ar, cr), m.add(ai, ci), m.sub(ar, cr), m.sub(ai, ci)
	br, bi := number(m, 1, turn)
	dr, di := number(m, 3, turn)
	gr, gi, hr, hi := m.add(br, dr), m.add(bi, di), m.sub(br, dr), m.sub(bi, di)
	m.store(0, m.add(er, gr), m.add(ei, gi))
	m.store(1, m.add(fr, hi), m.sub(fi, hr))
	m.store(2, m.sub(er, gr), m.sub(ei, gi))
	m.store(3, m.sub(fr, hi), m.add(fi, hr))
}

func butterfly5[V any](m machine[V], turn bool) {
	br, bi := number(m, 1, turn)
	er, ei := number(m, 4, turn)
	pr, pi, qr, qi := m.add(br, er), m.add(bi, ei), m.sub(br, er), m.sub(bi, ei)
	cr, ci := number(m, 2, turn)
	dr, di := number(m, 3, turn)
	rr, ri, sr, si := m.add(cr, dr), m.add(ci, di), m.sub(cr, dr), m.sub(ci, di)
	tr, ti := m.add(pr, rr), m.add(pi, ri)
	vr, vi := m.mul(m.sub(pr, rr), m.constant(root5)), m.mul(m.sub(pi, ri), m.constant(root5))
	ar, ai := number(m, 0, turn)
	m.store(0, m.add(ar, tr), m.add(ai, ti))
	ur, ui := m.sub(ar, m.mul(tr, m.constant(quarter))), m.sub(ai, m.mul(ti, m.constant(quarter)))
	fr, fi := m.add(ur, vr), m.add(ui, vi)
	gr, gi := m.sub(ur, vr), m.sub(ui, vi)
	hr := m.add(m.mul(qr, m.constant(sin5)), m.mul(sr, m.constant(sin5x2)))
	hi := m.add(m.mul(qi, m.constant(sin5)), m.mul(si, m.constant(sin5x2)))
	m.store(1, m.add(fr, hi), m.sub(fi, hr))
	m.store(4, m.sub(fr, hi), m.add(fi, hr))
	kr := m.sub(m.mul(qr, m.constant(sin5x2)), m.mul(sr, m.constant(sin5)))
	ki := m.sub(m.mul(qi, m.constant(sin5x2)), m.mul(si, m.constant(sin5)))
	m.store(2, m.add(gr, ki), m.sub(gi, kr))
	m.store(3, m.sub(gr, ki), m.add(gi, kr))
}

// powers returns |X[k]|^2 and |X[size-k]|^2, times 4, of the numbers k and size-k and the twiddle of k. It is spectrum of
// generic.go.
func powers[V any](m machine[V]) (low, high V) {
	re, reOther := m.load(0, false), m.load(1, false)
	im, imOther := m.load(0, true), m.load(1, true)
	evenRe, evenIm := m.add(re, reOther), m.sub(im, imOther)
	oddRe, oddIm := m.add(im, imOther), m.sub(reOther, re)
	cos, sin := m.twiddle(1)
	pr := m.add(m.mul(oddRe, cos), m.mul(oddIm, sin))
	pi := m.sub(m.mul(oddIm, cos), m.mul(oddRe, sin))
	ar, ai, br, bi := m.add(evenRe, pr), m.add(evenIm, pi), m.sub(evenRe, pr), m.sub(evenIm, pi)
	return m.add(m.mul(ar, ar), m.mul(ai, ai)), m.add(m.mul(br, br), m.mul(bi, bi))
}
