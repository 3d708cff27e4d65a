package getreset

import (
	"go/constant"
	"regexp"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Names of functions that make a value as new, and of those that add to what is in it.
var (
	resets = regexp.MustCompile(`(?i)^(reset|clear|clean|init|zero|recycle)`)
	adds   = regexp.MustCompile(`^(Write|ReadFrom)`)
)

// isReset reports whether instr resets the value that t follows: it calls such a function with it, or assigns to all of it.
func isReset(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	switch instr := instr.(type) {
	case *ssa.Store:
		return t.Live(s, instr.Addr) == flow.Same && !t.Cell(instr.Addr)
	case ssa.CallInstruction:
		operands := flow.Operands(instr.Common())
		name := poolmodel.CalleeName(instr.Common())
		if len(operands) == 0 || t.Live(s, operands[0]) != flow.Same {
			return false
		}
		return resets.MatchString(name) || name == "Truncate" && isZero(operands[1])
	}
	return false
}

func isZero(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.Value != nil && constant.Sign(c.Value) == 0
}

// isDirty reports whether a Put gives back the value as it is: it is the pool's own Put, or a closure that does not reset. A
// wrapper of Put is judged by what it does with its parameter.
func isDirty(m *poolmodel.Model, instr ssa.Instruction) bool {
	call := instr.(ssa.CallInstruction).Common()
	if mc, ok := call.Value.(*ssa.MakeClosure); ok {
		return !mentionsReset(mc.Fn.(*ssa.Function))
	}
	return m.IsAPI(call, "sync.Pool.Put")
}

// mentionsReset reports whether fn calls something that resets.
func mentionsReset(fn *ssa.Function) bool {
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			if call, ok := instr.(ssa.CallInstruction); ok && resets.MatchString(poolmodel.CalleeName(call.Common())) {
				return true
			}
		}
	}
	return false
}

// adding reports whether instr adds to the contents of the value that t follows.
func adding(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	call, ok := instr.(*ssa.Call)
	if !ok {
		return false
	}
	for i, x := range flow.Operands(&call.Call) {
		if t.Live(s, x) != flow.Same {
			continue
		}
		name := poolmodel.CalleeName(&call.Call)
		if i > 0 || call.Call.Signature().Recv() == nil {
			return poolmodel.IsWriter(&call.Call, i) // given to a function that writes to it
		}
		return adds.MatchString(name)
	}
	return false
}
