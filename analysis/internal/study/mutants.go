package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A mutant is a package with one mistake made in it.
type mutant struct {
	kind  string
	file  string
	line  int
	from  int // the lines of the function that it is in
	to    int
	edits []edit
}

// edit replaces the bytes from start to end.
type edit struct {
	start, end int
	text       string
}

// The kinds of mistakes.
const (
	kindLost     = "lost"     // a Put is left out
	kindTwice    = "twice"    // a Put is there twice
	kindUsed     = "used"     // a Put comes before the last use
	kindReset    = "reset"    // what was got is not reset
	kindReturned = "returned" // a copy of pooled memory is left out
)

var kinds = []string{kindLost, kindTwice, kindUsed, kindReset, kindReturned}

// apply returns src with the edits made.
func apply(src []byte, edits []edit) []byte {
	edits = slices.Clone(edits)
	slices.SortFunc(edits, func(a, b edit) int { return a.start - b.start })
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, src[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, src[at:]...)
}

// mutants makes mutants of the packages of the samples, and writes how many of them poolvet tells from the original.
func (s *study) mutants(patterns []string) error {
	units, err := s.units(patterns)
	if err != nil {
		return err
	}
	type score struct{ found, made int }
	sum := map[string]*score{}
	byModule := map[string]map[string]*score{}
	var order []string
	add := func(m map[string]*score, kind string, found bool) {
		if m[kind] == nil {
			m[kind] = new(score)
		}
		m[kind].made++
		if found {
			m[kind].found++
		}
	}
	for _, u := range units {
		before, err := u.analyze("", nil)
		if err != nil {
			return err
		}
		for _, m := range u.mutants(s.each) {
			after, err := u.analyze(m.file, apply(u.source[m.file], m.edits))
			if err != nil {
				fmt.Printf("\t%s:%d\t%s\tdoes not compile: %v\n", m.file, m.line, m.kind, err)
				continue
			}
			if m.in(before) > 0 {
				continue // what is reported there already would hide it
			}
			found := m.in(after) > m.in(before)
			if s.verbose {
				fmt.Printf("\t%s/%s:%d\t%s\t%v\n", u.ImportPath, filepath.Base(m.file), m.line, m.kind, found)
			}
			if byModule[u.module] == nil {
				byModule[u.module] = map[string]*score{}
				order = append(order, u.module)
			}
			add(byModule[u.module], m.kind, found)
			add(sum, m.kind, found)
		}
	}
	line := func(name string, m map[string]*score) {
		all := score{}
		cells := []string{name}
		for _, kind := range kinds {
			cell := ""
			if c := m[kind]; c != nil {
				cell = fmt.Sprintf("%d of %d", c.found, c.made)
				all.found += c.found
				all.made += c.made
			}
			cells = append(cells, cell)
		}
		cells = append(cells, fmt.Sprintf("%d of %d", all.found, all.made))
		fmt.Printf("| %s |\n", strings.Join(cells, " | "))
	}
	fmt.Printf("| module | %s | sum |\n", strings.Join(kinds, " | "))
	for _, module := range order {
		line(module, byModule[module])
	}
	line("sum", sum)
	return nil
}

// in returns how many of the reports may be of the mutant: those of a pass that tells of its kind, in its function.
func (m mutant) in(reports []report) int {
	n := 0
	for _, r := range reports {
		if slices.Contains(tellsOf[m.kind], r.pass) && r.file == m.file && m.from <= r.line && r.line <= m.to {
			n++
		}
	}
	return n
}

// tellsOf are the passes whose reports tell of a kind of mistake.
var tellsOf = map[string][]string{
	kindLost: {"missingput"}, kindReset: {"getreset"},
	kindTwice: {"useafterput"}, kindUsed: {"useafterput"}, kindReturned: {"useafterput", "poolescape"},
}

// mutator makes the mutants of a package.
type mutator struct {
	*unit
	gets, puts map[types.Object]bool // functions of the package that get and put themselves
	once       map[types.Object]bool // functions that put nothing when they are called again
	made       []mutant
}

// mutants returns at most each mutants of a kind, in the order of the source.
func (u *unit) mutants(each int) []mutant {
	k := mutator{unit: u, gets: map[types.Object]bool{}, puts: map[types.Object]bool{}, once: map[types.Object]bool{}}
	k.findWrappers()
	for _, name := range u.names {
		for _, decl := range u.files[name].Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			if k.calls(fn, k.isGet) && k.calls(fn, k.isPut) {
				k.inFunc(name, fn)
				k.resets(name, fn)
			}
		}
	}
	n := map[string]int{}
	return slices.DeleteFunc(k.made, func(m mutant) bool {
		n[m.kind]++
		return n[m.kind] > each
	})
}

