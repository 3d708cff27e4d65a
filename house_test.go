package steadyframe_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/plain"
)

// TestPackagesAreDocumented: a package that can't say in a sentence what it is for is two packages, or none.
func TestPackagesAreDocumented(t *testing.T) {
	documented := map[string]int{}
	for _, s := range sources(t) {
		if s.isTest() && s.dir != "e2e" && s.dir != "e2e/browser" && s.dir != "lab/soak" { // these have nothing but tests
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

// TestMessagesBeginWithKnownNames: messages begin with the name of their package (CONTRIBUTING.md), and package plain takes these
// names out of what users read, so it must know them.
func TestMessagesBeginWithKnownNames(t *testing.T) {
	begin := regexp.MustCompile(`^"([a-z]+): `)
	elsewhere := regexp.MustCompile(`^(lab|analysis|examples|internal/testkit|internal/kernel|pool/pooltest)(/|$)`) // kernels: panics alone
	found := map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() || s.isGenerated() || elsewhere.MatchString(s.dir) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if m := begin.FindStringSubmatch(lit.Value); m != nil && m[1] == s.file.Name.Name {
					found[m[1]] = true
					if !slices.Contains(plain.Packages, m[1]) {
						t.Errorf("%s: %s begins with a package's name that plain.Packages does not have", fset.Position(lit.Pos()), lit.Value)
					}
				}
			}
			return true
		})
	}
	for _, name := range plain.Packages {
		if !found[name] {
			t.Errorf("plain.Packages has %q, which no message begins with", name)
		}
	}
}

// TestInitRegistersOnly: an init runs in every program that links the package, in an order nobody reads. Kernels and the
// plugin of golangci-lint register themselves there, and nothing else does.
func TestInitRegistersOnly(t *testing.T) {
	for _, s := range sources(t) {
		if strings.HasPrefix(s.dir, "internal/kernel/") || s.dir == "analysis/golangci" {
			continue
		}
		for _, d := range s.file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Name.Name == "init" && d.Recv == nil {
				t.Errorf("%s has an init function", s.path)
			}
		}
	}
}

// TestNoMutableGlobals: two servers in one process, or two tests at once, must not affect each other. What is fixed when the
// program starts (tables, sentinel errors, names) may be a package variable. No function may change it. A sync.Pool may be one
// too: it is a cache, and nobody sees what it holds.
func TestNoMutableGlobals(t *testing.T) {
	packages := map[string][]*ast.File{}
	for _, s := range sources(t) {
		if !s.isTest() {
			packages[s.dir] = append(packages[s.dir], s.file)
		}
	}
	for _, files := range packages {
		for _, violation := range mutableGlobals(fset, files) {
			t.Error(violation)
		}
	}
}

// mutableGlobals returns what breaks the rule of TestNoMutableGlobals in the files of one package. It knows syntax alone: a
// write through a second name of a variable, or through one of its methods, it does not see.
func mutableGlobals(fset *token.FileSet, files []*ast.File) []string {
	var violations []string
	globals := map[string]bool{}
	for _, file := range files {
		for _, d := range file.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				spec := spec.(*ast.ValueSpec)
				types := []string{stateful(spec.Type)}
				for _, value := range spec.Values {
					types = append(types, stateful(constructed(value)))
				}
				for _, name := range spec.Names {
					globals[name.Name] = true
				}
				for _, typ := range types {
					if typ != "" {
						violations = append(violations, fmt.Sprintf("%s: package variable %s is a %s: put it into a struct",
							fset.Position(spec.Pos()), spec.Names[0].Name, typ))
					}
				}
			}
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			for _, target := range written(n) {
				if name := globalRoot(file, target); globals[name] {
					violations = append(violations, fmt.Sprintf("%s: changes the package variable %s", fset.Position(target.Pos()), name))
				}
			}
			return true
		})
	}
	return violations
}

