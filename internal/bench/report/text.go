package report

import (
	"strings"
	"sync"
	"unicode/utf8"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// Sizes of text, in units of the picture, as the style sheet has them.
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

// measure returns how wide text of that size is about.
func measure(text string, size vg.Length) vg.Length {
	face := font.Face{Font: font.Font{Size: size}, Face: sans()}
	return face.Width(text) * slack
}

// shorten returns text, without its end where it would be wider than room.
func shorten(text string, size, room vg.Length) string {
	if measure(text, size) <= room {
		return text
	}
	for text != "" {
		_, n := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-n]
		if short := strings.TrimRight(text, " ") + "…"; measure(short, size) <= room {
			return short
		}
	}
	return "…"
}

// wrap returns text as lines that are no wider than room, but for words that are.
func wrap(text string, size, room vg.Length) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch longer := line + " " + word; {
		case line == "":
			line = word
		case measure(longer, size) <= room:
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
