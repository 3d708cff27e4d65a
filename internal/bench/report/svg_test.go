package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
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

// texts returns what stands in the picture.
func (e element) texts(classes ...string) []string {
	var out []string
	for _, t := range e.find("text", classes...) {
		out = append(out, t.Text)
	}
	return out
}

// written returns a plot's document, which is XML, with every point inside of the picture.
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
		inside(e, parseNumber(t, e.attr("x")), parseNumber(t, e.attr("y")))
	}
	for _, e := range root.find("path") {
		for _, pt := range pathPoints(t, e.attr("d")) {
			inside(e, pt[0], pt[1])
		}
	}
	return root
}

func parseNumber(t testing.TB, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("number: %v", err)
	}
	return v
}

var pathPart = regexp.MustCompile(`([mlhvaz])([-0-9. ]*)`)
var pathNumber = regexp.MustCompile(`-?[0-9.]+`)

// pathPoints returns the points of a path of relative parts.
func pathPoints(t testing.TB, d string) [][2]float64 {
	t.Helper()
	var out [][2]float64
	var x, y float64
	if rest := pathPart.ReplaceAllString(d, ""); rest != "" {
		t.Fatalf("path %q: got %q that is no part of one", d, rest)
	}
	for _, part := range pathPart.FindAllStringSubmatch(d, -1) {
		var n []float64
		for _, text := range pathNumber.FindAllString(part[2], -1) {
			n = append(n, parseNumber(t, text))
		}
		want := map[string]int{"m": 2, "l": 2, "h": 1, "v": 1, "a": 7, "z": 0}[part[1]]
		if len(n) != want {
			t.Fatalf("path %q: got %d numbers in %q, want %d", d, len(n), part[0], want)
		}
		switch part[1] {
		case "m", "l":
			x, y = x+n[0], y+n[1]
		case "h":
			x += n[0]
		case "v":
			y += n[0]
		case "a":
			x, y = x+n[5], y+n[6]
		case "z":
			continue
		}
		out = append(out, [2]float64{x, y})
	}
	return out
}
