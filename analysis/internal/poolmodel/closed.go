package poolmodel

import (
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// discipline is who puts values into the pools of a package.
type discipline struct {
	puts    map[string]bool // pools with a Put
	strange map[string]bool // pools whose Puts are not all of values that the function itself has got, or was given to put back
	opaque  map[string]bool // pools with a Put of what a function has made of something: of which value is not known
	any     bool            // such a Put may be into any pool
	several bool            // some Put is into one of several pools
}

// Closed reports whether a value of this pool can be put back by nobody but the function that got it, or one that it gives the value to
// for that. Whatever else is given the value, and does not store it, only uses it. put tells whether there is a Put at all.
func (m *Model) Closed(pool string) (closed, put bool) {
	pool = byAnyWay(pool)
	if pool == "" || isLocal(pool) || !m.hidden(pool) {
		return false, false
	}
	m.disciplined.Do(m.findDiscipline)
	d := &m.discipline
	return !d.any && !d.strange[pool], d.puts[pool] || d.puts[""] || d.several
}

// PutsInto reports whether a pool is hidden in its package, and a function of that puts something into it.
func (m *Model) PutsInto(pool string) bool { return m.hidden(byAnyWay(pool)) && m.Fills(pool) }

// PutsAnywhere is PutsInto where the pool may also be one without a name, such as that of a package which lends buffers.
func (m *Model) PutsAnywhere(pool string) bool {
	if pool != "" {
		return m.PutsInto(pool)
	}
	m.disciplined.Do(m.findDiscipline)
	return m.discipline.puts[""]
}

// Fills reports whether a function of the package puts something into the pool.
func (m *Model) Fills(pool string) bool {
	pool = byAnyWay(pool)
	if pool == "" || isLocal(pool) {
		return false
	}
	m.disciplined.Do(m.findDiscipline)
	return m.discipline.puts[pool]
}

// takes matches the names of functions that may take what they are given for good, beside those that end its use and those that keep it.
var takes = regexp.MustCompile(`(?i)offer|queue|emit|publish|post|submit|dispatch|handle|deliver|forward|transfer|pass|hand|give|own|adopt|attach|schedule|process|serve|write`)

// Uses reports whether a function of the package is one that takes a value for its own use alone, for all that its name and results say: it neither ends
// the value's use nor makes anything of it, and does not return whether it has taken it.
func (m *Model) Uses(fn *types.Func) bool {
	name := fn.Name()
	return fn.Pkg() == m.pass.Pkg && !endsUse.MatchString(name) && !keeps.MatchString(name) && !takes.MatchString(name) && !constructs.MatchString(name) &&
		!hasBool(fn.Signature().Results())
}

func hasBool(results *types.Tuple) bool {
	for v := range results.Variables() {
		if types.Identical(v.Type().Underlying(), types.Typ[types.Bool]) {
			return true
		}
	}
	return false
}

// Opaque reports whether the package puts into the pool what it has made of something: a value may go back without being known to.
func (m *Model) Opaque(pool string) bool {
	m.disciplined.Do(m.findDiscipline)
	return m.discipline.opaque[byAnyWay(pool)]
}

// works matches the names of functions that are done with what they are given when they return.
var works = regexp.MustCompile(`(?i)^(un)?(encode|decode|marshal|parse|format|render|print|exec|eval|read|scan|lex|visit|walk|copy|append|hash|sum|` +
	`compress|decompress|inflate|deflate|convert|transform|translate|compute|calc|check|match|find|search|lookup|encrypt|decrypt|seal|sign|verify|` +
	`compare|equal|diff|valid|sort|fill|merge|count|string|bytes|less)`)

// Works reports whether a function has the name of one that is done with what it is given when it returns.
func Works(fn *types.Func) bool { return works.MatchString(fn.Name()) }

// byAnyWay returns the name of a pool, whether it is reached by a pointer or not.
func byAnyWay(pool string) string { return strings.TrimPrefix(pool, pointerPrefix) }

// hidden reports whether a pool is this package's, and has no name that others can use.
func (m *Model) hidden(pool string) bool {
	name, ok := strings.CutPrefix(pool, m.pass.Pkg.Path()+".")
	if !ok {
		return false
	}
	owner, field, isField := strings.Cut(name, ".")
	return !token.IsExported(owner) || isField && !token.IsExported(field)
}

func (m *Model) findDiscipline() {
	m.discipline = discipline{puts: map[string]bool{}, strange: map[string]bool{}, opaque: map[string]bool{}}
	k := m.known()
	for _, fn := range m.withInit() {
		for i := range fn.Params {
			if p := m.param(fn, i); p.Put != Never && k.calls(fn) {
				m.discipline.stranger(p)
			}
		}
		var own []*flow.Track
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				m.escapes(instr)
				if call, ok := instr.(ssa.CallInstruction); ok {
					own = m.judge(fn, call, own)
				}
			}
		}
	}
}

