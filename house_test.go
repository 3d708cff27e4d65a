package steadyframe_test

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPackagesAreDocumented: a package that can't say in a sentence what it is for is two packages, or none.
func TestPackagesAreDocumented(t *testing.T) {
	documented := map[string]int{}
	for _, s := range sources(t) {
		if s.isTest() && s.dir != "e2e" { // e2e has nothing but tests
			continue
		}
		documented[s.dir] += 0
		if s.file.Doc != nil {
			documented[s.dir]++
		}
	}
	for dir, files := range documented {
		if files == 0 {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// TestExportedNamesAreDocumented: what a caller may rely on is what is written there.
func TestExportedNamesAreDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		for _, d := range s.file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Doc == nil && d.Name.IsExported() && receiverIsExported(d) && !inStd[d.Name.Name] {
				t.Errorf("%s: %s has no doc comment", s.path, d.Name.Name)
			}
			if d, ok := d.(*ast.GenDecl); ok && d.Doc == nil {
				for _, name := range undocumented(d) {
					t.Errorf("%s: %s has no doc comment", s.path, name)
				}
			}
		}
	}
}

// inStd are the methods whose contract an interface of the standard library holds.
var inStd = map[string]bool{
	"Error": true, "Unwrap": true, "MarshalText": true, "UnmarshalText": true, "MarshalJSON": true, "UnmarshalJSON": true,
}

// receiverIsExported reports whether d is a function, or a method of an exported type.
func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	return ast.IsExported(typ.(*ast.Ident).Name)
}

// undocumented returns the exported names of a declaration without a comment of its own that have none either.
func undocumented(d *ast.GenDecl) []string {
	var names []string
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Doc == nil && spec.Name.IsExported() {
				names = append(names, spec.Name.Name)
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if spec.Doc == nil && spec.Comment == nil && name.IsExported() {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// longFiles may have more lines than maxFileLines, for the reason given.
var longFiles = map[string]string{}

// TestFilesAreShort: a file is one thing that a reader looks for. The file that gathers everything is what every project
// like this one regrets.
func TestFilesAreShort(t *testing.T) {
	const maxFileLines = 400
	for _, s := range sources(t) {
		lines := strings.Count(s.text, "\n")
		_, allowed := longFiles[s.path]
		if lines > maxFileLines && !allowed {
			t.Errorf("%s has %d lines, want at most %d: split it by what a reader looks for", s.path, lines, maxFileLines)
		}
		if lines <= maxFileLines && allowed {
			t.Errorf("%s has %d lines: it needs no place in longFiles any more", s.path, lines)
		}
	}
}

// TestInitRegistersOnly: an init runs in every program that links the package, in an order nobody reads. Kernels register
// themselves there, and nothing else does.
func TestInitRegistersOnly(t *testing.T) {
	for _, s := range sources(t) {
		if strings.HasPrefix(s.dir, "internal/kernel/") {
			continue
		}
		for _, d := range s.file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Name.Name == "init" && d.Recv == nil {
				t.Errorf("%s has an init function", s.path)
			}
		}
	}
}

// TestNoMutableGlobals: two servers in one process, or two tests at once, must not know of each other. What is fixed when the
// program starts (tables, sentinel errors, names) may be a package variable; no function may assign to it.
func TestNoMutableGlobals(t *testing.T) {
	globals := map[string][]string{} // by package folder
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		for _, d := range s.file.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR {
				for _, spec := range d.Specs {
					spec := spec.(*ast.ValueSpec)
					if typ := stateful(spec.Type); typ != "" {
						t.Errorf("%s: package variable %s is a %s: put it into a struct", s.path, spec.Names[0].Name, typ)
					}
					for _, name := range spec.Names {
						globals[s.dir] = append(globals[s.dir], name.Name)
					}
				}
			}
		}
	}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			for _, target := range assigned(n) {
				if name := globalRoot(s.file, target); name != "" && slices.Contains(globals[s.dir], name) {
					t.Errorf("%s assigns to the package variable %s", fset.Position(target.Pos()), name)
				}
			}
			return true
		})
	}
}

