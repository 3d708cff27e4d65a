package report

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// hostile is text that is not to become anything else.
const hostile = `</title></style><script src="https://example.com/x.js">alert(1)</script>&amp;"'`

func page() *Page {
	return &Page{
		Title:    "What pooling is worth " + hostile,
		Intro:    []string{"All options are within 3 %.", hostile},
		Machine:  measure.Machine{CPU: "a processor", Processors: 2, OS: "linux", Arch: "amd64", Go: "go1.26", Version: "v1", Command: "steadyframe bench " + hostile},
		Settings: []Setting{{"Rounds", "5"}, {hostile, hostile}},
		Sections: []Section{
			{
				Title: "Latency " + hostile, Text: []string{hostile},
				Table: &Table{Head: []string{"option", "P50 ms", "P99 ms"}, Rows: [][]string{{"pool", "1", "2"}, {hostile, hostile, "4"}}, Mark: 1},
				Plots: []Plot{{Name: "latency", Title: "Latency " + hostile, Series: []Series{{Name: "pool", Ours: true, Points: points(1, 2)}, {Name: hostile, Points: points(2, 3)}}}},
			},
			{Title: "Memory", Plots: []Plot{{Name: "heap", Title: "Heap", Series: []Series{{Name: "none", Points: points(1, 2)}, {Name: hostile, Points: points(2, 3)}}}, {Name: "Rates-2", Kind: Bars}}},
			{},
		},
	}
}

// nodes returns the elements of a document of those names, in order.
func nodes(n *html.Node, names ...string) []*html.Node {
	var out []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, d.Data)) {
			out = append(out, d)
		}
	}
	return out
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// document returns p as a browser reads it.
func document(t *testing.T, p *Page) *html.Node {
	t.Helper()
	dir := t.TempDir()
	if err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestPageTexts: what a page is given is shown as it is, wherever it stands, and becomes nothing else.
func TestPageTexts(t *testing.T) {
	doc := document(t, page())
	if n := len(nodes(doc, "script", "iframe", "object", "img", "foreignObject")); n != 0 {
		t.Errorf("got %d elements that load or run something, want none", n)
	}
	shown := text(nodes(doc, "body")[0])
	if got, want := strings.Count(shown, hostile), 1+1+1+2+1+1+2+1+2*2+2*2; got < want { // and in images, where there is room
		t.Errorf("got the hostile text %d times, want %d or more", got, want)
	}
	if got := text(nodes(doc, "title")[0]); got != page().Title {
		t.Errorf("title: got %q", got)
	}
}

// TestPageAlone: a page asks for nothing beside itself.
func TestPageAlone(t *testing.T) {
	doc := document(t, page())
	for _, n := range nodes(doc) {
		for _, a := range n.Attr {
			asks := a.Key == "href" || a.Key == "src" || a.Key == "srcset" || a.Key == "data" || a.Key == "action" || strings.Contains(a.Val, "url(")
			if asks && !strings.HasPrefix(a.Val, "data:") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=%q>: want nothing from elsewhere", n.Data, a.Key, a.Val)
			}
		}
	}
	for _, s := range nodes(doc, "style") {
		if rules := text(s); strings.Contains(rules, "url(") || strings.Contains(rules, "@import") || strings.Contains(rules, "@font-face") {
			t.Error("the style asks for something from elsewhere")
		}
	}
	policy := nodes(doc, "meta")
	if !slices.ContainsFunc(policy, func(n *html.Node) bool { return strings.HasPrefix(attr(n, "content"), "default-src 'none'") }) {
		t.Error("got no policy that forbids it")
	}
}

