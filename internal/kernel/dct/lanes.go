package dct

// The plain Go transform works on four 16-bit lanes at a time, in a uint64.
//
// Four integers a, b, c, d are held as the number a + b<<16 + c<<32 + d<<48, modulo 2^64. Sums and differences of
// such numbers are those of all four lanes at once, whatever the signs: what a lane borrows from its neighbor it
// gives back when the lane's own value is read. A lane can be read, shifted or multiplied only while it is in
// 0..65535, so a bias is added before that; where a result carries a bias, it stays on and is accounted for later,
// since everything between is linear.
const (
	lanes    = 0x0001_0001_0001_0001 // 1 in each lane
	evenMask = 0x0000_FFFF_0000_FFFF // lanes 0 and 2
	oddMask  = evenMask << 16        // lanes 1 and 3
	evenOnes = 0x0000_0001_0000_0001
	signs    = 0x8000 * lanes
	laneBias = 0x8000
)

// The constants of the AAN transform as 15-bit fractions, rounded to the nearest.
const (
	c4     = 23170 // cos(4*pi/16)                 = 0.707106781
	c6     = 12540 // cos(6*pi/16)                 = 0.382683433
	c2Sub6 = 17734 // cos(2*pi/16) - cos(6*pi/16)  = 0.541196100
	c2Add6 = 10045 // cos(2*pi/16) + cos(6*pi/16)  = 1.306562965, less 1
)

// A lane is multiplied with a bias b for which b*c is 1<<14 modulo 1<<15. That makes the product round by itself:
// (v+b)*c >> 15 is mulhrs(v, c) + g with the whole number g = (b*c - 1<<14) >> 15. v may be -b..65535-b.
const (
	bC4     = 24576
	bC6     = 28672
	bC2Sub6 = 24576
	bC2Add6 = 16384

	gC4     = (bC4*c4 - 1<<14) >> 15
	gC6     = (bC6*c6 - 1<<14) >> 15
	gC2Sub6 = (bC2Sub6*c2Sub6 - 1<<14) >> 15
	gC2Add6 = (bC2Add6*c2Add6 - 1<<14) >> 15
)

// mulEven and mulOdd multiply lanes 0 and 2, and lanes 1 and 3, which must have been moved to where 0 and 2 are.
// Products are below 2^31.
func mulEven(x, c uint64) uint64 { return x * c >> 15 & evenMask }
func mulOdd(x, c uint64) uint64  { return x * c << 1 & oddMask }

// unbias[k] brings output k of fdct8 to a bias of laneBias.
const (
	mod     = 1 << 64
	unbias0 = 0 // the sum of the eight inputs' biases, which the caller must know
	unbias1 = (mod + (laneBias-gC4-gC2Add6-gC6)*lanes) % mod
	unbias2 = (mod + (laneBias-gC4)*lanes) % mod
	unbias3 = (mod + (laneBias+gC4+gC2Sub6+gC6)*lanes) % mod
	unbias4 = (mod + laneBias*lanes) % mod
	unbias5 = (mod + (laneBias+gC4-gC2Sub6-gC6)*lanes) % mod
	unbias6 = (mod + (laneBias+gC4)*lanes) % mod
	unbias7 = (mod + (laneBias-gC4+gC2Add6+gC6)*lanes) % mod
)

// fdct8 is the one-dimensional AAN transform of four columns at once: 5 multiplications and 29 additions each (Arai,
// Agui and Nakajima 1988, in the order of libjpeg's jfdctfst.c). All inputs have the same bias. Output k is brought
// to a bias of laneBias by unbias<k>, except that output 0 has eight times the inputs'.
//
// With inputs -m..m, m <= 2576, no value before the multiplications is above 8m <= 20,608, and the outputs are at most
// 8m, 10.05m, 9.66m, 8.52m, 8m, 5.70m, 4m and 2.00m <= 25,900.
func fdct8(x0, x1, x2, x3, x4, x5, x6, x7 uint64) (y0, y1, y2, y3, y4, y5, y6, y7 uint64) {
	t0, t7 := x0+x7, x0-x7
	t1, t6 := x1+x6, x1-x6
	t2, t5 := x2+x5, x2-x5
	t3, t4 := x3+x4, x3-x4

	// The even part. t12+t13 is of sums and differences of all eight inputs, <= 8m.
	t10, t13 := t0+t3, t0-t3
	t11, t12 := t1+t2, t1-t2
	y0, y4 = t10+t11, t10-t11
	u := t12 + t13 + bC4*lanes
	z1 := mulEven(u&evenMask, c4) + mulOdd(u>>16&evenMask, c4)
	y2, y6 = t13+z1, t13-z1

	// The odd part. u10, u11 and u12 are <= 4m <= 10,304 beside their bias; t10-t12 is <= 8m.
	u10 := t4 + t5 + bC2Sub6*lanes
	u11 := t5 + t6 + bC4*lanes
	t12 = t6 + t7
	u12 := t12 + bC2Add6*lanes
	e10, o10 := u10&evenMask, u10>>16&evenMask
	e12, o12 := u12&evenMask, u12>>16&evenMask
	const b = (bC6 - bC2Sub6 + bC2Add6) * evenOnes
	z5 := mulEven(e10-e12+b, c6) + mulOdd(o10-o12+b, c6)
	z2 := mulEven(e10, c2Sub6) + mulOdd(o10, c2Sub6) + z5
	z4 := mulEven(e12, c2Add6) + mulOdd(o12, c2Add6) + t12 + z5
	z3 := mulEven(u11&evenMask, c4) + mulOdd(u11>>16&evenMask, c4)
	z11, z13 := t7+z3, t7-z3
	return y0, z11 + z4, y2, z13 - z2, y4, z13 + z2, y6, z11 - z4
}

// transpose takes four rows of four lanes that have a bias of laneBias+4, divides them by 8, so that the quotients
// round to the nearest and have a bias of laneBias/8, and returns the four columns.
func transpose(a, b, c, d uint64) (r0, r1, r2, r3 uint64) {
	const even, odd = evenOnes * 0x1FFF, evenOnes * 0x1FFF << 16
	ab02 := a>>3&even | b<<13&odd // a0 b0 a2 b2
	ab13 := a>>19&even | b>>3&odd // a1 b1 a3 b3
	cd02 := c>>3&even | d<<13&odd
	cd13 := c>>19&even | d>>3&odd
	return uint64(uint32(ab02)) | cd02<<32, uint64(uint32(ab13)) | cd13<<32, ab02>>32 | cd02>>32<<32, ab13>>32 | cd13>>32<<32
}
