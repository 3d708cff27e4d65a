package getreset

import (
	"fmt"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// lease is what the functions that get values of one struct from a pool, put them back or reset them do with the fields.
type lease struct {
	pool    string
	t       types.Type
	st      *types.Struct
	direct  map[*ssa.Function]bool  // that get values or put them back
	fns     map[*ssa.Function]bool  // and those that they call
	cleared map[int]ssa.Instruction // the last in the source that sets a field to the zero value of its type, or empties it
	seen    map[int]bool            // fields that they do anything with, but ask
	back    map[int]bool            // fields that those do anything with that reset values or put them back
	nils    ssa.Instruction         // the last in the source that sets a pointer to nil there
}

// fieldLife is what the functions of the package do with a field.
type fieldLife struct {
	set    *ssa.Function // one that sets it to what it is told, or to true, and not each time that it is called, or that appends to it
	given  *ssa.Function // one that sets it to what it is told, or to a field of that
	asked  bool          // something reads it
	steady bool          // it may be emptied, is set to something made, or somebody has its address
	stores int
}

// reportLeft reports the fields that neither who gets a value nor who puts it back sets, while they set others of the same type to zero, and that are set
// on some uses and read on others, but for those that are told of already.
func reportLeft(pass *analysis.Pass, m *poolmodel.Model, told map[flow.Field]bool) {
	for _, l := range leases(m) {
		l.look(m)
		if len(l.cleared) < 2 {
			continue
		}
		lives := l.others(m)
		l.reportHeld(pass, m, lives, told)
		for i := range l.st.NumFields() {
			life := lives[i]
			if l.seen[i] || life == nil || life.steady || !life.asked || told[flow.Field{Struct: l.t, Index: i}] {
				continue
			}
			f := l.st.Field(i)
			at := l.sibling(f)
			if at == nil {
				continue
			}
			switch {
			case life.set != nil && (l.fns[life.set] || life.set.Object() == nil || isCalled(m, life.set) || isLent(m, types.NewPointer(l.t))):
				m.Report(pass, analysis.Diagnostic{Category: "field-left", Pos: at.Pos(), Message: fmt.Sprintf("%s is not reset with the others, although %s sets it: who gets a value from %s has it as it was left",
					f.Name(), life.set.Name(), poolmodel.ShortPool(l.pool))})
			case life.stores == 0 && f.Exported() && isBool(f.Type()):
				m.Report(pass, analysis.Diagnostic{Category: "field-left", Pos: at.Pos(), Message: fmt.Sprintf("%s is not reset with the others, and others may set it: who gets a value from %s has it as it was left",
					f.Name(), poolmodel.ShortPool(l.pool))})
			}
		}
	}
}

// reportHeld reports the pointers that a reset or a Put leaves where it sets other pointers, and other fields, to nil and zero: what they point to is kept as long as
// the pool keeps the value.
func (l *lease) reportHeld(pass *analysis.Pass, m *poolmodel.Model, lives map[int]*fieldLife, told map[flow.Field]bool) {
	if l.nils == nil || len(l.back) < 3 {
		return
	}
	for i := range l.st.NumFields() {
		f, life, field := l.st.Field(i), lives[i], flow.Field{Struct: l.t, Index: i}
		_, pointer := f.Type().Underlying().(*types.Pointer) // what an interface has may be there for good, such as a clock
		if l.back[i] || life == nil || life.steady || !life.asked || life.given == nil || told[field] || !pointer {
			continue
		}
		told[field] = true
		m.Report(pass, analysis.Diagnostic{Category: "field-kept", Pos: l.nils.Pos(), Message: fmt.Sprintf("%s is not reset with the others, although %s sets it: %s keeps what it points to",
			f.Name(), life.given.Name(), poolmodel.ShortPool(l.pool))})
	}
}

// pointsTo reports whether t is a pointer or an interface.
func pointsTo(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Interface:
		return true
	}
	return false
}

