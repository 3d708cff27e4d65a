package dct

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// The ends of the range of samples: 8-bit ones, centered, with 4 fractional bits.
const (
	lowest  = -128 * 16
	highest = 127 * 16
)

// sources are kinds of blocks.
var sources = []struct {
	name  string
	block func(rng *rand.Rand) [64]int16
}{
	{"uniform", func(rng *rand.Rand) (b [64]int16) {
		for i := range b {
			b[i] = int16(lowest + rng.IntN(highest-lowest+1))
		}
		return b
	}},
	{"black-or-white", func(rng *rand.Rand) (b [64]int16) {
		for i := range b {
			b[i] = [2]int16{lowest, highest}[rng.IntN(2)]
		}
		return b
	}},
	{"faint", func(rng *rand.Rand) (b [64]int16) {
		level, spread := lowest/2+rng.IntN(-lowest), 1+rng.IntN(300)
		for i := range b {
			b[i] = int16(level + rng.IntN(spread))
		}
		return b
	}},
	{"ramp", func(rng *rand.Rand) (b [64]int16) {
		dx, dy := rng.NormFloat64()*60, rng.NormFloat64()*60
		for i := range b {
			b[i] = int16(min(max(dx*float64(i%8)+dy*float64(i/8), lowest), highest))
		}
		return b
	}},
	// The signs of a basis function are what makes its coefficient largest.
	{"basis", func(rng *rand.Rand) (b [64]int16) {
		v, u, flip := rng.IntN(8), rng.IntN(8), rng.IntN(2) == 0
		for i := range b {
			b[i] = highest
			if basis(v, i/8)*basis(u, i%8) < 0 != flip {
				b[i] = lowest
			}
		}
		return b
	}},
	// The signs of a sum of two of them are close to the largest values on the way.
	{"two-basis", func(rng *rand.Rand) (b [64]int16) {
		v, u, w := rng.IntN(8), rng.IntN(8), rng.IntN(8)
		for i := range b {
			b[i] = highest
			if basis(v, i/8)*basis(u, i%8)+basis(v, i/8)*basis(w, i%8) < 0 {
				b[i] = lowest
			}
		}
		return b
	}},
}

// seeds returns how many blocks to try: fewer with -short, under the race detector, which sees nothing in assembly.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return n / 10
	}
	return n
}

// randomTable returns entries of 1..most.
func randomTable(rng *rand.Rand, most int) (q [64]uint8) {
	for i := range q {
		q[i] = uint8(1 + rng.IntN(most))
	}
	return q
}

// forward1 is Forward on one block, in zig-zag order.
func forward1(t *testing.T, k Kernels, block *[64]int16, table *Table) [64]int16 {
	t.Helper()
	coefs := [1]Coefs{anything}
	var masks [1]uint64
	k.Forward(coefs[:], masks[:], block[:], BlockSize, table, nil)
	c := zigzag(&coefs[0])
	if masks[0]&1 != 0 {
		t.Fatal("bit 0 of the mask is set, want it clear")
	}
	for i := 1; i < 64; i++ {
		if masks[0]>>i&1 != 0 != (c[i] != 0) {
			t.Fatalf("bit %d of the mask is %d and the coefficient %d", i, masks[0]>>i&1, c[i])
		}
	}
	return c
}

// anything is what memory may have before a block is written.
var anything = func() (c Coefs) {
	for i := range c {
		c[i] = int16(-i - 1)
	}
	return c
}()

// zigzag returns c in zig-zag order.
func zigzag(c *Coefs) (out [64]int16) {
	for k, at := range Order[:64] {
		out[k] = c[at]
	}
	return out
}

// TestForwardReference wants every implementation to equal the definition, bit for bit, and the coefficients to be in
// their range.
func TestForwardReference(t *testing.T) {
	for _, impl := range Implementations.All() {
		for _, source := range sources {
			t.Run(fmt.Sprintf("impl=%v/source=%s", impl.Level, source.name), func(t *testing.T) {
				for seed := range seeds(1500) {
					rng := rand.New(rand.NewPCG(seed, 1))
					block, q := source.block(rng), randomTable(rng, []int{1, 2, 16, 255}[seed%4])
					want := reference(t, &block, &q)
					table := NewTable(&q)
					most := int16(table.MaxAC())
					got := forward1(t, impl.Kernels, &block, table)
					if got != want {
						t.Fatalf("seed %d: got %v, want %v", seed, got, want)
					}
					if ac := slices.Concat(got[1:]); got[0] < -1024 || got[0] > 1016 || slices.Min(ac) < -most || slices.Max(ac) > most {
						t.Fatalf("seed %d: %v is out of range", seed, got)
					}
				}
			})
		}
	}
}

