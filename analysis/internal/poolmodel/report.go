package poolmodel

import (
	"bytes"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// ignorePrefix begins a comment that suppresses the reports of its own line and of the next one.
const ignorePrefix = "//poolvet:ignore"

// passNames are those that comments of golangci-lint and staticcheck may name.
var passNames = []string{"poolvet", "missingput", "useafterput", "poolescape", "putshape", "getreset", "bypass"}

// staticcheckNames are those by which staticcheck's report of a boxed value, which is putshape's as well, is suppressed.
var staticcheckNames = []string{"staticcheck", "SA6002"}

type lineKey struct {
	file string
	line int
}

// ignore is a comment that suppresses reports.
type ignore struct {
	pos  token.Pos
	ours bool // poolvet:ignore, of which it is said when it suppresses nothing
	used atomic.Bool
}

// findIgnores reads the comments that suppress reports, and reports those that do not say why.
func (m *Model) findIgnores() {
	m.ignored, m.boxed = map[lineKey]*ignore{}, map[lineKey]bool{}
	for _, file := range m.pass.Files {
		for _, group := range file.Comments {
			for _, c := range group.List {
				m.findIgnore(c)
			}
		}
	}
}

func (m *Model) findIgnore(c *ast.Comment) {
	p := m.pass.Fset.Position(c.Pos())
	reason, ours := strings.CutPrefix(c.Text, ignorePrefix)
	switch {
	case ours && strings.TrimSpace(reason) == "":
		m.pass.Reportf(c.Pos(), "poolvet:ignore without a reason suppresses nothing: say why the report is wrong here")
	case ours:
		i := &ignore{pos: c.Pos(), ours: true}
		m.ignored[lineKey{p.Filename, p.Line}] = i
		m.ignored[lineKey{p.Filename, p.Line + 1}] = i
		m.ignores = append(m.ignores, i)
	case isNolint(c.Text, passNames):
		m.ignored[m.nolintLine(p)] = &ignore{pos: c.Pos()}
	case isLintIgnore(c.Text, passNames):
		m.ignored[lineKey{p.Filename, p.Line + 1}] = &ignore{pos: c.Pos()}
	case isNolint(c.Text, staticcheckNames):
		m.boxed[m.nolintLine(p)] = true
	case isLintIgnore(c.Text, staticcheckNames):
		m.boxed[lineKey{p.Filename, p.Line + 1}] = true
	}
}

// nolintLine returns the line that a comment of golangci-lint is for: its own, or the next where it stands alone.
func (m *Model) nolintLine(p token.Position) lineKey {
	line := lineKey{p.Filename, p.Line}
	text, err := m.pass.ReadFile(p.Filename)
	if err != nil || p.Offset > len(text) {
		return line
	}
	before := text[:p.Offset]
	if len(bytes.TrimSpace(before[bytes.LastIndexByte(before, '\n')+1:])) == 0 {
		line.line++
	}
	return line
}

// isNolint reports whether a comment is golangci-lint's, for all or one of the passes: //nolint, //nolint:poolvet,errcheck // why.
func isNolint(text string, names []string) bool {
	list, ok := strings.CutPrefix(strings.TrimLeft(strings.TrimPrefix(text, "//"), " \t"), "nolint")
	if !ok || !strings.HasPrefix(text, "//") {
		return false
	}
	list, _, _ = strings.Cut(list, " ")
	if list == "" || list == ":all" {
		return true
	}
	named, ok := strings.CutPrefix(list, ":")
	return ok && slices.ContainsFunc(strings.Split(named, ","), func(name string) bool { return slices.Contains(names, name) })
}

// isLintIgnore reports whether a comment is staticcheck's, for one of the passes, with a reason: //lint:ignore missingput why.
func isLintIgnore(text string, names []string) bool {
	rest, ok := strings.CutPrefix(text, "//lint:ignore ")
	if !ok {
		return false
	}
	named, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return strings.TrimSpace(reason) != "" &&
		slices.ContainsFunc(strings.Split(named, ","), func(name string) bool { return slices.Contains(names, name) })
}

// isGenerated matches the comment of a generated file, as "go help generate" has it.
var isGenerated = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`)

// findGenerated finds the generated files. A file is what the positions in it say: the source that cgo has rewritten and the actions of a grammar
// were written by hand.
func (m *Model) findGenerated() {
	m.generated = map[string]bool{}
	for _, file := range m.pass.Files {
		for _, group := range file.Comments {
			for _, c := range group.List {
				if c.Pos() < file.Package && isGenerated.MatchString(c.Text) {
					m.generated[m.pass.Fset.Position(c.Pos()).Filename] = true
				}
			}
		}
	}
}

// slowing are the passes whose reports are of what costs time or memory, and never of wrong data. Those of a file that was generated are
// left out: its reader cannot mend it, and where the generator does so once, it does so everywhere.
var slowing = []string{"missingput", "putshape", "bypass"}

// Report reports d, whose category is one of [Kinds], for pass, unless a comment suppresses it, it is doubtful and those are not asked for, or it is in a
// test file or a generated one and those are left out. A comment that suppresses what is not asked for is of use all the same.
func (m *Model) Report(pass *analysis.Pass, d analysis.Diagnostic) {
	p := pass.Fset.Position(d.Pos)
	if isTestFile(p.Filename) && !m.tests {
		return
	}
	if i := m.ignored[lineKey{p.Filename, p.Line}]; i != nil {
		i.used.Store(true)
		return
	}
	if IsDoubtful(d.Category) {
		if !m.doubtful {
			return
		}
		d.Message += " (doubtful)"
	}
	if m.generated[p.Filename] && slices.Contains(slowing, pass.Analyzer.Name) {
		return
	}
	if d.End == token.NoPos {
		d.End = m.endOf(d.Pos)
	}
	pass.Report(d)
}

// KnowsBoxed reports whether a comment for staticcheck says that the boxed value at pos is known.
func (m *Model) KnowsBoxed(pos token.Pos) bool {
	p := m.pass.Fset.Position(pos)
	return m.boxed[lineKey{p.Filename, p.Line}]
}

// endOf returns the end of the innermost expression or statement at pos.
func (m *Model) endOf(pos token.Pos) token.Pos {
	for _, file := range m.pass.Files {
		if file.FileStart <= pos && pos < file.FileEnd {
			path, _ := astutil.PathEnclosingInterval(file, pos, pos)
			return path[0].End()
		}
	}
	return token.NoPos
}

// ReportTooLarge reports the functions that were left out. It is called when all other passes are done.
func (m *Model) ReportTooLarge(pass *analysis.Pass) {
	for _, fn := range m.Funcs {
		if m.tooLarge[fn] {
			m.Report(pass, analysis.Diagnostic{
				Category: "left-out",
				Pos:      fn.Pos(),
				Message:  fn.Name() + " is left out: it has too many paths, or too many variables for a value from a pool",
			})
		}
	}
}

// ReportUnused reports the comments that have suppressed nothing. It is called when all other passes are done.
func (m *Model) ReportUnused(pass *analysis.Pass) {
	for _, i := range m.ignores {
		if !i.used.Load() && (m.tests || !isTestFile(pass.Fset.Position(i.pos).Filename)) {
			pass.Reportf(i.pos, "poolvet:ignore suppresses nothing here: remove it")
		}
	}
}

// callSite is a call in the source.
type callSite struct {
	expr *ast.CallExpr
	stmt ast.Stmt // the statement it is in
	next ast.Stmt // the one after that in its block, nil for none
	in   bool     // whether it is in a block or a case, and not the beginning of an if, for or switch
}

// indexCalls finds the source of each call, by the position that its SSA form has.
func (m *Model) indexCalls() {
	m.calls = map[token.Pos]callSite{}
	for _, file := range m.pass.Files {
		var stack []ast.Node
		ast.Inspect(file, func(n ast.Node) bool {
			if n == nil {
				stack = stack[:len(stack)-1]
				return true
			}
			stack = append(stack, n)
			if call, ok := n.(*ast.CallExpr); ok {
				stmt, next, in := statement(stack)
				m.calls[call.Lparen] = callSite{call, stmt, next, in}
			}
			return true
		})
	}
}

// statement returns the innermost statement of a stack of nodes, the one that follows it in its block, and whether it is in a block
// or a case at all.
func statement(stack []ast.Node) (stmt, next ast.Stmt, in bool) {
	for i := len(stack) - 1; i > 0; i-- {
		s, ok := stack[i].(ast.Stmt)
		if !ok {
			continue
		}
		var list []ast.Stmt
		switch parent := stack[i-1].(type) {
		case *ast.BlockStmt:
			list = parent.List
		case *ast.CaseClause:
			list = parent.Body
		case *ast.CommClause:
			list = parent.Body
		}
		at := slices.Index(list, s)
		if at >= 0 && at+1 < len(list) {
			next = list[at+1]
		}
		return s, next, at >= 0
	}
	return nil, nil, false
}

// CallText returns what is called at a call, as the source has it: "bufPool.Get".
func (m *Model) CallText(call ssa.CallInstruction) string {
	site, ok := m.calls[call.Common().Pos()]
	if !ok {
		if callee := calleeOf(call.Common()); callee != nil {
			return callee.Name()
		}
		return "a call"
	}
	return types.ExprString(site.expr.Fun)
}

// Got describes what an acquisition has got: "buf from bufPool.Get", or "a value from …" where it has no name.
func (m *Model) Got(acq Acquisition) string {
	name := "a value"
	if id := m.GotName(acq); id != "" {
		name = id
	}
	return name + " from " + m.CallText(acq.Call)
}

// GotName returns the name of the variable that an acquisition is assigned to, "" for none.
func (m *Model) GotName(acq Acquisition) string {
	site := m.calls[acq.Call.Call.Pos()]
	assign, ok := site.stmt.(*ast.AssignStmt)
	if !ok || max(acq.Result, 0) >= len(assign.Lhs) {
		return ""
	}
	if id, ok := assign.Lhs[max(acq.Result, 0)].(*ast.Ident); ok && id.Name != "_" {
		return id.Name
	}
	return ""
}

// Stmt returns the statement of an acquisition and the one after it in the same block, nil for none, and whether it is in a block at
// all, and not the beginning of an if, for or switch.
func (m *Model) Stmt(acq Acquisition) (stmt, next ast.Stmt, inBlock bool) {
	site := m.calls[acq.Call.Call.Pos()]
	return site.stmt, site.next, site.in
}

// PoolText returns the pool of a direct acquisition as the source has it, "" when it is not a method's receiver.
func (m *Model) PoolText(acq Acquisition) string {
	site, ok := m.calls[acq.Call.Call.Pos()]
	if !ok {
		return ""
	}
	if sel, ok := site.expr.Fun.(*ast.SelectorExpr); ok {
		return types.ExprString(sel.X)
	}
	return ""
}

// Why returns what decided that a path came to step: " (err != nil)", with "not" where the condition was false, or "".
func (m *Model) Why(step *flow.Step) string {
	branch, taken := step.Decision()
	if branch == nil {
		return ""
	}
	cond := m.condText(branch)
	if cond == "" {
		return ""
	}
	if !taken {
		return " (not " + cond + ")"
	}
	return " (" + cond + ")"
}

// condText returns the source of a branch's condition, "" when it is long or not an if's.
func (m *Model) condText(branch *ssa.If) string {
	const maxText = 48
	pos := branch.Cond.Pos()
	for _, file := range m.pass.Files {
		if pos < file.FileStart || file.FileEnd <= pos {
			continue
		}
		text := ""
		ast.Inspect(file, func(n ast.Node) bool {
			if n == nil || n.Pos() > pos || n.End() <= pos {
				return false
			}
			if x, ok := n.(*ast.BinaryExpr); ok && x.OpPos == pos {
				text = types.ExprString(x)
			}
			if x, ok := n.(*ast.CallExpr); ok && x.Lparen == pos {
				text = types.ExprString(x)
			}
			return true
		})
		if len(text) <= maxText {
			return text
		}
	}
	return ""
}
