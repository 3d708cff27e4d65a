package flow

import (
	"fmt"
	"go/constant"
	"go/token"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// maxConds bounds the conditions whose outcome a [State] remembers.
const maxConds = 64

// condition is a condition that is asked in more than one place.
type condition struct {
	bit    int
	negate bool
	renews bool // a loop asks it anew here: no other branch with the condition comes before this one on every path
}

// conditions finds the conditions of the function that are asked in more than one branch, by what they say rather than by
// where: of `if n > 8 {…}; if n > 8 {…}` the second goes as the first.
func conditions(t *Track) map[*ssa.If]condition {
	type place struct {
		branch *ssa.If
		negate bool
	}
	places := map[string][]place{}
	var order []string
	for _, b := range t.Fn.Blocks {
		if len(b.Instrs) == 0 {
			continue
		}
		branch, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		key, negate := condKey(branch.Cond)
		if places[key] == nil {
			order = append(order, key)
		}
		places[key] = append(places[key], place{branch, negate})
	}
	found := map[*ssa.If]condition{}
	bit := 0
	for _, key := range order {
		if len(places[key]) < 2 || bit == maxConds {
			continue
		}
		for _, p := range places[key] {
			first := !slices.ContainsFunc(places[key], func(q place) bool {
				return q.branch != p.branch && q.branch.Block().Dominates(p.branch.Block())
			})
			found[p.branch] = condition{bit, p.negate, first && InLoop(p.branch.Block())}
		}
		bit++
	}
	return found
}

// asksAgain returns, for each block, the conditions whose values matter on a path from it: those that a branch asks for before one asks
// them anew. States that differ in others alone are one.
func asksAgain(fn *ssa.Function, conds map[*ssa.If]condition) []uint64 {
	in := make([]uint64, len(fn.Blocks))
	for changed := true; changed; {
		changed = false
		for i := len(fn.Blocks) - 1; i >= 0; i-- {
			b := fn.Blocks[i]
			var asks uint64
			for _, next := range b.Succs {
				asks |= in[next.Index]
			}
			if len(b.Instrs) > 0 {
				if branch, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If); ok {
					if c, ok := conds[branch]; ok && c.renews {
						asks &^= 1 << c.bit
					} else if ok {
						asks |= 1 << c.bit
					}
				}
			}
			if asks != in[b.Index] {
				in[b.Index] = asks
				changed = true
			}
		}
	}
	return in
}

// condKey returns what a condition says, and whether it says the opposite of that.
func condKey(v ssa.Value) (key string, negate bool) {
	switch v := v.(type) {
	case *ssa.UnOp:
		if v.Op == token.NOT {
			key, negate = condKey(v.X)
			return key, !negate
		}
	case *ssa.BinOp:
		op := v.Op
		switch op {
		case token.NEQ:
			op, negate = token.EQL, true
		case token.GEQ:
			op, negate = token.LSS, true
		case token.LEQ:
			op, negate = token.GTR, true
		}
		return valueKey(v.X, 0) + op.String() + valueKey(v.Y, 0), negate
	}
	return valueKey(v, 0), false
}

// valueKey returns a name for the value of v that is the same for expressions that read the same.
func valueKey(v ssa.Value, depth int) string {
	if depth > 6 {
		return id(v)
	}
	depth++
	switch v := v.(type) {
	case *ssa.Const:
		return v.String()
	case *ssa.Global:
		return v.String()
	case *ssa.UnOp:
		return v.Op.String() + valueKey(v.X, depth)
	case *ssa.BinOp:
		return "(" + valueKey(v.X, depth) + v.Op.String() + valueKey(v.Y, depth) + ")"
	case *ssa.FieldAddr:
		return fmt.Sprintf("%s.%d", valueKey(v.X, depth), v.Field)
	case *ssa.Field:
		return fmt.Sprintf("%s.%d", valueKey(v.X, depth), v.Field)
	case *ssa.Convert:
		return valueKey(v.X, depth)
	case *ssa.ChangeType:
		return valueKey(v.X, depth)
	case *ssa.Call:
		return callKey(v, depth)
	}
	return id(v)
}