// TestMaxAC wants the largest coefficients that there are, of every frequency, to be within the bound, and the bound to be
// no more than one above the largest of all.
func TestMaxAC(t *testing.T) {
	for step := 1; step < 256; step++ {
		var q [64]uint8
		for i := range q {
			q[i] = uint8(step)
		}
		table := NewTable(&q)
		largest := 0
		for i := 1; i < 64; i++ {
			for _, ends := range [][2]int16{{lowest, highest}, {highest, lowest}} {
				var block [64]int16
				for at := range block {
					block[at] = ends[0]
					if basis(i/8, at/8)*basis(i%8, at%8) < 0 {
						block[at] = ends[1]
					}
				}
				got := forward1(t, Kernels{Forward: forward}, &block, table)
				for _, c := range got[1:] {
					largest = max(largest, int(c), -int(c))
				}
			}
		}
		if got := table.MaxAC(); got < largest || got > largest+1 {
			t.Errorf("step %d: got %d, want %d or one more", step, got, largest)
		}
	}
}

// TestForwardExact compares with the DCT in floats. Where a step is one level, 16 bits show: the transform rounds in
// units of up to 0.8 of a level (the last coefficient), several times. With the steps that are used, the error is the
// half step that is quantization, and little more.
func TestForwardExact(t *testing.T) {
	tests := []struct {
		step uint8
		want float64
	}{{1, 1.6}, {2, 1.3}, {16, 0.6}, {255, 0.51}}
	for _, impl := range Implementations.All() {
		for _, test := range tests {
			t.Run(fmt.Sprintf("impl=%v/step=%d", impl.Level, test.step), func(t *testing.T) {
				var q [64]uint8
				for i := range q {
					q[i] = test.step
				}
				table := NewTable(&q)
				var worst float64
				for seed := range seeds(2000) {
					rng := rand.New(rand.NewPCG(seed, 2))
					block := sources[seed%uint64(len(sources))].block(rng)
					want := exact(&block, &q)
					for k, v := range forward1(t, impl.Kernels, &block, table) {
						worst = max(worst, math.Abs(float64(v)-want[k]))
					}
				}
				t.Logf("worst %.3f", worst)
				if worst > test.want {
					t.Errorf("got %.3f from the DCT in floats, want <= %.2f", worst, test.want)
				}
			})
		}
	}
}

// TestForwardStrips wants blocks side by side to be as blocks alone, for every number of them, wide strides, every
// alignment and nothing written beyond.
func TestForwardStrips(t *testing.T) {
	for _, impl := range Implementations.All() {
		t.Run(fmt.Sprintf("impl=%v", impl.Level), func(t *testing.T) {
			for n := range 36 {
				for offset := range 5 {
					checkStrip(t, impl.Kernels, n, BlockSize*n+[]int{0, 1, 8, 33, 40}[offset], offset)
				}
			}
		})
	}
}

func checkStrip(t *testing.T, k Kernels, n, stride, offset int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), uint64(stride)))
	q := randomTable(rng, 30)
	table := NewTable(&q)
	// The source ends with the last sample of the last block.
	all := make([]int16, offset+7*stride+BlockSize*n)
	for i := range all {
		all[i] = int16(lowest + rng.IntN(highest-lowest+1))
	}
	src := slices.Clip(all[offset:])
	const guard = 3
	coefs, masks := make([]Coefs, n+guard), make([]uint64, n+guard)
	for i := range masks {
		coefs[i], masks[i] = anything, 1<<63
	}
	before := slices.Clone(all)
	k.Forward(coefs, masks[:n], src, stride, table, nil)
	if !slices.Equal(all, before) {
		t.Fatalf("%d blocks: src was changed", n)
	}
	for i := range n {
		var block [64]int16
		for j := range block {
			block[j] = src[j/8*stride+i*8+j%8]
		}
		want := forward1(t, k, &block, table)
		if got := zigzag(&coefs[i]); got != want {
			t.Fatalf("%d blocks, stride %d: block %d: got %v, want %v", n, stride, i, got, want)
		}
	}
	for i := n; i < n+guard; i++ {
		if coefs[i] != anything || masks[i] != 1<<63 {
			t.Fatalf("%d blocks: block %d was written", n, i)
		}
	}
}

// TestForwardPanics wants short slices to panic, not to be read or written beyond.
func TestForwardPanics(t *testing.T) {
	q := randomTable(rand.New(rand.NewPCG(1, 1)), 9)
	table := NewTable(&q)
	tests := []struct {
		name              string
		coefs, masks, src int
	}{{"coefs", 1, 2, 128}, {"src", 2, 2, 127}, {"no-src", 1, 1, 0}}
	for _, impl := range Implementations.All() {
		for _, test := range tests {
			t.Run(fmt.Sprintf("impl=%v/short=%s", impl.Level, test.name), func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("got no panic, want one")
					}
				}()
				impl.Kernels.Forward(make([]Coefs, test.coefs), make([]uint64, test.masks), make([]int16, test.src), 16, table, nil)
			})
		}
	}
}

