package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

//go:embed plot.css
var plotRules string

// form is how wide an image is, and what is around it.
type form struct {
	class  string
	width  vg.Length
	height vg.Length // of the area of lines
	alone  bool      // a file of its own, which brings its title, style and ground
}

// A page has both forms of each plot, and shows the one that fits the reader's window: text that scales with an image
// is too small on a telephone, or too large elsewhere.
var (
	wide   = form{class: "wide", width: 640, height: 260}
	narrow = form{class: "narrow", width: 320, height: 210}
	alone  = form{class: "alone", width: 640, height: 260, alone: true}
)

// WriteSVG writes the plot as a document of its own, which follows the reader's choice of light or dark. The same plot
// makes the same bytes.
func (p *Plot) WriteSVG(w io.Writer) error {
	_, err := w.Write(p.svg(alone, looks{}))
	return err
}

// svg returns the plot as an element, or as a document where the form is alone.
func (p *Plot) svg(f form, l looks) []byte {
	pic := &drawing{Plot: p, form: f, looks: l.of(p.Series)}
	if f.alone {
		pic.title()
	}
	if p.Kind == Bars {
		pic.bars()
	} else {
		pic.lines()
	}
	return pic.document()
}

// drawing is a Plot that is being drawn, from the top down.
type drawing struct {
	*Plot
	form
	looks []look // of each series

	canvas canvas
	below  vg.Length // how far down the image has come
}

// document returns the element around what was drawn.
func (p *drawing) document() []byte {
	const margin = 12 // around an image alone
	var b bytes.Buffer
	width, height := math.Ceil(float64(p.width)), math.Ceil(float64(p.below))
	title, text := p.Name+"-"+p.class+"-title", p.Name+"-"+p.class+"-text"
	box, attributes := fmt.Sprintf("0 0 %g %g", width, height), ""
	if p.alone {
		title, text = "title", "text"
		width, height = width+2*margin, height+2*margin
		box = fmt.Sprintf("%d %d %g %g", -margin, -margin, width, height)
		attributes = fmt.Sprintf(` xmlns="http://www.w3.org/2000/svg" width="%g" height="%g"`, width, height)
	}
	fmt.Fprintf(&b, "<svg%s class=\"plot %s\" viewBox=\"%s\" role=\"img\" aria-labelledby=\"%s %s\">\n", attributes, p.class, box, title, text)
	fmt.Fprintf(&b, "<title id=\"%s\">%s</title>\n<desc id=\"%s\">%s</desc>\n", title, escape(p.Title), text, escape(p.inWords()))
	if p.alone {
		fmt.Fprintf(&b, "<style>\n%s%s</style>\n", plotRules, colorRules())
		fmt.Fprintf(&b, "<rect class=\"surface\" x=\"%d\" y=\"%d\" width=\"%g\" height=\"%g\" rx=\"8\" fill=\"currentColor\"/>\n", -margin, -margin, width, height)
	}
	b.Write(p.canvas.out.Bytes())
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// title draws the title.
func (p *drawing) title() {
	for _, line := range wrap(p.Title, titleSize, p.width/bold) {
		p.below += 18
		p.text("text title", 0, p.below-4, line)
	}
	p.below += 8
}

// text draws text whose base line is that far down.
func (p *drawing) text(i ink, x, below vg.Length, text string) {
	p.canvas.SetColor(i)
	p.canvas.FillString(font.Face{}, vg.Point{X: x, Y: -below}, text)
}

// stroke draws a line through points.
func (p *drawing) stroke(i ink, width vg.Length, dashes []vg.Length, points ...vg.Point) {
	c := draw.Canvas{Canvas: &p.canvas}
	c.StrokeLines(draw.LineStyle{Color: i, Width: width, Dashes: dashes}, points)
}

// glyph draws a mark, if there is one.
func (p *drawing) glyph(l look, at vg.Point) {
	c := draw.Canvas{Canvas: &p.canvas}
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: l.ink() + " mark", Radius: 3.6, Shape: l.mark()}, at)
}

// dot draws a point of a series that has no mark.
func (p *drawing) dot(l look, at vg.Point) {
	c := draw.Canvas{Canvas: &p.canvas}
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: l.ink(), Radius: 3.6, Shape: draw.CircleGlyph{}}, at)
}

// down returns the point that is x from the left and that far down.
func down(x, below vg.Length) vg.Point { return vg.Point{X: x, Y: -below} }

// dashed is the pattern of the line at an axis's Mark.
var dashed = []vg.Length{5, 4}

// words bounds a text alternative: who hears it cannot skim.
const words = 3000

// inWords returns what the image shows.
func (p *Plot) inWords() string {
	var b strings.Builder
	for _, s := range p.Series {
		var said string
		if p.Kind == Bars {
			said = p.barsInWords(s)
		} else {
			said = p.lineInWords(s)
		}
		if said == "" {
			said = "no points"
		}
		name := s.Name
		if name == "" {
			name = "values"
		}
		if b.Len()+len(said) > words {
			b.WriteString("And more.")
			break
		}
		fmt.Fprintf(&b, "%s: %s. ", name, said)
	}
	return strings.TrimSpace(p.axesInWords() + b.String())
}

// axesInWords returns what is on the axes, with a full stop and a space.
func (p *Plot) axesInWords() string {
	switch {
	case p.Y.Label == "":
		return ""
	case p.X.Label == "" || p.Kind == Bars:
		return p.Y.Label + ". "
	}
	return p.Y.Label + " by " + p.X.Label + ". "
}

func (p *Plot) lineInWords(s Series) string {
	low, high, last, n := math.Inf(1), math.Inf(-1), 0.0, 0
	for _, pt := range s.Points {
		if p.shows(pt) {
			low, high, last, n = min(low, pt.Y), max(high, pt.Y), pt.Y, n+1
		}
	}
	switch {
	case n == 0:
		return ""
	case low == high:
		return valueLabel(low)
	}
	return fmt.Sprintf("from %s to %s, at the end %s", valueLabel(low), valueLabel(high), valueLabel(last))
}

func (p *Plot) barsInWords(s Series) string {
	var said []string
	for _, pt := range s.Points {
		group, ok := p.group(pt)
		if !ok {
			continue
		}
		text := strings.TrimSpace(group + " " + valueLabel(pt.Y))
		if pt.Low != pt.High {
			text += " (" + valueLabel(pt.Low) + " to " + valueLabel(pt.High) + ")"
		}
		said = append(said, text)
	}
	return strings.Join(said, ", ")
}

// shows reports whether the axes have a place for a point of a line.
func (p *Plot) shows(pt Point) bool {
	_, x := p.X.measureOf(pt.X)
	_, y := p.Y.measureOf(pt.Y)
	return x && y
}

// group returns the name of the group of a point of Bars, and whether the point is in one and has a value.
func (p *Plot) group(pt Point) (name string, ok bool) {
	if math.IsNaN(pt.Y) || math.Abs(pt.Y) > largest || pt.X != math.Trunc(pt.X) || pt.X < 0 {
		return "", false
	}
	if len(p.X.Labels) == 0 {
		return "", pt.X == 0
	}
	if pt.X >= float64(len(p.X.Labels)) {
		return "", false
	}
	return p.X.Labels[int(pt.X)], true
}
