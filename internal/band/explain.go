package band

import (
	"fmt"
	"strings"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Explain describes the Sampler as text, with the kernels chosen: one line a step.
func (s *Sampler) Explain() string {
	var b strings.Builder
	for i := range s.sources {
		src := &s.sources[i]
		across := fmt.Sprintf("%s across: %s\n", src.name(), s.explainAcross(src))
		down := fmt.Sprintf("%s down: %s\n", src.name(), s.explainDown(src))
		if src.stacks && !src.halves {
			across, down = down, across
		}
		b.WriteString(across + down)
	}
	switch s.after {
	case from709:
		fmt.Fprintf(&b, "colors: bt709 to bt601 (color %s)\n", s.kernels.level.color)
	case toRGB, from709toRGB:
		fmt.Fprintf(&b, "colors: %s to rgb (color %s)\n", s.config.In.Color, s.kernels.level.color)
	}
	return b.String()
}

// levels is the implementation level of the kernel sets that a Sampler uses; of resample, each kernel has its own.
type levels struct{ color, blend, tensor impl.Level }

func (src *source) name() string {
	switch {
	case src.layout.isRGB():
		return "pixels"
	case src.first == 0:
		return "luma"
	}
	return "chroma"
}

// explainAcross says what is done to an input row.
func (s *Sampler) explainAcross(src *source) string {
	t, level := &src.across, &s.kernels.level
	var steps []string
	if src.layout.isFloat() {
		steps = append(steps, fmt.Sprintf("floats to int16 (tensor %s)", level.tensor))
	}
	switch {
	case src.halves:
		steps = append(steps, fmt.Sprintf("%s %d to %d and %s (color %s)", t.method, t.inputs(), t.outputs, src.convert, level.color))
		return strings.Join(steps, ", ")
	case src.pixels != nil:
		steps = append(steps, fmt.Sprintf("%s %d to %d and %s (color %s)", t.method, t.inputs(), t.outputs, src.convert, src.pixels.Level))
		return strings.Join(steps, ", ")
	case src.planar != nil:
		steps = append(steps, fmt.Sprintf("%s %d to %d and %s (color %s)", t.method, t.inputs(), t.outputs, src.convert, src.planar.Level))
		return strings.Join(steps, ", ")
	case !t.copies:
		steps = append(steps, fmt.Sprintf("%s %d to %d (resample %s)", t.method, t.inputs(), t.outputs, src.resampleLevel()))
	case !src.converts() && !src.direct && !src.layout.isFloat():
		steps = append(steps, fmt.Sprintf("%d samples copied (resample %s)", t.outputs, src.resampleLevel()))
	}
	switch {
	case src.convert != none:
		steps = append(steps, fmt.Sprintf("%s (color %s)", src.convert, level.color))
	case src.limited:
		steps = append(steps, fmt.Sprintf("limited range to full (color %s)", level.color))
	}
	return strings.Join(steps, ", ")
}

// resampleLevel returns the level of the kernel that takes rows to their output's width.
func (src *source) resampleLevel() impl.Level {
	switch {
	case src.bytes != nil:
		return src.bytes.Level
	case src.cover != nil:
		return src.cover.Level
	case src.wide != nil:
		return src.wide.Level
	}
	return impl.Generic // what no table serves is plain Go at every level
}

// explainDown says what is done to the rows that an input row has become.
func (s *Sampler) explainDown(src *source) string {
	d, level := &src.down, s.kernels.level.blend
	if src.direct {
		return fmt.Sprintf("%d lines copied, chroma halved, with the step before (color %s)", len(d.lines), s.kernels.level.color)
	}
	text := fmt.Sprintf("%s to %d lines", d.method, len(d.lines)+len(d.cover))
	if src.halves {
		return fmt.Sprintf("%s, chroma halved, with the step before (color %s)", text, s.kernels.level.color)
	}
	if d.method != Area && !d.blends {
		text = fmt.Sprintf("%d lines copied", len(d.lines))
	}
	if src.halved {
		text += ", chroma halved"
	}
	if src.stacks {
		return fmt.Sprintf("%s (blend %s)", text, level)
	}
	return fmt.Sprintf("%s, rows at hand: %d (blend %s)", text, d.slots(src.halved), level)
}

// String returns "bilinear", "area", "nearest" or "box".
func (f Filter) String() string {
	switch f {
	case Bilinear:
		return "bilinear"
	case Area:
		return "area"
	case Nearest:
		return "nearest"
	case Box:
		return "box"
	}
	return fmt.Sprintf("Filter(%d)", uint8(f))
}

// String returns "ycc", "rgb" or "luma".
func (s Space) String() string {
	switch s {
	case YCC:
		return "ycc"
	case RGB:
		return "rgb"
	case Luma:
		return "luma"
	}
	return fmt.Sprintf("Space(%d)", uint8(s))
}

// String says what the conversion makes.
func (c conversion) String() string {
	switch c {
	case toYCC:
		return "ycc"
	case toYCCHalf:
		return "ycc with chroma halved"
	case toLuma:
		return "luma"
	}
	return "rgb"
}