// callee returns the function that is called, nil for others.
func (u *unit) callee(call *ast.CallExpr) *types.Func {
	var id *ast.Ident
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return nil
	}
	fn, _ := u.info.Uses[id].(*types.Func)
	return fn
}

// ofPool reports whether a call is of that method of a sync.Pool.
func (u *unit) ofPool(call *ast.CallExpr, name string) bool {
	fn := u.callee(call)
	return fn != nil && fn.FullName() == "(*sync.Pool)."+name
}

func (k *mutator) isGet(call *ast.CallExpr) bool {
	return k.ofPool(call, "Get") || k.gets[k.calleeObject(call)]
}

func (k *mutator) isPut(call *ast.CallExpr) bool {
	return k.ofPool(call, "Put") || k.puts[k.calleeObject(call)]
}

func (k *mutator) calleeObject(call *ast.CallExpr) types.Object {
	if fn := k.callee(call); fn != nil {
		return fn.Origin()
	}
	return nil
}

// calls reports whether a call in n is one that is means.
func (k *mutator) calls(n ast.Node, is func(*ast.CallExpr) bool) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && is(call) {
			found = true
		}
		return !found
	})
	return found
}

var (
	getName = regexp.MustCompile(`(?i)get|acquire|new|borrow|alloc|take|lease`)
	putName = regexp.MustCompile(`(?i)put|free|release|recycle|return|close|done|collect`)
)

// findWrappers finds functions that get or put, and do not do both, by what they do and how they are named.
func (k *mutator) findWrappers() {
	for _, file := range k.files {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			gets := k.calls(fn, func(c *ast.CallExpr) bool { return k.ofPool(c, "Get") })
			puts := k.calls(fn, func(c *ast.CallExpr) bool { return k.ofPool(c, "Put") })
			obj := k.info.Defs[fn.Name]
			if gets && !puts && fn.Type.Results.NumFields() > 0 && getName.MatchString(fn.Name.Name) {
				k.gets[obj] = true
			}
			if puts && !gets && putName.MatchString(fn.Name.Name) {
				k.puts[obj] = true
				k.once[obj] = guarded(fn)
			}
		}
	}
}

// inFunc makes the mutants of a function that gets and puts.
func (k *mutator) inFunc(name string, fn *ast.FuncDecl) {
	got := k.got(fn)
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		var list []ast.Stmt
		switch n := n.(type) {
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		case *ast.CommClause:
			list = n.Body
		case *ast.CallExpr:
			if from, of := k.copied(n); of != nil && from {
				k.add(kindReturned, name, fn, n, k.edit(n, k.src(name, of)))
			}
			return true
		default:
			return true
		}
		for i, stmt := range list {
			call, deferred := statementCall(stmt)
			if call == nil || !k.isPut(call) {
				continue
			}
			value := k.value(call)
			if value == nil || root(value) == nil || !got[k.info.Uses[root(value)]] {
				continue
			}
			text := k.src(name, stmt)
			k.add(kindLost, name, fn, stmt, k.edit(stmt, "_ = "+k.src(name, value)))
			if !k.once[k.calleeObject(call)] {
				k.add(kindTwice, name, fn, stmt, k.edit(stmt, text+"; "+text))
			}
			switch id := root(value); {
			case deferred:
				if k.usedAfter(list[i+1:], id) {
					k.add(kindUsed, name, fn, stmt, k.edit(stmt, k.src(name, call)))
				}
			case i > 0 && k.plainUse(list[i-1], id):
				k.add(kindUsed, name, fn, stmt, k.edit(list[i-1], text), k.edit(stmt, k.src(name, list[i-1])))
			}
		}
		return true
	})
}

// got returns the variables of a function that hold what a pool lent: assigned from a Get, or from one of them.
func (k *mutator) got(fn *ast.FuncDecl) map[types.Object]bool {
	got := map[types.Object]bool{}
	set := func(lhs ast.Expr, rhs ast.Node) {
		id, ok := lhs.(*ast.Ident)
		if !ok {
			return
		}
		obj := k.info.Defs[id]
		if obj == nil {
			obj = k.info.Uses[id]
		}
		from := false
		if e, ok := rhs.(ast.Expr); ok {
			if assert, ok := e.(*ast.TypeAssertExpr); ok {
				e = assert.X
			}
			from = root(e) != nil && got[k.info.Uses[root(e)]]
		}
		if obj != nil && (from || k.calls(rhs, k.isGet)) {
			got[obj] = true
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Lhs) > 0 && len(n.Rhs) > 0 {
				set(n.Lhs[0], n.Rhs[0])
			}
		case *ast.ValueSpec:
			if len(n.Values) > 0 {
				set(n.Names[0], n.Values[0])
			}
		}
		return true
	})
	return got
}