// stranger notes a Put of a value that the function itself has not got. A pool without a name is none of those with one: these are not given
// away, or [Model.escapes] notes it.
func (d *discipline) stranger(p Param) {
	d.strange[byAnyWay(p.Pool)] = true
	d.any = d.any || p.Several
}

// judge looks at a call that may put values back: those that the function has got or was given are as they should be. It returns the tracks
// of these, which it makes when they are needed first.
func (m *Model) judge(fn *ssa.Function, call ssa.CallInstruction, own []*flow.Track) []*flow.Track {
	for arg, x := range flow.Operands(call.Common()) {
		p := m.effect(call.Common(), arg)
		if p.Put == Never {
			continue
		}
		m.discipline.puts[byAnyWay(p.Pool)] = true
		m.discipline.several = m.discipline.several || p.Several
		if box, ok := x.(*ssa.MakeInterface); ok {
			x = box.X
		}
		if isNew(x) {
			continue
		}
		if own == nil {
			own = m.own(fn)
		}
		mine := false
		for _, t := range own {
			c := t.Class(x)
			mine = mine || c == flow.Same || c == flow.Derived
		}
		if !mine {
			m.discipline.stranger(p)
			m.discipline.opaque[byAnyWay(p.Pool)] = m.discipline.opaque[byAnyWay(p.Pool)] || isMadeOf(x)
		}
	}
	return own
}

// own returns the tracks of what a function gets, and of what it is given to put back.
func (m *Model) own(fn *ssa.Function) []*flow.Track {
	var tracks []*flow.Track
	for _, acq := range m.Acquisitions(fn) {
		tracks = append(tracks, m.Track(fn, acq))
	}
	for i := range len(fn.Params) + len(fn.FreeVars) {
		if m.param(fn, i).Put != Never {
			tracks = append(tracks, m.TrackParam(fn, i))
		}
	}
	return tracks
}

// isMadeOf reports whether v is what a function has made of something that it was given.
func isMadeOf(v ssa.Value) bool {
	for {
		switch x := v.(type) {
		case *ssa.Call:
			return len(flow.Operands(&x.Call)) > 0
		case *ssa.Extract:
			v = x.Tuple
		case *ssa.Slice:
			v = x.X
		case *ssa.Convert:
			v = x.X
		case *ssa.ChangeType:
			v = x.X
		case *ssa.TypeAssert:
			v = x.X
		default:
			return false
		}
	}
}

// isNew reports whether v is made where it is put.
func isNew(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Alloc, *ssa.MakeSlice, *ssa.MakeMap, *ssa.MakeChan, *ssa.Const:
		return true
	case *ssa.Slice:
		return isNew(v.X)
	}
	return false
}

// known is what others than the package's own calls may use of it.
type known struct {
	boxed  map[boxedMethod]bool   // methods that may be called by whoever has an interface with a value
	values map[*ssa.Function]bool // functions that are used as values
}

// boxedMethod is a method of a type of which values are put into interfaces; "" is any that is exported.
type boxedMethod struct {
	of   *types.TypeName
	name string
}

