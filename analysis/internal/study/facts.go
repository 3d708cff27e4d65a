package main

import (
	"cmp"
	"fmt"
	"go/types"
	"os"
	"reflect"

	"golang.org/x/tools/go/analysis"

	"github.com/steadyframe/steadyframe/analysis/poolvet"
)

// known is what passes have found of packages for those that import them, by what it is of and its type.
type known map[knownKey]analysis.Fact

type knownKey struct {
	of   any // an object, or a package
	fact reflect.Type
}

func (k known) get(of any, fact analysis.Fact) bool {
	found, ok := k[knownKey{of, reflect.TypeOf(fact)}]
	if ok {
		reflect.ValueOf(fact).Elem().Set(reflect.ValueOf(found).Elem())
	}
	return ok
}

func (k known) set(of any, fact analysis.Fact) { k[knownKey{of, reflect.TypeOf(fact)}] = fact }

// facts has what is known of the packages of a program: of those that [importer.load] loads with their functions, as go vet has it.
type facts struct {
	im    *importer
	known known
	seen  map[string]bool
}

// of finds what is to be known of the packages that a package imports.
func (f *facts) of(p listed) {
	for _, path := range p.Imports {
		path = cmp.Or(p.ImportMap[path], path)
		if path == "unsafe" || f.seen[path] {
			continue
		}
		f.seen[path] = true
		f.of(f.im.all[path])
		c, err := f.im.load(path)
		if err != nil || c.info == nil {
			continue
		}
		run := run{checked: c, before: f.known, found: f.known, results: map[*analysis.Analyzer]any{}, report: func(string, analysis.Diagnostic) {}, source: os.ReadFile}
		for _, a := range poolvet.Analyzers() {
			if err := run.doForFacts(a); err != nil {
				fmt.Fprintf(os.Stderr, "%s: nothing is known of it: %v\n", path, err)
				break
			}
		}
	}
}

// run runs passes on a package.
type run struct {
	checked
	before, found known // of what it imports, and of itself
	results       map[*analysis.Analyzer]any
	report        func(pass string, d analysis.Diagnostic)
	source        func(name string) ([]byte, error)
}

// doForFacts runs those passes that a requires and that tell packages of what others have.
func (r *run) doForFacts(a *analysis.Analyzer) error {
	for _, required := range a.Requires {
		if len(required.FactTypes) == 0 {
			continue
		}
		if err := r.do(required); err != nil {
			return err
		}
	}
	return nil
}

// do runs a pass after those that it requires.
func (r *run) do(a *analysis.Analyzer) error {
	if _, done := r.results[a]; done {
		return nil
	}
	results := map[*analysis.Analyzer]any{}
	for _, required := range a.Requires {
		if err := r.do(required); err != nil {
			return err
		}
		results[required] = r.results[required]
	}
	result, err := a.Run(&analysis.Pass{
		Analyzer: a, Fset: r.fset, Files: r.list, Pkg: r.types, TypesInfo: r.info, TypesSizes: types.SizesFor("gc", "amd64"),
		ResultOf: results, ReadFile: r.source, Report: func(d analysis.Diagnostic) { r.report(a.Name, d) },
		ImportObjectFact: func(obj types.Object, fact analysis.Fact) bool {
			return r.found.get(obj, fact) || r.before.get(obj, fact)
		},
		ImportPackageFact: func(p *types.Package, fact analysis.Fact) bool { return r.found.get(p, fact) || r.before.get(p, fact) },
		ExportObjectFact:  func(obj types.Object, fact analysis.Fact) { r.found.set(obj, fact) },
		ExportPackageFact: func(fact analysis.Fact) { r.found.set(r.types, fact) },
	})
	r.results[a] = result
	return err
}

// analyze runs the passes on the package, with other text for one of its files unless name is "".
func (u *unit) analyze(name string, text []byte) ([]report, error) {
	c, err := u.check(name, text)
	if err != nil {
		return nil, err
	}
	u.facts.of(u.listed)
	var all []report
	run := run{checked: c, before: u.facts.known, found: known{}, results: map[*analysis.Analyzer]any{}}
	run.report = func(pass string, d analysis.Diagnostic) {
		at := c.fset.Position(d.Pos)
		all = append(all, report{pass, d.Category, at.Filename, d.Message, at.Line})
	}
	run.source = func(file string) ([]byte, error) {
		if file == name {
			return text, nil
		}
		return os.ReadFile(file)
	}
	for _, a := range poolvet.Analyzers() {
		if err := run.do(a); err != nil {
			return nil, err
		}
	}
	return all, nil
}
