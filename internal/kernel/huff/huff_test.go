package huff

import (
	"bytes"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// slots420 are the blocks of MCUs of 4:2:0 where those of an MCU lie together.
var slots420 = []Slot{{0, 6, 0, Luma, false}, {1, 6, 0, Luma, false}, {2, 6, 0, Luma, false}, {3, 6, 0, Luma, false}, {4, 6, 1, Chroma, false}, {5, 6, 2, Chroma, false}}

// order is any permutation that leaves 0 where it is and coefficients in columns that their quarter has: huff is told where
// they are.
var order = func() *Order {
	var places [64]uint8
	free := rand.New(rand.NewPCG(7, 7)).Perm(63)
	take := func(from, to int) {
		for k := from; k < to; k++ {
			i := slices.IndexFunc(free, func(at int) bool { return quarterColumns[k/16]>>((1+at)/8)&1 != 0 })
			places[k] = uint8(1 + free[i])
			free = slices.Delete(free, i, i+1)
		}
	}
	take(1, 16)
	take(48, 64)
	take(16, 48)
	return NewOrder(&places)
}()

// TestNewOrder finds out that assembly that reads the columns of a quarter alone never misses a coefficient.
func TestNewOrder(t *testing.T) {
	for _, misplaced := range [][2]int{{1, 63}, {15, 48}, {63, 15}, {48, 1}} {
		var places [64]uint8
		for k := range places {
			places[k] = order.at[k]
		}
		k, at := misplaced[0], misplaced[1]
		other := slices.Index(places[:], uint8(at))
		places[k], places[other] = uint8(at), places[k]
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("coefficient %d at place %d: want a panic", k, at)
				}
			}()
			NewOrder(&places)
		}()
	}
}

// fill is a kind of block: how many AC coefficients are not zero, how large they are and where.
type fill struct {
	name    string
	nonzero func(rng *rand.Rand) int
	value   func(rng *rand.Rand) int16
	near    bool // the coefficients of lowest frequency are not zero; else any
}

func small(rng *rand.Rand) int16 { return sign(rng, 1+int16(rng.ExpFloat64()*1.5)) }
func noisy(rng *rand.Rand) int16 { return sign(rng, 1+int16(rng.IntN(30))) }
func any10(rng *rand.Rand) int16 { return sign(rng, 1+int16(rng.IntN(1023))) }
func edges(rng *rand.Rand) int16 {
	return sign(rng, []int16{1, 255, 256, 510, 511, 512, 513, 1023}[rng.IntN(8)])
}

func sign(rng *rand.Rand, v int16) int16 {
	if rng.IntN(2) == 0 {
		return -v
	}
	return v
}

var fills = []fill{
	{"empty", func(*rand.Rand) int { return 0 }, small, false},
	{"few", func(rng *rand.Rand) int { return rng.IntN(5) }, small, true},
	{"many", func(rng *rand.Rand) int { return rng.IntN(40) }, small, true},
	{"full", func(*rand.Rand) int { return 63 }, any10, false},
	{"dense", func(*rand.Rand) int { return 63 }, noisy, false},
	{"sparse", func(rng *rand.Rand) int { return rng.IntN(9) }, small, false},
	{"edges", func(rng *rand.Rand) int { return rng.IntN(64) }, edges, false},
	{"far-apart", func(rng *rand.Rand) int { return 1 + rng.IntN(2) }, edges, false},
}

// strip returns a strip of n MCUs of 4:2:0. Where all values are short, every second
// strip says so.
func (f fill) strip(rng *rand.Rand, n int) *Strip {
	s := &Strip{Coefs: make([][64]int16, 6*n), Masks: make([]uint64, 6*n), Order: order, Slots: slices.Clone(slots420)}
	short := rng.IntN(2) == 0
	for i := range s.Coefs {
		s.Coefs[i][0] = int16(rng.IntN(2041) - 1024)
		n := f.nonzero(rng)
		places := rng.Perm(63)
		for j := range n {
			k := 1 + places[j]
			if f.near {
				k = 1 + j*3/2
			}
			v := f.value(rng)
			s.Coefs[i][order.at[k]] = v
			s.Masks[i] |= 1 << k
			short = short && -MaxShort <= v && v <= MaxShort
		}
	}
	for i := range s.Slots {
		s.Slots[i].Short = short
	}
	return s
}

