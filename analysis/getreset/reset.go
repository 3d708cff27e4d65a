package getreset

import (
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Names of functions that read what a value reads from, of those that write to what a value writes to, and of those that set the fields of a value
// that they find in a text, and leave the others.
var (
	reads   = regexp.MustCompile(`^(Read|WriteTo|Scan|Peek|Decode)`)
	encodes = regexp.MustCompile(`^(Encode|Marshal|Print)`)
	decodes = regexp.MustCompile(`^(Unmarshal|Decode|DecodeElement)$`)
)

// isReset reports whether instr resets the value that t follows, or may do so: it calls a function with it, or with what is in it, that has the
// name of a reset or clears something, assigns to all of it or 0 to an element, cuts it to a length that is not its own, copies into it, or empties
// a map.
func isReset(m *poolmodel.Model, t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	switch instr := instr.(type) {
	case *ssa.Store:
		if element, ok := instr.Addr.(*ssa.IndexAddr); ok {
			return inside(t, s, element.X) && isZeroValue(instr.Val)
		}
		return t.Live(s, instr.Addr) == flow.Same && !t.Cell(instr.Addr) && t.Live(s, instr.Val) == flow.None
	case *ssa.Slice:
		return owned(t, s, instr.X) && cutsAnew(instr)
	case ssa.CallInstruction:
		call := instr.Common()
		operands := flow.Operands(call)
		if b, ok := call.Value.(*ssa.Builtin); ok {
			return (b.Name() == "clear" || b.Name() == "delete") && inside(t, s, operands[0]) || b.Name() == "copy" && owned(t, s, operands[0])
		}
		name := poolmodel.CalleeName(call)
		for i, x := range operands {
			if t.Live(s, flow.Whole(x)) == flow.Same && (m.Resets(call, i) || clears(call.StaticCallee(), i)) {
				return true
			}
		}
		if len(operands) == 0 {
			return false
		}
		return poolmodel.IsResetName(name) && inside(t, s, flow.Whole(operands[0])) ||
			name == "Truncate" && flow.IsZero(operands[1]) && t.Live(s, flow.Whole(operands[0])) == flow.Same
	}
	return false
}

// inside reports whether v is the value that t follows, or something in it: who resets that may have reset all that there is to reset.
func inside(t *flow.Track, s *flow.State, v ssa.Value) bool {
	c := t.Live(s, v)
	return c != flow.None && (c <= flow.Part || c == flow.Inner)
}

// beginsLoop reports whether instr begins a loop over something in the value that t follows: where there is nothing to go through, there is nothing
// to reset for a loop that does so.
func beginsLoop(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	switch instr := instr.(type) {
	case *ssa.Range:
		return inside(t, s, instr.X)
	case *ssa.Call:
		b, ok := instr.Call.Value.(*ssa.Builtin)
		return ok && b.Name() == "len" && inside(t, s, instr.Call.Args[0])
	}
	return false
}

// resetsInLoop reports whether a loop of the function resets.
func resetsInLoop(m *poolmodel.Model, t *flow.Track) bool {
	all := t.Everywhere()
	for _, b := range t.Fn.Blocks {
		if flow.InLoop(b) && slices.ContainsFunc(b.Instrs, func(in ssa.Instruction) bool { return isReset(m, t, all, in) }) {
			return true
		}
	}
	return false
}

// resetsLate reports whether instr defers a function literal that resets something.
func resetsLate(instr ssa.Instruction) bool {
	d, ok := instr.(*ssa.Defer)
	if !ok {
		return false
	}
	mc, ok := d.Call.Value.(*ssa.MakeClosure)
	return ok && mentionsReset(mc.Fn.(*ssa.Function))
}

// gives reports whether instr gives somebody the value that t follows, or something in it that may be reset there: more than a slice in it.
func gives(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	return slices.ContainsFunc(instr.Operands(nil), func(op *ssa.Value) bool {
		if *op == nil {
			return false
		}
		c := t.Live(s, *op)
		switch (*op).Type().Underlying().(type) {
		case *types.Slice, *types.Basic:
			return c != flow.None && c <= flow.Derived
		}
		return c != flow.None && c <= flow.Inner
	})
}

// isZeroValue reports whether v is the zero value of its type.
func isZeroValue(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && (c.Value == nil || flow.IsZero(v) || c.Value.ExactString() == `""` || c.Value.ExactString() == "false")
}

// cutsAnew reports whether a slice is cut to a length that does not come from its own: to nothing, to what is written anew, or to what somebody has
// asked for, whatever is in it.
func cutsAnew(cut *ssa.Slice) bool {
	return cut.High != nil && !isOfLength(cut.High, map[ssa.Value]bool{})
}

// isOfLength reports whether a number is computed from the length of something.
func isOfLength(v ssa.Value, seen map[ssa.Value]bool) bool {
	if seen[v] {
		return false
	}
	seen[v] = true
	switch v := v.(type) {
	case *ssa.Call:
		b, ok := v.Call.Value.(*ssa.Builtin)
		return ok && b.Name() == "len"
	case *ssa.BinOp:
		return isOfLength(v.X, seen) || isOfLength(v.Y, seen)
	case *ssa.Phi:
		return slices.ContainsFunc(v.Edges, func(x ssa.Value) bool { return isOfLength(x, seen) })
	}
	return false
}

// clears reports whether fn, a function that is here to be seen, may reset its parameter i: it sets all of it, a field of it to 0, or resets
// something. It cannot where it takes an io.Writer.
func clears(fn *ssa.Function, i int) bool {
	if fn == nil || i >= len(fn.Params) || fn.Params[i].Type().String() == "io.Writer" {
		return false
	}
	if mentionsReset(fn) {
		return true
	}
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			store, ok := instr.(*ssa.Store)
			if !ok {
				continue
			}
			if f, ok := store.Addr.(*ssa.FieldAddr); store.Addr == fn.Params[i] || ok && f.X == fn.Params[i] && isZeroValue(store.Val) {
				return true
			}
		}
	}
	return false
}

