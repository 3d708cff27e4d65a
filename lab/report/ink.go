package report

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg/draw"
)

// pair is a color in the light theme and in the dark one.
type pair struct{ light, dark string }

// colors are those of series: the first is ours, the page's accent. The others are those of Okabe and Ito ("Color
// Universal Design", 2008), which people with any kind of color vision tell apart, made darker or lighter until they
// have a contrast of 3:1 or more with the surface of each theme (WCAG 2.2, 1.4.11); brown stands for black, which is the
// text's, and their bluish green is left out, which is too near the accent.
var colors = []pair{
	{"#0a7a68", "#3ecfb2"}, // ours
	{"#cf4520", "#ff7f5c"}, // vermilion
	{"#1f4e9e", "#7f9df5"}, // blue
	{"#b4568e", "#e293bf"}, // reddish purple
	{"#b88600", "#f2b134"}, // orange
	{"#3a97d4", "#7cc9f5"}, // sky blue
	{"#5f6b72", "#a7b3b9"}, // gray
	{"#7d8f00", "#d9e05a"}, // yellow
	{"#7a4a2b", "#c49a7a"}, // brown
}

// grounds are the colors of what is not a series, as the page's.
var grounds = []struct {
	class string
	pair
}{
	{"text", pair{"#14191b", "#e7ecee"}},
	{"muted", pair{"#566268", "#97a4ab"}},
	{"line", pair{"#d9dfdf", "#293136"}},
	{"surface", pair{"#ffffff", "#161b1e"}},
}

// marks tell series apart without color, in the order of colors; ours has none, and a wider line.
var marks = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{},
	draw.CrossGlyph{}, draw.PlusGlyph{},
}

// look is how a series is drawn: 0 for ours, from 1 for the others.
type look int

// ink returns the color of a look. After the last they begin again.
func (l look) ink() ink {
	if l > 0 {
		l = 1 + (l-1)%look(len(colors)-1)
	}
	return ink(fmt.Sprintf("s%d", l))
}

// mark returns the glyph of a look, nil for none.
func (l look) mark() draw.GlyphDrawer {
	if l == 0 {
		return nil
	}
	// Each time that the colors begin again they get other marks.
	return marks[int(l-1+(l-1)/look(len(colors)-1))%len(marks)]
}

// looks gives series their looks by name, so that one has the same in all plots of a page.
type looks map[string]look

// of returns the looks of a plot's series.
func (l looks) of(series []Series) []look {
	out := make([]look, len(series))
	for i, s := range series {
		if s.Ours {
			continue
		}
		known, ok := l[s.Name]
		if !ok {
			known = look(len(l) + 1)
			l[s.Name] = known
		}
		out[i] = known
	}
	return out
}

// colorRules returns the style sheet's rules for inks: the light ones, and with the dark ones for screens that want
// them. Paper is light.
func colorRules() string {
	var light, dark strings.Builder
	rule := func(class string, p pair) {
		fmt.Fprintf(&light, ".plot .%s{color:%s}", class, p.light)
		fmt.Fprintf(&dark, ".plot .%s{color:%s}", class, p.dark)
	}
	for _, g := range grounds {
		rule(g.class, g.pair)
		if g.class == "surface" { // the rim of text that lines pass behind
			fmt.Fprintf(&light, ".plot .over{stroke:%s}", g.light)
			fmt.Fprintf(&dark, ".plot .over{stroke:%s}", g.dark)
		}
	}
	for i, c := range colors {
		rule(string(look(i).ink()), c)
	}
	return light.String() + "\n@media screen and (prefers-color-scheme:dark){" + dark.String() + "}\n"
}
