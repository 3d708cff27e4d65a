package poolescape

import (
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Analyzer reports pooled values that outlive their Put in a field, a package variable, a map, a channel or a goroutine.
var Analyzer = &analysis.Analyzer{
	Name:     "poolescape",
	Doc:      "report pooled values that are kept somewhere although they are put back",
	URL:      "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#poolescape",
	Requires: []*analysis.Analyzer{poolmodel.Analyzer},
	Run:      run,
}

// What is known of the value on a path.
const (
	flagKept     flow.Flags = 1 << iota // it is kept, by the instruction at the state's Mark
	flagDeferred                        // it goes back when the function returns
)

func run(pass *analysis.Pass) (any, error) {
	m := poolmodel.Of(pass)
	emptied := emptied(m.Funcs)
	for _, fn := range m.Funcs {
		for _, acq := range m.Acquisitions(fn) {
			check(pass, m, fn, acq, emptied)
		}
	}
	return nil, nil
}

// emptied are the types of which a function overwrites a whole value that it is given, or got out of a pool: what was in its fields before is not
// used anew.
func emptied(funcs []*ssa.Function) map[string]bool {
	types := map[string]bool{}
	for _, fn := range funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				store, ok := instr.(*ssa.Store)
				if !ok || !flow.IsStruct(store.Val.Type()) {
					continue
				}
				switch store.Addr.(type) {
				case *ssa.Parameter, *ssa.TypeAssert:
					types[store.Addr.Type().String()] = true
				}
			}
		}
	}
	return types
}

// asserted returns the name of the type of what was got, out of its interface.
func asserted(v ssa.Value) string {
	for _, ref := range *v.Referrers() {
		if assert, ok := ref.(*ssa.TypeAssert); ok {
			return assert.AssertedType.String()
		}
	}
	return v.Type().String()
}

func check(pass *analysis.Pass, m *poolmodel.Model, fn *ssa.Function, acq poolmodel.Acquisition, emptied map[string]bool) {
	t := m.TrackMemory(fn, acq)
	var first ssa.Instruction
	where := ""
	placed := map[ssa.Instruction]string{} // calls that store it in what they are given
	ok := t.Walk(func(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
		e := m.Event(t, s, instr)
		switch {
		case e.Kind == poolmodel.Hold:
			return false
		case e.Kind == poolmodel.DeferPut && e.Level == poolmodel.Always:
			s.Flags |= flagDeferred
		case e.Kind == poolmodel.Keep && e.Class <= flow.Part:
			if e.Into != nil && !emptied[asserted(acq.Value)] { // it may be what its fields refer to
				placed[instr] = places(instr, e.Into)
			}
			if s.Flags&flagKept == 0 && (e.Direct && keeper(instr) != "" || placed[instr] != "") {
				s.Flags |= flagKept
				s.Mark = instr
			}
		case e.Kind == poolmodel.Keep && e.Class == flow.Holder && (isGo(instr) || storesPart(m, t, s, instr) || storesClosure(t, s, instr)),
			(e.Kind == poolmodel.Keep || e.Kind == poolmodel.Use) && e.Class == flow.Holder && schedules(instr) && capturesPart(t, s, instr):
			if s.Flags&flagKept == 0 && keeper(instr) != "" {
				s.Flags |= flagKept
				s.Mark = instr
			}
		case s.Flags&flagKept == 0 && isKey(m, t, s, instr) && keeper(instr) != "":
			s.Flags |= flagKept
			s.Mark = instr
		}
		_, returns := instr.(*ssa.Return)
		back := e.Kind == poolmodel.Put && e.Level == poolmodel.Always || returns && s.Flags&flagDeferred != 0
		if back && s.Flags&flagKept != 0 {
			if first == nil || s.Mark.Pos() < first.Pos() {
				first, where = s.Mark, keeper(s.Mark)
				if into := placed[s.Mark]; into != "" {
					where = into
				}
			}
			return false
		}
		return true
	})
	if !ok || first == nil {
		return
	}
	m.Report(pass, analysis.Diagnostic{
		Category: kindOf(first, where),
		Pos:      first.Pos(),
		Message:  m.Got(acq) + " stays in " + where + " although this function puts it back: it changes there when the pool lends it again",
	})
}

