package poolmodel

import (
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// interfacePrefix begins the name of a pool that is known by an interface alone: of which value of it, and so into which pool, is not known.
const interfacePrefix = "Pools of "

// IsInterface reports whether a pool of that name is known by an interface alone.
func IsInterface(pool string) bool { return strings.Contains(pool, "."+interfacePrefix) }

// findInterfaces finds the interfaces of the package that stand for a pool: a type of the package has all their methods, of which one gets a value and
// another puts one back.
func (m *Model) findInterfaces() {
	m.byInterface = map[*types.Func]*Summary{}
	methods := map[*types.Func]*ssa.Function{}
	for _, fn := range m.Funcs {
		if obj, ok := fn.Object().(*types.Func); ok {
			methods[obj] = fn
		}
	}
	var concrete []types.Type
	var abstract []*types.Named
	scope := m.pass.Pkg.Scope()
	for _, name := range scope.Names() {
		tn, ok := scope.Lookup(name).(*types.TypeName)
		if !ok || tn.IsAlias() {
			continue
		}
		named, ok := tn.Type().(*types.Named)
		switch {
		case !ok || named.TypeParams().Len() > 0:
		case types.IsInterface(named):
			if n := named.Underlying().(*types.Interface).NumMethods(); n > 1 && n <= maxMethods {
				abstract = append(abstract, named)
			}
		case named.NumMethods() > 1:
			concrete = append(concrete, types.NewPointer(named))
		}
	}
	for _, named := range abstract {
		iface := named.Underlying().(*types.Interface)
		for _, t := range concrete {
			if types.Implements(t, iface) {
				m.standsFor(named, types.NewMethodSet(t), methods)
			}
		}
	}
}

// maxMethods bounds the methods of an interface that stands for a pool.
const maxMethods = 12

// standsFor notes what the methods of an interface do, if those of a type that has them get values and put them back.
func (m *Model) standsFor(named *types.Named, of *types.MethodSet, methods map[*types.Func]*ssa.Function) {
	iface := named.Underlying().(*types.Interface)
	pool := named.Obj().Pkg().Path() + "." + interfacePrefix + named.Obj().Name()
	found := map[*types.Func]*Summary{}
	gets, puts := false, false
	for method := range iface.Methods() {
		sel := of.Lookup(method.Pkg(), method.Name())
		if sel == nil {
			return
		}
		fn := methods[sel.Obj().(*types.Func)]
		if fn == nil || len(fn.Params) == 0 {
			continue
		}
		s := &Summary{}
		for _, r := range m.results(fn) {
			if r.Held {
				r = Result{}
			}
			gets = gets || r.Acquired
			if r.Acquired {
				r.Pool = pool
			}
			s.Results = append(s.Results, r)
		}
		acts := false
		for i := range fn.Params {
			p := Param{Put: m.param(fn, i).Put}
			if i == 0 || p.Put == Never {
				p = Param{}
			} else {
				p.Pool, acts = pool, true
			}
			s.Params = append(s.Params, p)
		}
		puts = puts || acts
		if acts || len(s.Results) > 0 {
			found[method] = s
		}
	}
	if !gets || !puts {
		return
	}
	for method, s := range found {
		if m.byInterface[method] == nil {
			m.byInterface[method] = s
		}
	}
}

// ofInterface returns what is known of a method of an interface that stands for a pool, nil for another.
func (m *Model) ofInterface(method *types.Func) *Summary {
	if method == nil {
		return nil
	}
	if s := m.byInterface[method]; s != nil {
		return s
	}
	return m.imported(method)
}

// exportInterfaces keeps for other packages what is known of such methods.
func (m *Model) exportInterfaces() {
	for method, s := range m.byInterface {
		if method.Exported() {
			m.pass.ExportObjectFact(method, s)
		}
	}
}
