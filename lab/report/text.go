package report

import (
	"sort"
	"strings"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// Sizes of text, in units of the image, as the style sheet has them.
const (
	titleSize vg.Length = 15
	labelSize vg.Length = 12
)

// sans is the font that text is measured with. The reader's own draws it, which may be wider: see slack.
var sans = sync.OnceValue(func() *opentype.Font {
	f, err := opentype.Parse(liberationsansregular.TTF)
	if err != nil {
		panic("report: embedded font: " + err.Error())
	}
	return f
})

// slack is what text may take more in the reader's font than in ours. Verdana and DejaVu Sans, the widest of those that
// a system is likely to have, take a sixth more than Liberation Sans, which is as wide as Arial and Helvetica.
const slack = 1.18

// bold is how much wider text is in bold.
const bold = 1.1

// measure returns how wide text of that size is about. Kerning is left out: it makes text narrower, by less than slack.
func textWidth(text string, size vg.Length) vg.Length {
	w := vg.Length(0)
	for _, r := range text {
		if r < 128 {
			w += ascii()[r]
		} else {
			w += runeWidth(r)
		}
	}
	return w * size * slack
}

// ascii returns the widths of the characters that most text is made of, at a size of 1.
var ascii = sync.OnceValue(func() *[128]vg.Length {
	var w [128]vg.Length
	for r := range w {
		w[r] = runeWidth(rune(r))
	}
	return &w
})

// runeWidth returns how wide a character is at a size of 1.
func runeWidth(r rune) vg.Length {
	typeface := font.Face{Font: font.Font{Size: 1}, Face: sans()}
	return typeface.Width(string(r))
}

// nameWidth returns how wide the name of a series is, which is bold where the series is ours.
func nameWidth(name string, l look) vg.Length {
	w := textWidth(atMost(name), labelSize)
	if l == 0 {
		w *= bold
	}
	return w
}

// atMost returns text, or its begin where it is so long that no image has room for it.
func atMost(text string) string {
	const most = 1000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// shorten returns text, without its end where it would be wider than room.
func shorten(text string, size, room vg.Length) string {
	text = atMost(text)
	if textWidth(text, size) <= room {
		return text
	}
	runes := []rune(text)
	cut := func(n int) string { return strings.TrimRight(string(runes[:n]), " ") + "…" }
	return cut(max(sort.Search(len(runes), func(n int) bool { return textWidth(cut(n), size) > room })-1, 0))
}

// fit returns the name of a series, shortened where it would be wider than room.
func fit(name string, l look, room vg.Length) string {
	if l == 0 {
		room /= bold
	}
	return shorten(name, labelSize, room)
}

// wrap returns text as lines that are no wider than room, but for words that are.
func wrap(text string, size, room vg.Length) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(atMost(text)) {
		switch longer := line + " " + word; {
		case line == "":
			line = word
		case textWidth(longer, size) <= room:
			line = longer
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	for i := range lines {
		lines[i] = shorten(lines[i], size, room)
	}
	return lines
}
