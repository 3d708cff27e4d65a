package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"github.com/steadyframe/steadyframe/analysis/poolvet"
)

// unit is a package to be analyzed. Facts of other packages are not known of it: a wrapper of a pool in one of them counts as any function.
type unit struct {
	module, path, goVersion string
	names                   []string          // of its files
	source                  map[string][]byte // by name
	imports                 map[string]string
	exports                 map[string]string // files with export data
	checked
}

// checked is a package with its types.
type checked struct {
	fset  *token.FileSet
	files map[string]*ast.File // by name
	list  []*ast.File
	types *types.Package
	info  *types.Info
}

// listed is a package, as go list writes it.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Imports                 []string
	ImportMap               map[string]string
	Module                  *struct {
		Path, Version, GoVersion string
		Main                     bool
	}
}

// maxPackages is how many packages of a module are looked at: the first, in the order of the SHA-256 of their paths.
const maxPackages = 10

// packages returns the packages that patterns lead to, with fields as go list names them, and of which module of the samples a package is
// that names sync.Pool.
func (s *study) packages(patterns []string, more ...string) (all map[string]listed, modules map[string]string, err error) {
	rows, err := s.rows("modules.txt")
	if err != nil {
		return nil, nil, err
	}
	of := map[string]string{} // by path: the version
	for _, row := range rows {
		if row[2] == filepath.Base(s.in) {
			of[row[0]] = row[1]
		}
	}
	all, err = s.goList(patterns, more...)
	if err != nil {
		return nil, nil, err
	}
	chosen := map[string][]string{} // by module
	for path, p := range all {
		if p.Module != nil && of[p.Module.Path] != "" && (p.Module.Main || of[p.Module.Path] == p.Module.Version) && p.namesPool() {
			chosen[p.Module.Path] = append(chosen[p.Module.Path], path)
		}
	}
	modules = map[string]string{}
	for module, paths := range chosen {
		slices.SortFunc(paths, func(a, b string) int { return cmp.Compare(hash(a), hash(b)) })
		for _, path := range paths[:min(len(paths), maxPackages)] {
			modules[path] = module + " " + of[module]
		}
	}
	if len(modules) == 0 {
		return nil, nil, fmt.Errorf("got no package of the list's modules of the program %s", filepath.Base(s.in))
	}
	return all, modules, nil
}

// hash returns the SHA-256 of a text in hexadecimal.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// goList returns the packages that patterns lead to, by path.
func (s *study) goList(patterns []string, more ...string) (map[string]listed, error) {
	args := append([]string{"list", "-deps", "-json"}, more...)
	list, err := output(s.in, []string{"GOFLAGS=-mod=mod"}, "go", append(args, patterns...)...)
	if err != nil {
		return nil, err
	}
	all := map[string]listed{}
	d := json.NewDecoder(bytes.NewReader(list))
	for {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
}

// namesPool reports whether a file of the package names sync.Pool.
func (p listed) namesPool() bool {
	return slices.ContainsFunc(p.GoFiles, func(f string) bool { return namesPool(filepath.Join(p.Dir, f)) })
}

// units returns the packages of the samples' modules that patterns lead to and that name sync.Pool.
func (s *study) units(patterns []string) ([]*unit, error) {
	_, modules, err := s.packages(patterns)
	if err != nil {
		return nil, err
	}
	all, _, err := s.packages(slices.Collect(maps.Keys(modules)), "-export")
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for path, p := range all {
		exports[path] = p.Export
	}
	var found []*unit
	for path, module := range modules {
		u, err := newUnit(all[path], module, exports)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			continue
		}
		found = append(found, u)
	}
	slices.SortFunc(found, func(a, b *unit) int {
		return cmp.Or(cmp.Compare(a.module, b.module), cmp.Compare(a.path, b.path))
	})
	return found, nil
}