// block returns block i of s with zeros where the mask has them.
func (s *Strip) block(i int) (b [64]int16) {
	b[0] = s.Coefs[i][0]
	for k := 1; k < 64; k++ {
		if s.Masks[i]>>k&1 != 0 {
			b[k] = s.Coefs[i][order.at[k]]
		}
	}
	return b
}

// encode runs all three kernels over MCUs first..first+n-1, with a check of each one's bounds.
func encode(t *testing.T, k Kernels, s *Strip, first, n int, p *Partial) []byte {
	t.Helper()
	const guard = 0x5A
	syms := make([]Symbol, MaxSymbols(n*len(s.Slots)))
	count := k.Flatten(syms, s, first, n)
	if count%2 != 0 || count > len(syms) {
		t.Fatalf("got %d symbols for room of %d, want an even number", count, len(syms))
	}
	raw := make([]byte, n*len(s.Slots)*MaxBlockBytes+1+WriteSlack)
	size := k.Write(raw, syms[:count], StandardCodes(), p)
	raw = p.clone().Flush(raw[:size])
	out := bytes.Repeat([]byte{guard}, 2*len(raw)+9)
	m := k.Stuff(out[:2*len(raw)], raw)
	if m > 2*len(raw) || bytes.Count(out[2*len(raw):], []byte{guard}) != 9 {
		t.Fatalf("%d bytes were stuffed to %d, and beyond", len(raw), m)
	}
	return out[:m]
}

// clone lets a test flush without losing the bits.
func (p Partial) clone() *Partial { return &p }

// TestRoundTrip decodes what the kernels made of every kind of block.
func TestRoundTrip(t *testing.T) {
	for _, impl := range Implementations.All() {
		for _, f := range fills {
			t.Run(fmt.Sprintf("impl=%v/fill=%s", impl.Level, f.name), func(t *testing.T) {
				for seed := range uint64(60) {
					rng := rand.New(rand.NewPCG(seed, 1))
					n := 1 + rng.IntN(6)
					s := f.strip(rng, n)
					var p Partial
					checkDecodes(t, s, 0, n, encode(t, impl.Kernels, s, 0, n, &p), seed)
				}
			})
		}
	}
}

// checkDecodes wants b to be MCUs first..first+n-1 of s, from predictors of 0, padded with ones.
func checkDecodes(t *testing.T, s *Strip, first, n int, b []byte, seed uint64) {
	t.Helper()
	d := &decoder{data: unstuff(b)}
	for m := first; m < first+n; m++ {
		for i, slot := range s.Slots {
			got, err := d.block(slot.Component, slot.Class)
			if want := s.block(slot.First + m*slot.Step); err != nil || got != want {
				t.Fatalf("seed %d: MCU %d, block %d: got %v, %v, want %v", seed, m, i, got, err, want)
			}
		}
	}
	if left := 8*len(d.data) - d.bit; left > 7 {
		t.Fatalf("seed %d: got %d bits after the last block, want <= 7", seed, left)
	}
	for d.bit < 8*len(d.data) {
		if b, _ := d.readBit(); b != 1 {
			t.Fatalf("seed %d: the padding has a zero, want ones", seed)
		}
	}
}

// TestSplit wants the bytes of a strip coded at once from one coded MCU by MCU: predictors and bits are carried.
func TestSplit(t *testing.T) {
	for _, impl := range Implementations.All() {
		for seed := range uint64(40) {
			rng := rand.New(rand.NewPCG(seed, 2))
			const n = 9
			s := fills[rng.IntN(len(fills))].strip(rng, n)
			s.Slots = []Slot{{0, 2, 0, Luma, false}, {1, 2, 0, Luma, false}, {2 * n, 1, 1, Chroma, false}, {3 * n, 1, 2, Chroma, false}}
			var whole Partial
			want := unstuff(encode(t, impl.Kernels, s, 0, n, &whole))
			s.Pred = [3]int32{}
			var got []byte
			var p Partial
			for first := 0; first < n; {
				m := 1 + rng.IntN(n-first)
				part := unstuff(encode(t, impl.Kernels, s, first, m, &p))
				if p.Len > 0 {
					part = part[:len(part)-1] // the padded byte
				}
				got = append(got, part...)
				first += m
			}
			if got = p.Flush(got); !bytes.Equal(got, want) {
				t.Errorf("impl %v, seed %d: %d bytes in parts differ from %d at once", impl.Level, seed, len(got), len(want))
			}
		}
	}
}

