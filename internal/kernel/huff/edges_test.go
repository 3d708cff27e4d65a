package huff

import (
	"bytes"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

func TestLevels(t *testing.T) {
	kerneltest.Levels(t, &Implementations, impl.NEON, impl.AVX2, impl.AVX512)
}

// TestEdges runs each kernel beside memory that can't be accessed, on either side of each operand, and wants what plain
// Go makes. dst of Write and Stuff has the least room that they ask for.
func TestEdges(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		for seed := range uint64(60) {
			rng := kerneltest.Rand(seed)
			n := 1 + rng.IntN(9)
			s := fills[seed%uint64(len(fills))].strip(rng, n)
			for _, edge := range kerneltest.Edges {
				syms := checkFlatten(t, k, s, n, edge)
				raw := checkWrite(t, k, syms, Partial{Bits: rng.Uint64(), Len: uint(rng.IntN(8)), long: rng.IntN(2) == 0}, edge)
				checkStuff(t, k, raw, edge)
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	})
}

func checkFlatten(t *testing.T, k Kernels, s *Strip, n int, edge kerneltest.Edge) []Symbol {
	t.Helper()
	plain, guarded := *s, *s
	want := make([]Symbol, MaxSymbols(n*len(s.Slots)))
	want = want[:flatten(want, &plain, 0, n)]
	guarded.Coefs = kerneltest.GuardedCopy(t, s.Coefs, edge)
	guarded.Masks = kerneltest.GuardedCopy(t, s.Masks, edge)
	guarded.Slots = kerneltest.GuardedCopy(t, s.Slots, edge)
	guarded.Order = &kerneltest.GuardedCopy(t, []Order{*s.Order}, edge)[0]
	got := kerneltest.Guarded[Symbol](t, MaxSymbols(n*len(s.Slots)), edge)
	kerneltest.Same(t, "symbols", got[:k.Flatten(got, &guarded, 0, n)], want)
	if guarded.Pred != plain.Pred {
		t.Errorf("predictors: got %v, want %v", guarded.Pred, plain.Pred)
	}
	return want
}

func checkWrite(t *testing.T, k Kernels, syms []Symbol, p Partial, edge kerneltest.Edge) []byte {
	t.Helper()
	plain, room := p, len(syms)*4+1+WriteSlack
	want := make([]byte, room)
	want = want[:write(want, syms, StandardCodes(), &plain)]
	got := kerneltest.Guarded[byte](t, len(want)+WriteSlack, edge)
	kerneltest.Same(t, "bytes", got[:k.Write(got, kerneltest.GuardedCopy(t, syms, edge), StandardCodes(), &p)], want)
	if p.Len != plain.Len || !slices.Equal(p.Flush(nil), plain.Flush(nil)) {
		t.Errorf("left over: got %+v, want %+v", p, plain)
	}
	return want
}

func checkStuff(t *testing.T, k Kernels, src []byte, edge kerneltest.Edge) {
	t.Helper()
	dst := kerneltest.Guarded[byte](t, 2*len(src), edge)
	n := k.Stuff(dst, kerneltest.GuardedCopy(t, src, edge))
	kerneltest.Same(t, "stuffed", dst[:n], bytes.ReplaceAll(src, []byte{0xFF}, []byte{0xFF, 0}))
}

// FuzzKernels takes data for symbols of any kind, and for bytes: Write and Stuff make of them what plain Go does.
func FuzzKernels(f *testing.F) {
	f.Add([]byte{0})
	f.Add(bytes.Repeat([]byte{0xFF}, 70))
	f.Add(bytes.Repeat([]byte{1, 0, 0, 0x80, 3, 0x40, 0xFF, 0xFF}, 20))
	f.Add([]byte("\x03\x01\x3C\xFF\x3D\xFD\x7D\x03\x42\x0F\xA4\x55\xA9\x00\xA0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 4096)]
		var syms []Symbol
		for i := 0; i+3 < len(data); i += 4 {
			syms = append(syms, Symbol(data[i])|Symbol(data[i+1])<<8, Symbol(data[i+2])|Symbol(data[i+3])<<8)
		}
		for _, e := range Implementations.All() {
			for _, edge := range kerneltest.Edges {
				checkWrite(t, e.Kernels, syms, Partial{Bits: 0x5555_5555_5555_5555, Len: uint(len(data) % 8), long: len(data)/8%2 == 1}, edge)
				checkStuff(t, e.Kernels, data, edge)
			}
		}
	})
}