// stateful returns the spelling of a type that has no use but to change, "" for others.
func stateful(typ ast.Expr) string {
	switch typ := typ.(type) {
	case *ast.ChanType:
		return "channel"
	case *ast.SelectorExpr:
		if pkg, ok := typ.X.(*ast.Ident); ok && (pkg.Name == "sync" || pkg.Name == "atomic") {
			return pkg.Name + "." + typ.Sel.Name
		}
	}
	return ""
}

// assigned returns the expressions that the statement n writes to.
func assigned(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key}
		}
	}
	return nil
}

// globalRoot returns the name of the variable that a write to target changes a part of, "" when it is a local one.
func globalRoot(file *ast.File, target ast.Expr) string {
	for {
		switch x := target.(type) {
		case *ast.IndexExpr:
			target = x.X
		case *ast.SelectorExpr:
			target = x.X
		case *ast.ParenExpr:
			target = x.X
		case *ast.Ident:
			// The parser resolves names within a file: one that is not resolved, or is declared at the top, is the package's.
			if x.Obj != nil && file.Scope.Lookup(x.Name) != x.Obj {
				return ""
			}
			return x.Name
		default:
			return ""
		}
	}
}

// TestCommentsCiteByName: a line number is wrong after the next edit above it, and nobody notices. And a note of
// something left to do says what would resolve it, so that somebody can.
func TestCommentsCiteByName(t *testing.T) {
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if cite := citesLine.FindString(c.Text); cite != "" {
					t.Errorf("%s: %q cites code by line: name the function", fset.Position(c.Pos()), cite)
				}
				if todo := unfinished.FindString(c.Text); todo != "" && !resolvable.MatchString(group.Text()) {
					t.Errorf("%s: %s wants a sentence on what would resolve it", fset.Position(c.Pos()), todo)
				}
			}
		}
	}
}

var (
	citesLine  = regexp.MustCompile(`\b[\w/-]+\.(go|c|h|s|py|proto|md)(:\d+|#L\d+)\b`)
	unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	resolvable = regexp.MustCompile(`(?s)\b(TODO|FIXME|XXX)\b: .{30,}\.`)
)

// TestTestsDoNotSleep: a sleep is too short on a busy machine and wastes time on every other. Tests wait on channels, with
// deadlines, or inside testing/synctest, where time is the test's own.
func TestTestsDoNotSleep(t *testing.T) {
	for _, s := range sources(t) {
		if !s.isTest() || strings.Contains(s.text, `"testing/synctest"`) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Sleep" {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" {
				t.Errorf("%s: time.Sleep in a test", fset.Position(sel.Pos()))
			}
			return true
		})
	}
}

// TestFuzzTargetsHaveSeeds: without seeds a target tests nothing in an ordinary run, and starts from nothing in a long one.
func TestFuzzTargetsHaveSeeds(t *testing.T) {
	for _, s := range sources(t) {
		if !s.isTest() {
			continue
		}
		for _, d := range s.file.Decls {
			d, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(d.Name.Name, "Fuzz") || d.Recv != nil {
				continue
			}
			body := s.text[fset.Position(d.Pos()).Offset:fset.Position(d.End()).Offset]
			files, err := os.ReadDir(path.Join(s.dir, "testdata", "fuzz", d.Name.Name))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if len(files) == 0 && !strings.Contains(body, ".Add(") {
				t.Errorf("%s: %s has neither f.Add nor files in testdata/fuzz", s.path, d.Name.Name)
			}
		}
	}
}

// TestHouseRulesSee holds the patterns above to samples: a rule that matches nothing keeps nothing.
func TestHouseRulesSee(t *testing.T) {
	tests := []struct {
		name string
		got  bool
		want bool
	}{
		{"line", citesLine.MatchString("as in dct.go" + ":42"), true},
		{"anchor", citesLine.MatchString("see frame/desc.go" + "#L7"), true},
		{"port", citesLine.MatchString("localhost:8080"), false},
		{"todo", unfinished.MatchString("TO" + "DO later"), true},
		{"bare todo", resolvable.MatchString("TO" + "DO: later."), false},
		{"whole todo", resolvable.MatchString("TO" + "DO: use the vector form once arm64 has a kernel for it."), true},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}
