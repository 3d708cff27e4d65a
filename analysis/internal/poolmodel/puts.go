package poolmodel

import (
	"go/token"
	"go/types"
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
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			call, ok := instr.(ssa.CallInstruction)
			if !ok {
				continue
			}
			for arg, x := range flow.Operands(call.Common()) {
				f := readFrom(x)
				if f == nil || seen[key{f.X, f.Field}] || m.effect(call.Common(), arg).Put == Never {
					continue
				}
				if _, ok := f.X.(*ssa.Parameter); ok {
					seen[key{f.X, f.Field}] = true
					found = append(found, f)
				}
			}
		}
	}
	return found
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
	funcs := m.Funcs
	if len(funcs) > 0 {
		funcs = append([]*ssa.Function{funcs[0].Pkg.Func("init")}, funcs...)
	}
	for _, fn := range funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if store, ok := instr.(*ssa.Store); ok {
					if pool, f := newOf(store); f != nil {
						news[pool] = f
					}
				}
			}
		}
	}
	return news
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
