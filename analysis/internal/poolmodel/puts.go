package poolmodel

import (
	"go/token"
	"go/types"
	"iter"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// PutSite is a call of a pool's own Put.
type PutSite struct {
	Fn    *ssa.Function
	Instr ssa.CallInstruction
	Value ssa.Value // what is put, out of its interface
	Boxed bool      // Value is put into an interface for it
	Pool  string    // where to, when that is known
	Name  string    // the function: "sync.Pool.Put"
}

// Puts returns the calls of a pool's Put in the package, deferred ones among them, in source order of functions.
func (m *Model) Puts() []PutSite {
	var found []PutSite
	for _, fn := range m.Funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				call, ok := instr.(ssa.CallInstruction)
				if !ok {
					continue
				}
				if site, ok := m.putSite(fn, call); ok {
					found = append(found, site)
				}
			}
		}
	}
	return found
}

func (m *Model) putSite(fn *ssa.Function, call ssa.CallInstruction) (PutSite, bool) {
	callee := calleeOf(call.Common())
	if callee == nil {
		return PutSite{}, false
	}
	name := apiKey(callee)
	a, ok := m.apis[name]
	if !ok || !a.put {
		return PutSite{}, false
	}
	operands := flow.Operands(call.Common())
	site := PutSite{Fn: fn, Instr: call, Value: operands[a.arg], Name: name}
	if box, ok := site.Value.(*ssa.MakeInterface); ok {
		site.Value, site.Boxed = box.X, true
	}
	if !a.self {
		site.Pool = poolOf(operands[0])
	}
	return site, true
}

// FieldPuts returns, of each field of a parameter whose value fn puts back, one place where it is read.
func (m *Model) FieldPuts(fn *ssa.Function) []*ssa.FieldAddr {
	type key struct {
		of    ssa.Value
		field int
	}
	seen := map[key]bool{}
	var found []*ssa.FieldAddr
	for o := range flow.AllOperands(fn) {
		f := readFrom(o.Value)
		if f == nil || seen[key{f.X, f.Field}] || m.effect(o.Call.Common(), o.Index).Put == Never {
			continue
		}
		if _, ok := f.X.(*ssa.Parameter); ok {
			seen[key{f.X, f.Field}] = true
			found = append(found, f)
		}
	}
	return found
}

// OtherPuts returns the values that fn puts back whichever way it goes, and that it has neither got nor been given: taken from a channel, a map, a
// list, or what a call returns that is no acquisition.
func (m *Model) OtherPuts(fn *ssa.Function) []ssa.Value {
	known := map[ssa.Value]bool{}
	for _, acq := range m.AllAcquisitions(fn) {
		known[acq.Call] = true
	}
	var found []ssa.Value
	for o := range flow.AllOperands(fn) {
		if m.effect(o.Call.Common(), o.Index).Put != Always {
			continue
		}
		if v := takenFrom(o.Value); v != nil && !known[v] {
			known[v] = true
			found = append(found, v)
		}
	}
	return found
}

// takenFrom returns the value that v is, perhaps cut, asserted or in an interface, where it came from somewhere that is not followed; nil for
// what is made there, a parameter or what is in a variable.
func takenFrom(v ssa.Value) ssa.Value {
	for {
		switch x := v.(type) {
		case *ssa.MakeInterface:
			v = x.X
		case *ssa.ChangeType:
			v = x.X
		case *ssa.ChangeInterface:
			v = x.X
		case *ssa.Slice:
			v = x.X
		case *ssa.TypeAssert:
			if x.CommaOk {
				return nil
			}
			v = x.X
		case *ssa.UnOp:
			if _, element := x.X.(*ssa.IndexAddr); element || x.Op == token.ARROW && !x.CommaOk {
				return x
			}
			if f, ok := x.X.(*ssa.FieldAddr); ok && x.Op == token.MUL && flow.LocalBase(f) == nil {
				return x
			}
			return nil
		case *ssa.Lookup:
			if x.CommaOk {
				return nil
			}
			return x
		case *ssa.Call:
			if _, builtin := x.Call.Value.(*ssa.Builtin); builtin {
				return nil
			}
			return x
		case *ssa.Extract:
			return x
		case *ssa.Phi:
			if flow.InLoop(x.Block()) {
				return x
			}
			return nil
		default:
			return nil
		}
	}
}

// TrackValue follows a value from where it comes from.
func (m *Model) TrackValue(fn *ssa.Function, v ssa.Value) *flow.Track {
	return flow.NewTrack(fn, v, -1, m)
}

// readFrom returns the field that v was read from, perhaps cut or in an interface, nil for none.
func readFrom(v ssa.Value) *ssa.FieldAddr {
	for {
		switch x := v.(type) {
		case *ssa.MakeInterface:
			v = x.X
		case *ssa.Slice:
			v = x.X
		case *ssa.UnOp:
			f, _ := x.X.(*ssa.FieldAddr)
			if x.Op != token.MUL {
				return nil
			}
			return f
		default:
			return nil
		}
	}
}

// TrackField follows what is in a field of a parameter.
func (m *Model) TrackField(fn *ssa.Function, f *ssa.FieldAddr) *flow.Track {
	return flow.NewFieldTrack(fn, f, m)
}