// TestPageForReaders: headings in order, heads of tables with scopes, a text for each image, names that exist once.
func TestPageForReaders(t *testing.T) {
	doc := document(t, page())
	level := 0
	for _, h := range nodes(doc, "h1", "h2", "h3", "h4") {
		next := int(h.Data[1] - '0')
		if next > level+1 || next == 1 && level != 0 {
			t.Errorf("%s %q comes after h%d", h.Data, text(h), level)
		}
		level = next
	}
	scopes := map[string]int{}
	for _, th := range nodes(doc, "th") {
		scopes[attr(th, "scope")]++
	}
	if scopes["col"] != 3 || scopes["row"] != 2 || len(scopes) != 2 {
		t.Errorf("heads of the table: got %v, want 3 of columns and 2 of rows", scopes)
	}
	ids := map[string]bool{}
	for _, n := range nodes(doc) {
		if id := attr(n, "id"); id != "" && ids[id] {
			t.Errorf("a second element is called %q", id)
		} else {
			ids[id] = true
		}
	}
	for _, n := range nodes(doc) {
		for id := range strings.FieldsSeq(attr(n, "aria-labelledby")) {
			if !ids[id] {
				t.Errorf("<%s> is named by %q, which does not exist", n.Data, id)
			}
		}
	}
	images := 0
	for _, n := range nodes(doc, "svg") {
		if attr(n, "aria-hidden") == "true" {
			continue
		}
		images++
		if attr(n, "role") != "img" || len(nodes(n, "title")) != 1 || attr(n, "aria-labelledby") == "" {
			t.Error("a plot has no name or is no image to a screen reader")
		}
	}
	if images != 2*3 {
		t.Errorf("got %d images, want a wide and a narrow one of 3 plots", images)
	}
	if html := nodes(doc, "html")[0]; attr(html, "lang") != "en" {
		t.Error("the page has no language")
	}
}

func TestPageTable(t *testing.T) {
	doc := document(t, page())
	rows := nodes(nodes(doc, "tbody")[0], "tr")
	if len(rows) != 2 || attr(rows[0], "class") != "marked" || attr(rows[1], "class") != "" {
		t.Fatalf("got %d rows, want 2, the first marked", len(rows))
	}
	var cells []string
	for _, c := range nodes(rows[1], "th", "td") {
		cells = append(cells, text(c))
	}
	if !slices.Equal(cells, []string{hostile, hostile, "4"}) {
		t.Errorf("cells: got %q", cells)
	}
}

// TestPageColors: a series looks the same in all plots of a page.
func TestPageColors(t *testing.T) {
	dir := t.TempDir()
	if err := page().Write(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"latency.svg": "s1", "heap.svg": "s2"} { // none has s2, and hostile was first
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(parsed(t, content).find("path", want)); n == 0 {
			t.Errorf("%s: got no line of class %s", name, want)
		}
	}
}

func TestWriteFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "new one")
	for range 2 { // and over itself
		if err := page().Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"Rates-2.svg", "heap.svg", "index.html", "latency.svg"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

// TestWriteFails: an error says which file it was, and leaves no part of one.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	index := filepath.Join(dir, "index.html")
	if err := os.MkdirAll(filepath.Join(index, "in the way"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := page().Write(dir); err == nil || !strings.Contains(err.Error(), index) {
		t.Errorf("got %v, want an error with %s", err, index)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); left != nil {
		t.Errorf("got %q left behind, want nothing", left)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := page().Write(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file in place of the folder: got %v, want an error with %s", err, file)
	}
}

func TestPrepare(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want an empty folder", left, err)
	}
	const proc = "/proc" // of Linux, in which not even root makes a file
	if _, err := os.Stat(proc + "/self"); err != nil {
		t.Skip("no folder that takes no files")
	}
	if err := Prepare(proc); err == nil || !strings.Contains(err.Error(), "report: no file can be made in /proc: ") {
		t.Errorf("got %v, want an error about %s", err, proc)
	}
}

func TestWriteRefuses(t *testing.T) {
	plots := func(names ...string) *Page {
		p := &Page{Sections: []Section{{Title: "Section"}}}
		for _, n := range names {
			p.Sections[0].Plots = append(p.Sections[0].Plots, Plot{Name: n})
		}
		return p
	}
	tests := []struct {
		name string
		page *Page
		want string
	}{
		{"no-name", plots(""), `got "", want letters`},
		{"path", plots("../x"), `got "../x", want letters`},
		{"twice", plots("x", "x"), `second plot is called "x"`},
		{"row", &Page{Sections: []Section{{Title: "T", Table: &Table{Head: []string{"a", "b"}, Rows: [][]string{{"1", "2"}, {"1"}}}}}}, "row 2: got 1 cells, want 2"},
	}
	for _, tt := range tests {
		dir := filepath.Join(t.TempDir(), "out")
		if err := tt.page.Write(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: something was written", tt.name)
		}
	}
}
