package useafterput

import (
	"fmt"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// stale reports what is read from a field after a call that puts it back, on some path at least, and leaves it there: nothing between the two asks whether
// it did.
func stale(pass *analysis.Pass, m *poolmodel.Model) {
	s := leaving{m: m, here: map[*ssa.Function]bool{}, left: map[*ssa.Function]map[int]ssa.Instruction{}, sets: map[*ssa.Function]map[int]bool{}}
	for _, fn := range m.Funcs {
		s.here[fn] = true
	}
	for _, fn := range m.Funcs {
		for _, b := range fn.Blocks {
			for i, instr := range b.Instrs {
				call, ok := instr.(*ssa.Call)
				if !ok || len(call.Call.Args) == 0 {
					continue
				}
				left := s.leaves(call.Call.StaticCallee())
				if len(left) == 0 {
					continue
				}
				if use, field := s.used(b, i+1, call.Call.Args[0], maps.Clone(left)); use != nil {
					m.Report(pass, analysis.Diagnostic{
						Category: "stale-field",
						Pos:      position(use),
						Message: fmt.Sprintf("%s, called in line %d, puts back what is in %s in line %d and leaves it there: by now it may be somebody else's",
							m.CallText(call), m.Line(call.Pos()), fieldNamed(call.Call.Args[0].Type(), field), m.Line(left[field].Pos())),
						Related: []analysis.RelatedInformation{{Pos: left[field].Pos(), Message: "put back here"}},
					})
				}
			}
		}
	}
}

// leaving knows of the package's functions which fields of their first parameter they put back and leave as they are.
type leaving struct {
	m    *poolmodel.Model
	here map[*ssa.Function]bool
	left map[*ssa.Function]map[int]ssa.Instruction // by function, the fields and where each is put back
	sets map[*ssa.Function]map[int]bool            // by function, the fields of its first parameter that it sets
}

// allFields is in the sets of a function that overwrites the whole struct.
const allFields = -1

// leaves returns the fields of what the first parameter of fn points to that some path through it puts back, by itself or by what it calls, and that it
// sets nowhere.
func (s *leaving) leaves(fn *ssa.Function) map[int]ssa.Instruction {
	if fn == nil || !s.here[fn] || len(fn.Params) == 0 || !isStructPointer(fn.Params[0]) {
		return nil
	}
	if left, ok := s.left[fn]; ok {
		return left
	}
	s.left[fn] = nil
	left := map[int]ssa.Instruction{}
	for put := range fieldPuts(s.m, fn) {
		load, ok := put.value.(*ssa.UnOp)
		if ok && load.X == put.field && put.level >= poolmodel.Some {
			left[put.field.Field] = put.call
		}
	}
	for o := range flow.AllOperands(fn) {
		if _, started := o.Call.(*ssa.Go); started || o.Index != 0 || o.Value != fn.Params[0] {
			continue
		}
		for field, at := range s.leaves(o.Call.Common().StaticCallee()) {
			if left[field] == nil {
				left[field] = at
			}
		}
	}
	sets := s.setBy(fn)
	for field := range left {
		if sets[field] || sets[allFields] {
			delete(left, field)
		}
	}
	s.left[fn] = left
	return left
}

// setBy returns the fields of what the first parameter of fn points to that it sets, by itself or by what it calls, and those of which it gives away the
// address.
func (s *leaving) setBy(fn *ssa.Function) map[int]bool {
	if sets, ok := s.sets[fn]; ok {
		return sets
	}
	sets := map[int]bool{}
	s.sets[fn] = sets
	for _, ref := range *fn.Params[0].Referrers() {
		switch ref := ref.(type) {
		case *ssa.FieldAddr:
			if slices.ContainsFunc(*ref.Referrers(), func(use ssa.Instruction) bool { return changes(use, ref) }) {
				sets[ref.Field] = true
			}
		case *ssa.Store:
			sets[allFields] = true
		case *ssa.MakeClosure:
			sets[allFields] = true
		case ssa.CallInstruction:
			callee := ref.Common().StaticCallee()
			if callee == nil || !s.here[callee] {
				continue
			}
			if len(ref.Common().Args) == 0 || ref.Common().Args[0] != fn.Params[0] {
				sets[allFields] = true
				continue
			}
			for field := range s.setBy(callee) {
				sets[field] = true
			}
		}
	}
	return sets
}

// changes reports whether an instruction may change what is at an address: it is neither a read of it nor of a field of it.
func changes(use ssa.Instruction, addr ssa.Value) bool {
	switch use := use.(type) {
	case *ssa.UnOp, *ssa.DebugRef, *ssa.FieldAddr, *ssa.IndexAddr:
		return false
	case *ssa.Store:
		return use.Addr == addr
	}
	return true
}

func isStructPointer(v ssa.Value) bool {
	ptr, ok := v.Type().Underlying().(*types.Pointer)
	return ok && flow.IsStruct(ptr.Elem())
}

// used returns the first use, from instruction i of a block on, of what was left in the fields of v, before any branch, and the field.
func (s *leaving) used(b *ssa.BasicBlock, i int, v ssa.Value, left map[int]ssa.Instruction) (ssa.Instruction, int) {
	seen := map[*ssa.BasicBlock]bool{b: true}
	for {
		for _, instr := range b.Instrs[i:] {
			if use, field := s.uses(instr, v, left); use != nil {
				return use, field
			}
			if len(left) == 0 {
				return nil, 0
			}
		}
		if len(b.Succs) != 1 || seen[b.Succs[0]] {
			return nil, 0
		}
		b, i = b.Succs[0], 0
		seen[b] = true
	}
}

// uses returns instr where it reads what is in one of the fields of v, to do something with it, and the field. It takes out those that may have
// something else by then.
func (s *leaving) uses(instr ssa.Instruction, v ssa.Value, left map[int]ssa.Instruction) (ssa.Instruction, int) {
	switch instr := instr.(type) {
	case *ssa.UnOp:
		f, ok := instr.X.(*ssa.FieldAddr)
		if ok && left[f.Field] != nil && samePlace(f.X, v, 0) && isUsed(instr) {
			return instr, f.Field
		}
	case *ssa.Store:
		if f, ok := instr.Addr.(*ssa.FieldAddr); ok && samePlace(f.X, v, 0) {
			delete(left, f.Field)
		} else if samePlace(instr.Addr, v, 0) {
			clear(left)
		}
	case ssa.CallInstruction:
		s.called(instr, v, left)
	}
	return nil, 0
}

// called takes out the fields of v that a call may set.
func (s *leaving) called(call ssa.CallInstruction, v ssa.Value, left map[int]ssa.Instruction) {
	for i, x := range flow.Operands(call.Common()) {
		if !samePlace(x, v, 0) {
			continue
		}
		fn := call.Common().StaticCallee()
		if fn == nil || !s.here[fn] || i > 0 {
			clear(left)
			return
		}
		for field := range s.setBy(fn) {
			if field == allFields {
				clear(left)
			}
			delete(left, field)
		}
	}
}

// isUsed reports whether something is done with v but to compare it with nil.
func isUsed(v ssa.Value) bool {
	return slices.ContainsFunc(*v.Referrers(), func(ref ssa.Instruction) bool {
		switch ref := ref.(type) {
		case ssa.CallInstruction:
			return true
		case *ssa.FieldAddr, *ssa.IndexAddr, *ssa.Slice:
			return true
		case *ssa.UnOp:
			return true
		case *ssa.MakeInterface:
			return isUsed(ref)
		}
		return false
	})
}

// samePlace reports whether a and b are one value, or were read from the same field of one.
func samePlace(a, b ssa.Value, depth int) bool {
	if a == b {
		return true
	}
	x, ok := a.(*ssa.UnOp)
	y, also := b.(*ssa.UnOp)
	if !ok || !also || x.Op != y.Op || depth > 3 {
		return false
	}
	f, ok := x.X.(*ssa.FieldAddr)
	g, also := y.X.(*ssa.FieldAddr)
	if !ok || !also {
		return x.X == y.X
	}
	return f.Field == g.Field && samePlace(f.X, g.X, depth+1)
}
