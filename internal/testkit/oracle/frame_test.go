package oracle

import (
	"math"
	"testing"
)

func TestHalf(t *testing.T) {
	tests := []struct {
		bits uint16
		want float64
	}{
		{0, 0}, {0x0001, 0x1p-24}, {0x03ff, 0x1p-14 - 0x1p-24}, {0x0400, 0x1p-14}, {0x3555, 0.333251953125}, {0x3bff, 1 - 0x1p-11},
		{0x3c00, 1}, {0x3c01, 1 + 0x1p-10}, {0xc000, -2}, {0x7bff, 65504}, {0x7c00, math.Inf(1)}, {0xfc00, math.Inf(-1)},
	}
	for _, tt := range tests {
		if got := Half(tt.bits); got != tt.want {
			t.Errorf("%#04x: got %v, want %v", tt.bits, got, tt.want)
		}
	}
	for _, bits := range []uint16{0x7c01, 0x7e00, 0xffff} {
		if got := Half(bits); !math.IsNaN(got) {
			t.Errorf("%#04x: got %v, want NaN", bits, got)
		}
	}
}

// TestToHalf takes every float16 there and back, and what lies between two of them to the nearer.
func TestToHalf(t *testing.T) {
	for bits := range uint16(0x7c00) {
		v, next := Half(bits), Half(bits+1)
		if bits == 0x7bff {
			next = 65536
		}
		even := bits + bits&1
		for _, tt := range []struct {
			v    float64
			want uint16
		}{{v, bits}, {0.75*v + 0.25*next, bits}, {(v + next) / 2, even}, {0.25*v + 0.75*next, bits + 1}} {
			if got := ToHalf(tt.v); got != tt.want {
				t.Fatalf("%v: got %#04x, want %#04x", tt.v, got, tt.want)
			}
			if got := ToHalf(-tt.v); got != tt.want|0x8000 {
				t.Fatalf("%v: got %#04x, want %#04x", -tt.v, got, tt.want|0x8000)
			}
		}
	}
	for v, want := range map[float64]uint16{math.Inf(1): 0x7c00, math.Inf(-1): 0xfc00, 1e10: 0x7c00} {
		if got := ToHalf(v); got != want {
			t.Errorf("%v: got %#04x, want %#04x", v, got, want)
		}
	}
	if got := Half(ToHalf(math.NaN())); !math.IsNaN(got) {
		t.Errorf("NaN: got %v", got)
	}
}