// kindOf returns the kind of a report by where the value stays: what a field has may be done with, or set anew, when it is read.
func kindOf(at ssa.Instruction, where string) string {
	switch at.(type) {
	case *ssa.Store, *ssa.MapUpdate, *ssa.Send:
		if where == "a map" || where == "a channel" || strings.HasPrefix(where, "the package variable") {
			return "kept"
		}
		return "kept-in-field"
	}
	return "kept-by-function"
}

// storesPart reports whether instr stores a slice to which memory of the root was appended, or what was made with it. What is made of
// it and stored in a parameter's field counts as lent, as the body of a request is until it was answered; in the receiver it stays.
func storesPart(m *poolmodel.Model, t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	var v ssa.Value
	lent := false
	switch instr := instr.(type) {
	case *ssa.Store:
		v, lent = instr.Val, isParameters(instr.Addr)
	case *ssa.MapUpdate:
		v = instr.Value
	case *ssa.Send:
		v = instr.X
	default:
		return false
	}
	return holdsPart(t, s, v, 0) || !lent && m.Holds(t, s, v, instr)
}

// isKey reports whether instr adds an element to a map of which the key is a string that is memory of the root.
func isKey(m *poolmodel.Model, t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	update, ok := instr.(*ssa.MapUpdate)
	if !ok {
		return false
	}
	basic, ok := update.Key.Type().Underlying().(*types.Basic)
	return ok && basic.Kind() == types.String && m.Holds(t, s, update.Key, instr)
}

// isParameters reports whether addr is reached from a parameter that is not the receiver.
func isParameters(addr ssa.Value) bool {
	for {
		switch x := addr.(type) {
		case *ssa.FieldAddr:
			addr = x.X
		case *ssa.IndexAddr:
			addr = x.X
		case *ssa.UnOp:
			addr = x.X
		case *ssa.Parameter:
			return x.Parent().Signature.Recv() == nil || x != x.Parent().Params[0]
		default:
			return false
		}
	}
}

// holdsPart reports whether v has memory of the root in an element or a field.
func holdsPart(t *flow.Track, s *flow.State, v ssa.Value, depth int) bool {
	if depth > 8 {
		return false
	}
	depth++
	switch v := v.(type) {
	case *ssa.Call: // append(x, y...)
		b, ok := v.Call.Value.(*ssa.Builtin)
		return ok && b.Name() == "append" && len(v.Call.Args) == 2 && holdsPart(t, s, v.Call.Args[1], depth)
	case *ssa.Slice:
		return holdsPart(t, s, v.X, depth)
	case *ssa.UnOp:
		return v.Op == token.MUL && holdsPart(t, s, v.X, depth)
	case *ssa.MakeInterface:
		return holdsPart(t, s, v.X, depth)
	case *ssa.Alloc:
		return placeHoldsPart(t, s, v, depth)
	}
	return false
}

// placeHoldsPart reports whether memory of the root is stored at addr, or in a field or an element of what is there.
func placeHoldsPart(t *flow.Track, s *flow.State, addr ssa.Value, depth int) bool {
	for _, ref := range *addr.Referrers() {
		switch ref := ref.(type) {
		case *ssa.Store:
			if c := t.Live(s, ref.Val); ref.Addr == addr && (c != flow.None && c <= flow.Part || holdsPart(t, s, ref.Val, depth)) {
				return true
			}
		case *ssa.FieldAddr, *ssa.IndexAddr:
			if depth < 8 && placeHoldsPart(t, s, ref.(ssa.Value), depth+1) {
				return true
			}
		}
	}
	return false
}

func isGo(instr ssa.Instruction) bool {
	_, ok := instr.(*ssa.Go)
	return ok
}

// keeper says what keeps a value that instr stores, when that outlives the function; "" when it does not, or may not.
func keeper(instr ssa.Instruction) string {
	switch instr := instr.(type) {
	case *ssa.Store:
		return storeKeeper(instr)
	case *ssa.MapUpdate:
		if outlives(instr.Map) {
			return "a map"
		}
	case *ssa.Send:
		if outlives(instr.Chan) && !waitsAfter(instr) {
			return "a channel"
		}
	case *ssa.Go:
		if !waitsAfter(instr) && !endsForAnother(instr) {
			return "a goroutine"
		}
	case *ssa.Call:
		if !waitsAfter(instr) {
			return "a function that may run later"
		}
	}
	return ""
}

