package missingput

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// others are what the functions of the package do with what they have got in the same way.
type others struct {
	gets map[string]int // how often values are got out of a pool, by its name

	back map[source]bool // some put it back
	most map[source]int  // how many more put it back than do not

	// Some put it back, or what they make of it and return is put back by those who get it by them.
	owed map[source]bool

	// The functions that may keep it for all that is known of them, and that do not: it is put back afterwards.
	lent map[source]map[*types.Func]bool
}

// source is how a value is got: by which function, and out of which pool.
type source struct {
	get  *types.Func
	pool string
}

func sourceOf(acq poolmodel.Acquisition) source {
	return source{poolmodel.Callee(&acq.Call.Call), acq.Pool}
}

func othersOf(m *poolmodel.Model, all []*taken) others {
	o := others{map[string]int{}, map[source]bool{}, map[source]int{}, map[source]bool{}, map[source]map[*types.Func]bool{}}
	for _, v := range all {
		o.gets[v.acq.Pool]++
		from := sourceOf(v.acq)
		if !v.fate.put {
			o.most[from]--
		}
		if !v.fate.put || from.get == nil {
			continue
		}
		o.back[from] = true
		o.most[from]++
		for instr := range v.lent {
			callee := lender(instr)
			if callee == nil {
				continue
			}
			if o.lent[from] == nil {
				o.lent[from] = map[*types.Func]bool{}
			}
			o.lent[from][callee] = true
		}
	}
	o.findOwed(all)
	return o
}

// isLastOf reports whether nobody gets a value out of the pool any more when the function of v returns: that is a literal in which a loop does so alone, and
// the pool is in a struct that the function around it has made.
func (o others) isLastOf(v *taken) bool {
	if v.t.Fn.Parent() == nil || v.acq.Wrapper || o.gets[v.acq.Pool] != 1 || !flow.InLoop(v.acq.Call.Block()) {
		return false
	}
	operands := flow.Operands(&v.acq.Call.Call)
	if len(operands) == 0 {
		return false
	}
	f, ok := operands[0].(*ssa.FieldAddr)
	if !ok {
		return false
	}
	captured, ok := f.X.(*ssa.FreeVar)
	if !ok {
		return false
	}
	made, ok := poolmodel.BoundTo(captured).(*ssa.Alloc)
	return ok && flow.IsStruct(made.Type().Underlying().(*types.Pointer).Elem())
}

// findOwed finds what is put back by way of functions that return it: of a function whose value others put back, what it gets out of the same pool.
func (o others) findOwed(all []*taken) {
	for from := range o.back {
		o.owed[from] = true
	}
	for more := true; more; {
		more = false
		for _, v := range all {
			from := sourceOf(v.acq)
			by, _ := v.t.Fn.Object().(*types.Func)
			if by != nil && !o.owed[from] && o.owed[source{by, v.acq.Pool}] {
				o.owed[from], more = true, true
			}
		}
	}
}

// isOwed reports whether who gets a value by a function has to put it back, for all that others do with theirs: or nobody else can, or the function has taken
// it out of the pool itself. What a function makes of a value that it has got by another may be meant to stay.
func (o others) isOwed(m *poolmodel.Model, acq poolmodel.Acquisition) bool {
	closed, put := m.Closed(acq.Pool)
	return closed && put || o.owed[sourceOf(acq)] || !m.ByAnother(acq)
}

// lends returns the calls in the function of v of what others give such a value to and put it back. And these with those of functions of the package that do
// not take it, by their names, where others put such a value back themselves; and, where something in the package does, of those that have the name of one
// that is done with its arguments when it returns.
func (o others) lends(m *poolmodel.Model, v *taken) (lent, used map[ssa.Instruction]bool) {
	from := sourceOf(v.acq)
	fills := m.Fills(v.acq.Pool)
	lent, used = map[ssa.Instruction]bool{}, map[ssa.Instruction]bool{}
	for _, b := range v.t.Fn.Blocks {
		for _, instr := range b.Instrs {
			callee := lender(instr)
			if callee == nil {
				continue
			}
			if o.lent[from][callee] {
				lent[instr], used[instr] = true, true
			} else if isStatic(instr) && (o.back[from] && (m.Uses(callee) || isTemporary(instr)) || fills && poolmodel.Works(callee)) {
				used[instr] = true
			}
		}
	}
	return lent, used
}

// isTemporary reports whether a call is of a constructor of which the results are only used where they are made: what they have of its arguments, nobody has.
func isTemporary(instr ssa.Instruction) bool {
	call := instr.(*ssa.Call)
	return poolmodel.Constructs(&call.Call) && staysHere(call)
}

// staysHere reports whether nothing is done with v but to call its methods, and to compare it.
func staysHere(v ssa.Value) bool {
	return !slices.ContainsFunc(*v.Referrers(), func(ref ssa.Instruction) bool {
		switch ref := ref.(type) {
		case *ssa.DebugRef, *ssa.BinOp:
			return false
		case *ssa.Extract:
			return !flow.IsError(ref.Type()) && flow.MayRefer(ref.Type()) && !staysHere(ref)
		case *ssa.Call:
			operands := flow.Operands(&ref.Call)
			return ref.Call.Signature().Recv() == nil && !ref.Call.IsInvoke() || operands[0] != v || slices.Contains(operands[1:], v)
		}
		return true
	})
}

// isStatic reports whether a call is of a function that is known, and not of an interface's method.
func isStatic(instr ssa.Instruction) bool { return !instr.(*ssa.Call).Call.IsInvoke() }

// lender returns the function or method that an instruction calls, nil for none.
func lender(instr ssa.Instruction) *types.Func {
	call, ok := instr.(*ssa.Call)
	if !ok {
		return nil
	}
	return poolmodel.Callee(&call.Call)
}
