// Package kerneltest helps to test kernels: every registered implementation, at every width and alignment, with red zones around what it
// reads and writes.
package kerneltest

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// MaxWidth is the largest width that tests try: eight vectors of 32 bytes, and one more.
const MaxWidth = 257

// Each runs f as one subtest for each implementation, named by its level.
func Each[K any](t *testing.T, r *impl.Registry[K], f func(t *testing.T, k K)) {
	t.Helper()
	if len(r.All()) == 0 {
		t.Fatal("no implementation is registered")
	}
	for _, e := range r.All() {
		t.Run("impl="+e.Level.String(), func(t *testing.T) { f(t, e.Kernels) })
	}
}

// Widths calls f with every width from 0 to MaxWidth and a generator seeded with it. It ends the test after the first width that failed, and
// says which.
func Widths(t *testing.T, f func(width int, r *rand.Rand)) {
	t.Helper()
	for width := range MaxWidth + 1 {
		f(width, Rand(uint64(width)))
		if t.Failed() {
			t.Fatalf("the seed is the width, %d", width)
		}
	}
}

// Rand returns a generator.
func Rand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// Element is what kernels work on.
type Element interface {
	~uint8 | ~int16 | ~uint16 | ~uint64
}

// Slice is elements between two red zones.
type Slice[T Element] struct {
	S     []T // its capacity is its length
	zones [2][]T
	fill  T
}

const (
	alignment = 64 // bytes that a Slice with shift 0 is aligned to
	zone      = 64 // bytes of either red zone, at least
)

// Make returns n elements that begin shift elements after a multiple of 64 bytes. Red zones of fill stand before and after.
func Make[T Element](n, shift int, fill T) Slice[T] {
	size := int(unsafe.Sizeof(fill))
	all := make([]T, (zone+alignment)/size+shift+n+zone/size)
	for i := range all {
		all[i] = fill
	}
	past := int(uintptr(unsafe.Pointer(unsafe.SliceData(all)))%alignment) / size
	from := (zone+alignment)/size - past + shift
	return Slice[T]{S: all[from : from+n : from+n], zones: [2][]T{all[:from], all[from+n:]}, fill: fill}
}

// Copy is Make with the elements of s.
func Copy[T Element](s []T, shift int, fill T) Slice[T] {
	c := Make(len(s), shift, fill)
	copy(c.S, s)
	return c
}

// Check fails t when something was written to a red zone.
func (s Slice[T]) Check(t *testing.T, name string) {
	t.Helper()
	if i, k, found := s.written(); found {
		t.Fatalf("%s: written beside it: element %d of the red zone %s", name, k, [...]string{"before", "after"}[i])
	}
}

// written returns the first element of a red zone, 0 before and 1 after, that is not as Make left it.
func (s Slice[T]) written() (zone, element int, found bool) {
	for i, z := range s.zones {
		for k, v := range z {
			if v != s.fill {
				return i, k, true
			}
		}
	}
	return 0, 0, false
}

// Same fails t when got differs from want.
func Same[T Element](t *testing.T, name string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d elements, want %d", name, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s[%d] of %d: got %v, want %v", name, i, len(got), got[i], want[i])
		}
	}
}

// Bytes returns n random bytes, with runs of 0 and 255 among them.
func Bytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		switch r.IntN(6) {
		case 0:
			b[i] = 0
		case 1:
			b[i] = 255
		default:
			b[i] = byte(r.Uint32())
		}
	}
	return b
}

// Samples returns n random samples of low..high, with both ends among them.
func Samples(r *rand.Rand, n, low, high int) []int16 {
	s := make([]int16, n)
	for i := range s {
		switch r.IntN(6) {
		case 0:
			s[i] = int16(low)
		case 1:
			s[i] = int16(high)
		default:
			s[i] = int16(low + r.IntN(high-low+1))
		}
	}
	return s
}
