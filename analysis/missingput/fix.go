package missingput

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// deferPut returns the fix that puts the value back when the function returns: a defer after the statement that gets it, or
// after the check of the error or bool that comes with it. There is none for a wrapper, in a loop, for a value without a name or
// whose variable is assigned to again, where a defer cannot stand, and where the result would not compile.
func deferPut(pass *analysis.Pass, m *poolmodel.Model, acq poolmodel.Acquisition) []analysis.SuggestedFix {
	name := m.GotName(acq)
	if acq.Wrapper || name == "" || flow.InLoop(acq.Call.Block()) {
		return nil
	}
	stmt, next, inBlock := m.Stmt(acq)
	assign, ok := stmt.(*ast.AssignStmt)
	if !ok || !inBlock || assignedAgain(pass, assign, name) {
		return nil
	}
	after := ast.Node(stmt)
	if len(assign.Lhs) > 1 { // (value, error), (value, ok)
		check, ok := next.(*ast.IfStmt)
		if !ok || check.Else != nil || !leaves(check.Body) {
			return nil
		}
		after = check
	}
	call := release(m, acq, name)
	if call == "" {
		return nil
	}
	pos, indent := lineAfter(pass, after)
	edit := analysis.TextEdit{Pos: pos, End: pos, NewText: []byte("\n" + indent + "defer " + call)}
	if !compiles(pass, edit) {
		return nil
	}
	return []analysis.SuggestedFix{{Message: "put it back when the function returns", TextEdits: []analysis.TextEdit{edit}}}
}

// assignedAgain reports whether the variable called name that assign sets is assigned to elsewhere, or its address taken: a defer
// would put back what it holds now.
func assignedAgain(pass *analysis.Pass, assign *ast.AssignStmt, name string) bool {
	var variable types.Object
	for _, lhs := range assign.Lhs {
		if id, ok := lhs.(*ast.Ident); ok && id.Name == name {
			variable = pass.TypesInfo.ObjectOf(id)
		}
	}
	is := func(e ast.Expr) bool {
		id, ok := ast.Unparen(e).(*ast.Ident)
		return ok && pass.TypesInfo.ObjectOf(id) == variable
	}
	again := variable == nil
	for _, file := range pass.Files {
		if assign.Pos() < file.FileStart || file.FileEnd <= assign.Pos() {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				again = again || n != assign && slices.ContainsFunc(n.Lhs, is)
			case *ast.RangeStmt:
				again = again || n.Key != nil && is(n.Key) || n.Value != nil && is(n.Value)
			case *ast.UnaryExpr:
				again = again || n.Op == token.AND && is(n.X)
			}
			return !again
		})
	}
	return again
}

// compiles reports whether the package does with the edit.
func compiles(pass *analysis.Pass, edit analysis.TextEdit) bool {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, file := range pass.Files {
		tokens := pass.Fset.File(file.FileStart)
		src, err := pass.ReadFile(tokens.Name())
		if err != nil {
			return false
		}
		if file.FileStart <= edit.Pos && edit.Pos <= file.FileEnd {
			at := tokens.Offset(edit.Pos)
			src = slices.Concat(src[:at], edit.NewText, src[at:])
		}
		parsed, err := parser.ParseFile(fset, tokens.Name(), src, parser.SkipObjectResolution)
		if err != nil {
			return false
		}
		files = append(files, parsed)
	}
	conf := types.Config{
		Importer: imports{pass.Pkg}, Sizes: pass.TypesSizes, GoVersion: pass.Pkg.GoVersion(), FakeImportC: true,
		Error: func(error) {}, // the first ends it
	}
	_, err := conf.Check(pass.Pkg.Path(), fset, files, nil)
	return err == nil
}

// imports has the packages that a package imports, checked already.
type imports struct{ of *types.Package }

// Import is part of types.Importer.
func (i imports) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	for _, p := range i.of.Imports() { // Of a vendored package or a test's, the path that is written is the end of its own.
		if p.Path() == path || strings.HasSuffix(p.Path(), "/vendor/"+path) {
			return p, nil
		}
	}
	return nil, fmt.Errorf("package %s is not imported", path)
}

// release returns the call that puts the value in the variable name back.
func release(m *poolmodel.Model, acq poolmodel.Acquisition, name string) string {
	if acq.Pool != "" {
		if t := acq.Call.Type().Underlying(); types.IsInterface(t) || isPointer(t) {
			return m.PoolText(acq) + ".Put(" + name + ")"
		}
		return ""
	}
	if method, _, _ := types.LookupFieldOrMethod(acq.Value.Type(), true, nil, "Release"); method != nil {
		return name + ".Release()"
	}
	return ""
}

func isPointer(t types.Type) bool {
	_, ok := t.(*types.Pointer)
	return ok
}

// leaves reports whether a block ends in a return.
func leaves(block *ast.BlockStmt) bool {
	if len(block.List) == 0 {
		return false
	}
	_, ok := block.List[len(block.List)-1].(*ast.ReturnStmt)
	return ok
}

// lineAfter returns the end of the line that n ends in, behind a comment there, and the white space that n's first line begins
// with.
func lineAfter(pass *analysis.Pass, n ast.Node) (end token.Pos, indent string) {
	file := pass.Fset.File(n.Pos())
	src, err := pass.ReadFile(file.Name())
	if err != nil {
		return n.End(), ""
	}
	line := src[file.Offset(file.LineStart(file.Line(n.Pos()))):]
	indent = string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
	rest, _, _ := bytes.Cut(src[file.Offset(n.End()):], []byte("\n"))
	if comment := bytes.TrimSpace(rest); len(comment) > 0 && !bytes.HasPrefix(comment, []byte("//")) {
		return n.End(), indent
	}
	return n.End() + token.Pos(len(rest)), indent
}
