package poolmodel

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// maxHolding bounds how far something that holds memory is followed back to it.
const maxHolding = 12

// Holds reports whether v surely has memory of the root of t in it in state s: a field or an element of something that was made here has it, or a
// function was called with it that keeps it in what it returns, or v is a string of the same memory.
func (m *Model) Holds(t *flow.Track, s *flow.State, v ssa.Value, at ssa.Instruction) bool {
	return (&holding{m: m, t: t, s: s, at: at}).value(v, 0)
}

// ReturnsHolder reports whether a return returns something of which [Model.Holds] is true, and that is no memory of the root itself.
func (m *Model) ReturnsHolder(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	ret, ok := instr.(*ssa.Return)
	return ok && slices.ContainsFunc(ret.Results, func(v ssa.Value) bool { return m.Holds(t, s, v, instr) })
}

// holding looks for memory of the root of a track in something.
type holding struct {
	m    *Model
	t    *flow.Track
	s    *flow.State
	at   ssa.Instruction // where it is looked for
	must bool            // the state is none of a path, so that all ways to come to a value count
}

// memory reports whether v is memory of the root. What is in a field that some function of the package empties or exchanges may not be any more.
func (h *holding) memory(v ssa.Value) bool {
	c := h.t.Live(h.s, v)
	if c == flow.None || c > flow.Part || h.t.Cell(v) {
		return false
	}
	if h.must && !h.surely(v, map[ssa.Value]bool{}) || h.mayBeNew(v) {
		return false
	}
	load, ok := v.(*ssa.UnOp)
	if !ok {
		return true
	}
	f, ok := load.X.(*ssa.FieldAddr)
	return !ok || !h.m.exchanges(f)
}

// MayBeNew reports whether v is, or is cut from, what a function returns that is memory of the root of t on some paths and something else on others.
func (m *Model) MayBeNew(t *flow.Track, s *flow.State, v ssa.Value) bool {
	return (&holding{m: m, t: t, s: s}).mayBeNew(v)
}

// mayBeNew reports whether v is, or is cut from, what a function returns that is memory it was given on some paths and something else on others.
func (h *holding) mayBeNew(v ssa.Value) bool {
	for {
		cut, ok := v.(*ssa.Slice)
		if !ok {
			break
		}
		v = cut.X
	}
	i := 0
	if ex, ok := v.(*ssa.Extract); ok {
		v, i = ex.Tuple, ex.Index
	}
	call, ok := v.(*ssa.Call)
	if !ok || call.Call.StaticCallee() == nil || i >= 64 {
		return false
	}
	may := false
	for arg, x := range flow.Operands(&call.Call) {
		c := h.t.Live(h.s, x)
		if c == flow.None || c > flow.Part {
			continue
		}
		p, ok := h.m.summaryOf(call.Call.StaticCallee(), arg)
		switch {
		case !ok || i >= len(p.Returns) || p.HeldIn&(1<<i) != 0:
			return false
		case p.Returns[i] != flow.None && p.Returns[i] <= flow.Part:
			may = true
		}
	}
	return may
}

// surely reports whether v is made of the root whichever way it came to be.
func (h *holding) surely(v ssa.Value, seen map[ssa.Value]bool) bool {
	if v == h.t.Root || seen[v] {
		return true
	}
	if h.t.Live(h.s, v) == flow.None {
		return false
	}
	seen[v] = true
	other := func(x ssa.Value) bool { return !h.surely(x, seen) }
	switch v := v.(type) {
	case *ssa.Phi:
		return !slices.ContainsFunc(v.Edges, other)
	case *ssa.Alloc:
		stores := storesTo(v)
		return len(stores) > 0 && !slices.ContainsFunc(stores, func(s *ssa.Store) bool { return other(s.Val) })
	case ssa.Instruction:
		return slices.ContainsFunc(v.Operands(nil), func(op *ssa.Value) bool {
			return *op != nil && h.t.Live(h.s, *op) != flow.None && h.surely(*op, seen)
		})
	}
	return false
}

