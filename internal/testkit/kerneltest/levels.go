package kerneltest

import (
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

// Levels wants r to hold plain Go and, of the other levels that the package has kernels for, those that run here.
func Levels[K any](t *testing.T, r *impl.Registry[K], others ...impl.Level) {
	t.Helper()
	want := []impl.Level{impl.Generic}
	for _, l := range others {
		if cpu.Has(l) {
			want = append(want, l)
		}
	}
	var got []impl.Level
	for _, e := range r.All() {
		got = append(got, e.Level)
	}
	if !slices.Equal(got, want) {
		t.Errorf("registered: got %v, want %v", got, want)
	}
}

// Here returns the levels that run here, plain Go first.
func Here() []impl.Level {
	var here []impl.Level
	for l := impl.Generic; l <= impl.AVX512; l++ {
		if cpu.Has(l) {
			here = append(here, l)
		}
	}
	return here
}