// newUnit reads and checks a package.
func newUnit(p listed, module string, exports map[string]string) (*unit, error) {
	u := &unit{module: module, path: p.ImportPath, source: map[string][]byte{}, imports: map[string]string{}, exports: exports}
	if p.Module.GoVersion != "" {
		u.goVersion = "go" + p.Module.GoVersion
	}
	for _, name := range p.GoFiles {
		name = filepath.Join(p.Dir, name)
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		u.names = append(u.names, name)
		u.source[name] = src
	}
	for _, i := range p.Imports {
		u.imports[i] = cmp.Or(p.ImportMap[i], i)
	}
	var err error
	u.checked, err = u.check("", nil)
	return u, err
}

func namesPool(file string) bool {
	text, err := os.ReadFile(file)
	return err == nil && strings.Contains(string(text), "sync.Pool")
}

// check checks the types of the package, with other text for one of its files unless name is "".
func (u *unit) check(name string, text []byte) (checked, error) {
	c := checked{fset: token.NewFileSet(), files: map[string]*ast.File{}, info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Instances: map[*ast.Ident]types.Instance{}, Scopes: map[ast.Node]*types.Scope{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, FileVersions: map[*ast.File]string{},
	}}
	for _, n := range u.names {
		src := u.source[n]
		if n == name {
			src = text
		}
		file, err := parser.ParseFile(c.fset, n, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return c, err
		}
		c.files[n] = file
		c.list = append(c.list, file)
	}
	lookup := func(path string) (io.ReadCloser, error) {
		file := u.exports[cmp.Or(u.imports[path], path)]
		if file == "" {
			return nil, fmt.Errorf("no export data of %q", path)
		}
		return os.Open(file)
	}
	conf := types.Config{
		Importer: importer.ForCompiler(c.fset, "gc", lookup), FakeImportC: true, GoVersion: u.goVersion,
		Sizes: types.SizesFor("gc", "amd64"),
	}
	var err error
	c.types, err = conf.Check(u.path, c.fset, c.list, c.info)
	return c, err
}

// report is a report of poolvet.
type report struct {
	pass, file, message string
	line                int
}

// analyze runs the passes on the package, with other text for one of its files unless name is "".
func (u *unit) analyze(name string, text []byte) ([]report, error) {
	c, err := u.check(name, text)
	if err != nil {
		return nil, err
	}
	graph, err := checker.Analyze(poolvet.Analyzers(), []*packages.Package{{
		ID: u.path, PkgPath: u.path, Name: c.types.Name(), Fset: c.fset, Syntax: c.list, Types: c.types, TypesInfo: c.info,
		TypesSizes: types.SizesFor("gc", "amd64"),
	}}, nil)
	if err != nil {
		return nil, err
	}
	var all []report
	for _, action := range graph.Roots {
		if action.Err != nil {
			return nil, action.Err
		}
		for _, d := range action.Diagnostics {
			at := c.fset.Position(d.Pos)
			all = append(all, report{action.Analyzer.Name, at.Filename, d.Message, at.Line})
		}
	}
	return all, nil
}

// reports writes what poolvet reports in the packages of the samples: the lines that judged.txt wants, without the judgement.
func (s *study) reports(patterns []string) error {
	units, err := s.units(patterns)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	all := 0
	for _, u := range units {
		found, err := u.analyze("", nil)
		if err != nil {
			return fmt.Errorf("%s: %w", u.path, err)
		}
		counts[u.module] += len(found)
		all += len(found)
		for _, r := range found {
			fmt.Printf("%s\t%s/%s:%d\t%s\t%s\n", u.module, u.path, filepath.Base(r.file), r.line, r.pass, r.message)
		}
	}
	for _, module := range slices.Sorted(maps.Keys(counts)) {
		fmt.Printf("%s\t%d\n", module, counts[module])
	}
	fmt.Printf("%d modules, %d packages, %d reports\n", len(counts), len(units), all)
	return nil
}
