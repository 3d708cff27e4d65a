package impl

import "testing"

// TestBest wants the highest level up to the limit, in whatever order the levels came.
func TestBest(t *testing.T) {
	var r Registry[string]
	r.Register(AVX512, "avx512")
	r.Register(Generic, "generic")
	r.Register(AVX2, "avx2")
	tests := []struct {
		limit Level
		want  string
	}{{Max, "avx512"}, {Generic, "generic"}, {NEON, "generic"}, {AVX2, "avx2"}, {AVX512, "avx512"}}
	for _, test := range tests {
		t.Run("limit="+test.limit.String(), func(t *testing.T) {
			got := r.Best(test.limit)
			if got.Kernels != test.want || got.Level.String() != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
	for i, e := range r.All() {
		if i > 0 && e.Level <= r.All()[i-1].Level {
			t.Errorf("All: got %v, want ascending levels", r.All())
		}
	}
}

func TestRegisterTwicePanics(t *testing.T) {
	var r Registry[int]
	r.Register(AVX2, 1)
	defer func() {
		if recover() == nil {
			t.Error("got no panic, want one")
		}
	}()
	r.Register(AVX2, 2)
}

// TestNames wants every level's name to come back as that level.
func TestNames(t *testing.T) {
	for l := Max; int(l) < len(names); l++ {
		if got, err := ParseLevel(l.String()); got != l || err != nil {
			t.Errorf("%v: got %v, %v", l, got, err)
		}
	}
	if got, err := ParseLevel(""); got != Max || err != nil {
		t.Errorf("no name: got %v, %v, want max", got, err)
	}
	for _, name := range []string{"AVX2", "sse", "Level(9)"} {
		if got, err := ParseLevel(name); err == nil {
			t.Errorf("%q: got %v, want an error", name, got)
		}
	}
}
