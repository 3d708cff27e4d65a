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

// reportLent reports what exported functions get from a pool and return as it was left, where all that is put back there goes as it is, too, and nobody in the
// package resets a value of that type; of buffers and hashes, one of that pool.
func reportLent(pass *analysis.Pass, m *poolmodel.Model, pool string, lent []poolmodel.Acquisition) {
	t := typeOf(lent[0])
	if _, own := ownReset(t, pass.Pkg); own || !addsUp(t) && slices.ContainsFunc(m.Funcs, func(fn *ssa.Function) bool { return resetsType(fn, t) }) {
		return
	}
	var put ssa.Instruction
	for _, site := range m.Puts() {
		switch {
		case site.Pool != pool:
		case !types.Identical(site.Value.Type(), t) || resetsType(site.Fn, t) || setsFieldOf(site.Fn, t):
			return
		case isExported(site.Fn):
			put = site.Instr
		}
	}
	if put == nil {
		return
	}
	for _, acq := range lent {
		m.Report(pass, analysis.Diagnostic{
			Category: "lent-dirty",
			Pos:      acq.Call.Pos(),
			Message: fmt.Sprintf("%s is returned with what its last user left: the Put in line %d does not reset it either, nor does anybody here",
				m.Got(acq), m.Line(put.Pos())),
			Related: []analysis.RelatedInformation{{Pos: put.Pos(), Message: "put back as it is"}},
		})
	}
}

func isExported(fn *ssa.Function) bool { return fn.Object() != nil && fn.Object().Exported() }

// hasReset reports whether a pointer type has a Reset that needs nothing to work on. A message of protobuf has to have a method that decodes into what it has: by
// the others' package it is reset first.
func hasReset(t types.Type) bool {
	if _, ok := t.Underlying().(*types.Pointer); !ok {
		return false
	}
	methods := types.NewMethodSet(t)
	reset := methods.Lookup(nil, "Reset")
	if reset == nil || reset.Type().(*types.Signature).Params().Len()+reset.Type().(*types.Signature).Results().Len() > 0 {
		return false
	}
	return methods.Lookup(nil, "ProtoMessage") == nil || methods.Lookup(nil, "UnmarshalVT") != nil || methods.Lookup(nil, "Unmarshal") != nil
}

// resetsType reports whether a function gives a value of type t to one that has the name of a reset, or calls such a method.
func resetsType(fn *ssa.Function, t types.Type) bool {
	for o := range flow.AllOperands(fn) {
		if types.Identical(o.Value.Type(), t) && poolmodel.IsResetName(poolmodel.CalleeName(o.Call.Common())) {
			return true
		}
	}
	return false
}

// setsFieldOf reports whether a function stores to a field of a value of type t, or to all of it.
func setsFieldOf(fn *ssa.Function, t types.Type) bool {
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			store, ok := instr.(*ssa.Store)
			if !ok {
				continue
			}
			if f, ok := store.Addr.(*ssa.FieldAddr); ok && types.Identical(f.X.Type(), t) || types.Identical(store.Addr.Type(), t) {
				return true
			}
		}
	}
	return false
}