// TestQuantizer wants the one multiplication and the thresholds to be quantize, for every y that the transform can give.
func TestQuantizer(t *testing.T) {
	for v := range BlockSize {
		for u := v; u < BlockSize; u++ {
			for _, step := range []uint8{1, 2, 3, 5, 7, 16, 40, 99, 254, 255} {
				checkQuantizer(t, newReciprocal(step, v, u))
			}
		}
	}
}

func checkQuantizer(t *testing.T, r reciprocal) {
	t.Helper()
	if r.norm < 1<<14 || r.norm >= 1<<15 || r.shift > 12 {
		t.Fatalf("%+v is out of range", r)
	}
	q := r.quantizer()
	over, under := r.thresholds()
	if over > 4000 || under < -4000 {
		t.Fatalf("%+v: thresholds %d and %d are out of range", r, over, under)
	}
	for y := int64(-25900); y <= 25900; y++ {
		want := r.quantize(y)
		if got := ((y+laneBias)*q.recip + q.bias) >> 31; got != want {
			t.Fatalf("%+v: %d: got %d, want %d", r, y, got, want)
		}
		if (want != 0) != (y >= over || y <= under) {
			t.Fatalf("%+v: %d gives %d, and the thresholds are %d and %d", r, y, want, under, over)
		}
	}
}

// TestLanes wants the multiplications of lanes to be mulhrs and their gain, for every value that they are made for.
func TestLanes(t *testing.T) {
	tests := []struct {
		name    string
		c, b, g int64
		most    int64 // the largest value, by fdct8's ranges
	}{
		{"c4", c4, bC4, gC4, 20608},
		{"c6", c6, bC6, gC6, 20608},
		{"c2-c6", c2Sub6, bC2Sub6, gC2Sub6, 10304},
		{"c2+c6", c2Add6, bC2Add6, gC2Add6, 10304},
	}
	for _, test := range tests {
		for v := -test.most; v <= test.most; v++ {
			a := uint64(v + test.b)
			b := uint64(test.b - v/2)
			want, want2 := uint64(mulhrs(v, test.c)+test.g), uint64(mulhrs(-(v/2), test.c)+test.g)
			if got := mulEven(a|b<<32, uint64(test.c)); got != want|want2<<32 {
				t.Fatalf("%s: even %d: got %#x, want %#x %#x", test.name, v, got, want2, want)
			}
			if got := mulOdd(a|b<<32, uint64(test.c)); got != want<<16|want2<<48 {
				t.Fatalf("%s: odd %d: got %#x, want %#x %#x", test.name, v, got, want2, want)
			}
		}
	}
}

func TestZigzag(t *testing.T) {
	seen := make(map[uint8]bool)
	for k, at := range Zigzag {
		seen[at] = true
		// Neighbors in zig-zag order touch, at a corner or an edge of the matrix.
		if k > 0 {
			dv, du := int(at/8)-int(Zigzag[k-1]/8), int(at%8)-int(Zigzag[k-1]%8)
			if max(dv, -dv, du, -du) != 1 {
				t.Errorf("index %d is %d rows and %d columns from the one before", k, dv, du)
			}
		}
	}
	if len(seen) != 64 {
		t.Errorf("got %d places, want 64", len(seen))
	}
}

func TestForwardAllocates(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	block, q := sources[0].block(rng), randomTable(rng, 20)
	table := NewTable(&q)
	coefs, masks := make([]Coefs, 1), make([]uint64, 1)
	for _, impl := range Implementations.All() {
		alloctest.Zero(t, 100, func() { impl.Kernels.Forward(coefs, masks, block[:], BlockSize, table, nil) })
	}
}

// BenchmarkForward transforms strips of ramps with more and less grain.
func BenchmarkForward(b *testing.B) {
	for _, impl := range Implementations.All() {
		for _, grain := range []int{4, 100, 1000} {
			b.Run(fmt.Sprintf("impl=%v/grain=%d", impl.Level, grain), func(b *testing.B) {
				const n = 64
				rng := rand.New(rand.NewPCG(1, 2))
				src := make([]int16, 64*n)
				for i := range src {
					x, y := i%(8*n), i/(8*n)
					src[i] = int16(x + 100*y + rng.IntN(grain) - grain/2)
				}
				q := randomTable(rng, 40)
				t := NewTable(&q)
				coefs, masks := make([]Coefs, n), make([]uint64, n)
				for b.Loop() {
					impl.Kernels.Forward(coefs, masks, src, BlockSize*n, t, nil)
				}
				nonzero := 0
				for _, m := range masks {
					nonzero += bits.OnesCount64(m)
				}
				b.ReportMetric(float64(nonzero)/n, "nonzero/block")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/block")
			})
		}
	}
}
