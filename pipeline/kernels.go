package pipeline

import (
	"strings"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/blend"
	"github.com/steadyframe/steadyframe/internal/kernel/color"
	"github.com/steadyframe/steadyframe/internal/kernel/dct"
	"github.com/steadyframe/steadyframe/internal/kernel/huff"
	"github.com/steadyframe/steadyframe/internal/kernel/mask"
	"github.com/steadyframe/steadyframe/internal/kernel/near"
	"github.com/steadyframe/steadyframe/internal/kernel/pack"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
	"github.com/steadyframe/steadyframe/internal/kernel/tensor"
)

// DescribeKernels returns as text which kernels this processor gets where Options do not limit them: the level of all
// kernel packages, and behind it those whose level is lower, as in "avx512 (resample avx2)". Explain says which of them
// a Spec uses.
func DescribeKernels() string { return explainLevels(bestLevels()) }

// packageLevel is the level of the kernels of a package below internal/kernel.
type packageLevel struct {
	name  string
	level impl.Level
}

// bestLevels returns the highest level of each kernel package, in the order in which a frame meets them.
func bestLevels() []packageLevel {
	return []packageLevel{
		{"tensor", tensor.Implementations.Best(impl.Max).Level},
		{"resample", resample.Implementations.Best(impl.Max).Level},
		{"color", color.Implementations.Best(impl.Max).Level},
		{"blend", blend.Implementations.Best(impl.Max).Level},
		{"near", near.Implementations.Best(impl.Max).Level},
		{"mask", mask.Implementations.Best(impl.Max).Level},
		{"dct", dct.Implementations.Best(impl.Max).Level},
		{"huff", huff.Implementations.Best(impl.Max).Level},
		{"pack", pack.Implementations.Best(impl.Max).Level},
	}
}

// explainLevels returns the highest of the levels, and the packages that are below it.
func explainLevels(packages []packageLevel) string {
	highest := impl.Generic
	for _, p := range packages {
		highest = max(highest, p.level)
	}
	var lower []string
	for _, p := range packages {
		if p.level < highest {
			lower = append(lower, p.name+" "+p.level.String())
		}
	}
	if len(lower) == 0 {
		return highest.String()
	}
	return highest.String() + " (" + strings.Join(lower, ", ") + ")"
}