// leases returns what is known of the structs of the package that are in pools.
func leases(m *poolmodel.Model) []*lease {
	var found []*lease
	of := func(t types.Type, pool string) *lease {
		p, ok := types.Unalias(t).(*types.Pointer)
		if !ok {
			return nil
		}
		elem := types.Unalias(p.Elem())
		named, ok := elem.(*types.Named)
		if !ok || named.Obj().Pkg() == nil || len(m.Funcs) == 0 || named.Obj().Pkg() != m.Funcs[0].Pkg.Pkg {
			return nil
		}
		st, ok := named.Underlying().(*types.Struct)
		if !ok {
			return nil
		}
		i := slices.IndexFunc(found, func(l *lease) bool { return types.Identical(l.t, elem) })
		if i < 0 {
			i = len(found)
			found = append(found, &lease{pool: pool, t: elem, st: st, direct: map[*ssa.Function]bool{}, fns: map[*ssa.Function]bool{}, cleared: map[int]ssa.Instruction{}, seen: map[int]bool{}, back: map[int]bool{}})
		}
		return found[i]
	}
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if acq.Value == nil || acq.Pool == "" {
				continue
			}
			if l := of(typeOf(acq), acq.Pool); l != nil {
				l.direct[fn] = true
			}
		}
		for i, p := range fn.Params {
			if put := m.Param(fn, i); put.Put != poolmodel.Never && put.Pool != "" {
				if l := of(p.Type(), put.Pool); l != nil {
					l.direct[fn] = true
				}
			}
		}
	}
	return found
}

// look notes what the functions of a lease do, and those that they call with a value of its type, and what has the name of a reset.
func (l *lease) look(m *poolmodel.Model) {
	var add func(fn *ssa.Function, depth int)
	add = func(fn *ssa.Function, depth int) {
		l.fns[fn] = true
		for o := range flow.AllOperands(fn) {
			callee := o.Call.Common().StaticCallee()
			if callee != nil && len(callee.Blocks) > 0 && callee.Pkg == fn.Pkg && !l.fns[callee] && depth < 3 && l.is(o.Value.Type()) {
				add(callee, depth+1)
			}
		}
		for _, lit := range fn.AnonFuncs {
			add(lit, depth)
		}
	}
	own := map[*ssa.Function]bool{}
	for _, fn := range m.Funcs {
		if l.direct[fn] || poolmodel.IsResetName(fn.Name()) && slices.ContainsFunc(fn.Params, func(p *ssa.Parameter) bool { return l.is(p.Type()) }) {
			own[fn] = true
			add(fn, 0)
		}
	}
	back := map[*ssa.Function]bool{}
	for fn := range own {
		if poolmodel.IsResetName(fn.Name()) || slices.ContainsFunc(fn.Params, func(p *ssa.Parameter) bool { return l.is(p.Type()) }) {
			l.reach(fn, back, 0)
		}
	}
	for fn := range back {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if f, ok := instr.(*ssa.FieldAddr); ok && l.is(f.X.Type()) {
					l.back[f.Field] = true
					l.clears(f)
				}
			}
		}
	}
	for fn := range l.fns {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if f, ok := instr.(*ssa.FieldAddr); ok && l.is(f.X.Type()) && flow.LocalBase(f) == nil {
					l.touch(f, own[fn])
				}
			}
		}
	}
}

// reach adds fn to those that reset values or put them back, and what it calls with one.
func (l *lease) reach(fn *ssa.Function, back map[*ssa.Function]bool, depth int) {
	if back[fn] || depth > 3 {
		return
	}
	back[fn] = true
	for o := range flow.AllOperands(fn) {
		if callee := o.Call.Common().StaticCallee(); callee != nil && callee.Pkg == fn.Pkg && l.is(o.Value.Type()) {
			l.reach(callee, back, depth+1)
		}
	}
}

// clears notes where a pointer is set to nil.
func (l *lease) clears(f *ssa.FieldAddr) {
	for _, ref := range *f.Referrers() {
		if store, ok := ref.(*ssa.Store); ok && store.Addr == f && flow.IsNil(store.Val) && pointsTo(store.Val.Type()) && (l.nils == nil || l.nils.Pos() < store.Pos()) {
			l.nils = store
		}
	}
}