// TestMiddle codes MCUs from the middle of a strip.
func TestMiddle(t *testing.T) {
	for _, impl := range Implementations.All() {
		s := fills[2].strip(rand.New(rand.NewPCG(3, 3)), 8)
		var p Partial
		checkDecodes(t, s, 3, 4, encode(t, impl.Kernels, s, 3, 4, &p), 3)
	}
}

// TestCodes compares entries with the codes printed in T.81, tables K.3 to K.6.
func TestCodes(t *testing.T) {
	c := StandardCodes()
	tests := []struct {
		name string
		sym  int
		want string
	}{
		{"luma-eob", 0, "1010"},
		{"luma-zrl", zrl, "11111111001"},
		{"luma-0/1", 1, "001"},
		{"luma-0/1-negative", 0xFFFF, "000"},
		{"luma-1/2", runStep + 3, "1101111"},
		{"luma-15/1", 15*runStep + 1, "11111111111101011"},
		{"chroma-eob", acClassStep, "00"},
		{"chroma-zrl", acClassStep + zrl, "1111111010"},
		{"chroma-0/2", acClassStep - 2, "10001"},
		{"luma-dc-0", symDC, "00"},
		{"luma-dc-11", symDC | 2047, "111111110" + "11111111111"},
		{"luma-dc-11-negative", symDC | -2047&dcMask, "111111110" + "00000000000"},
		{"chroma-dc-0", symDC | 1<<dcClassShift, "00"},
		{"chroma-dc-3", symDC | 1<<dcClassShift | 5, "110" + "101"},
		{"luma-dc-0-eob", symDC | symEmpty, "00" + "1010"},
		{"luma-dc-11-negative-eob", symDC | symEmpty | -2047&dcMask, "111111110" + "00000000000" + "1010"},
		{"chroma-dc-3-eob", symDC | symEmpty | 1<<dcClassShift | 5, "110" + "101" + "00"},
		{"luma-0/10", symAC10, "1111111110000011"},
		{"chroma-0/10", symAC10 | 1<<4, "111111110100"},
		{"raw", symRaw10 + 0x155, "0101010101"},
		{"none", symNone, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := c.right[test.sym]
			got := ""
			if n := e & lengthMask; n > 0 {
				got = fmt.Sprintf("%0*b", n, e>>lengthBits)
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	for i, e := range c.right {
		if left := c.left[i]; left<<(64-leftLengthBits) != uint64(e&lengthMask)<<(64-leftLengthBits) ||
			bits.RotateLeft64(left&^(1<<leftLengthBits-1), int(e&lengthMask)) != uint64(e>>lengthBits) {
			t.Errorf("entry %#x: got %#x on the left, want the same as %#x", i, left, e)
		}
		if e>>lengthBits>>(e&lengthMask) != 0 || e&lengthMask > 25 {
			t.Errorf("entry %#x: %#x has more bits than its length, or more than 25", i, e)
		}
	}
}

// TestStuff compares with the standard library for every length, density of 0xFF and alignment, and wants nothing
// written beyond.
func TestStuff(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, impl := range Implementations.All() {
		for n := range 480 { // fewer and more than a kernel takes
			for _, percent := range []int{0, 1, 30, 100} {
				offset := rng.IntN(9)
				src := make([]byte, offset+n)[offset:]
				for i := range src {
					src[i] = byte(rng.IntN(256))
					if rng.IntN(100) < percent {
						src[i] = 0xFF
					}
				}
				want := bytes.ReplaceAll(src, []byte{0xFF}, []byte{0xFF, 0})
				dst := make([]byte, 2*n+16)
				got := impl.Kernels.Stuff(dst[8:8+2*n], src)
				if !bytes.Equal(dst[8:8+got], want) {
					t.Fatalf("impl %v, %d bytes, %d %%: got %x, want %x", impl.Level, n, percent, dst[8:8+got], want)
				}
				if !bytes.Equal(dst[:8], make([]byte, 8)) || !bytes.Equal(dst[8+2*n:], make([]byte, 8)) {
					t.Fatalf("impl %v, %d bytes, %d %%: wrote beyond dst", impl.Level, n, percent)
				}
			}
		}
	}
}

func TestFlush(t *testing.T) {
	tests := []struct {
		p    Partial
		want []byte
	}{
		{Partial{}, nil},
		{Partial{Bits: 0xABC0, Len: 0}, nil},
		{Partial{Bits: 0, Len: 1}, []byte{0b01111111}},
		{Partial{Bits: 0xF0 | 0b101, Len: 3}, []byte{0b10111111}},
		{Partial{Bits: 0xFFFF_FFFF_FFFF_FF80, Len: 7}, []byte{0b00000001}},
	}
	for _, test := range tests {
		p := test.p
		if got := p.Flush(nil); !slices.Equal(got, test.want) || p != (Partial{}) {
			t.Errorf("%+v: got %x and %+v, want %x and nothing left", test.p, got, p, test.want)
		}
	}
}

// TestPanics wants short slices to panic, not to be written beyond.
func TestPanics(t *testing.T) {
	s := fills[3].strip(rand.New(rand.NewPCG(5, 5)), 2)
	syms := make([]Symbol, MaxSymbols(12))
	for _, impl := range Implementations.All() {
		k := impl.Kernels
		n := k.Flatten(syms, s, 0, 2)
		for name, f := range map[string]func(){
			"flatten":       func() { k.Flatten(make([]Symbol, MaxSymbols(12)/2), s, 0, 2) },
			"flatten-strip": func() { k.Flatten(syms, s, 1, 2) },
			"write":         func() { k.Write(make([]byte, 100), syms[:n], StandardCodes(), new(Partial)) },
			"stuff":         func() { k.Stuff(make([]byte, 9), make([]byte, 10)) },
			"stuff-0xff":    func() { k.Stuff(make([]byte, 10), bytes.Repeat([]byte{0xFF}, 10)) },
		} {
			t.Run(fmt.Sprintf("impl=%v/short=%s", impl.Level, name), func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("got no panic, want one")
					}
				}()
				f()
			})
		}
	}
}