// callKey names a call by what is called and with what, so that asking x.IsBig() twice is one condition.
func callKey(v *ssa.Call, depth int) string {
	var key string
	switch callee := v.Call.Value.(type) {
	case *ssa.Builtin:
		key = callee.Name()
	case *ssa.Function:
		key = callee.String()
	default:
		if !v.Call.IsInvoke() {
			return id(v)
		}
		key = v.Call.Method.FullName()
	}
	for _, arg := range Operands(&v.Call) {
		key += "," + valueKey(arg, depth)
	}
	return "call(" + key + ")"
}

func id(v ssa.Value) string { return fmt.Sprintf("%p", v) }

// branches returns which of the two edges of a branch can be taken in state s: that of a true condition, and the other.
func (t *Track) branches(s *State, branch *ssa.If) (whenTrue, whenFalse bool) {
	if known, truth := t.known(s, branch.Cond); known {
		return truth, !truth
	}
	if c, ok := t.conds[branch]; ok && s.asked&(1<<c.bit) != 0 {
		truth := s.truths&(1<<c.bit) != 0 != c.negate
		return truth, !truth
	}
	return true, true
}

// remember notes in s how a branch went.
func (t *Track) remember(s *State, branch *ssa.If, truth bool) {
	c, ok := t.conds[branch]
	if !ok {
		return
	}
	s.asked |= 1 << c.bit
	s.truths &^= 1 << c.bit
	if truth != c.negate {
		s.truths |= 1 << c.bit
	}
}

// known reports whether the root's being there settles cond, and how.
func (t *Track) known(s *State, cond ssa.Value) (known, truth bool) {
	if t.Live(s, cond) == OK {
		return true, true
	}
	switch cond := cond.(type) {
	case *ssa.Const:
		return true, constant.BoolVal(cond.Value)
	case *ssa.Call: // A nil error is none of any kind.
		if fn := cond.Call.StaticCallee(); fn != nil && (fn.String() == "errors.Is" || fn.String() == "errors.As") {
			return t.Live(s, cond.Call.Args[0]) == Err, false
		}
	case *ssa.UnOp:
		if cond.Op == token.NOT {
			known, truth = t.known(s, cond.X)
			return known, !truth
		}
	case *ssa.BinOp:
		x := cond.X
		if isNil(x) {
			x = cond.Y
		} else if !isNil(cond.Y) {
			return false, false
		}
		if neverFails(x) {
			return true, cond.Op == token.EQL
		}
		switch t.Live(s, x) {
		case Same: // it was got, so it is not nil
			return cond.Op == token.EQL || cond.Op == token.NEQ, cond.Op == token.NEQ
		case Err: // and the error is
			return cond.Op == token.EQL || cond.Op == token.NEQ, cond.Op == token.EQL
		}
	}
	return false, false
}

// neverFails reports whether v is an error that is always nil: of a write to a buffer in memory or a hash, or of the Reset of flate's
// reader.
func neverFails(v ssa.Value) bool {
	if ex, ok := v.(*ssa.Extract); ok {
		v = ex.Tuple
	}
	call, ok := v.(*ssa.Call)
	if !ok {
		return false
	}
	if call.Call.IsInvoke() {
		name := call.Call.Method.Name()
		switch call.Call.Value.Type().String() {
		case "hash.Hash", "hash.Hash32", "hash.Hash64":
			return name == "Write"
		case "compress/flate.Resetter":
			return name == "Reset"
		}
		return false
	}
	fn := call.Call.StaticCallee()
	if fn == nil || fn.Signature.Recv() == nil || !strings.HasPrefix(fn.Name(), "Write") || fn.Name() == "WriteTo" {
		return false
	}
	switch fn.Signature.Recv().Type().String() {
	case "*bytes.Buffer", "*strings.Builder", "*github.com/valyala/bytebufferpool.ByteBuffer":
		return true
	}
	return false
}

func isNil(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.IsNil()
}
