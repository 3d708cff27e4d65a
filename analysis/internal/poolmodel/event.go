package poolmodel

import (
	"go/token"
	"regexp"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// Kind is what an instruction does to a pooled value.
type Kind uint8

// Kinds, the weaker first.
const (
	Nothing  Kind = iota
	DeferUse      // is read or written when the function returns
	Use           // reads or writes the value or its memory
	Keep          // somebody else has it from now on
	Hold          // one more holder has it
	DeferPut      // goes back to a pool when the function returns
	Put           // goes back to a pool
	Return        // is returned
)

// Event is what an instruction does to a pooled value, on one path.
type Event struct {
	Kind    Kind
	Class   flow.Class // the alias that the instruction works on
	Level   Level      // of Put and DeferPut
	Pool    string     // of Put and DeferPut, when known
	Several bool       // of Put and DeferPut: into one of several pools, so that Pool is not known
	Direct  bool       // of Keep: stored, sent or given to a goroutine here, not by a call
	Stored  bool       // of Keep: that, or given to a function that does so, or that puts it back some day
	Inner   bool       // of Keep: what is kept is not the value, nor memory of it, but only something that it refers to, or an outcome of its use
	Into    ssa.Value  // of Keep by a call: the operand that it is stored in, nil when that is not known
}

// Event returns what instr does to the root of t in state s.
func (m *Model) Event(t *flow.Track, s *flow.State, instr ssa.Instruction) Event {
	owner := func(v ssa.Value) flow.Class { return ownerClass(t, s, v) }
	memory := func(v ssa.Value) flow.Class { return memoryClass(t, s, v) }
	switch instr := instr.(type) {
	case *ssa.Return:
		return m.returned(t, s, instr)
	case *ssa.Store:
		if owner(instr.Val) != flow.None && m.awaited(instr) {
			return Event{Kind: Keep, Class: t.Live(s, instr.Val)}
		}
		if owner(instr.Val) == flow.Same && m.links(t, s, instr.Addr) {
			return Event{Kind: Keep, Class: flow.Same, Direct: true, Stored: true}
		}
		e := stored(owner(instr.Val), memory(instr.Addr), t.Cell(instr.Addr) || flow.LocalBase(instr.Addr) != nil)
		e.Inner = e.Class == flow.Holder && isOutcome(instr.Val)
		return e
	case *ssa.MapUpdate:
		e := stored(max(owner(instr.Value), owner(instr.Key)), memory(instr.Map), false)
		e.Inner = e.Class == flow.Holder && isOutcome(instr.Value)
		return e
	case *ssa.Send:
		return stored(owner(instr.X), flow.None, false)
	case *ssa.Select:
		for _, st := range instr.States {
			if Sends(t, s, st) {
				return Event{Kind: Keep, Class: owner(st.Send), Direct: true, Stored: true}
			}
		}
	case *ssa.Panic:
		return stored(owner(instr.X), flow.None, false)
	case *ssa.UnOp:
		if instr.Op == token.MUL {
			return used(memory(instr.X))
		}
	case *ssa.Range:
		return used(memory(instr.X))
	case *ssa.Lookup:
		return used(memory(instr.X))
	case *ssa.Call:
		return m.called(t, s, &instr.Call)
	case *ssa.Defer:
		return m.deferred(t, s, &instr.Call)
	case *ssa.Go:
		return m.started(t, s, &instr.Call)
	}
	return Event{}
}

// ownerClass returns the class of v where having v makes somebody an owner of the root, otherwise None.
func ownerClass(t *flow.Track, s *flow.State, v ssa.Value) flow.Class {
	if c := t.Live(s, v); c <= flow.Inner {
		return c
	}
	return flow.None
}

// memoryClass returns the class of v where a read or write through v is one of the root's memory, otherwise None.
func memoryClass(t *flow.Track, s *flow.State, v ssa.Value) flow.Class {
	if c := t.Live(s, v); c <= flow.Part && !t.Cell(v) {
		return c
	}
	return flow.None
}

// constructs matches the names of functions that make something of what they are given, which has it from then on.
var constructs = regexp.MustCompile(`(?i)^(new|make|open|wrap|with|build|create|start|init|from)`)

// isOutcome reports whether v is what a function has returned that was given the root, and does not have the name of one that makes something of it.
func isOutcome(v ssa.Value) bool {
	for {
		switch x := v.(type) {
		case *ssa.MakeInterface:
			v = x.X
		case *ssa.Extract:
			v = x.Tuple
		case *ssa.TypeAssert:
			v = x.X
		case *ssa.Call:
			if _, builtin := x.Call.Value.(*ssa.Builtin); builtin {
				return false
			}
			callee := calleeOf(&x.Call)
			return callee == nil || !constructs.MatchString(callee.Name())
		default:
			return false
		}
	}
}

// awaited reports whether a store is to a variable that a closure deferred before has captured and puts back.
func (m *Model) awaited(store *ssa.Store) bool {
	if store.Addr.Referrers() == nil {
		return false
	}
	for _, ref := range *store.Addr.Referrers() {
		mc, ok := ref.(*ssa.MakeClosure)
		if !ok || !precedes(mc, store) {
			continue
		}
		if e := m.captures(mc); e.Kind == Put || e.Kind == Keep {
			return true
		}
	}
	return false
}

// links reports whether addr is a field of what a field of the root points to: who stores the root there puts it into a list or tree.
func (m *Model) links(t *flow.Track, s *flow.State, addr ssa.Value) bool {
	field, ok := addr.(*ssa.FieldAddr)
	if !ok {
		return false
	}
	load, ok := field.X.(*ssa.UnOp)
	if !ok || load.Op != token.MUL {
		return false
	}
	own, ok := load.X.(*ssa.FieldAddr)
	return ok && t.Live(s, own.X) == flow.Same && !t.Cell(own.X)
}

// precedes reports whether a comes before b on every path to b.
func precedes(a, b ssa.Instruction) bool {
	if a.Block() != b.Block() {
		return a.Block().Dominates(b.Block())
	}
	instrs := a.Block().Instrs
	return slices.Index(instrs, a) < slices.Index(instrs, b)
}

func used(c flow.Class) Event {
	if c == flow.None {
		return Event{}
	}
	return Event{Kind: Use, Class: c}
}

// stored is the event of storing a value of class val at an address of class addr.
func stored(val, addr flow.Class, local bool) Event {
	switch {
	case local:
		return Event{}
	case addr != flow.None:
		return Event{Kind: Use, Class: addr} // into its own memory
	case val != flow.None:
		return Event{Kind: Keep, Class: val, Direct: true, Stored: true}
	}
	return Event{}
}

func (m *Model) returned(t *flow.Track, s *flow.State, ret *ssa.Return) Event {
	e := Event{}
	for _, r := range ret.Results {
		c := t.Live(s, r)
		if c != flow.None && c <= flow.Inner && (e.Kind == Nothing || c < e.Class) {
			e = Event{Kind: Return, Class: c}
		}
	}
	return e
}

// called is the event of a call: of all that it does to its operands, the strongest.
func (m *Model) called(t *flow.Track, s *flow.State, call *ssa.CallCommon) Event {
	e := Event{}
	for arg, x := range flow.Operands(call) {
		c := t.Live(s, x)
		if c == flow.None || c > flow.Inner {
			continue
		}
		e = stronger(e, m.given(t, s, call, arg, x, c))
	}
	if callee := calleeOf(call); callee != nil && e.Pool != "" {
		if a, ok := m.apis[apiKey(callee)]; ok && !a.self && t.Class(flow.Operands(call)[0]) != flow.None {
			e.Pool = "" // The value itself says where it goes.
		}
	}
	if mc, ok := call.Value.(*ssa.MakeClosure); ok {
		e = stronger(e, m.captured(t, s, mc))
	}
	return e
}

// given is the event of giving x, of class c, to a call as operand arg.
func (m *Model) given(t *flow.Track, s *flow.State, call *ssa.CallCommon, arg int, x ssa.Value, c flow.Class) Event {
	if callee := calleeOf(call); callee != nil {
		if a, ok := m.apis[apiKey(callee)]; ok && a.hold && arg == a.arg {
			return Event{Kind: Hold, Class: c}
		}
	}
	if mc, ok := x.(*ssa.MakeClosure); ok { // what gets a closure may call it
		e := m.captures(mc)
		if e.Kind == Put {
			e.Kind, e.Stored = Keep, true
		}
		if t.Held {
			return Event{Kind: Keep, Class: c, Stored: true}
		}
		return e
	}
	p := m.effect(call, arg)
	if t.Held && c <= flow.Part && (p.Frees || arg == 0 && call.IsInvoke() && endsUse.MatchString(call.Method.Name())) {
		return Event{Kind: Put, Class: c, Level: Some}
	}
	if t.Held && c <= flow.Part && m.boxedFrees(x) {
		return Event{Kind: Put, Class: c, Level: Some}
	}
	into, own := placed(t, s, p, flow.Operands(call))
	if own {
		return Event{Kind: Use, Class: c}
	}
	p.Stored = p.Stored || into != nil
	switch {
	case p.Put != Never && c > flow.Part: // put back by way of what holds it
		return Event{Kind: Keep, Class: c, Stored: true}
	case c == flow.Inner && p.Keep: // what the value refers to goes to somebody who may keep it
		return Event{Kind: Keep, Class: c, Stored: p.Stored}
	case c == flow.Inner:
		return Event{}
	case p.Put != Never && c <= flow.Derived && p.trades():
		return Event{Kind: Keep, Class: c, Stored: true}
	case p.Put != Never && c <= flow.Derived:
		return Event{Kind: Put, Class: c, Level: p.Put, Pool: p.Pool, Several: p.Several}
	case p.Stored && c == flow.Part && arg == 0 && ends(call): // it puts back what the part is of, by a field
		return Event{Kind: Keep, Class: c, Stored: true}
	case p.Stored && into == nil && c == flow.Part && p.Put == Never: // who has memory of it for good has to put it back, or nobody can
		return Event{Kind: Keep, Class: c, Stored: true}
	case p.Keep && (c <= flow.Derived || c == flow.Holder):
		return Event{Kind: Keep, Class: c, Stored: p.Stored, Inner: p.Inner, Into: into}
	case isBuiltin(call, "len") || isBuiltin(call, "cap"):
		return Event{}
	case into != nil:
		return Event{Kind: Keep, Class: c, Stored: true, Into: into}
	}
	return Event{Kind: Use, Class: c}
}

// placed returns which of the operands a call stores the root in, nil for none, and whether that is the root's own memory.
func placed(t *flow.Track, s *flow.State, p Param, operands []ssa.Value) (into ssa.Value, own bool) {
	if p.Put != Never {
		return nil, false
	}
	for i, x := range operands {
		if i < 64 && p.Into&(1<<i) != 0 {
			if c := t.Live(s, x); c == flow.None || c > flow.Part {
				return x, false
			}
			own = true
		}
	}
	return nil, own && !p.Stored
}

// captured is the event of calling a closure: what it does to the variables it has captured that are alive.
func (m *Model) captured(t *flow.Track, s *flow.State, mc *ssa.MakeClosure) Event {
	e := Event{}
	for i, b := range mc.Bindings {
		if c := t.Live(s, b); c != flow.None && c <= flow.Holder {
			p := m.param(mc.Fn.(*ssa.Function), len(mc.Fn.(*ssa.Function).Params)+i)
			if t.Held && p.Frees {
				e = stronger(e, Event{Kind: Put, Class: c, Level: Some})
				continue
			}
			if _, own := placed(t, s, p, closureOperands(mc)); own {
				e = stronger(e, Event{Kind: Use, Class: c})
				continue
			}
			e = stronger(e, m.closureEvent(mc, i, c))
		}
	}
	return e
}

// closureOperands returns what a closure has captured, behind nothing for each of its parameters.
func closureOperands(mc *ssa.MakeClosure) []ssa.Value {
	return append(make([]ssa.Value, len(mc.Fn.(*ssa.Function).Params)), mc.Bindings...)
}

// captures is captured for all variables of a closure, whatever lives in them.
func (m *Model) captures(mc *ssa.MakeClosure) Event {
	e := Event{}
	for i := range mc.Bindings {
		e = stronger(e, m.closureEvent(mc, i, flow.Holder))
	}
	return e
}

func (m *Model) closureEvent(mc *ssa.MakeClosure, i int, c flow.Class) Event {
	fn := mc.Fn.(*ssa.Function)
	p := m.param(fn, len(fn.Params)+i)
	switch {
	case p.Put != Never && replaces(fn.FreeVars[i]):
		return Event{Kind: Keep, Class: c, Stored: true} // the variable has another value afterwards
	case p.Put != Never:
		return Event{Kind: Put, Class: c, Level: p.Put, Pool: p.Pool, Several: p.Several}
	case p.Keep:
		return Event{Kind: Keep, Class: c, Stored: p.Stored || p.Into != 0, Inner: p.Inner}
	case p.Uses:
		return Event{Kind: Use, Class: c}
	}
	return Event{}
}

// replaces reports whether a closure stores another value than nil in a variable that it has captured.
func replaces(v *ssa.FreeVar) bool {
	return slices.ContainsFunc(*v.Referrers(), func(ref ssa.Instruction) bool {
		store, ok := ref.(*ssa.Store)
		return ok && store.Addr == v && !flow.IsNil(store.Val)
	})
}

// LateUse returns a defer before the root of t whose closure uses the variable that holds the root in s when the function returns, nil
// for none.
func (m *Model) LateUse(t *flow.Track, s *flow.State) *ssa.Defer {
	root, ok := t.Root.(ssa.Instruction)
	if !ok {
		return nil
	}
	for _, b := range t.Fn.Blocks {
		for _, instr := range b.Instrs {
			d, ok := instr.(*ssa.Defer)
			if !ok || !precedes(d, root) {
				continue
			}
			mc, ok := d.Call.Value.(*ssa.MakeClosure)
			if !ok {
				continue
			}
			for i, bound := range mc.Bindings {
				if c := t.Live(s, bound); t.Cell(bound) && c != flow.None && c <= flow.Derived && m.closureEvent(mc, i, c).Kind == Use {
					return d
				}
			}
		}
	}
	return nil
}

// deferred is the event of a defer statement.
func (m *Model) deferred(t *flow.Track, s *flow.State, call *ssa.CallCommon) Event {
	e := m.called(t, s, call)
	switch e.Kind {
	case Put:
		e.Kind = DeferPut
	case Use:
		e.Kind = DeferUse
	case Return:
		e = Event{}
	}
	return e
}

// started is the event of a go statement: the goroutine has all that it is given.
func (m *Model) started(t *flow.Track, s *flow.State, call *ssa.CallCommon) Event {
	values := flow.Operands(call)
	if mc, ok := call.Value.(*ssa.MakeClosure); ok {
		values = append(mc.Bindings[:len(mc.Bindings):len(mc.Bindings)], values...)
	}
	for _, v := range values {
		if c := t.Live(s, v); c != flow.None && c <= flow.Inner {
			return Event{Kind: Keep, Class: c, Direct: true, Stored: true}
		}
	}
	return Event{}
}

func stronger(a, b Event) Event {
	if b.Kind > a.Kind || b.Kind == a.Kind && b.Level > a.Level {
		return b
	}
	return a
}

func isBuiltin(call *ssa.CallCommon, name string) bool {
	b, ok := call.Value.(*ssa.Builtin)
	return ok && b.Name() == name
}