func TestAllocates(t *testing.T) {
	s := fills[4].strip(rand.New(rand.NewPCG(6, 6)), 3)
	syms, raw := make([]Symbol, MaxSymbols(18)), make([]byte, 18*MaxBlockBytes+WriteSlack)
	out := make([]byte, 2*len(raw))
	p, c := new(Partial), StandardCodes()
	for _, impl := range Implementations.All() {
		k := impl.Kernels
		alloctest.Zero(t, 100, func() { k.Stuff(out, raw[:k.Write(raw, syms[:k.Flatten(syms, s, 0, 3)], c, p)]) })
	}
}

// FuzzRoundTrip takes data as the coefficients of one block after the other, within their ranges.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte("\x00\x10\x00\x00\x00\x01\x03\xff\xfc\x01"))
	f.Add(bytes.Repeat([]byte{3, 255, 0, 0, 252, 1}, 64))
	f.Add(bytes.Repeat([]byte{0}, 3*128))
	f.Fuzz(func(t *testing.T, data []byte) {
		const n = 2
		s := &Strip{Coefs: make([][64]int16, 6*n), Masks: make([]uint64, 6*n), Order: order, Slots: slots420}
		for i := range min(len(data)/2, 6*n*64) {
			v := int16(data[2*i])<<8 | int16(data[2*i+1])
			b, k := i/64, i%64
			if k == 0 {
				v %= 1025
			} else if v %= 1024; v != 0 {
				s.Masks[b] |= 1 << k
			}
			s.Coefs[b][order.at[k]] = v
		}
		for _, impl := range Implementations.All() {
			var p Partial
			s.Pred = [3]int32{}
			checkDecodes(t, s, 0, n, encode(t, impl.Kernels, s, 0, n, &p), 0)
		}
	})
}
