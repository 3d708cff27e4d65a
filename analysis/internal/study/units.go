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
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// unit is a package to be analyzed.
type unit struct {
	module string
	listed
	names    []string          // of its files
	source   map[string][]byte // by name
	imported *importer
	facts    *facts
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
	ImportPath, Dir   string
	GoFiles, CgoFiles []string
	Imports           []string
	ImportMap         map[string]string
	Module            *struct {
		Path, Version, GoVersion string
		Main                     bool
	}
}

// maxPackages is how many packages of a module are looked at: the first, in the order of the SHA-256 of their paths.
const maxPackages = 10

// packages returns the packages that patterns lead to, and of which module of the samples a package is that names sync.Pool.
func (s *study) packages(patterns []string) (all map[string]listed, modules map[string]string, err error) {
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
	all, err = s.goList(patterns)
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
func (s *study) goList(patterns []string) (map[string]listed, error) {
	list, err := output(s.in, []string{"GOFLAGS=-mod=mod", "GOWORK=off"}, "go", append([]string{"list", "-deps", "-json"}, patterns...)...)
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
	all, modules, err := s.packages(patterns)
	if err != nil {
		return nil, err
	}
	im := newImporter(all)
	facts := &facts{im: im, known: known{}, seen: map[string]bool{}}
	var found []*unit
	for path, module := range modules {
		u, err := newUnit(all[path], module, facts)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			continue
		}
		found = append(found, u)
	}
	slices.SortFunc(found, func(a, b *unit) int {
		return cmp.Or(cmp.Compare(a.module, b.module), cmp.Compare(a.ImportPath, b.ImportPath))
	})
	return found, nil
}

// newUnit reads and checks a package.
func newUnit(p listed, module string, facts *facts) (*unit, error) {
	u := &unit{module: module, listed: p, source: map[string][]byte{}, imported: facts.im, facts: facts}
	for _, name := range p.GoFiles {
		name = filepath.Join(p.Dir, name)
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		u.names = append(u.names, name)
		u.source[name] = src
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
	c := u.imported.empty()
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
	var err error
	conf := u.imported.config(u.listed)
	c.types, err = conf.Check(u.ImportPath, c.fset, c.list, c.info)
	return c, err
}

// importer has the types of packages from their source: nothing needs to be compiled.
type importer struct {
	fset *token.FileSet
	all  map[string]listed
	done map[string]checked
	pool map[string]bool // whether a package names sync.Pool
}

func newImporter(all map[string]listed) *importer {
	return &importer{fset: token.NewFileSet(), all: all, done: map[string]checked{}, pool: map[string]bool{}}
}

// mayWrap reports whether a package may have wrappers of a pool: it, or one that it imports, names sync.Pool, and it is not of the standard
// library. The functions of the others have no bodies.
func (im *importer) mayWrap(p listed) bool {
	return p.Module != nil && (im.names(p) || slices.ContainsFunc(p.Imports, func(path string) bool { return im.names(im.all[path]) }))
}

func (im *importer) names(p listed) bool {
	named, ok := im.pool[p.ImportPath]
	if !ok {
		named = p.Module != nil && p.namesPool()
		im.pool[p.ImportPath] = named
	}
	return named
}

// importerFor imports for one package, whose import paths may stand for others.
type importerFor struct {
	*importer
	of listed
}

// config is how the package is checked.
func (im *importer) config(p listed) types.Config {
	conf := types.Config{Importer: importerFor{im, p}, FakeImportC: true, Sizes: types.SizesFor("gc", "amd64")}
	if p.Module != nil && p.Module.GoVersion != "" {
		conf.GoVersion = "go" + p.Module.GoVersion
	}
	return conf
}

func (im importerFor) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	c, err := im.load(cmp.Or(im.of.ImportMap[path], path))
	return c.types, err
}

// load returns a package that the program builds. It has files and info only where it may wrap a pool and has no error.
func (im *importer) load(path string) (checked, error) {
	if c, ok := im.done[path]; ok {
		return c, nil
	}
	p, ok := im.all[path]
	if !ok {
		return checked{}, fmt.Errorf("%q is not in the program's build", path)
	}
	bodies := im.mayWrap(p)
	c := im.empty()
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		name = filepath.Join(p.Dir, name)
		mode := parser.SkipObjectResolution
		if bodies {
			mode |= parser.ParseComments
		}
		file, err := parser.ParseFile(im.fset, name, nil, mode)
		if err != nil {
			return checked{}, err
		}
		c.files[name] = file
		c.list = append(c.list, file)
	}
	conf := im.config(p)
	conf.IgnoreFuncBodies = !bodies
	if !bodies {
		c.info = nil
	}
	failed := len(p.CgoFiles) > 0
	conf.Error = func(error) { failed = true } // of what a C compiler would make; a package that needs it does not compile
	c.types, _ = conf.Check(path, im.fset, c.list, c.info)
	c.types.MarkComplete()
	if !bodies || failed {
		c = checked{types: c.types}
	}
	im.done[path] = c
	return c, nil
}

// empty returns what is to be filled with a package.
func (im *importer) empty() checked {
	return checked{fset: im.fset, files: map[string]*ast.File{}, info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Instances: map[*ast.Ident]types.Instance{}, Scopes: map[ast.Node]*types.Scope{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, FileVersions: map[*ast.File]string{},
	}}
}

// report is a report of poolvet.
type report struct {
	pass, kind, file, message string
	line                      int
}

// reports writes what poolvet reports in the packages of the samples: the lines that judged.txt wants, without the judgement.
func (s *study) reports(patterns []string) error {
	units, err := s.units(patterns)
	if err != nil {
		return err
	}
	counts, kinds := map[string]int{}, map[string]int{}
	all := 0
	for _, u := range units {
		found, err := u.analyze("", nil)
		if err != nil {
			return fmt.Errorf("%s: %w", u.ImportPath, err)
		}
		counts[u.module] += len(found)
		all += len(found)
		for _, r := range found {
			kinds[r.pass+"/"+r.kind]++
			fmt.Printf("%s\t%s/%s:%d\t%s\t%s\t%s\n", u.module, u.ImportPath, filepath.Base(r.file), r.line, r.pass, r.kind, r.message)
		}
	}
	for _, module := range slices.Sorted(maps.Keys(counts)) {
		fmt.Printf("%s\t%d\n", module, counts[module])
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Printf("%s\t%d\n", kind, kinds[kind])
	}
	fmt.Printf("%d modules, %d packages, %d reports\n", len(counts), len(units), all)
	return nil
}