// looksUp reports whether instr takes a value out of the map that t follows where its key is there, and uses it: more than whether it is.
func looksUp(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	look, ok := instr.(*ssa.Lookup)
	if !ok || !look.CommaOk || !owned(t, s, look.X) {
		return false
	}
	return slices.ContainsFunc(*look.Referrers(), func(ref ssa.Instruction) bool {
		ex, ok := ref.(*ssa.Extract)
		return ok && ex.Index == 0
	})
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

// mentionsReset reports whether fn, or a function that it calls, calls something that resets, cuts a slice to a length that is not its own, copies
// into one, sets an element to 0, or empties a map.
func mentionsReset(fn *ssa.Function) bool { return mentions(fn, map[*ssa.Function]bool{}) }

func mentions(fn *ssa.Function, seen map[*ssa.Function]bool) bool {
	if seen[fn] {
		return false
	}
	seen[fn] = true
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.Slice:
				if cutsAnew(instr) {
					return true
				}
			case *ssa.Store:
				if _, element := instr.Addr.(*ssa.IndexAddr); element && isZeroValue(instr.Val) {
					return true
				}
			case ssa.CallInstruction:
				call := instr.Common()
				if b, ok := call.Value.(*ssa.Builtin); ok && (b.Name() == "clear" || b.Name() == "delete" || b.Name() == "copy") ||
					poolmodel.IsResetName(poolmodel.CalleeName(call)) && !isTimer(call) {
					return true
				}
				if callee := call.StaticCallee(); callee != nil && mentions(callee, seen) {
					return true
				}
			}
		}
	}
	return false
}

// isTimer reports whether a call is of a method of package time, whose Reset is of no value of a pool of others.
func isTimer(call *ssa.CallCommon) bool {
	callee := poolmodel.Callee(call)
	return callee != nil && callee.Pkg() != nil && callee.Pkg().Path() == "time"
}

// owned reports whether v is the value that t follows, or the slice that it is or points to.
func owned(t *flow.Track, s *flow.State, v ssa.Value) bool {
	c := t.Live(s, v)
	return c == flow.Same || c == flow.Derived
}