func (h *holding) value(v ssa.Value, depth int) bool {
	if depth > maxHolding {
		return false
	}
	depth++
	if h.memory(v) {
		return true
	}
	switch v := v.(type) {
	case *ssa.MakeInterface:
		return h.value(v.X, depth)
	case *ssa.ChangeInterface:
		return h.value(v.X, depth)
	case *ssa.ChangeType:
		return h.value(v.X, depth)
	case *ssa.Slice:
		return h.value(v.X, depth)
	case *ssa.Phi:
		return h.phi(v, depth)
	case *ssa.Alloc:
		return h.made(v, depth)
	case *ssa.MakeMap:
		return h.filled(v, depth)
	case *ssa.UnOp:
		return v.Op == token.MUL && h.loaded(v, depth)
	case *ssa.Extract:
		call, ok := v.Tuple.(*ssa.Call)
		return ok && h.result(call, v.Index, depth) || h.filled(v, depth)
	case *ssa.Call:
		return h.result(v, 0, depth) || h.filled(v, depth)
	}
	return false
}

func (h *holding) phi(v *ssa.Phi, depth int) bool {
	holds := func(e ssa.Value) bool { return e != v && h.value(e, depth+2) }
	if h.must {
		return !slices.ContainsFunc(v.Edges, func(e ssa.Value) bool { return !holds(e) })
	}
	return h.t.Live(h.s, v) == flow.Holder && slices.ContainsFunc(v.Edges, holds)
}

// loaded is value for what is read from a variable, a struct that was made here, or a string that is made of the header of a slice.
func (h *holding) loaded(load *ssa.UnOp, depth int) bool {
	switch x := load.X.(type) {
	case *ssa.Alloc:
		if store := storeBefore(load, x); store != nil {
			return h.value(store.Val, depth)
		}
		return h.made(x, depth)
	case *ssa.Convert: // *(*string)(unsafe.Pointer(&b))
		inner, ok := x.X.(*ssa.Convert)
		if !ok {
			return false
		}
		switch place := inner.X.(type) {
		case *ssa.Alloc:
			return h.made(place, depth)
		case *ssa.FieldAddr:
			return h.inField(place)
		}
	}
	return false
}

// inField reports whether a field of the root has a slice that is memory of the root.
func (h *holding) inField(f *ssa.FieldAddr) bool {
	c := h.t.Live(h.s, f)
	return c != flow.None && c <= flow.Part && flow.IsPlainSlice(f.Type().Underlying().(*types.Pointer).Elem()) &&
		!h.m.exchanges(f) && (!h.must || h.surely(f, map[ssa.Value]bool{}))
}

// storeBefore returns the last store to a variable before it is read, in the same block: of a result, that of the return.
func storeBefore(load *ssa.UnOp, v *ssa.Alloc) *ssa.Store {
	var last *ssa.Store
	for _, instr := range load.Block().Instrs {
		if instr == load {
			return last
		}
		if store, ok := instr.(*ssa.Store); ok && store.Addr == v {
			last = store
		}
	}
	return nil
}

// made is value for what a variable has, or what was made here: whether what is stored there, or in a field or an element of it, holds memory of the
// root. Where a field is stored to twice, it is not known.
func (h *holding) made(v *ssa.Alloc, depth int) bool {
	if !h.must && h.t.Class(v) != flow.None && h.t.Live(h.s, v) == flow.None {
		return false // the state knows what is in it
	}
	return h.filled(v, depth)
}

// filled reports whether memory of the root, or what holds it, is stored in what v points to, an element of that or a field that has no other value
// anywhere.
func (h *holding) filled(v ssa.Value, depth int) bool {
	if depth > maxHolding || v.Referrers() == nil {
		return false
	}
	depth++
	known := !h.must && h.t.Live(h.s, v) != flow.None // the state knows that something was stored there on this path
	fields := map[int][]*ssa.Store{}
	var whole []*ssa.Store
	for _, ref := range *v.Referrers() {
		switch ref := ref.(type) {
		case *ssa.Store:
			if ref.Addr == v {
				whole = append(whole, ref)
			}
		case *ssa.FieldAddr:
			fields[ref.Field] = append(fields[ref.Field], storesTo(ref)...)
			if flow.IsStruct(ref.Type().Underlying().(*types.Pointer).Elem()) && h.filled(ref, depth) {
				return true
			}
		case *ssa.IndexAddr:
			if slices.ContainsFunc(storesTo(ref), func(s *ssa.Store) bool { return (known || h.before(s)) && h.value(s.Val, depth) }) {
				return true
			}
		case *ssa.MapUpdate:
			if ref.Map == v && h.before(ref) && h.value(ref.Value, depth) {
				return true
			}
		case *ssa.Call:
			if h.before(ref) && h.keepsIn(&ref.Call, v, depth) {
				return true
			}
		}
	}
	for _, stores := range fields {
		if len(stores) == 1 && (known || h.before(stores[0])) && h.value(stores[0].Val, depth) {
			return true
		}
	}
	others := slices.ContainsFunc(whole, func(s *ssa.Store) bool { return !h.value(s.Val, depth) })
	if h.must && others || !h.must && others && !h.t.Cell(v) {
		return false
	}
	return slices.ContainsFunc(whole, func(s *ssa.Store) bool { return h.value(s.Val, depth) }) // of a variable, the state knows what is in it
}

