package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"path/filepath"
	"regexp"
	"sync"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageRules string

// pageTemplate and plotName, which is what the name of a plot is, are made when they are asked for: a server has no use
// for them.
var (
	pageTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageHTML)) })
	plotName     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9-]+$`) })
)

// Write writes the page to index.html in dir, and each plot to NAME.svg beside it. It makes dir where there is none, and
// overwrites what it wrote before. Each file is written whole or not at all, the page last. A page whose plots have no
// names or the same one, or whose tables have rows of other lengths than their heads, is refused before anything is
// written. Errors of files say their paths.
func (p *Page) Write(dir string) error {
	if err := p.check(); err != nil {
		return err
	}
	html, err := p.html()
	if err != nil {
		return err
	}
	if err := Prepare(dir); err != nil {
		return err
	}
	l := looks{}
	for i := range p.Sections {
		for j := range p.Sections[i].Plots {
			plot := &p.Sections[i].Plots[j]
			if err := writeWhole(filepath.Join(dir, plot.Name+".svg"), plot.svg(alone, l)); err != nil {
				return err
			}
		}
	}
	return writeWhole(filepath.Join(dir, "index.html"), html)
}

// check returns what is wrong with a page.
func (p *Page) check() error {
	names := map[string]bool{}
	for _, s := range p.Sections {
		for _, plot := range s.Plots {
			if !plotName().MatchString(plot.Name) {
				return fmt.Errorf("report: section %q: name of a plot: got %q, want letters, digits and hyphens: it names a file", s.Title, plot.Name)
			}
			if names[plot.Name] {
				return fmt.Errorf("report: section %q: a second plot is called %q: want another name, it names a file", s.Title, plot.Name)
			}
			names[plot.Name] = true
		}
		if s.Table == nil {
			continue
		}
		for i, row := range s.Table.Rows {
			if len(row) != len(s.Table.Head) {
				return fmt.Errorf("report: section %q: row %d: got %d cells, want %d as in the head", s.Title, i+1, len(row), len(s.Table.Head))
			}
		}
	}
	return nil
}

// view is a page as its template shows it.
type view struct {
	*Page
	Style    template.CSS
	Facts    []Setting // of the machine
	Sections []sectionView
}

type sectionView struct {
	Section
	Rows  []rowView
	Plots []plotView
}

type rowView struct {
	Name  string
	Cells []string
	Mark  bool
}

type plotView struct {
	Name, Title  string
	Wide, Narrow template.HTML // elements; what they hold of the plot's texts is escaped
}

// html returns the page as a document.
func (p *Page) html() ([]byte, error) {
	l := looks{}
	v := view{Page: p, Style: template.CSS(pageRules + plotRules + colorRules()), Facts: p.facts()}
	for _, s := range p.Sections {
		sv := sectionView{Section: s}
		if s.Table != nil {
			for i, row := range s.Table.Rows {
				if len(row) > 0 {
					sv.Rows = append(sv.Rows, rowView{Name: row[0], Cells: row[1:], Mark: i+1 == s.Table.Mark})
				}
			}
		}
		for i := range s.Plots {
			plot := &s.Plots[i]
			sv.Plots = append(sv.Plots, plotView{plot.Name, plot.Title, template.HTML(plot.svg(wide, l)), template.HTML(plot.svg(narrow, l))})
		}
		v.Sections = append(v.Sections, sv)
	}
	var b bytes.Buffer
	if err := pageTemplate().Execute(&b, v); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}

// facts returns the machine as names and values, without what is not known.
func (p *Page) facts() []Setting {
	m := p.Machine
	all := []Setting{
		{"Processor", m.CPU},
		{"Processors", count(m.Processors)},
		{"GOMAXPROCS", count(m.GOMAXPROCS)},
		{"System", joined(m.OS, m.Arch)},
		{"Kernels", m.Kernels},
		{"Go", m.Go},
		{"Version", m.Version},
	}
	var known []Setting
	for _, f := range all {
		if f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// count returns n in digits, and nothing for none.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// joined returns a system and its architecture as Go names them together.
func joined(system, arch string) string {
	if system == "" || arch == "" {
		return system + arch
	}
	return system + "/" + arch
}
