package useafterput

import (
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// kind returns plain where an operand of instr that has to do with the value plainly is the value or memory of it, and made where all such operands are what
// calls have made of it: there it is a guess that they have not copied it.
func (c *checker) kind(t *flow.Track, s *flow.State, instr ssa.Instruction, plain, made string) string {
	for _, op := range instr.Operands(nil) {
		if *op != nil && t.Live(s, *op) <= flow.Part && isPlain(t, *op, map[ssa.Value]bool{}) {
			return plain
		}
	}
	return made
}

// isPlain reports whether v comes from the root of t by selecting, cutting and loading alone, or by what is known to return memory of what it is given.
func isPlain(t *flow.Track, v ssa.Value, seen map[ssa.Value]bool) bool {
	if v == t.Root {
		return true
	}
	if seen[v] {
		return false
	}
	seen[v] = true
	from := func(v ssa.Value) bool { return isPlain(t, v, seen) }
	switch v := v.(type) {
	case *ssa.Alloc: // a variable: what is stored in it
		return slices.ContainsFunc(*v.Referrers(), func(ref ssa.Instruction) bool {
			store, ok := ref.(*ssa.Store)
			return ok && store.Addr == v && from(store.Val)
		})
	case *ssa.FreeVar:
		return true
	case *ssa.Phi:
		return slices.ContainsFunc(v.Edges, from)
	case *ssa.Slice:
		return from(v.X)
	case *ssa.UnOp:
		return from(v.X)
	case *ssa.FieldAddr:
		return from(v.X)
	case *ssa.Field:
		return from(v.X)
	case *ssa.IndexAddr:
		return from(v.X)
	case *ssa.Index:
		return from(v.X)
	case *ssa.Lookup:
		return from(v.X)
	case *ssa.TypeAssert:
		return from(v.X)
	case *ssa.Extract:
		return from(v.Tuple)
	case *ssa.MakeInterface:
		return from(v.X)
	case *ssa.ChangeInterface:
		return from(v.X)
	case *ssa.ChangeType:
		return from(v.X)
	case *ssa.Call:
		if b, ok := v.Call.Value.(*ssa.Builtin); ok {
			return b.Name() == "append" && from(v.Call.Args[0])
		}
		callee := poolmodel.Callee(&v.Call)
		return callee != nil && callee.FullName() == "(*bytes.Buffer).Bytes" && from(v.Call.Args[0])
	}
	return false
}
