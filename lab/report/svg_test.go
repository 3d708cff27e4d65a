package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// element is one of an SVG document.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// find returns the children of that name which have all of the classes.
func (e element) find(name string, classes ...string) []element {
	var out []element
	for _, c := range e.Children {
		all := " " + c.attr("class") + " "
		matches := c.XMLName.Local == name
		for _, class := range classes {
			matches = matches && strings.Contains(all, " "+class+" ")
		}
		if matches {
			out = append(out, c)
		}
	}
	return out
}

// texts returns what stands in the image.
func (e element) texts(classes ...string) []string {
	var out []string
	for _, t := range e.find("text", classes...) {
		out = append(out, t.Text)
	}
	return out
}

// written returns a plot's document, which is XML, with every point inside of the image.
func written(t testing.TB, p *Plot) element {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	return parsed(t, b.Bytes())
}

func parsed(t testing.TB, document []byte) element {
	t.Helper()
	var root element
	d := xml.NewDecoder(bytes.NewReader(document))
	if err := d.Decode(&root); err != nil {
		t.Fatalf("not XML: %v\n%s", err, document)
	}
	var left, top, width, height float64
	if _, err := fmt.Sscan(root.attr("viewBox"), &left, &top, &width, &height); err != nil {
		t.Fatalf("viewBox: got %q: %v", root.attr("viewBox"), err)
	}
	inside := func(e element, x, y float64) {
		if !(x >= left && x <= left+width && y >= top && y <= top+height) {
			t.Errorf("%s %q: point %g,%g is outside of %q", e.XMLName.Local, e.attr("class"), x, y, root.attr("viewBox"))
		}
	}
	for _, e := range root.find("text") {
		y := parseNumber(t, e.attr("y"))
		from, to := textSpan(t, e)
		const beside = 12 // there is as much around an image
		inside(e, min(from+beside, to), y)
		inside(e, max(to-beside, from), y)
	}
	for _, e := range root.find("path") {
		for _, pt := range pathPoints(t, e.attr("d")) {
			inside(e, pt[0], pt[1])
		}
	}
	return root
}

// textSpan returns where a text begins and ends, in the font that it was measured with.
func textSpan(t testing.TB, e element) (from, to float64) {
	t.Helper()
	x := parseNumber(t, e.attr("x"))
	width := float64(textWidth(e.Text, labelSize)) / slack
	classes := strings.Fields(e.attr("class"))
	switch {
	case slices.Contains(classes, "title"):
		return x, x + width*float64(titleSize/labelSize)*bold
	case slices.Contains(classes, "end"):
		return x - width, x
	case slices.Contains(classes, "middle"):
		return x - width/2, x + width/2
	}
	return x, x + width
}

func parseNumber(t testing.TB, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("number: %v", err)
	}
	return v
}

// pathNumbers is how many numbers a part of a path has.
var pathNumbers = map[byte]int{'m': 2, 'l': 2, 'h': 1, 'v': 1, 'a': 7, 'z': 0}

// pathPoints returns the points of a path of relative parts.
func pathPoints(t testing.TB, d string) [][2]float64 {
	t.Helper()
	var out [][2]float64
	var x, y float64
	for rest := d; rest != ""; {
		letter := rest[0]
		end := 1 + strings.IndexFunc(rest[1:], unicode.IsLetter)
		if end == 0 {
			end = len(rest)
		}
		var n []float64
		for text := range strings.FieldsSeq(strings.ReplaceAll(rest[1:end], "-", " -")) {
			n = append(n, parseNumber(t, text))
		}
		if want, ok := pathNumbers[letter]; !ok || len(n) != want {
			t.Fatalf("path %q: got %q, want m, l, h, v, a or z and its numbers", d, rest[:end])
		}
		rest = rest[end:]
		switch letter {
		case 'm', 'l':
			x, y = x+n[0], y+n[1]
		case 'h':
			x += n[0]
		case 'v':
			y += n[0]
		case 'a':
			x, y = x+n[5], y+n[6]
		case 'z':
			continue
		}
		out = append(out, [2]float64{x, y})
	}
	return out
}