// places says where a call stores what it is given, when that outlives the function; "" when it does not, or may not: a result may say that
// it did not, and another call of the same function, or one that resets, may end the loan.
func places(instr ssa.Instruction, into ssa.Value) string {
	call, ok := instr.(*ssa.Call)
	if !ok || !outlives(into) {
		return ""
	}
	callee := call.Call.StaticCallee()
	if callee == nil || poolmodel.IsResetName(callee.Name()) || callee.Signature.Results().Len() > 0 {
		return ""
	}
	for _, b := range instr.Parent().Blocks {
		for _, x := range b.Instrs {
			other, ok := x.(ssa.CallInstruction)
			if !ok || x == instr {
				continue
			}
			args := flow.Operands(other.Common())
			if other.Common().StaticCallee() == callee || len(args) > 0 && args[0] == into && poolmodel.IsResetName(poolmodel.CalleeName(other.Common())) {
				return ""
			}
		}
	}
	return "what " + callee.Name() + " stores it in"
}

// schedules reports whether instr gives a func() to somebody who only wants it for later: time.AfterFunc, or a function value that
// takes nothing else and returns nothing. Who calls it at once would have no need of a func(func()).
func schedules(instr ssa.Instruction) bool {
	call, ok := instr.(*ssa.Call)
	if !ok {
		return false
	}
	if call.Call.IsInvoke() {
		return hands(call, call.Call.Method.Name())
	}
	if fn := call.Call.StaticCallee(); fn != nil {
		return fn.Pkg != nil && fn.Pkg.Pkg.Path() == "time" && fn.Name() == "AfterFunc" || hands(call, fn.Name())
	}
	sig := call.Call.Signature()
	if sig.Params().Len() != 1 || sig.Results().Len() != 0 {
		return false
	}
	later, ok := sig.Params().At(0).Type().Underlying().(*types.Signature)
	return ok && later.Params().Len() == 0 && later.Results().Len() == 0
}

// handsOn matches the names of methods that give a function to another goroutine.
var handsOn = regexp.MustCompile(`^(Go|TryGo|Submit|TrySubmit|Schedule|Enqueue|Async|RunAsync|Spawn)$`)

// hands reports whether a call is of such a method, which is given no more than a func() or a func() error, and whose result, if any, is no more
// than an error: nothing to wait for.
func hands(call *ssa.Call, name string) bool {
	sig := call.Call.Signature()
	method := sig.Recv() != nil || call.Call.IsInvoke()
	if !method || !handsOn.MatchString(name) || sig.Params().Len() != 1 || sig.Results().Len() > 1 {
		return false
	}
	if sig.Results().Len() == 1 {
		if t := sig.Results().At(0).Type(); !flow.IsError(t) && t.String() != "bool" {
			return false
		}
	}
	f, ok := sig.Params().At(0).Type().Underlying().(*types.Signature)
	return ok && f.Params().Len() == 0
}

// storesClosure reports whether instr stores a closure that has captured the root or memory of it in a field or a package variable.
func storesClosure(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	store, ok := instr.(*ssa.Store)
	if !ok {
		return false
	}
	mc, ok := store.Val.(*ssa.MakeClosure)
	return ok && slices.ContainsFunc(mc.Bindings, func(bound ssa.Value) bool {
		c := t.Live(s, bound)
		return c != flow.None && c <= flow.Part
	})
}

// capturesPart reports whether a closure that a call is given has captured the root or memory of it, or a variable with that: of what was made
// with these it may want something else.
func capturesPart(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	for _, arg := range instr.(*ssa.Call).Call.Args {
		if convert, ok := arg.(*ssa.ChangeType); ok {
			arg = convert.X
		}
		if mc, ok := arg.(*ssa.MakeClosure); ok {
			for _, bound := range mc.Bindings {
				if c := t.Live(s, bound); c != flow.None && c <= flow.Part {
					return true
				}
			}
		}
	}
	return false
}