// adding reports whether instr adds to the contents of the value that t follows, and whether a value of its type is of no use before it
// was reset.
func adding(m *poolmodel.Model, t *flow.Track, s *flow.State, instr ssa.Instruction) (adds, needs bool) {
	switch instr := instr.(type) {
	case *ssa.MapUpdate:
		return owned(t, s, instr.Map), true
	case *ssa.Call:
		operands := flow.Operands(&instr.Call)
		if b, ok := instr.Call.Value.(*ssa.Builtin); ok {
			return b.Name() == "append" && owned(t, s, operands[0]), true
		}
		for i, x := range operands {
			x = flow.Whole(x)
			if t.Live(s, x) != flow.Same {
				continue
			}
			if of := unboxed(x); addsBy(m, &instr.Call, i, of) {
				return true, needsReset(of)
			}
			if i > 0 || !isMethod(&instr.Call) && decodesInto(&instr.Call, x) {
				return s.Flags&flagSet == 0 && decodesInto(&instr.Call, x), true
			}
		}
	}
	return false, false
}

// addsBy reports whether a call writes to its operand arg, which is of type t out of its interface, or by way of it, or reads from it.
func addsBy(m *poolmodel.Model, call *ssa.CallCommon, arg int, t types.Type) bool {
	if m.AddsTo(call, arg) {
		return true
	}
	if arg > 0 || !isMethod(call) {
		return flow.Operands(call)[arg].Type().String() == "io.Reader" && resetsToReader(t)
	}
	name := poolmodel.CalleeName(call)
	return reads.MatchString(name) && resetsToReader(t) || encodes.MatchString(name) && resetsTo(t, "io.Writer")
}

func isMethod(call *ssa.CallCommon) bool { return call.Signature().Recv() != nil || call.IsInvoke() }

// decodesInto reports whether a call decodes a text into x, a pointer to a struct or a map, that is: adds to it.
func decodesInto(call *ssa.CallCommon, x ssa.Value) bool {
	callee := call.StaticCallee()
	if callee == nil || callee.Pkg == nil || !decodes.MatchString(callee.Name()) || strings.Contains(callee.Pkg.Pkg.Path(), "proto") {
		return false // of protobuf, Unmarshal begins with a reset
	}
	p, ok := unboxed(x).Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	switch p.Elem().Underlying().(type) {
	case *types.Struct, *types.Map:
		return true
	}
	return false
}

// leavesAlone matches the names of methods that do not read what was written to their receiver.
var leavesAlone = regexp.MustCompile(`^(Write|Grow|Cap$|Available|Close|Flush)`)

// readsAll reports whether instr reads what is in the value that t follows, or gives it, or memory of it, to somebody who may.
func readsAll(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	switch instr := instr.(type) {
	case *ssa.Range:
		return owned(t, s, instr.X)
	case *ssa.Lookup:
		return owned(t, s, instr.X)
	case *ssa.IndexAddr:
		return owned(t, s, instr.X)
	case ssa.CallInstruction:
		call := instr.Common()
		if isBuiltin(call, "cap") {
			return false
		}
		for i, x := range flow.Operands(call) {
			c := t.Live(s, flow.Whole(x))
			if c != flow.None && c <= flow.Part && !(i == 0 && isMethod(call) && leavesAlone.MatchString(poolmodel.CalleeName(call))) {
				return true
			}
		}
	}
	return false
}

// setsField returns the field of the value that t follows to which instr stores, -1 for none.
func setsField(t *flow.Track, s *flow.State, instr ssa.Instruction) int {
	store, ok := instr.(*ssa.Store)
	if !ok {
		return -1
	}
	if field, ok := store.Addr.(*ssa.FieldAddr); ok && owned(t, s, field.X) {
		return field.Field
	}
	return -1
}

// ownReset returns the method by which a value of type t is reset, nil for none, and whether it is the package's own.
func ownReset(t types.Type, pkg *types.Package) (method *types.Func, own bool) {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	} else if !types.IsInterface(t) {
		return nil, false
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() == "time" {
		return nil, false
	}
	if own = named.Obj().Pkg() == pkg && !types.IsInterface(named); !own {
		t = types.NewPointer(named)
		if types.IsInterface(named) {
			t = named
		}
		methods := types.NewMethodSet(t)
		if needsReset(t) || methods.Lookup(nil, "ProtoMessage") != nil { // what is decoded into a message resets it
			return nil, false
		}
		sel := methods.Lookup(nil, "Reset")
		if sel == nil {
			return nil, false
		}
		method, _ = sel.Obj().(*types.Func)
		if method == nil || method.Signature().Results().Len() > 0 {
			return nil, false
		}
		return method, false
	}
	for method := range named.Methods() {
		if strings.EqualFold(method.Name(), "reset") && method.Signature().Results().Len() == 0 {
			return method, true
		}
	}
	return nil, true
}