// storesTo returns the stores to an address.
func storesTo(addr ssa.Value) []*ssa.Store {
	var found []*ssa.Store
	for _, ref := range *addr.Referrers() {
		if store, ok := ref.(*ssa.Store); ok && store.Addr == addr {
			found = append(found, store)
		}
	}
	return found
}

// before reports whether an instruction comes before the place where it is asked, on every path to it.
func (h *holding) before(instr ssa.Instruction) bool {
	return h.at == nil || instr.Parent() == h.at.Parent() && precedes(instr, h.at)
}

// keepsIn reports whether a call stores memory of the root, or what holds it, in what its operand v points to.
func (h *holding) keepsIn(call *ssa.CallCommon, v ssa.Value, depth int) bool {
	fn := call.StaticCallee()
	if fn == nil {
		return false
	}
	operands := flow.Operands(call)
	to := slices.Index(operands, v)
	if to < 0 || to >= 64 {
		return false
	}
	for arg, x := range operands {
		if arg == to {
			continue
		}
		if p, ok := h.m.summaryOf(fn, arg); ok && p.HeldBy&(1<<to) != 0 && h.value(x, depth+1) {
			return true
		}
	}
	return false
}

// result is value for result i of a call.
func (h *holding) result(call *ssa.Call, i, depth int) bool {
	if b, ok := call.Call.Value.(*ssa.Builtin); ok {
		return h.builtin(b.Name(), call, depth)
	}
	callee := calleeOf(&call.Call)
	if callee == nil {
		return false
	}
	if src := readFromArg(&call.Call); src != nil {
		return i == 0 && h.value(src, depth) // not the error that came with it
	}
	fn := call.Call.StaticCallee()
	if fn == nil || i >= 64 {
		return false
	}
	operands := flow.Operands(&call.Call)
	for arg, x := range operands {
		p, ok := h.m.summaryOf(fn, arg)
		if !ok {
			continue
		}
		if p.HeldIn&(1<<i) != 0 && h.value(x, depth+1) {
			return true
		}
		if i < len(p.Returns) && p.Returns[i] == flow.Same && h.keepsIn(&call.Call, x, depth+1) {
			return true // a method that returns its receiver
		}
	}
	return false
}

// builtin is result for a builtin function.
func (h *holding) builtin(name string, call *ssa.Call, depth int) bool {
	args := call.Call.Args
	switch name {
	case "append":
		slice, ok := call.Type().Underlying().(*types.Slice) // none where it is of a type parameter
		return (!ok || flow.MayRefer(slice.Elem())) && (h.value(args[0], depth) ||
			len(args) > 1 && !h.memory(args[1]) && h.value(args[1], depth)) // what is in the slice x of append(y, x...), and not its memory
	case "String", "SliceData", "StringData", "Slice": // of unsafe
		return h.value(args[0], depth)
	}
	return false
}

// exchanges reports whether some function of the package stores something in a field that is neither a cut of what was there nor made for it.
func (m *Model) exchanges(f *ssa.FieldAddr) bool {
	m.exchangedOnce.Do(func() {
		m.exchanged = map[string]bool{}
		for _, fn := range m.Funcs {
			for _, b := range fn.Blocks {
				for _, instr := range b.Instrs {
					m.noteExchange(instr)
				}
			}
		}
	})
	name := fieldName(f.X.Type(), f.Field)
	return name == "" || m.exchanged[name]
}

func (m *Model) noteExchange(instr ssa.Instruction) {
	store, ok := instr.(*ssa.Store)
	if !ok {
		return
	}
	f, ok := store.Addr.(*ssa.FieldAddr)
	if !ok || flow.LocalBase(f) != nil || flow.Resliced(store.Val) {
		return
	}
	if _, made := store.Val.(*ssa.MakeSlice); !made {
		m.exchanged[fieldName(f.X.Type(), f.Field)] = true
	}
}