// is reports whether t is a pointer to the struct.
func (l *lease) is(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	return ok && types.Identical(p.Elem(), l.t)
}

// touch notes what is done with the address of a field, in one of those functions or in one that they call.
func (l *lease) touch(f *ssa.FieldAddr, own bool) {
	for _, ref := range *f.Referrers() {
		switch ref := ref.(type) {
		case *ssa.DebugRef:
		case *ssa.UnOp:
			for _, use := range *ref.Referrers() {
				l.seen[f.Field] = l.seen[f.Field] || !asks(use)
				if call, ok := use.(*ssa.Call); ok && own && isBuiltin(&call.Call, "clear") {
					l.clear(f.Field, call)
				}
			}
		case *ssa.Store:
			if grows, _ := appended(f, ref.Val); grows || ref.Addr == f && isTrue(ref.Val) && isBool(ref.Val.Type()) {
				continue
			}
			l.seen[f.Field] = true
			if own && (isZeroValue(ref.Val) || isEmptied(ref.Val)) {
				l.clear(f.Field, ref)
			}
		default:
			l.seen[f.Field] = true
		}
	}
}

func (l *lease) clear(field int, at ssa.Instruction) {
	if old := l.cleared[field]; old == nil || old.Pos() < at.Pos() {
		l.cleared[field] = at
	}
}

// asks reports whether a use of what is in a field resets nothing: a comparison, an append, or an element of a map.
func asks(use ssa.Instruction) bool {
	switch use := use.(type) {
	case *ssa.DebugRef, *ssa.If, *ssa.BinOp, *ssa.Range, *ssa.IndexAddr, *ssa.Index, *ssa.Lookup, *ssa.MapUpdate:
		return true
	case *ssa.Call:
		return isBuiltin(&use.Call, "append", "len", "cap")
	}
	return false
}

// isEmptied reports whether v is a slice that is cut to nothing.
func isEmptied(v ssa.Value) bool {
	cut, ok := v.(*ssa.Slice)
	return ok && cut.High != nil && flow.IsZero(cut.High)
}

// others returns what all the functions do with each field.
func (l *lease) others(m *poolmodel.Model) map[int]*fieldLife {
	lives := map[int]*fieldLife{}
	of := func(i int) *fieldLife {
		if lives[i] == nil {
			lives[i] = new(fieldLife)
		}
		return lives[i]
	}
	for _, fn := range m.Funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				switch instr := instr.(type) {
				case *ssa.Store:
					if _, variable := instr.Addr.(*ssa.Alloc); !variable && types.Identical(instr.Val.Type(), l.t) {
						for i := range l.st.NumFields() {
							of(i).steady = true
						}
					}
				case *ssa.FieldAddr:
					if l.is(instr.X.Type()) {
						of(instr.Field).look(fn, instr, l.fns[fn])
					}
				}
			}
		}
	}
	return lives
}

// look notes what fn does with the address of a field, in a function of the lease or not.
func (life *fieldLife) look(fn *ssa.Function, f *ssa.FieldAddr, leased bool) {
	if flow.LocalBase(f) != nil { // in a struct that is made: for good, but for what is added to
		switch f.Type().Underlying().(*types.Pointer).Elem().Underlying().(type) {
		case *types.Map, *types.Slice:
		default:
			life.steady = true
		}
		return
	}
	for _, ref := range *f.Referrers() {
		switch ref := ref.(type) {
		case *ssa.DebugRef:
		case *ssa.UnOp:
			for _, use := range *ref.Referrers() {
				life.use(fn, ref, use)
			}
		case *ssa.Store:
			life.stores++
			if ref.Addr == f && isTold(ref.Val) {
				life.given = fn
			}
			grows, made := appended(f, ref.Val)
			switch {
			case grows && !made:
				life.set = fn
			case ref.Addr != f || isZeroValue(ref.Val) || isMadeHere(ref.Val):
				life.steady = true
			case isGiven(ref.Val) && (leased && isTrue(ref.Val) || isSetter(fn, f) || !always(ref)):
				life.set = fn
			}
		default:
			life.steady = true
		}
	}
}