// remains reports whether there is something left to reset in a value of type t of which the fields given were set: what its Reset sets and another
// method changes; of one whose Reset is that of an embedded field, that field.
func remains(m *poolmodel.Model, t types.Type, reset *types.Func, set map[int]bool) bool {
	if reset != nil {
		return leaves(m, reset, set)
	}
	p, ok := t.Underlying().(*types.Pointer)
	if !ok || !needsReset(t) {
		return false
	}
	st, ok := p.Elem().Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for field := range set {
		if st.Field(field).Embedded() {
			return false
		}
	}
	return true
}

// leaves reports whether a method of the package resets a field that is none of those that were set, and that another function sets: not in what it
// makes itself.
func leaves(m *poolmodel.Model, method *types.Func, set map[int]bool) bool {
	reset := functionOf(m, method)
	if reset == nil {
		return false
	}
	for field := range storedFields(reset, reset.Params[0]) {
		if set[field] {
			continue
		}
		for _, fn := range m.Funcs {
			if fn != reset && len(fn.Params) > 0 && types.Identical(fn.Params[0].Type(), reset.Params[0].Type()) && storedFields(fn, fn.Params[0])[field] {
				return true
			}
		}
	}
	return false
}

// storedFields returns the fields of what v points to that fn stores to.
func storedFields(fn *ssa.Function, v ssa.Value) map[int]bool {
	fields := map[int]bool{}
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			if store, ok := instr.(*ssa.Store); ok {
				if f, ok := store.Addr.(*ssa.FieldAddr); ok && f.X == v {
					fields[f.Field] = true
				}
			}
		}
	}
	return fields
}

func unboxed(v ssa.Value) types.Type {
	switch box := v.(type) {
	case *ssa.MakeInterface:
		return box.X.Type()
	case *ssa.ChangeInterface:
		return box.X.Type()
	}
	return v.Type()
}

// needsReset reports whether a value of type t is of no use without a reset: what was written before is in it, or it still writes to or reads
// from what its last user did.
func needsReset(t types.Type) bool {
	switch t.String() {
	case "*bytes.Buffer", "*strings.Builder":
		return true
	}
	return isHash(t) || isBuffer(t) || resetsTo(t, "io.Writer") || resetsToReader(t)
}

// addsUp reports whether what is written to a value of type t comes after what was in it before: what nobody reads from it does no harm there.
func addsUp(t types.Type) bool {
	under := t.Underlying()
	if p, ok := under.(*types.Pointer); ok {
		under = p.Elem().Underlying()
	}
	switch under.(type) {
	case *types.Slice, *types.Map:
		return true
	}
	return t.String() == "*bytes.Buffer" || t.String() == "*strings.Builder" || isHash(t) || isBuffer(t)
}

// isHash reports whether t has the methods of a hash.Hash.
func isHash(t types.Type) bool {
	methods := types.NewMethodSet(t)
	for _, name := range []string{"Sum", "Reset", "BlockSize", "Write"} {
		if methods.Lookup(nil, name) == nil {
			return false
		}
	}
	return true
}

// isBuffer reports whether t is a struct with a bytes.Buffer for its methods.
func isBuffer(t types.Type) bool {
	p, ok := t.Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	st, ok := p.Elem().Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range st.Fields() {
		if f.Embedded() && f.Type().String() == "bytes.Buffer" {
			return true
		}
	}
	return false
}

// resetsToReader reports whether t has a method Reset whose first parameter is what to read: an io.Reader, or the text itself.
func resetsToReader(t types.Type) bool {
	return resetsTo(t, "io.Reader") || types.NewMethodSet(t).Lookup(nil, "Read") != nil && (resetsTo(t, "[]byte") || resetsTo(t, "string"))
}

// resetsTo reports whether t has a method Reset whose first parameter is of the type to.
func resetsTo(t types.Type, to string) bool {
	method := types.NewMethodSet(t).Lookup(nil, "Reset")
	if method == nil {
		return false
	}
	params := method.Type().(*types.Signature).Params()
	return params.Len() > 0 && params.At(0).Type().String() == to
}