func (m *Model) known() known {
	k := known{map[boxedMethod]bool{}, map[*ssa.Function]bool{}}
	for _, fn := range m.withInit() {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				k.look(m, instr)
			}
		}
	}
	return k
}

// withInit returns the package's functions, and the one that sets its variables.
func (m *Model) withInit() []*ssa.Function {
	if len(m.Funcs) == 0 {
		return nil
	}
	return append([]*ssa.Function{m.Funcs[0].Pkg.Func("init")}, m.Funcs...)
}

func (k known) look(m *Model, instr ssa.Instruction) {
	if box, ok := instr.(*ssa.MakeInterface); ok && !m.isForPool(box) {
		if named := namedOf(box.X.Type()); named != nil {
			methods := types.NewMethodSet(box.Type())
			if methods.Len() == 0 {
				k.boxed[boxedMethod{named.Obj(), ""}] = true
			}
			for method := range methods.Methods() {
				k.boxed[boxedMethod{named.Obj(), method.Obj().Name()}] = true
			}
			k.boxed[boxedMethod{named.Obj(), "Close"}] = true // what has a stream may look whether it can be closed
		}
	}
	for _, op := range instr.Operands(nil) {
		fn, ok := (*op).(*ssa.Function)
		if !ok {
			continue
		}
		if call, ok := instr.(ssa.CallInstruction); !ok || op != &call.Common().Value {
			k.values[fn] = true
		}
	}
}

// calls reports whether others than the package's functions may call fn, or these without naming it.
func (k known) calls(fn *ssa.Function) bool {
	obj, ok := fn.Object().(*types.Func)
	if !ok { // a literal: what it puts is what its function has
		return fn.Parent() == nil
	}
	if k.values[fn] {
		return true
	}
	recv := obj.Signature().Recv()
	if recv == nil {
		return obj.Exported()
	}
	named := namedOf(recv.Type())
	return named == nil || k.boxed[boxedMethod{named.Obj(), obj.Name()}] ||
		obj.Exported() && (named.Obj().Exported() || k.boxed[boxedMethod{named.Obj(), ""}])
}

// isForPool reports whether a value is put into an interface for a pool alone: to be put back, or returned by what makes new values.
func (m *Model) isForPool(box *ssa.MakeInterface) bool {
	return !slices.ContainsFunc(*box.Referrers(), func(ref ssa.Instruction) bool {
		switch ref := ref.(type) {
		case ssa.CallInstruction:
			callee := calleeOf(ref.Common())
			return callee == nil || !m.apis[apiKey(callee)].put
		case *ssa.Return:
			sig := ref.Parent().Signature
			return sig.Params().Len() > 0 || sig.Results().Len() != 1 || ref.Parent().Parent() == nil
		case *ssa.DebugRef:
			return false
		}
		return true
	})
}

// escapes notes the pools that an instruction gives to somebody else.
func (m *Model) escapes(instr ssa.Instruction) {
	for _, op := range instr.Operands(nil) {
		x := *op
		if x == nil || !isPool(x.Type()) || poolOf(x) == "" {
			continue
		}
		switch instr := instr.(type) {
		case *ssa.FieldAddr, *ssa.UnOp, *ssa.BinOp, *ssa.DebugRef: // of a BinOp: whether there is one
			continue
		case *ssa.Store: // a pool by pointer is the one that was made for it
			if _, made := instr.Val.(*ssa.Alloc); instr.Addr == x && (made || !isPointer(instr.Val.Type())) {
				continue
			}
		case ssa.CallInstruction:
			if callee := calleeOf(instr.Common()); callee != nil {
				if _, known := m.apis[apiKey(callee)]; known && flow.Operands(instr.Common())[0] == x {
					continue
				}
			}
		}
		m.discipline.strange[byAnyWay(poolOf(x))] = true
	}
}

// isPool reports whether t is a sync.Pool, or points to one.
func isPool(t types.Type) bool {
	for range 3 {
		p, ok := t.Underlying().(*types.Pointer)
		if !ok {
			break
		}
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == "Pool" && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "sync"
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}
