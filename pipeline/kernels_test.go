package pipeline

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func TestExplainLevels(t *testing.T) {
	tests := []struct {
		name  string
		given []packageLevel
		want  string
	}{
		{"plain", []packageLevel{{"a", impl.Generic}, {"b", impl.Generic}}, "generic"},
		{"all", []packageLevel{{"a", impl.AVX512}, {"b", impl.AVX512}}, "avx512"},
		{"one-lower", []packageLevel{{"a", impl.AVX512}, {"b", impl.AVX2}}, "avx512 (b avx2)"},
		{"two-lower", []packageLevel{{"a", impl.AVX2}, {"b", impl.AVX512}, {"c", impl.Generic}}, "avx512 (a avx2, c generic)"},
		{"first-lower", []packageLevel{{"a", impl.Generic}, {"b", impl.NEON}}, "neon (a generic)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := explainLevels(tt.given); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestKernelLevels wants every package of kernels for frames to be among those that DescribeKernels looks at, and the processor's level before those
// that are lower.
func TestKernelLevels(t *testing.T) {
	folders, err := os.ReadDir("../internal/kernel")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	ofSound := []string{"fft", "mel"}
	for _, f := range folders {
		if !slices.Contains(ofSound, f.Name()) {
			want = append(want, f.Name())
		}
	}
	for _, p := range bestLevels() {
		got = append(got, p.name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("packages: got %v, want %v", got, want)
	}
	if level, _, _ := strings.Cut(DescribeKernels(), " "); level != cpu.Level().String() {
		t.Errorf("got %q, want it to begin with %v", DescribeKernels(), cpu.Level())
	}
}
