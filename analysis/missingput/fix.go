package missingput

import (
	"bytes"
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// deferPut returns the fix that puts the value back when the function returns: a defer after the statement that gets it, or
// after the check of the error that comes with it. There is none for a wrapper, in a loop, or for a value without a name.
func deferPut(pass *analysis.Pass, m *poolmodel.Model, acq poolmodel.Acquisition) []analysis.SuggestedFix {
	name := m.GotName(acq)
	if acq.Wrapper || name == "" || flow.InLoop(acq.Call.Block()) {
		return nil
	}
	stmt, next := m.Stmt(acq)
	after := ast.Node(stmt)
	if acq.Result >= 0 { // (value, error)
		check, ok := next.(*ast.IfStmt)
		if !ok || !leaves(check.Body) {
			return nil
		}
		after = check
	}
	call := release(m, acq, name)
	if call == "" {
		return nil
	}
	pos, indent := lineAfter(pass, after)
	return []analysis.SuggestedFix{{
		Message:   "put it back when the function returns",
		TextEdits: []analysis.TextEdit{{Pos: pos, End: pos, NewText: []byte("\n" + indent + "defer " + call)}},
	}}
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
