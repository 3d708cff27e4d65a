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
//
// kinds are the branches that ask whether an error is one that is not nil, with the condition that it is nil; negate where they ask whether it is
// another.
// made are the errors that these are asked of: where one is made anew, it may be nil or not.
func conditions(t *Track) (found, kinds map[*ssa.If]condition, made map[ssa.Value]uint64) {
	type place struct {
		branch *ssa.If
		negate bool
	}
	places := map[string][]place{}
	kindsOf := map[string][]place{}
	errs := map[string]ssa.Value{}
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
		if err, other := ofKind(branch.Cond); err != nil {
			key = valueKey(err, 0) + token.EQL.String() + ssa.NewConst(nil, err.Type()).String()
			errs[key] = err
			kindsOf[key] = append(kindsOf[key], place{branch, other})
		}
	}
	found, kinds, made = map[*ssa.If]condition{}, map[*ssa.If]condition{}, map[ssa.Value]uint64{}
	bit := 0
	for _, key := range order {
		if len(places[key])+len(kindsOf[key]) < 2 || bit == maxConds {
			continue
		}
		for _, p := range kindsOf[key] {
			kinds[p.branch] = condition{bit: bit, negate: p.negate}
			made[errs[key]] |= 1 << bit
		}
		for _, p := range places[key] {
			first := !slices.ContainsFunc(places[key], func(q place) bool {
				return q.branch != p.branch && q.branch.Block().Dominates(p.branch.Block())
			})
			found[p.branch] = condition{bit, p.negate, first && InLoop(p.branch.Block())}
		}
		bit++
	}
	return found, kinds, made
}

// ofKind returns the error, none that is read anew from a variable, that a condition compares with a package variable, and whether it asks if they differ; nil for another condition.
func ofKind(cond ssa.Value) (err ssa.Value, other bool) {
	cmp, ok := cond.(*ssa.BinOp)
	if !ok || cmp.Op != token.EQL && cmp.Op != token.NEQ || !IsError(cmp.X.Type()) || !IsError(cmp.Y.Type()) {
		return nil, false
	}
	for _, pair := range [][2]ssa.Value{{cmp.X, cmp.Y}, {cmp.Y, cmp.X}} {
		if load, ok := pair[1].(*ssa.UnOp); ok && load.Op == token.MUL {
			_, global := load.X.(*ssa.Global)
			if _, read := pair[0].(*ssa.UnOp); global && !read && !IsNil(pair[0]) {
				return pair[0], cmp.Op == token.NEQ
			}
		}
	}
	return nil, false
}

// asksAgain returns, for each block, the conditions whose values matter on a path from it: those that a branch asks for before one asks
// them anew. States that differ in others alone are one.
func asksAgain(fn *ssa.Function, conds, kinds map[*ssa.If]condition) []uint64 {
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
					if c, ok := kinds[branch]; ok {
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
	if c, ok := t.kinds[branch]; ok && s.asked&s.truths&(1<<c.bit) != 0 {
		return c.negate, !c.negate // an error that is nil is none of any kind
	}
	return true, true
}

// remember notes in s how a branch went.
func (t *Track) remember(s *State, branch *ssa.If, truth bool) {
	if c, ok := t.kinds[branch]; ok && truth != c.negate { // of a kind, and so not nil
		s.asked |= 1 << c.bit
		s.truths &^= 1 << c.bit
	}
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
		if there := t.asksLength(s, cond); there != nil {
			return true, *there
		}
		x := cond.X
		if IsNil(x) {
			x = cond.Y
		} else if !IsNil(cond.Y) {
			both := t.Live(s, x) == Same && t.Live(s, cond.Y) == Same // and so they are equal
			return both && (cond.Op == token.EQL || cond.Op == token.NEQ), cond.Op == token.EQL
		}
		if neverFails(x) {
			return true, cond.Op == token.EQL
		}
		c := t.Live(s, x)
		if t.isPointerTo(s, x) {
			c = Same
		}
		switch c {
		case Same: // it was got, so it is not nil
			return cond.Op == token.EQL || cond.Op == token.NEQ, cond.Op == token.NEQ
		case Derived: // a slice that is nil where none was got
			if phi, ok := x.(*ssa.Phi); ok && slices.ContainsFunc(phi.Edges, IsNil) {
				return cond.Op == token.EQL || cond.Op == token.NEQ, cond.Op == token.NEQ
			}
		case Err: // and the error is
			return cond.Op == token.EQL || cond.Op == token.NEQ, cond.Op == token.EQL
		}
	}
	return false, false
}

// isPointerTo reports whether v is the root as an unsafe.Pointer, which a function has made of it.
func (t *Track) isPointerTo(s *State, v ssa.Value) bool {
	call, ok := v.(*ssa.Call)
	return ok && isUnsafePointer(v.Type()) && t.Live(s, v) != None && len(call.Call.Args) == 1 && t.Live(s, call.Call.Args[0]) == Same
}

// asksLength returns what a comparison of the length of a slice with zero says where the root is that slice, which is nil where the root was not
// got; nil for another condition.
func (t *Track) asksLength(s *State, cond *ssa.BinOp) *bool {
	x, op := cond.X, cond.Op
	if IsZero(x) {
		x = cond.Y
		switch op {
		case token.LSS:
			op = token.GTR
		case token.GEQ:
			op = token.LEQ
		}
	} else if !IsZero(cond.Y) {
		return nil
	}
	call, ok := x.(*ssa.Call)
	if !ok {
		return nil
	}
	if b, ok := call.Call.Value.(*ssa.Builtin); !ok || b.Name() != "len" {
		return nil
	}
	phi, ok := call.Call.Args[0].(*ssa.Phi)
	if c := t.Live(s, call.Call.Args[0]); !ok || c != Same && c != Derived || !slices.ContainsFunc(phi.Edges, IsNil) {
		return nil
	}
	switch op {
	case token.GTR, token.NEQ:
		return new(true)
	case token.EQL, token.LEQ:
		return new(false)
	}
	return nil
}

// IsZero reports whether v is the constant 0, a whole number.
func IsZero(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.Value != nil && c.Value.Kind() == constant.Int && constant.Sign(c.Value) == 0
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

// IsNil reports whether v is the constant nil.
func IsNil(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.IsNil()
}