func storeKeeper(store *ssa.Store) string {
	switch addr := store.Addr.(type) {
	case *ssa.Global:
		if !overwritten(store, func(a ssa.Value) bool { return a == addr }) {
			return "the package variable " + addr.Name()
		}
	case *ssa.Parameter: // *dst = x
		if !overwritten(store, func(a ssa.Value) bool { return a == addr }) {
			return "what " + addr.Name() + " points to"
		}
	case *ssa.FieldAddr:
		same := func(a ssa.Value) bool {
			f, ok := a.(*ssa.FieldAddr)
			return ok && f.Field == addr.Field && types.Identical(f.X.Type(), addr.X.Type())
		}
		if outlives(addr.X) && !overwritten(store, same) {
			return "the field " + fieldName(addr)
		}
	}
	return ""
}

func fieldName(f *ssa.FieldAddr) string {
	st := f.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct)
	return st.Field(f.Field).Name()
}

// outlives reports whether v was there before the function: its base is a parameter, a captured variable or a global.
func outlives(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Parameter, *ssa.FreeVar, *ssa.Global:
		return true
	case *ssa.FieldAddr:
		return outlives(v.X)
	case *ssa.IndexAddr:
		return outlives(v.X)
	case *ssa.UnOp:
		if cell, ok := v.X.(*ssa.Alloc); ok {
			return holdsOutliving(cell)
		}
		return v.Op == token.MUL && outlives(v.X)
	}
	return false
}

// holdsOutliving reports whether all that is stored in a variable, which a closure has captured, outlives the function.
func holdsOutliving(cell *ssa.Alloc) bool {
	stored := false
	for _, ref := range *cell.Referrers() {
		if store, ok := ref.(*ssa.Store); ok && store.Addr == cell {
			if !outlives(store.Val) {
				return false
			}
			stored = true
		}
	}
	return stored
}

// overwritten reports whether the function of store, or a closure of it, stores to the same place elsewhere.
func overwritten(store *ssa.Store, same func(ssa.Value) bool) bool {
	var in func(fn *ssa.Function) bool
	in = func(fn *ssa.Function) bool {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if other, ok := instr.(*ssa.Store); ok && other != store && same(other.Addr) {
					return true
				}
			}
		}
		for _, lit := range fn.AnonFuncs {
			if in(lit) {
				return true
			}
		}
		return false
	}
	return in(store.Parent())
}

// waitsAfter reports whether the function waits for others somewhere: a receive, a select, or a method named Wait.
func waitsAfter(instr ssa.Instruction) bool {
	for _, b := range instr.Parent().Blocks {
		for _, x := range b.Instrs {
			switch x := x.(type) {
			case *ssa.UnOp:
				if x.Op == token.ARROW {
					return true
				}
			case *ssa.Select:
				return true
			case ssa.CallInstruction:
				if callee := x.Common().StaticCallee(); callee != nil && callee.Name() == "Wait" {
					return true
				}
				if x.Common().IsInvoke() && x.Common().Method.Name() == "Wait" {
					return true
				}
			}
		}
	}
	return false
}

// endsForAnother reports whether a goroutine closes or sends on a channel that its function gives to a call: what is called may wait for it.
func endsForAnother(g *ssa.Go) bool {
	mc, ok := g.Call.Value.(*ssa.MakeClosure)
	if !ok {
		return false
	}
	for i, bound := range mc.Bindings {
		if signals(mc.Fn.(*ssa.Function).FreeVars[i]) && givenToCall(bound) {
			return true
		}
	}
	return false
}

// signals reports whether a captured variable is a channel that is closed or sent on.
func signals(v ssa.Value) bool {
	for _, ref := range *v.Referrers() {
		switch ref := ref.(type) {
		case *ssa.UnOp: // of a variable that others assign to
			if ref.Op == token.MUL && signals(ref) {
				return true
			}
		case *ssa.Send:
			if ref.Chan == v {
				return true
			}
		case ssa.CallInstruction:
			if b, ok := ref.Common().Value.(*ssa.Builtin); ok && b.Name() == "close" {
				return true
			}
		}
	}
	return false
}

// givenToCall reports whether a channel, or what a variable of one holds, is an operand of a call.
func givenToCall(v ssa.Value) bool {
	for _, ref := range *v.Referrers() {
		switch ref := ref.(type) {
		case *ssa.UnOp:
			if ref.Op == token.MUL && givenToCall(ref) {
				return true
			}
		case *ssa.ChangeType: // to a channel of one direction
			if givenToCall(ref) {
				return true
			}
		case *ssa.Call:
			if _, builtin := ref.Call.Value.(*ssa.Builtin); !builtin {
				return true
			}
		}
	}
	return false
}
