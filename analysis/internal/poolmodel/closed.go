package poolmodel

import (
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// discipline is who puts values into the pools of a package.
type discipline struct {
	puts    map[string]bool // pools with a Put
	strange map[string]bool // pools whose Puts are not all of values that the function itself has got, or was given to put back
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
	return !d.any && !d.strange[pool], d.puts[pool] || d.several
}

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
	m.discipline = discipline{puts: map[string]bool{}, strange: map[string]bool{}}
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
	boxed  map[*types.TypeName]bool // types of values that are put into interfaces: their methods may be called by whoever has them
	values map[*ssa.Function]bool   // functions that are used as values
}

func (m *Model) known() known {
	k := known{map[*types.TypeName]bool{}, map[*ssa.Function]bool{}}
	for _, fn := range m.withInit() {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				k.look(instr)
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

func (k known) look(instr ssa.Instruction) {
	if box, ok := instr.(*ssa.MakeInterface); ok {
		if named := namedOf(box.X.Type()); named != nil {
			k.boxed[named.Obj()] = true
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
	return named == nil || k.boxed[named.Obj()] || obj.Exported() && named.Obj().Exported()
}

// escapes notes the pools that an instruction gives to somebody else.
func (m *Model) escapes(instr ssa.Instruction) {
	for _, op := range instr.Operands(nil) {
		x := *op
		if x == nil || !isPool(x.Type()) || poolOf(x) == "" {
			continue
		}
		switch instr := instr.(type) {
		case *ssa.FieldAddr, *ssa.UnOp, *ssa.DebugRef:
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