// IsAPI reports whether a call is of the function of this name in the table of pools: "sync.Pool.Put".
func (m *Model) IsAPI(call *ssa.CallCommon, name string) bool {
	callee := calleeOf(call)
	return callee != nil && apiKey(callee) == name
}

// Callee returns the function or method that call names, nil for a function value.
func Callee(call *ssa.CallCommon) *types.Func { return calleeOf(call) }

// CalleeName returns the name of the function or method that is called, "" for a function value.
func CalleeName(call *ssa.CallCommon) string {
	if callee := calleeOf(call); callee != nil {
		return callee.Name()
	}
	return ""
}

// IsWriter reports whether the function called takes its operand arg as an io.Writer.
func IsWriter(call *ssa.CallCommon, arg int) bool {
	return flow.Operands(call)[arg].Type().String() == "io.Writer"
}

// Param returns what fn does with parameter i.
func (m *Model) Param(fn *ssa.Function, i int) Param { return m.param(fn, i) }

// PutLevel returns on how many paths a call puts back its operand arg.
func (m *Model) PutLevel(call *ssa.CallCommon, arg int) Level { return m.effect(call, arg).Put }

// PutOf returns the pool into which a call puts back its operand arg, "" where it does not, or it is not known.
func (m *Model) PutOf(call *ssa.CallCommon, arg int) string {
	if p := m.effect(call, arg); p.Put != Never {
		return p.Pool
	}
	return ""
}

// GivesBack reports whether a call puts its operand arg back, or what that holds in a field.
func (m *Model) GivesBack(call *ssa.CallCommon, arg int) bool {
	p := m.effect(call, arg)
	return p.Put != Never || p.Frees
}

// IsCalled reports whether a function of the package calls the method given.
func (m *Model) IsCalled(method *types.Func) bool {
	for _, fn := range m.Funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if call, ok := instr.(ssa.CallInstruction); ok && calleeOf(call.Common()) == method {
					return true
				}
			}
		}
	}
	return false
}

// News returns the functions that make new values for the pools of the package, by the pools' names: the New of each
// sync.Pool that is set where the pool is declared, or assigned to.
func (m *Model) News() map[string]*ssa.Function {
	news := map[string]*ssa.Function{}
	for pool, f := range m.allNews() {
		news[pool] = f
	}
	return news
}

// Makes returns the type of what the New of a pool makes, out of its interface, by the pool's name. Pools of one name with more than one New have none.
func (m *Model) Makes() map[string]types.Type {
	made := map[string]types.Type{}
	seen := map[string]bool{}
	for pool, f := range m.allNews() {
		if seen[pool] {
			delete(made, pool)
			continue
		}
		seen[pool] = true
		if t := boxedBy(f); t != nil {
			made[pool] = t
		}
	}
	return made
}

// boxedBy returns the type of all that a function returns as an interface, nil where there are several or it is not known.
func boxedBy(f *ssa.Function) types.Type {
	var t types.Type
	for _, b := range f.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok {
			continue
		}
		if len(ret.Results) != 1 {
			return nil
		}
		box, ok := ret.Results[0].(*ssa.MakeInterface)
		if !ok || t != nil && !types.Identical(t, box.X.Type()) {
			return nil
		}
		t = box.X.Type()
	}
	return t
}

// allNews yields the pools of the package with the functions that are their New, for each place where one is set.
func (m *Model) allNews() iter.Seq2[string, *ssa.Function] {
	return func(yield func(string, *ssa.Function) bool) {
		for _, fn := range m.withInit() {
			for _, b := range fn.Blocks {
				for _, instr := range b.Instrs {
					store, ok := instr.(*ssa.Store)
					if !ok {
						continue
					}
					if pool, f := newOf(store); f != nil && !yield(pool, f) {
						return
					}
				}
			}
		}
	}
}

// newOf returns the function that a store makes the New of a pool, and the pool's name.
func newOf(store *ssa.Store) (string, *ssa.Function) {
	field, ok := store.Addr.(*ssa.FieldAddr)
	if !ok {
		return "", nil
	}
	if named := namedOf(field.X.Type()); named == nil || named.Obj().Name() != "Pool" || named.Obj().Pkg().Path() != "sync" {
		return "", nil
	}
	f, ok := store.Val.(*ssa.Function)
	if !ok {
		return "", nil
	}
	if pool := poolOf(field.X); pool != "" && !isLocal(pool) {
		return pool, f
	}
	return assignedTo(field.X), f
}

// assignedTo returns the name of the pool that the address of a new sync.Pool, or the pool itself, is stored to.
func assignedTo(v ssa.Value) string {
	for _, ref := range *v.Referrers() {
		switch ref := ref.(type) {
		case *ssa.Store:
			if ref.Val == v {
				return poolOf(ref.Addr)
			}
		case *ssa.UnOp:
			if pool := assignedTo(ref); pool != "" {
				return pool
			}
		}
	}
	return ""
}

func isLocal(pool string) bool { return strings.HasPrefix(pool, localPrefix) }

// Sends reports whether one of the cases of a select sends the root or what holds it.
func Sends(t *flow.Track, s *flow.State, states ...*ssa.SelectState) bool {
	return slices.ContainsFunc(states, func(st *ssa.SelectState) bool { return st.Send != nil && ownerClass(t, s, st.Send) != flow.None })
}
