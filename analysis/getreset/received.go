package getreset

import (
	"fmt"
	"go/token"
	"go/types"
	"regexp"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Names of functions that read into a slice as much as there is, of those that read until it is full, and of those that take all of a slice for a message.
var (
	fills  = regexp.MustCompile(`(?i)^(read|recv|receive)`)
	full   = regexp.MustCompile(`(?i)full|atleast|exact`)
	parses = regexp.MustCompile(`(?i)^(unpack|unmarshal|parse|decode|write$|handle)`)
)

// reportReceived reports slices of a pool that are read into and then given on whole, and not cut to what was read.
func reportReceived(pass *analysis.Pass, m *poolmodel.Model) {
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			if acq.Value == nil {
				continue
			}
			t := m.Track(fn, acq)
			all := t.Everywhere()
			for _, r := range receptions(t, all) {
				if use := r.usedWhole(); use != nil {
					m.Report(pass, analysis.Diagnostic{Category: "more-than-read", Pos: use.Pos(), Message: fmt.Sprintf(
						"all of the slice is used, and not only what line %d has read into it: the rest is what the last user of %s left", m.Line(r.call.Pos()), m.Got(acq))})
				}
			}
		}
	}
}

// reception is a call that reads n bytes into a slice.
type reception struct {
	call *ssa.Call
	into ssa.Value
	n    ssa.Value
}

// receptions returns the calls that read into the value that t follows, as much as there is: those of which somebody asks how much.
func receptions(t *flow.Track, all *flow.State) []reception {
	var found []reception
	for o := range flow.AllOperands(t.Fn) {
		call, ok := o.Call.(*ssa.Call)
		if !ok || t.Live(all, o.Value) == flow.None || t.Live(all, o.Value) > flow.Part || !isBytes(o.Value.Type()) {
			continue
		}
		name := poolmodel.CalleeName(&call.Call)
		results := call.Call.Signature().Results()
		if !fills.MatchString(name) || full.MatchString(name) || results.Len() < 2 || !types.Identical(results.At(0).Type(), types.Typ[types.Int]) {
			continue
		}
		into := uncut(o.Value)
		if into == nil || t.Cell(into) {
			continue
		}
		for _, ref := range *call.Referrers() {
			if n, ok := ref.(*ssa.Extract); ok && n.Index == 0 && !isExact(n) {
				found = append(found, reception{call, into, n})
			}
		}
	}
	return found
}

func isBytes(t types.Type) bool {
	s, ok := t.Underlying().(*types.Slice)
	return ok && types.Identical(s.Elem(), types.Typ[types.Byte])
}

// uncut returns what v is to the end, nil where it is cut at its end.
func uncut(v ssa.Value) ssa.Value {
	for {
		cut, ok := v.(*ssa.Slice)
		if !ok {
			return v
		}
		if cut.High != nil {
			return nil
		}
		v = cut.X
	}
}

// isExact reports whether it is asked if n is a certain number: all of the slice, say.
func isExact(n ssa.Value) bool {
	return slices.ContainsFunc(*n.Referrers(), func(ref ssa.Instruction) bool {
		op, ok := ref.(*ssa.BinOp)
		if !ok || op.Op != token.EQL && op.Op != token.NEQ {
			return false
		}
		other := op.X
		if other == n {
			other = op.Y
		}
		return !flow.IsZero(other)
	})
}

// usedWhole returns a use of all of the slice after it was read into, by what takes it for a message, nil for none.
func (r reception) usedWhole() ssa.Instruction {
	for _, b := range r.call.Parent().Blocks {
		for _, instr := range b.Instrs {
			if instr != r.call && precedes(r.call, instr) && r.takes(instr) && !r.refilled(instr) {
				return instr
			}
		}
	}
	return nil
}

// refilled reports whether something else reads into the slice, or copies into it, before it is used.
func (r reception) refilled(use ssa.Instruction) bool {
	for o := range flow.AllOperands(r.call.Parent()) {
		call, ok := o.Call.(*ssa.Call)
		if !ok || call == r.call || !isBytes(o.Value.Type()) || uncut(o.Value) != r.into {
			continue
		}
		if (isBuiltin(&call.Call, "copy", "clear") || fills.MatchString(poolmodel.CalleeName(&call.Call))) && precedes(call, use) {
			return true
		}
	}
	return false
}

// precedes reports whether a comes before b on every path to b.
func precedes(a, b ssa.Instruction) bool {
	if a.Block() != b.Block() {
		return a.Block().Dominates(b.Block())
	}
	instrs := b.Block().Instrs
	return slices.Index(instrs, a) < slices.Index(instrs, b)
}

// takes reports whether an instruction takes all of the slice for what was read, and is not told how much that is.
func (r reception) takes(instr ssa.Instruction) bool {
	switch instr := instr.(type) {
	case *ssa.Convert:
		basic, ok := instr.Type().Underlying().(*types.Basic)
		return ok && basic.Kind() == types.String && isBytes(instr.X.Type()) && uncut(instr.X) == r.into
	case *ssa.Call:
		callee := poolmodel.Callee(&instr.Call)
		if callee == nil || !parses.MatchString(callee.Name()) || callee.Pkg() != nil && callee.Pkg().Path() == "encoding/binary" {
			return false
		}
		operands := flow.Operands(&instr.Call)
		return slices.ContainsFunc(operands, func(x ssa.Value) bool { return isBytes(x.Type()) && uncut(x) == r.into }) &&
			!slices.ContainsFunc(operands, func(x ssa.Value) bool { return comesOf(x, r.n, 0) })
	}
	return false
}

// comesOf reports whether v is computed from n.
func comesOf(v, n ssa.Value, depth int) bool {
	switch x := v.(type) {
	case *ssa.BinOp:
		return depth < 6 && (comesOf(x.X, n, depth+1) || comesOf(x.Y, n, depth+1))
	case *ssa.Convert:
		return depth < 6 && comesOf(x.X, n, depth+1)
	case *ssa.Phi:
		return depth < 6 && slices.ContainsFunc(x.Edges, func(e ssa.Value) bool { return comesOf(e, n, depth+1) })
	}
	return v == n
}