// add adds a mutant at a node of a function.
func (k *mutator) add(kind, name string, fn *ast.FuncDecl, at ast.Node, edits ...edit) {
	line := func(pos token.Pos) int { return k.fset.Position(pos).Line }
	k.made = append(k.made, mutant{kind, name, line(at.Pos()), line(fn.Pos()), line(fn.End()), edits})
}

func (u *unit) edit(n ast.Node, text string) edit {
	return edit{u.fset.Position(n.Pos()).Offset, u.fset.Position(n.End()).Offset, text}
}

func (u *unit) src(name string, n ast.Node) string {
	e := u.edit(n, "")
	return string(u.source[name][e.start:e.end])
}

// statementCall returns the call that a statement or a defer is.
func statementCall(stmt ast.Stmt) (call *ast.CallExpr, deferred bool) {
	switch stmt := stmt.(type) {
	case *ast.ExprStmt:
		call, _ = stmt.X.(*ast.CallExpr)
	case *ast.DeferStmt:
		call, deferred = stmt.Call, true
	}
	return call, deferred
}

// value returns what a Put puts: its last argument, or its receiver.
func (k *mutator) value(call *ast.CallExpr) ast.Expr {
	if n := len(call.Args); n > 0 {
		return call.Args[n-1]
	}
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		return sel.X
	}
	return nil
}

// root returns the variable that an expression is of: x of &x, x[:0], x.f.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			return x
		case *ast.UnaryExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// mentions reports whether n uses the variable.
func (k *mutator) mentions(n ast.Node, id *ast.Ident) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if x, ok := n.(*ast.Ident); ok && k.info.Uses[x] != nil && k.info.Uses[x] == k.info.Uses[id] {
			found = true
		}
		return !found
	})
	return found
}

func (k *mutator) usedAfter(list []ast.Stmt, id *ast.Ident) bool {
	return slices.ContainsFunc(list, func(s ast.Stmt) bool { return k.mentions(s, id) })
}

// plainUse reports whether a statement uses the variable, and neither resets, sets nor puts it, nor declares anything.
func (k *mutator) plainUse(stmt ast.Stmt, id *ast.Ident) bool {
	if !k.mentions(stmt, id) || k.isReset(stmt) != nil {
		return false
	}
	switch stmt := stmt.(type) {
	case *ast.ExprStmt:
		return !k.calls(stmt, k.isPut)
	case *ast.AssignStmt:
		return stmt.Tok == token.ASSIGN && !slices.ContainsFunc(stmt.Lhs, func(e ast.Expr) bool { return root(e) != nil && root(e).Name == id.Name })
	}
	return false
}

// copied returns what a call copies the memory of, where the copy is all that it is for, and whether that is what a method named
// Bytes returns.
func (k *mutator) copied(call *ast.CallExpr) (bytes bool, of ast.Expr) {
	if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "append" && len(call.Args) == 2 && call.Ellipsis.IsValid() && fresh(call.Args[0]) {
		of = call.Args[1]
	} else if fn := k.callee(call); fn != nil && (fn.FullName() == "bytes.Clone" || fn.FullName() == "slices.Clone") {
		of = call.Args[0]
	}
	if of == nil {
		return false, nil
	}
	method, ok := ast.Unparen(of).(*ast.CallExpr)
	if !ok {
		return false, of
	}
	fn := k.callee(method)
	return fn != nil && fn.Name() == "Bytes", of
}

// fresh reports whether an expression is an empty slice: []byte(nil), []byte{}.
func fresh(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CompositeLit:
		return len(e.Elts) == 0
	case *ast.CallExpr:
		_, ok := e.Fun.(*ast.ArrayType)
		return ok && len(e.Args) == 1
	}
	return false
}

