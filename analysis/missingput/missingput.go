package missingput

import (
	"fmt"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// Analyzer reports values that some path neither puts back nor hands on.
var Analyzer = newAnalyzer()

func newAnalyzer() *analysis.Analyzer {
	a := &analysis.Analyzer{
		Name:     "missingput",
		Doc:      "report values from a pool that some path neither puts back nor hands on",
		URL:      "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#missingput",
		Requires: []*analysis.Analyzer{poolmodel.Analyzer},
	}
	panics := a.Flags.Bool("panics", false, "also report values that an explicit panic loses")
	a.Run = func(pass *analysis.Pass) (any, error) {
		m := poolmodel.Of(pass)
		var all []*taken
		for _, fn := range m.Funcs {
			for _, acq := range m.AllAcquisitions(fn) {
				all = append(all, check(m, m.Track(fn, acq), acq, *panics))
			}
		}
		o := othersOf(m, all)
		for _, t := range all {
			t.judge(pass, m, o, *panics)
		}
		earlyDefers(pass, m)
		return nil, nil
	}
	return a
}

// lost is a path's end at which nobody has the value any more.
type lost struct {
	pos    token.Pos
	step   *flow.Step
	panics bool
	again  bool // another is got in its place
	failed bool // because a call failed

	returnsError bool // the function returns an error there
	unsent       bool // another case of a select would have sent it
	alone        bool // and that alone tells, since the pool has no name

	// A call was given the value that could not put it back, since nobody else can, and it did not fail. Where other paths put the value back, it
	// may have been given for good.
	excused bool

	untouched bool // nothing was done with the value, which a loop has got for its next turn
	unrelated bool // because of something that no call that was given the value has returned
}

// fate is what the paths from an acquisition do with the value.
type fate struct {
	first      *lost // the first in source order of the ends that lose it
	put, given bool  // some path puts it back, some path hands it on

	back map[ssa.Instruction]bool // calls that were given it, may keep it for all that is known, and after which it is put back
}

// taken is a value that a function gets, and what becomes of it.
type taken struct {
	t    *flow.Track
	acq  poolmodel.Acquisition
	fate fate
	ok   bool                     // its paths could be followed to the end
	lent map[ssa.Instruction]bool // calls that may keep the value for all that is known, and do not: it is put back on all paths after them
}

func check(m *poolmodel.Model, t *flow.Track, acq poolmodel.Acquisition, panics bool) *taken {
	f, ok := follow(m, t, acq, panics, nil)
	v := &taken{t: t, acq: acq, fate: f, ok: ok}
	if ok && f.first == nil && len(f.back) > 0 { // Calls that may keep the value do not, since it is put back after them.
		v.fate, v.ok = follow(m, t, acq, panics, f.back)
		switch first := v.fate.first; {
		case first == nil && v.ok && !v.fate.given:
			v.lent = f.back
		case first != nil && !first.failed && !first.unrelated:
			v.fate.first = nil
		}
	}
	return v
}

func (v *taken) judge(pass *analysis.Pass, m *poolmodel.Model, o others, panics bool) {
	if drains(v.acq) || o.isLastOf(v) {
		return
	}
	f, ok := v.fate, v.ok
	if ok && !f.put && f.given {
		f = v.asOthers(m, o, panics)
	}
	if ok && f.loses(m, v.acq, o) {
		report(pass, m, v.acq, f)
		return
	}
	if closed, put := m.Closed(v.acq.Pool); closed && !put && !v.acq.Wrapper {
		m.Report(pass, analysis.Diagnostic{Category: "pool-unfilled", Pos: v.acq.Call.Pos(), Message: fmt.Sprintf(
			"%s is never put back: nothing in this package puts a value into %s", m.Got(v.acq), poolmodel.ShortPool(v.acq.Pool))})
	}
}

// drains reports whether an acquisition only empties the pool: a loop gets values until there are none, and looks at none of them.
func drains(acq poolmodel.Acquisition) bool {
	return acq.Value != nil && flow.InLoop(acq.Call.Block()) && !slices.ContainsFunc(*acq.Value.Referrers(), func(ref ssa.Instruction) bool {
		cmp, ok := ref.(*ssa.BinOp)
		return !ok || !flow.IsNil(cmp.X) && !flow.IsNil(cmp.Y)
	})
}

// asOthers returns the fate where functions do with the value what they do with others'. By what they look like alone it is told of a value that no path puts
// back: where one does, others may have it for good.
func (v *taken) asOthers(m *poolmodel.Model, o others, panics bool) fate {
	lent, used := o.lends(m, v)
	for _, calls := range []map[ssa.Instruction]bool{lent, used} {
		if len(calls) == 0 {
			continue
		}
		f, ok := follow(m, v.t, v.acq, panics, calls)
		if ok && f.first != nil && (!f.given || f.first.failed && m.PutsInto(v.acq.Pool)) && (!f.put || len(calls) == len(lent)) {
			return f
		}
	}
	return v.fate
}

// loses reports whether a path loses the value, for all that is known. Where another path hands it on, what is no failure may be meant. Of a wrapper's
// value it is not sure that the caller has to put it back, unless it does so, or it is owed. What only holds a value of the pool has to be put back where
// another function does so that has got it in the same way.
func (f fate) loses(m *poolmodel.Model, acq poolmodel.Acquisition, o others) bool {
	switch {
	case f.first == nil:
		return false
	case f.put:
		return !f.first.excused
	case !f.given && m.Opaque(acq.Pool):
		return false
	case !acq.Wrapper || poolmodel.IsInterface(acq.Pool) && m.Fills(acq.Pool):
		closed, _ := m.Closed(acq.Pool)
		return !f.given || closed || f.first.sure() > 1 || f.first.returnsError
	case f.given:
		return (f.first.failed && (m.PutsInto(acq.Pool) || m.Fills(acq.Pool) && o.most[sourceOf(acq)] >= 0) || f.first.unsent && m.PutsAnywhere(acq.Pool)) && o.isOwed(m, acq)
	case acq.Held:
		return o.back[sourceOf(acq)]
	}
	return m.Fills(acq.Pool) && o.isOwed(m, acq)
}

// kindOf returns the kind of a report by what tells that the value is lost.
func kindOf(acq poolmodel.Acquisition, f fate) string {
	switch {
	case f.first.panics:
		return "lost-on-panic"
	case f.first.failed || f.first.returnsError:
		return "lost-on-error"
	case acq.Held:
		return "lost-holder"
	case !f.put && !f.given:
		return "never-put"
	}
	return "lost-on-path"
}

func report(pass *analysis.Pass, m *poolmodel.Model, acq poolmodel.Acquisition, f fate) {
	never := !f.put && !f.given
	where := fmt.Sprintf("when the function returns at line %d", m.Line(f.first.pos))
	switch {
	case f.first.panics:
		where = fmt.Sprintf("when the function panics at line %d", m.Line(f.first.pos))
	case f.first.again:
		where = "before another is got in its place"
	}
	msg := fmt.Sprintf("%s is not put back %s%s: the pool loses it", m.Got(acq), where, m.Why(f.first.step))
	if acq.Held {
		msg = fmt.Sprintf("%s holds a value of %s, which is not put back %s%s", m.Got(acq), poolmodel.ShortPool(acq.Pool), where, m.Why(f.first.step))
	}
	if never && !acq.Held {
		msg = fmt.Sprintf("%s is never put back: the pool loses it on every call", m.Got(acq))
	}
	d := analysis.Diagnostic{
		Category: kindOf(acq, f), Pos: acq.Call.Pos(), Message: msg,
		Related: []analysis.RelatedInformation{{Pos: f.first.pos, Message: "lost here"}},
	}
	if never && !acq.Held {
		d.SuggestedFixes = deferPut(pass, m, acq)
	}
	m.Report(pass, d)
}

// maxLent bounds the calls that a path remembers to have been given the value. They are the first bits of a state's flags.
const maxLent = 20

// The other flags: a call was given the value that could not put it back, a branch has asked about the value, a select has not sent it, and something was done
// with it.
// Behind them is the side of the branch, as index in [walk.sides].
const (
	flagUsed flow.Flags = 1 << (maxLent + iota)
	flagAsked
	flagUnsent
	flagTouched
	sideShift = maxLent + 4
	maxSides  = 64
)

const lentMask flow.Flags = 1<<maxLent - 1

// lending are the calls of a function that were given the value, and that may keep it for all that is known of them.
type lending struct {
	bits  map[ssa.Instruction]flow.Flags
	calls []ssa.Instruction
}

// bit returns the flag of a call, 0 when there are too many.
func (l *lending) bit(call ssa.Instruction) flow.Flags {
	if b, ok := l.bits[call]; ok {
		return b
	}
	if len(l.calls) == maxLent {
		return 0
	}
	b := flow.Flags(1) << len(l.calls)
	l.bits[call] = b
	l.calls = append(l.calls, call)
	return b
}

// side is one of the two ways behind a branch that asks about the value, its size or its state: what becomes of the value may be up to that.
type side struct {
	branch     *ssa.If
	taken      bool
	before     int // the side, as index in [walk.sides], that led to the branch
	put, given bool
	kept       bool  // it is stored or returned
	direct     *lost // the first end that loses it by no other decision
	later      *lost // the first that does so by one
}

// walk is a walk over the paths from an acquisition.
type walk struct {
	m      *poolmodel.Model
	t      *flow.Track
	acq    poolmodel.Acquisition
	panics bool
	closed bool                     // nobody else can put the value back
	lends  map[ssa.Instruction]bool // calls that are known not to keep the value
	lent   lending
	sides  []side // the first is where no branch has asked
	fate   fate

	asked     bool // a branch has asked about the value
	sided     bool // sides are told apart
	manySided bool // there are more than can be
}

// follow walks the paths from an acquisition. The calls of lends are known not to keep the value. It returns false when there
// were too many paths. Sides are told apart only where what becomes of the value may be up to them: there are many more paths then.
func follow(m *poolmodel.Model, t *flow.Track, acq poolmodel.Acquisition, panics bool, lends map[ssa.Instruction]bool) (fate, bool) {
	w := walk{m: m, t: t, acq: acq, panics: panics, lends: lends}
	w.closed, _ = m.Closed(acq.Pool)
	ok := w.all()
	if ok && w.asked && w.fate.first != nil && (w.fate.put || w.fate.given) {
		w.sided = true
		ok = w.all()
	}
	return w.fate, ok
}

// all walks all paths. It returns false when there are too many.
func (w *walk) all() bool {
	w.sides, w.lent = make([]side, 1), lending{bits: map[ssa.Instruction]flow.Flags{}}
	w.fate = fate{back: map[ssa.Instruction]bool{}}
	ok := w.t.WalkLoops(w.visit, func(s *flow.State, step *flow.Step) {
		if w.t.Remains(s) || w.sent(s, step) {
			w.given(s)
		} else {
			w.ends(s, &lost{pos: w.acq.Call.Pos(), step: step, again: true})
		}
	})
	w.decide()
	return ok
}

func (w *walk) side(s *flow.State) *side { return &w.sides[s.Flags>>sideShift] }

// given notes that a path hands the value on.
func (w *walk) given(s *flow.State) {
	w.fate.given, w.side(s).given = true, true
}

// goesBack notes that the calls which were given the value on a path do not keep it.
func (w *walk) goesBack(s *flow.State) {
	for i, call := range w.lent.calls {
		if s.Flags&(1<<i) != 0 {
			w.fate.back[call] = true
		}
	}
}

func (w *walk) visit(s *flow.State, step *flow.Step, instr ssa.Instruction) bool {
	if s.Flags&flagAsked != 0 && !w.enter(s, step) {
		return false
	}
	if w.sent(s, step) {
		w.given(s)
		return false
	}
	e := w.m.Event(w.t, s, instr)
	if e.Kind != poolmodel.Nothing && w.touches(s, instr) {
		s.Flags |= flagTouched
	}
	switch e.Kind {
	case poolmodel.Put, poolmodel.DeferPut:
		w.goesBack(s)
		w.fate.put, w.side(s).put = true, true
		return false
	case poolmodel.Keep:
		if _, ok := instr.(*ssa.Select); ok {
			s.Flags |= flagUnsent
			return true
		}
		if w.lending(s, instr, e) {
			return true
		}
		w.side(s).kept = w.side(s).kept || e.Stored
		w.given(s)
		return false
	case poolmodel.Return:
		if w.closed && (e.Class == flow.Inner || e.Class == flow.Holder && w.data(s, instr.(*ssa.Return))) {
			break // what the value refers to, or what was read out of it: it is not kept with that
		}
		w.side(s).kept = true
		w.given(s)
		return false
	}
	switch instr := instr.(type) {
	case *ssa.If:
		if poolmodel.AsksAbout(w.t, instr) {
			w.goesBack(s)
			w.asked = true
			if w.sided {
				s.Flags |= flagAsked
			}
		} else if asksSibling(instr, w.acq) {
			w.given(s) // another result says whether it came out of a pool
			return false
		}
	case *ssa.Return:
		if poolmodel.EndsWith(w.acq.Pool, w.t.Fn) || w.gathered(s) {
			w.given(s)
			return false
		}
		w.ends(s, &lost{pos: instr.Pos(), step: step, returnsError: poolmodel.ReturnsError(instr, step)})
	case *ssa.Panic:
		if w.panics {
			w.ends(s, &lost{pos: instr.Pos(), step: step, panics: true})
		}
	}
	return true
}

// touches reports whether an instruction that works on the value does more than to reset it.
func (w *walk) touches(s *flow.State, instr ssa.Instruction) bool {
	switch instr := instr.(type) {
	case *ssa.Store:
		c, isConst := instr.Val.(*ssa.Const)
		return w.t.Live(s, instr.Val) == flow.None && !(isConst && (c.Value == nil || flow.IsZero(c)))
	case ssa.CallInstruction:
		return !poolmodel.IsResetName(poolmodel.CalleeName(instr.Common()))
	case *ssa.UnOp:
		return false
	}
	return true
}

// carried reports whether a loop gets the value for its next turn: when it ends, it has got one too many.
func (w *walk) carried() bool {
	block := w.acq.Call.Block()
	if !flow.InLoop(block) {
		return false
	}
	for _, b := range w.t.Fn.Blocks {
		for _, instr := range b.Instrs {
			phi, ok := instr.(*ssa.Phi)
			if !ok {
				break
			}
			if w.t.Class(phi) == flow.Same && b != block && b.Dominates(block) {
				return true
			}
		}
	}
	return false
}

// sent reports whether a path goes on with the case of a select that sends the value.
func (w *walk) sent(s *flow.State, step *flow.Step) bool {
	if s.Case == 0 || step.Branch == nil {
		return false
	}
	sel, i := flow.CaseOf(step.Branch)
	return sel != nil && poolmodel.Sends(w.t, s, sel.States[i])
}

// gathered reports whether the value is in a slice to which a loop appends: others of it may be put back, and it before them.
func (w *walk) gathered(s *flow.State) bool {
	for _, b := range w.t.Fn.Blocks {
		for _, instr := range b.Instrs {
			phi, ok := instr.(*ssa.Phi)
			if !ok {
				break
			}
			if _, slice := phi.Type().Underlying().(*types.Slice); slice && w.t.Live(s, phi) == flow.Holder {
				return true
			}
		}
	}
	return false
}

// lending reports whether the value is still the function's after an event by which somebody may keep it.
func (w *walk) lending(s *flow.State, instr ssa.Instruction, e poolmodel.Event) bool {
	call, isCall := instr.(ssa.CallInstruction) // or a defer
	stored := e.Stored && !e.Inner
	switch {
	case w.lends[instr] && !stored:
		return true
	case w.closed && (e.Class == flow.Inner || e.Direct && e.Inner || isCall && !stored && !poolmodel.Keeps(call.Common())):
		s.Flags |= flagUsed
		return true
	case e.Direct && e.Class == flow.Inner && isPlainStore(instr): // such as what was in a field before: the value cannot be reached by it
		return true
	case isCall && !e.Stored && !w.acq.Wrapper && w.m.OnlyUses(call.Common(), w.acq.Pool):
		return true
	case isCall && !e.Stored && w.lends == nil:
		bit := w.lent.bit(instr)
		s.Flags |= bit
		return bit != 0
	}
	return false
}

// isPlainStore reports whether an instruction stores a slice of plain data.
func isPlainStore(instr ssa.Instruction) bool {
	store, ok := instr.(*ssa.Store)
	return ok && flow.IsPlainSlice(store.Val.Type())
}

// data reports whether a return has of the value no more than slices of plain data: nobody can put the value back by these, unless it is one.
func (w *walk) data(s *flow.State, ret *ssa.Return) bool {
	return !flow.IsPlainSlice(w.asserted()) && !slices.ContainsFunc(ret.Results, func(r ssa.Value) bool {
		c := w.t.Live(s, r)
		return c != flow.None && c <= flow.Inner && !flow.IsPlainSlice(r.Type())
	})
}

// asserted returns the type of the value, behind its interface.
func (w *walk) asserted() types.Type {
	for _, ref := range *w.acq.Value.Referrers() {
		if assert, ok := ref.(*ssa.TypeAssert); ok {
			return assert.AssertedType
		}
	}
	return w.acq.Value.Type()
}

// isConn reports whether t is a connection, by its methods.
func isConn(t types.Type) bool {
	method, _, _ := types.LookupFieldOrMethod(t, true, nil, "SetDeadline")
	return method != nil
}

// enter notes on which side of a branch that asks about the value a path goes on. It returns false when there are too many of them.
func (w *walk) enter(s *flow.State, step *flow.Step) bool {
	s.Flags &^= flagAsked
	if step.Branch == nil { // the path has shown it before
		return true
	}
	before := int(s.Flags >> sideShift)
	for i := before; i > 0; i = w.sides[i].before {
		if w.sides[i].branch == step.Branch && w.sides[i].taken == step.Taken { // another turn of a loop
			return true
		}
	}
	i := slices.IndexFunc(w.sides, func(o side) bool {
		return o.branch == step.Branch && o.taken == step.Taken && o.before == before
	})
	if i < 0 {
		if len(w.sides) == maxSides {
			w.manySided = true
			return true
		}
		i = len(w.sides)
		w.sides = append(w.sides, side{branch: step.Branch, taken: step.Taken, before: before})
	}
	s.Flags = s.Flags&(1<<sideShift-1) | flow.Flags(i)<<sideShift
	return true
}

// ends notes that a path ends at which nobody has the value any more.
func (w *walk) ends(s *flow.State, end *lost) {
	if s.Flags&lentMask != 0 || isConn(w.asserted()) { // which may be broken
		w.given(s)
		return
	}
	if w.isNone(end.step) {
		return
	}
	end.failed, end.unrelated = onError(end.step), unrelated(end.step, w.lends)
	end.unsent = s.Flags&flagUnsent != 0
	end.untouched = s.Flags&flagTouched == 0 && !end.again && w.carried()
	end.alone = end.unsent && w.acq.Pool == ""
	end.excused = s.Flags&flagUsed != 0 && !end.failed
	if !end.pos.IsValid() {
		end.pos = closingBrace(w.t.Fn)
	}
	side := w.side(s)
	if branch, _ := end.step.Decision(); branch == side.branch || side.branch != nil && branch != nil && poolmodel.SameSize(side.branch, branch) {
		side.direct = first(side.direct, end)
	} else {
		side.later = first(side.later, end)
	}
}

// isNone reports whether the last decision on the way to step was that the value is a slice without elements, and as it was got: there was none.
func (w *walk) isNone(step *flow.Step) bool {
	branch, taken := step.Decision()
	if branch == nil {
		return false
	}
	cmp, ok := branch.Cond.(*ssa.BinOp)
	if !ok || !flow.IsZero(cmp.Y) || cmp.Op != token.EQL && cmp.Op != token.NEQ || taken != (cmp.Op == token.EQL) {
		return false
	}
	call, ok := cmp.X.(*ssa.Call)
	if !ok {
		return false
	}
	b, ok := call.Call.Value.(*ssa.Builtin)
	return ok && b.Name() == "len" && w.t.Class(call.Call.Args[0]) == flow.Same && flow.IsPlainSlice(call.Call.Args[0].Type())
}

// first returns which of two ends is to be reported: the first in source order of those by which it is surest that the value is lost.
func first(a, b *lost) *lost {
	switch {
	case a == nil:
		return b
	case b == nil || a.sure() > b.sure() || a.sure() == b.sure() && a.pos <= b.pos:
		return a
	}
	return b
}

// sure returns how sure it is that a value which ends so should not have been lost, the more the greater.
func (l *lost) sure() int {
	switch {
	case l.excused:
		return 0
	case l.alone:
		return 3
	case l.failed || l.unsent || l.untouched:
		return 2
	}
	return 1
}

// decide finds the end to be reported. Where a branch has asked about the value, one that no later decision has led to may be what is meant,
// and so may be all on a side that never puts it back or keeps it; unless both sides lose it in each case.
func (w *walk) decide() {
	if w.manySided && (w.fate.put || w.fate.given) {
		w.fate.given = true
		return
	}
	nobody := !w.fate.put && !w.fate.given // puts it back or has it, on whichever side
	for i, side := range w.sides {
		switch {
		case i == 0 || nobody:
			w.fate.first = first(first(w.fate.first, side.direct), side.later)
		case side.put || side.kept:
			w.fate.first = first(w.fate.first, side.later)
			w.fate.given = w.fate.given || side.direct != nil
		}
	}
}

// asksSibling reports whether a branch compares another result of the acquisition with nil, one that is no error, or with a constant of a type
// with a name, such as a status.
func asksSibling(branch *ssa.If, acq poolmodel.Acquisition) bool {
	cmp, ok := branch.Cond.(*ssa.BinOp)
	if !ok {
		return false
	}
	for _, pair := range [][2]ssa.Value{{cmp.X, cmp.Y}, {cmp.Y, cmp.X}} {
		ex, ok := pair[0].(*ssa.Extract)
		c, isConst := pair[1].(*ssa.Const)
		_, isNamed := types.Unalias(pair[0].Type()).(*types.Named)
		if ok && isConst && (c.IsNil() || isNamed) && ex.Tuple == acq.Call && ex.Index != acq.Result && !flow.IsError(ex.Type()) {
			return true
		}
	}
	return false
}

// onError reports whether the last decision on the way to step was that an error is not nil, or that a call returned false.
func onError(step *flow.Step) bool {
	branch, taken := step.Decision()
	if branch == nil {
		return false
	}
	cond := branch.Cond
	for {
		not, ok := cond.(*ssa.UnOp)
		if !ok || not.Op != token.NOT {
			break
		}
		cond, taken = not.X, !taken
	}
	switch cond := cond.(type) {
	case *ssa.BinOp:
		return flow.IsError(cond.X.Type()) && (cond.Op == token.NEQ) == taken
	case *ssa.Call:
		fn := cond.Call.StaticCallee()
		return !taken || fn != nil && (fn.String() == "errors.Is" || fn.String() == "errors.As")
	}
	return false
}

// unrelated reports whether the last decision on the way to step has nothing to do with what the calls have returned.
func unrelated(step *flow.Step, calls map[ssa.Instruction]bool) bool {
	branch, _ := step.Decision()
	return branch != nil && !comesFrom(branch.Cond, calls, map[ssa.Value]bool{})
}

// comesFrom reports whether v is computed from what one of the calls returned.
func comesFrom(v ssa.Value, calls map[ssa.Instruction]bool, seen map[ssa.Value]bool) bool {
	instr, ok := v.(ssa.Instruction)
	if !ok || seen[v] {
		return false
	}
	seen[v] = true
	if calls[instr] {
		return true
	}
	for _, op := range instr.Operands(nil) {
		if *op != nil && comesFrom(*op, calls, seen) {
			return true
		}
	}
	return false
}

// closingBrace is where a function returns that has no return statement at its end.
func closingBrace(fn *ssa.Function) token.Pos {
	if syntax := fn.Syntax(); syntax != nil {
		return syntax.End() - 1
	}
	return fn.Pos()
}
