package poolmodel

import (
	"go/token"
	"go/types"
	"regexp"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// Level says on how many paths through a function a parameter of it goes back to a pool.
type Level uint8

// Levels of putting back.
const (
	Never   Level = iota
	Counted       // when the value's own state says so: the last of several holders
	Some          // on some paths
	Always        // on all paths, but for values that are too large to keep
)

// Param is what a function does with one of its parameters.
type Param struct {
	Put     Level
	Pool    string       // where to, when that is known
	Several bool         // into one of several pools, so that Pool is not known
	Keep    bool         // it may keep the value, or give it to somebody who may
	Stored  bool         // it does keep it: it stores or sends it, or starts a goroutine with it
	Inner   bool         // what it is known to keep is not the value, nor memory of it, but only something that it refers to, or an outcome of its use
	Into    uint64       // it stores it in what these parameters point to, as bits, and nowhere else unless Stored says so
	Uses    bool         // it reads or writes the value or its memory
	Adds    bool         // it writes to the value, and does not reset it
	Resets  bool         // it resets the value
	Frees   bool         // it puts back something that the value holds in a field
	Returns []flow.Class // how each result is related to it
	HeldIn  uint64       // its memory is surely in these results, as bits
	HeldBy  uint64       // its memory is surely in what these parameters point to
	Moves   uint64       // it puts it back without what was in these fields, as bits
}

// trades reports whether the function gives back what it is given, or returns it: its result goes on in its place.
func (p Param) trades() bool {
	return slices.ContainsFunc(p.Returns, func(c flow.Class) bool { return c == flow.Same || c == flow.Derived })
}

// Result is where a result of a function comes from.
type Result struct {
	Acquired bool   // out of a pool, on some path
	Held     bool   // not itself, but something that it holds, and that a method of its type puts back
	Pool     string // out of which, when that is known
}

// Summary is what callers need to know of a function. It is the fact that is kept with it.
type Summary struct {
	Params  []Param // the receiver first; of a closure, its free variables last
	Results []Result
}

// AFact marks Summary as a fact.
func (*Summary) AFact() {}

// interesting reports whether a caller would miss s if it were not there.
func (s *Summary) interesting() bool { return len(s.Params) > 0 || len(s.Results) > 0 }

// Flags of the walk over a parameter's paths.
const (
	flagPut flow.Flags = 1 << iota
	flagDeferred
	flagSized
	flagCounted
)

// param returns what fn does with parameter i, where its free variables count as further parameters. It is computed once;
// a call back into a function whose summary is under way is taken to do nothing.
func (m *Model) param(fn *ssa.Function, i int) Param {
	key := paramKey{fn, i}
	if p, ok := m.params[key]; ok || m.sealed {
		return p
	}
	m.params[key] = Param{}
	p := m.walkParam(fn, i)
	m.params[key] = p
	return p
}

type paramKey struct {
	fn *ssa.Function
	i  int
}

func (m *Model) walkParam(fn *ssa.Function, i int) Param {
	root := parameter(fn, i)
	switch {
	case root == nil:
		return Param{}
	case isErrors(root.Type()): // errors are not followed: what becomes of one is not known
		return Param{Keep: true, Stored: true}
	case !flow.MayRefer(root.Type()):
		return Param{}
	}
	t := flow.NewTrack(fn, root, -1, m)
	w := paramWalk{m: m, t: t, p: Param{Returns: make([]flow.Class, fn.Signature.Results().Len())}, asks: map[*ssa.If]int{}}
	w.p.Moves = m.movedBits(fn, i)
	if !w.glance() {
		return w.p
	}
	if !t.Walk(w.visit) {
		return Param{Keep: true, Moves: w.p.Moves}
	}
	switch {
	case !w.put:
	case w.some:
		w.p.Put = Some
	case w.counted:
		w.p.Put = Counted
	default:
		w.p.Put = Always
	}
	return w.p
}

// parameter returns the i-th parameter of fn, or the free variable that counts as it.
func parameter(fn *ssa.Function, i int) ssa.Value {
	switch n := len(fn.Params); {
	case i < n:
		return fn.Params[i]
	case i-n < len(fn.FreeVars):
		return fn.FreeVars[i-n]
	}
	return nil
}

type paramWalk struct {
	m                  *Model
	t                  *flow.Track
	p                  Param
	put, some, counted bool
	asks               map[*ssa.If]int
	held, free         uint64 // the results that have memory of it in some return, and those that have not
}

// glance notes what the function does with its parameter anywhere, whatever the path. It returns whether there is a Put, so
// that paths matter.
func (w *paramWalk) glance() (puts bool) {
	all := w.t.Everywhere()
	adds, resets, near := false, false, false
	defer func() {
		w.p.Inner = w.p.Keep && !near
		w.p.Adds, w.p.Resets = adds && !resets, resets
		w.p.HeldIn = w.held &^ w.free
	}()
	for _, b := range w.t.Fn.Blocks {
		for _, instr := range b.Instrs {
			if call, ok := instr.(*ssa.Call); ok {
				a, r := w.m.adds(w.t, all, &call.Call)
				adds, resets = adds || a, resets || r
			}
			if call, ok := instr.(ssa.CallInstruction); ok {
				w.p.Frees = w.p.Frees || w.m.frees(w.t, all, call.Common())
			}
			e := w.m.Event(w.t, all, instr)
			switch e.Kind {
			case Put, DeferPut:
				puts = true
			case Keep:
				w.p.Keep = true
				near = near || e.Stored && e.Class != flow.Inner && !e.Inner
				if i := w.into(instr, e); i >= 0 && parameter(w.t.Fn, i) != w.t.Root { // not where its own field points to
					w.p.Into |= 1 << i
				} else {
					w.p.Stored = w.p.Stored || e.Stored
				}
			case Use, DeferUse:
				w.p.Uses = true
			case Return:
				w.returns(all, instr.(*ssa.Return))
			}
			w.holds(all, instr)
		}
	}
	return puts
}

// holds notes what keeps memory of the parameter for sure: results, and what parameters point to.
func (w *paramWalk) holds(all *flow.State, instr ssa.Instruction) {
	h := holding{m: w.m, t: w.t, s: all, at: instr, must: true}
	switch instr := instr.(type) {
	case *ssa.Store:
		if i := w.base(instr.Addr); i >= 0 && parameter(w.t.Fn, i) != w.t.Root && h.value(instr.Val, 0) {
			w.p.HeldBy |= 1 << i
		}
	case *ssa.Return:
		for i, r := range instr.Results {
			if i >= 64 || isNilConst(r) {
				continue
			}
			if h.value(r, 0) {
				w.held |= 1 << i
			} else {
				w.free |= 1 << i
			}
		}
	}
}

func isNilConst(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.Value == nil
}

// into returns the parameter that the root is stored in by an event of instr, -1 for none.
func (w *paramWalk) into(instr ssa.Instruction, e Event) int {
	if e.Class > flow.Part { // what it refers to, or what refers to it
		return -1
	}
	switch instr := instr.(type) {
	case *ssa.Store:
		return w.base(instr.Addr)
	case *ssa.MapUpdate:
		return w.base(instr.Map)
	case *ssa.Call:
		if e.Into != nil {
			return w.base(e.Into)
		}
	}
	return -1
}

// base returns the parameter that v is or is reached from, -1 for none.
func (w *paramWalk) base(v ssa.Value) int {
	for {
		switch x := v.(type) {
		case *ssa.FieldAddr:
			v = x.X
		case *ssa.IndexAddr:
			v = x.X
		case *ssa.UnOp:
			if x.Op != token.MUL {
				return -1
			}
			v = x.X
		case *ssa.Parameter:
			return bit(slices.Index(w.t.Fn.Params, x), 0)
		case *ssa.FreeVar:
			return bit(slices.Index(w.t.Fn.FreeVars, x), len(w.t.Fn.Params))
		default:
			return -1
		}
	}
}

// bit returns where parameter i of those that begin at from is in [Param.Into], -1 for nowhere.
func bit(i, from int) int {
	if i < 0 || from+i >= 64 {
		return -1
	}
	return from + i
}

// Names of functions that make a value as new, and of those that add to what is in it.
var (
	resetName = regexp.MustCompile(`(?i)^(reset|clear|clean|init|zero|recycle)`)
	addsName  = regexp.MustCompile(`^(Write|ReadFrom)`)
)

// IsResetName reports whether a function of this name makes what it is called for as new.
func IsResetName(name string) bool { return resetName.MatchString(name) }

// adds reports whether a call writes to the root of t, and whether it resets it.
func (m *Model) adds(t *flow.Track, s *flow.State, call *ssa.CallCommon) (adds, resets bool) {
	for arg, x := range flow.Operands(call) {
		if t.Live(s, flow.Whole(x)) != flow.Same {
			continue
		}
		adds = adds || m.AddsTo(call, arg)
		resets = resets || arg == 0 && IsResetName(CalleeName(call)) || m.Resets(call, arg)
	}
	return adds, resets
}

// AddsTo reports whether a call writes to its operand arg: it is a method of it that does so, or a function that takes it as a writer or does
// so in its turn.
func (m *Model) AddsTo(call *ssa.CallCommon, arg int) bool {
	method := call.Signature().Recv() != nil || call.IsInvoke()
	if arg == 0 && method && addsName.MatchString(CalleeName(call)) || !(arg == 0 && method) && IsWriter(call, arg) {
		return true
	}
	if fn := call.StaticCallee(); fn != nil {
		p, ok := m.summaryOf(fn, arg)
		return ok && p.Adds
	}
	return false
}

// Resets reports whether a call gives its operand arg to a function that resets it.
func (m *Model) Resets(call *ssa.CallCommon, arg int) bool {
	fn := call.StaticCallee()
	if fn == nil {
		return false
	}
	p, ok := m.summaryOf(fn, arg)
	return ok && p.Resets
}

func (w *paramWalk) visit(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
	if branch, ok := instr.(*ssa.If); ok {
		asks, ok := w.asks[branch]
		if !ok {
			asks = asksAbout(w.t, branch.Cond, map[ssa.Value]bool{})
			w.asks[branch] = asks
		}
		if asks == asksSize {
			s.Flags |= flagSized
		} else if asks == asksState {
			s.Flags |= flagCounted
		}
		return true
	}
	e := w.m.Event(w.t, s, instr)
	switch e.Kind {
	case Put, DeferPut:
		if w.put && w.p.Pool != e.Pool {
			e.Pool, e.Several = "", true
		}
		w.p.Several = w.p.Several || e.Several
		w.put = true
		w.p.Pool = e.Pool
		switch e.Level {
		case Always:
			s.Flags |= flagPut
		case Some:
			w.some = true
		case Counted:
			w.counted = true
		}
		if e.Level != Always {
			s.Flags |= flagDeferred
		}
	}
	if _, ok := instr.(*ssa.Return); ok {
		if e.Kind == Return && e.Class <= flow.Derived { // It goes on, in the caller's hands.
			w.some = true
			return true
		}
		w.leave(s)
	}
	return true
}

// leave notes a path that ends.
func (w *paramWalk) leave(s *flow.State) {
	switch {
	case s.Flags&(flagPut|flagDeferred) != 0:
	case s.Flags&flagSized != 0:
	case s.Flags&flagCounted != 0:
		w.counted = true
	default:
		w.some = true
	}
}

func (w *paramWalk) returns(s *flow.State, ret *ssa.Return) {
	for i, r := range ret.Results {
		c := w.t.Live(s, r)
		if c == flow.None || c > flow.Inner || w.t.Cell(r) {
			continue
		}
		if old := w.p.Returns[i]; old == flow.None || c < old {
			w.p.Returns[i] = c
		}
	}
}

// results returns where the results of fn come from. A call back into fn while that is computed yields nothing. What it returns may be somebody's
// already, who has stored it on the way to the return: such a result is none of the caller's, whichever way it came.
func (m *Model) results(fn *ssa.Function) []Result {
	if r, ok := m.resultsOf[fn]; ok || m.sealed {
		return r
	}
	m.resultsOf[fn] = nil
	w := resultWalk{m, make([]Result, fn.Signature.Results().Len()), make([]bool, fn.Signature.Results().Len())}
	for _, acq := range m.Acquisitions(fn) {
		w.walk(fn, acq)
	}
	found := false
	for i, stored := range w.stored {
		if stored && !w.results[i].Held {
			w.results[i] = Result{}
		}
		found = found || w.results[i].Acquired
	}
	if !found {
		return nil
	}
	m.resultsOf[fn] = w.results
	return w.results
}

// resultWalk finds what the results of a function are.
type resultWalk struct {
	m       *Model
	results []Result
	stored  []bool // the results that are values which something has stored before
}

// Flags of that walk: somebody may keep the value, for all that is known, and something has stored it.
const (
	flagKept flow.Flags = 1 << iota
	flagStored
)

func (w *resultWalk) walk(fn *ssa.Function, acq Acquisition) {
	t := w.m.Track(fn, acq)
	t.Walk(func(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
		switch e := w.m.Event(t, s, instr); e.Kind {
		case Put, DeferPut:
			return false
		case Keep:
			s.Flags |= flagKept
			if e.Stored && !e.Inner && e.Class <= flow.Derived {
				s.Flags |= flagStored
			}
		}
		ret, ok := instr.(*ssa.Return)
		if ok {
			w.returned(t, s, ret, acq.Pool)
		}
		return !ok
	})
}

// returned notes what a return has of the root of t.
func (w *resultWalk) returned(t *flow.Track, s *flow.State, ret *ssa.Return, pool string) {
	if s.Flags == 0 && returnsHolder(t, s, ret) {
		for i, r := range ret.Results {
			if pool != "" && !w.results[i].Acquired && w.m.isHolder(t, s, r) {
				w.results[i] = Result{Acquired: true, Held: true, Pool: pool}
			}
		}
		return
	}
	switch i := nearest(t, s, ret.Results); {
	case i < 0:
	case s.Flags&flagStored != 0:
		w.stored[i] = true
	case s.Flags == 0:
		w.results[i] = Result{Acquired: true, Pool: pool}
	}
}

// nearest returns which of the values that are returned is the root, -1 for none: another may be a part of it.
func nearest(t *flow.Track, s *flow.State, results []ssa.Value) int {
	best, least := -1, 0
	for i, r := range results {
		c := t.Live(s, r)
		if c != flow.Same && (c != flow.Derived || !isSlice(r.Type())) {
			continue
		}
		if far := distance(t, r); best < 0 || far < least {
			best, least = i, far
		}
	}
	return best
}

// distance returns how much has been done to the root of t to make v of it: cuts count, more where they are not from the start, and calls most.
func distance(t *flow.Track, v ssa.Value) int {
	far := 0
	for v != t.Root {
		switch x := v.(type) {
		case *ssa.Slice:
			far++
			if x.Low != nil {
				far += 10
			}
			v = x.X
		case *ssa.MakeInterface:
			v = x.X
		case *ssa.ChangeType:
			v = x.X
		case *ssa.Convert:
			v = x.X
		case *ssa.TypeAssert:
			v = x.X
		case *ssa.UnOp:
			v = x.X
		case *ssa.Extract:
			v = x.Tuple
		case *ssa.Call:
			return far + 100
		default:
			return far
		}
	}
	return far
}

// returnsHolder reports whether something that refers to the root is returned, such as the function that puts it back.
func returnsHolder(t *flow.Track, s *flow.State, ret *ssa.Return) bool {
	return slices.ContainsFunc(ret.Results, func(r ssa.Value) bool { return t.Live(s, r) == flow.Holder })
}

func isSlice(t types.Type) bool {
	_, ok := t.Underlying().(*types.Slice)
	return ok
}

// isErrors reports whether t is an error, or a slice of them.
func isErrors(t types.Type) bool {
	if s, ok := t.Underlying().(*types.Slice); ok {
		t = s.Elem()
	}
	return flow.IsError(t)
}