// isReset returns what a statement makes as new, nil where it does not.
func (k *mutator) isReset(stmt ast.Stmt) ast.Expr {
	switch stmt := stmt.(type) {
	case *ast.ExprStmt:
		call, ok := stmt.X.(*ast.CallExpr)
		if !ok {
			return nil
		}
		if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "clear" && len(call.Args) == 1 {
			return call.Args[0]
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if ok && (strings.EqualFold(sel.Sel.Name, "Reset") || sel.Sel.Name == "Truncate") {
			return sel.X
		}
	case *ast.AssignStmt:
		if len(stmt.Lhs) != 1 || stmt.Tok != token.ASSIGN {
			return nil
		}
		if s, ok := stmt.Rhs[0].(*ast.SliceExpr); ok && s.Low == nil && isZero(s.High) &&
			types.ExprString(ast.Unparen(s.X)) == types.ExprString(ast.Unparen(stmt.Lhs[0])) {
			return stmt.Lhs[0]
		}
	}
	return nil
}

func isZero(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Value == "0"
}

// guarded reports whether a function does nothing when it is called again, since it has cleared a field of what it is called for, or set it: where that
// is so it returns first, or an if is around the rest of it.
func guarded(fn *ast.FuncDecl) bool {
	for i, stmt := range fn.Body.List {
		check, ok := stmt.(*ast.IfStmt)
		if !ok || check.Else != nil || len(check.Body.List) == 0 {
			continue
		}
		field, when := fieldAsked(check.Cond)
		if field == nil {
			continue
		}
		rest := fn.Body.List[i+1:]
		if _, returns := check.Body.List[len(check.Body.List)-1].(*ast.ReturnStmt); !returns && len(rest) == 0 {
			rest, when = check.Body.List, opposite[when]
		}
		if slices.ContainsFunc(rest, func(s ast.Stmt) bool { return assigns(s, field, when) }) {
			return true
		}
	}
	return false
}

var opposite = map[string]string{"true": "false", "false": "true", "set": "nil"}

// fieldAsked returns the field that a condition asks about, and with which value of it the condition is true, "set" for all but nil; nil for
// another condition.
func fieldAsked(cond ast.Expr) (field *ast.SelectorExpr, when string) {
	switch x := ast.Unparen(cond).(type) {
	case *ast.SelectorExpr:
		return x, "true"
	case *ast.UnaryExpr:
		if field, ok := ast.Unparen(x.X).(*ast.SelectorExpr); ok && x.Op == token.NOT {
			return field, "false"
		}
	case *ast.BinaryExpr:
		field, ok := ast.Unparen(x.X).(*ast.SelectorExpr)
		if null, isIdent := ast.Unparen(x.Y).(*ast.Ident); !ok || !isIdent || null.Name != "nil" {
			return nil, ""
		}
		switch x.Op {
		case token.EQL:
			return field, "nil"
		case token.NEQ:
			return field, "set"
		}
	}
	return nil, ""
}

// assigns reports whether a statement gives a field nil, true or false, whichever is asked for.
func assigns(stmt ast.Stmt, field *ast.SelectorExpr, value string) bool {
	assign, ok := stmt.(*ast.AssignStmt)
	if !ok || assign.Tok != token.ASSIGN || len(assign.Lhs) != len(assign.Rhs) {
		return false
	}
	for i, lhs := range assign.Lhs {
		id, ok := ast.Unparen(assign.Rhs[i]).(*ast.Ident)
		if ok && id.Name == value && types.ExprString(lhs) == types.ExprString(field) {
			return true
		}
	}
	return false
}

// isTimer reports whether an expression is a timer of package time: its Reset starts it.
func (k *mutator) isTimer(e ast.Expr) bool {
	ptr, ok := k.info.TypeOf(e).(*types.Pointer)
	if !ok {
		return false
	}
	name := ptr.Elem().String()
	return name == "time.Timer" || name == "time.Ticker"
}

// setsAll reports whether the statements right after a reset set all fields of the struct that the variable has or points to.
func (k *mutator) setsAll(fn *ast.FuncDecl, reset ast.Stmt, of *ast.Ident) bool {
	t := k.info.TypeOf(of)
	if ptr, ok := t.Underlying().(*types.Pointer); ok {
		t = ptr.Elem()
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok || st.NumFields() == 0 {
		return false
	}
	unset := map[string]bool{}
	for f := range st.Fields() {
		unset[f.Name()] = true
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		block, ok := n.(*ast.BlockStmt)
		if !ok {
			return true
		}
		i := slices.Index(block.List, reset)
		if i < 0 {
			return true
		}
		for _, stmt := range block.List[i+1:] {
			assign, ok := stmt.(*ast.AssignStmt)
			if !ok || assign.Tok != token.ASSIGN || slices.ContainsFunc(assign.Rhs, func(e ast.Expr) bool { return k.mentions(e, of) }) {
				break
			}
			for _, lhs := range assign.Lhs {
				if sel, ok := lhs.(*ast.SelectorExpr); ok && root(sel.X) != nil && k.info.Uses[root(sel.X)] == k.info.Uses[of] && sel.X == root(sel.X) {
					delete(unset, sel.Sel.Name)
				}
			}
		}
		return false
	})
	return len(unset) == 0
}

// resets makes a mutant of a function that resets what it got, without these resets.
func (k *mutator) resets(name string, fn *ast.FuncDecl) {
	got := k.got(fn)
	var edits []edit
	var first ast.Stmt
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		stmt, ok := n.(ast.Stmt)
		if !ok {
			return true
		}
		x := k.isReset(stmt)
		if x == nil || root(x) == nil || !got[k.info.Uses[root(x)]] {
			return true
		}
		if _, field := ast.Unparen(x).(*ast.SelectorExpr); field || k.isTimer(x) || k.setsAll(fn, stmt, root(x)) {
			return true
		}
		if first == nil {
			first = stmt
		}
		edits = append(edits, k.edit(stmt, "_ = "+k.src(name, x)))
		return true
	})
	if first != nil {
		k.add(kindReset, name, fn, first, edits...)
	}
}