// stateful returns the spelling of a type that has no use but to change, "" for others.
func stateful(typ ast.Expr) string {
	switch typ := typ.(type) {
	case *ast.ChanType:
		return "channel"
	case *ast.StarExpr:
		return stateful(typ.X)
	case *ast.ArrayType:
		return stateful(typ.Elt)
	case *ast.IndexExpr: // atomic.Pointer[T]
		return stateful(typ.X)
	case *ast.SelectorExpr:
		if pkg, ok := typ.X.(*ast.Ident); ok && (pkg.Name == "sync" && typ.Sel.Name != "Pool" || pkg.Name == "atomic") {
			return pkg.Name + "." + typ.Sel.Name
		}
	}
	return ""
}

// constructed returns the type that the expression value makes a value of, nil where the expression does not name it.
func constructed(value ast.Expr) ast.Expr {
	switch value := value.(type) {
	case *ast.UnaryExpr: // &T{}
		return constructed(value.X)
	case *ast.CompositeLit:
		return value.Type
	case *ast.CallExpr: // new(T), make(chan T)
		if f, ok := value.Fun.(*ast.Ident); ok && (f.Name == "new" || f.Name == "make") && len(value.Args) > 0 {
			return value.Args[0]
		}
	}
	return nil
}

// written returns the expressions that the node n writes to.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE {
			return nil
		}
		return n.Lhs
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.SendStmt:
		return []ast.Expr{n.Chan}
	case *ast.CallExpr: // the built-in functions that write to their first argument
		f, ok := n.Fun.(*ast.Ident)
		if ok && slices.Contains([]string{"clear", "close", "copy", "delete"}, f.Name) && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// globalRoot returns the name of the package's variable that a write to target changes a part of, or what it points to. It
// returns "" when that is a local variable.
func globalRoot(file *ast.File, target ast.Expr) string {
	for {
		switch x := target.(type) {
		case *ast.IndexExpr:
			target = x.X
		case *ast.SelectorExpr:
			target = x.X
		case *ast.SliceExpr:
			target = x.X
		case *ast.StarExpr:
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

// TestMutableGlobalsAreSeen holds the rule itself to each way to break it.
func TestMutableGlobalsAreSeen(t *testing.T) {
	tests := []struct {
		name, code string
		want       int
	}{
		{"table", "var m = map[int]int{1: 2}\nfunc f() int { return m[1] }", 0},
		{"assign", "var n int\nfunc f() { n = 3 }", 1},
		{"element", "var m = map[int]int{}\nfunc f() { m[1] = 3 }", 1},
		{"field", "var s struct{ n int }\nfunc f() { s.n++ }", 1},
		{"pointer", "var p = new(int)\nfunc f() { *p = 3 }", 1},
		{"field of pointer", "var p = &struct{ n int }{}\nfunc f() { (*p).n = 3 }", 1},
		{"delete", "var m = map[int]int{}\nfunc f(k int) { delete(m, k) }", 1},
		{"clear", "var m = map[int]int{}\nfunc f() { clear(m) }", 1},
		{"copy", "var b [4]byte\nfunc f() { copy(b[:], \"abcd\") }", 1},
		{"copy from", "var b [4]byte\nfunc f(d []byte) { copy(d, b[:]) }", 0},
		{"range", "var k, v int\nfunc f(m map[int]int) { for k, v = range m {} }", 2},
		{"send", "var c = open()\nfunc f() { c <- 1 }", 1},
		{"close", "var c = open()\nfunc f() { close(c) }", 1},
		{"local", "var n int\nfunc f() { var n int; n = 3; _ = n }", 0},
		{"new name", "var n int\nfunc f() { n := 3; _ = n }", 0},
		{"parameter", "var n int\nfunc f(n *int) { *n = 3 }", 0},
		{"mutex", "var mu sync.Mutex", 1},
		{"mutex by value", "var mu = sync.Mutex{}", 1},
		{"mutex by new", "var mu = new(sync.Mutex)", 1},
		{"pool", "var p = &sync.Pool{}", 0},
		{"pools", "var p [4]sync.Pool", 0},
		{"mutexes", "var mu [4]sync.Mutex", 1},
		{"atomic", "var p atomic.Pointer[int]", 1},
		{"channel", "var c = make(chan int)", 1},
		{"once", "var f = sync.OnceValue(g)", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, "x.go", "package x\n"+tt.code, 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := mutableGlobals(fset, []*ast.File{file}); len(got) != tt.want {
				t.Errorf("got %d violations %q, want %d", len(got), got, tt.want)
			}
		})
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
