package band

import (
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/cpu"
	"github.com/steadyframe/steadyframe/internal/impl"
)

// TestExplainNamesTheKernels: where a level has no kernel for a geometry, Explain names the level that is used.
func TestExplainNamesTheKernels(t *testing.T) {
	if !cpu.Has(impl.AVX512) {
		t.Skip("no AVX-512")
	}
	tests := []struct {
		name    string
		in, out frame.Desc
		filter  Filter
		want    string
	}{
		{"2-to-1", frame.Desc{Format: frame.BGR24, Width: 640, Height: 8}, frame.Desc{Width: 320, Height: 8}, Bilinear, "color avx512"},
		{"4-to-1", frame.Desc{Format: frame.BGR24, Width: 1280, Height: 8}, frame.Desc{Width: 320, Height: 8}, Bilinear, "color avx2"},
		{"two-pixels", frame.Desc{Format: frame.BGR24, Width: 2, Height: 8}, frame.Desc{Width: 3, Height: 8}, Bilinear, "resample generic"},
		{"area", frame.Desc{Format: frame.BGRA, Width: 640, Height: 8}, frame.Desc{Width: 320, Height: 8}, Area, "resample avx2"},
		{"area-of-a-plane", frame.Desc{Format: frame.I420, Width: 640, Height: 8}, frame.Desc{Width: 320, Height: 8}, Area, "resample avx2"},
		{"bytes", frame.Desc{Format: frame.Gray8, Width: 640, Height: 8}, frame.Desc{Width: 320, Height: 8}, Bilinear, "resample avx2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := wholeConfig(tt.in, tt.out.Width, tt.out.Height)
			c.Filter = tt.filter
			first, _, _ := strings.Cut(mustSampler(t, c).Explain(), "\n")
			if !strings.Contains(first, "("+tt.want+")") {
				t.Errorf("got %q, want kernels %q", first, tt.want)
			}
		})
	}
}