// use notes what fn does with what it has read out of a field. A map is added to until somebody empties it, and one that is asked whether it has a key is a
// cache.
func (life *fieldLife) use(fn *ssa.Function, read ssa.Value, use ssa.Instruction) {
	_, isMap := read.Type().Underlying().(*types.Map)
	switch use := use.(type) {
	case *ssa.DebugRef:
	case *ssa.MapUpdate:
		if isMap && use.Map == read {
			life.set = fn
			return
		}
		life.steady = life.steady || isMap
	case *ssa.Lookup:
		life.asked = true
		life.steady = life.steady || isMap && use.CommaOk
	case *ssa.Call:
		life.asked = life.asked || !isBuiltin(&use.Call, "append")
		life.steady = life.steady || isMap && !isBuiltin(&use.Call, "len")
	case *ssa.BinOp, *ssa.Range:
		life.asked = true
	default:
		life.asked = true
		life.steady = life.steady || isMap
	}
}

// isMadeHere reports whether v is new: memory that is made, or what a call has returned.
func isMadeHere(v ssa.Value) bool {
	return comesFrom(v, map[ssa.Value]bool{}, func(v ssa.Value) bool {
		switch v.(type) {
		case *ssa.Alloc, *ssa.MakeSlice, *ssa.MakeMap, *ssa.MakeChan, *ssa.MakeClosure, *ssa.Call, *ssa.Extract, *ssa.Function:
			return true
		}
		return false
	})
}

// isGiven reports whether v is what a function was told, or a constant.
func isGiven(v ssa.Value) bool {
	return comesFrom(v, map[ssa.Value]bool{}, func(v ssa.Value) bool {
		switch v.(type) {
		case *ssa.Parameter, *ssa.Const:
			return true
		}
		return false
	})
}

// isTold reports whether v is a parameter, or a field of one that is a struct.
func isTold(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Parameter:
		return true
	case *ssa.Field:
		_, ok := v.X.(*ssa.Parameter)
		return ok
	case *ssa.UnOp:
		f, ok := v.X.(*ssa.FieldAddr)
		if !ok {
			return false
		}
		copied, ok := f.X.(*ssa.Alloc)
		return ok && slices.ContainsFunc(*copied.Referrers(), func(ref ssa.Instruction) bool {
			store, ok := ref.(*ssa.Store)
			if !ok || store.Addr != copied {
				return false
			}
			_, ok = store.Val.(*ssa.Parameter)
			return ok
		})
	}
	return false
}

// comesFrom reports whether v, out of its interface, or what it is on some path, is what is asked for. A loop may lead back to a value: seen are those that
// were asked.
func comesFrom(v ssa.Value, seen map[ssa.Value]bool, is func(ssa.Value) bool) bool {
	if seen[v] {
		return false
	}
	seen[v] = true
	switch v := v.(type) {
	case *ssa.MakeInterface:
		return comesFrom(v.X, seen, is)
	case *ssa.ChangeInterface:
		return comesFrom(v.X, seen, is)
	case *ssa.Phi:
		return slices.ContainsFunc(v.Edges, func(x ssa.Value) bool { return comesFrom(x, seen, is) })
	}
	return is(v)
}

// always reports whether a store is made on each path of its function.
func always(store *ssa.Store) bool {
	for _, b := range store.Parent().Blocks {
		if _, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok && !store.Block().Dominates(b) {
			return false
		}
	}
	return true
}

// sibling returns the last instruction by which a field of the type of f is set to zero: of bools, numbers and texts two of which are, for there are many of these.
func (l *lease) sibling(f *types.Var) ssa.Instruction {
	var last ssa.Instruction
	n := 0
	for i, at := range l.cleared {
		if types.Identical(l.st.Field(i).Type(), f.Type()) {
			n++
			if last == nil || last.Pos() < at.Pos() {
				last = at
			}
		}
	}
	if _, basic := f.Type().Underlying().(*types.Basic); basic && n < 2 {
		return nil
	}
	return last
}
