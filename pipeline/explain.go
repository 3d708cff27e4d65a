package pipeline

import (
	"fmt"
	"strings"

	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/jpeg"
)

// Explain describes the compiled Spec as text: geometry, kernels, memory, and how an image can be split, in one line
// each, with its subject in front.
func (p *Pipeline) Explain() string {
	var b strings.Builder
	line := func(subject, format string, args ...any) {
		fmt.Fprintf(&b, "%-8s %s\n", subject, fmt.Sprintf(format, args...))
	}
	c := p.spec.geometry()
	line("input", "%s, %d bytes a frame", p.input, p.inBytes)
	if whole := (band.Rect{Width: p.input.Width, Height: p.input.Height}); c.Crop != whole {
		line("crop", "%s", Rect(c.Crop))
	}
	line("resize", "%s", p.spec.explainResize(c))
	for _, st := range p.stages {
		for _, l := range st.explain() {
			line("stage", "%s", l)
		}
	}
	if p.changes != nil {
		line("stage", "%s", p.changes.explain())
	}
	line("output", "%s %dx%d, at most %d bytes, %d expected",
		p.spec.Output.explain(), c.Width, c.Height, p.out.bound(), p.out.expected())
	line("memory", "%d bytes of scratch a worker, workers: %d", p.scratchBytes(), p.workers.Size())
	line("split", "%s", p.explainSplit())
	return b.String()
}

// explainResize says how the crop becomes the content of the canvas.
func (s Spec) explainResize(c band.Config) string {
	in, out := c.Crop, c.Content
	if in.Width == out.Width && in.Height == out.Height && out.Width == c.Width && out.Height == c.Height {
		return "none"
	}
	text := fmt.Sprintf("%dx%d to %dx%d (by %.4g x %.4g), %s, %s", in.Width, in.Height, out.Width, out.Height,
		float64(out.Width)/float64(in.Width), float64(out.Height)/float64(in.Height), s.Resize.Mode, s.Resize.Filter)
	if out.Width != c.Width || out.Height != c.Height {
		text += fmt.Sprintf(", at +%d+%d on %s", out.X, out.Y, s.Resize.Background)
	}
	return text
}

// explain says the format with its settings.
func (o Output) explain() string {
	switch {
	case o.Format == RawI420:
		return o.Format.String() + " limited bt601"
	case o.Format != JPEG:
		return o.Format.String()
	}
	q := o.Quality
	if q == 0 {
		q = jpeg.DefaultQuality
	}
	text := fmt.Sprintf("jpeg quality %d %s restart %s", q, o.Subsampling, o.interval())
	if o.Noise != 0 {
		text += fmt.Sprintf(" noise %d", o.Noise)
	}
	return text
}

// lines returns the lines of a text, without their ends.
func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

func (p *Pipeline) explainSplit() string {
	total, unit := p.out.bands()
	if units := (total + unit - 1) / unit; units > 1 {
		return fmt.Sprintf("yes, into at most %d parts of %d of %d bands", units, unit, total)
	}
	if p.spec.Output.Format == JPEG && total > 1 {
		return "no: output.restart must end on rows of MCUs, as with row"
	}
	return "no"
}
