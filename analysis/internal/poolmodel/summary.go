package poolmodel

import (
	"go/types"
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
	Keep    bool         // it may keep the value, or give it to somebody who may
	Stored  bool         // it does keep it: it stores or sends it, or starts a goroutine with it
	Uses    bool         // it reads or writes the value or its memory
	Returns []flow.Class // how each result is related to it
}

// trades reports whether the function gives back what it is given, or returns it: its result goes on in its place.
func (p Param) trades() bool {
	return slices.ContainsFunc(p.Returns, func(c flow.Class) bool { return c == flow.Same || c == flow.Derived })
}

// Result is where a result of a function comes from.
type Result struct {
	Acquired bool   // out of a pool, on some path
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
	if root == nil || !flow.MayRefer(root.Type()) {
		return Param{}
	}
	t := flow.NewTrack(fn, root, -1, m)
	w := paramWalk{m: m, t: t, p: Param{Returns: make([]flow.Class, fn.Signature.Results().Len())}, asks: map[*ssa.If]int{}}
	if !w.glance() {
		return w.p
	}
	if !t.Walk(w.visit) {
		return Param{Keep: true}
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
}

// glance notes what the function does with its parameter anywhere, whatever the path. It returns whether there is a Put, so
// that paths matter.
func (w *paramWalk) glance() (puts bool) {
	all := w.t.Everywhere()
	for _, b := range w.t.Fn.Blocks {
		for _, instr := range b.Instrs {
			e := w.m.Event(w.t, all, instr)
			switch e.Kind {
			case Put, DeferPut:
				puts = true
			case Keep:
				w.p.Keep = true
				w.p.Stored = w.p.Stored || e.Stored
			case Use, DeferUse:
				w.p.Uses = true
			case Return:
				w.returns(all, instr.(*ssa.Return))
			}
		}
	}
	return puts
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
			e.Pool = "" // one of several
		}
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

// results returns where the results of fn come from. A call back into fn while that is computed yields nothing.
func (m *Model) results(fn *ssa.Function) []Result {
	if r, ok := m.resultsOf[fn]; ok || m.sealed {
		return r
	}
	m.resultsOf[fn] = nil
	results := make([]Result, fn.Signature.Results().Len())
	found := false
	for _, acq := range m.Acquisitions(fn) {
		t := m.Track(fn, acq)
		t.Walk(func(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
			e := m.Event(t, s, instr)
			if e.Kind == Put || e.Kind == DeferPut || e.Kind == Keep {
				return false
			}
			ret, ok := instr.(*ssa.Return)
			if !ok || returnsHolder(t, s, ret) {
				return !ok
			}
			for i, r := range ret.Results {
				if c := t.Live(s, r); c == flow.Same || c == flow.Derived && isSlice(r.Type()) {
					results[i] = Result{Acquired: true, Pool: acq.Pool}
					found = true
				}
			}
			return false
		})
	}
	if !found {
		return nil
	}
	m.resultsOf[fn] = results
	return results
}

// returnsHolder reports whether something that refers to the root is returned, such as the function that puts it back.
func returnsHolder(t *flow.Track, s *flow.State, ret *ssa.Return) bool {
	return slices.ContainsFunc(ret.Results, func(r ssa.Value) bool { return t.Live(s, r) == flow.Holder })
}

func isSlice(t types.Type) bool {
	_, ok := t.Underlying().(*types.Slice)
	return ok
}
