package flow

import (
	"go/token"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// maxStates bounds the states that one walk visits.
const maxStates = 16000

// Flags are what a pass notes of a path.
type Flags uint32

// State is what is known at one point of a path.
type State struct {
	Flags Flags
	Mark  ssa.Instruction // an instruction that the pass remembers, such as the Put that was passed
	Case  int             // which case of a select led to the block, from 1, 0 for none

	live          [maxAliases / 64]uint64 // which aliases hold the root's value
	asked, truths uint64                  // the conditions that were evaluated before, and their values
	failed        bool                    // the branch at the end of the block asks whether an error is nil that is not
}

// A Step is one block of a path, with the one it was reached from.
type Step struct {
	Block  *ssa.BasicBlock
	Prev   *Step
	Branch *ssa.If // the branch that led here, nil for none
	Taken  bool    // whether its condition was true
}

// Decision returns the last branch on the way to s that had another way to go, and whether its condition was true; nil
// when there is none.
func (s *Step) Decision() (branch *ssa.If, taken bool) {
	for ; s != nil; s = s.Prev {
		if s.Branch != nil {
			return s.Branch, s.Taken
		}
	}
	return nil, false
}

// A Visitor is called for each instruction on a path, before its own effect on which aliases are live. It may change s.
// When it returns false, the path ends here.
type Visitor func(s *State, step *Step, instr ssa.Instruction) bool

// Live returns the class of v if it holds the root's value in state s, otherwise None.
func (t *Track) Live(s *State, v ssa.Value) Class {
	i, ok := t.index[v]
	if !ok || s.live[i/64]&(1<<(i%64)) == 0 {
		return None
	}
	return t.classes[i]
}

// Everywhere returns the state in which every alias holds the root's value: what may happen at all, whatever the path.
func (t *Track) Everywhere() *State {
	s := new(State)
	for i := range s.live {
		s.live[i] = ^uint64(0)
	}
	return s
}

func (t *Track) set(s *State, v ssa.Value, live bool) {
	i, ok := t.index[v]
	switch {
	case !ok:
	case live:
		s.live[i/64] |= 1 << (i % 64)
	default:
		s.live[i/64] &^= 1 << (i % 64)
	}
}

func (t *Track) alive(s *State, v ssa.Value) bool {
	i, ok := t.index[v]
	return ok && s.live[i/64]&(1<<(i%64)) != 0
}

// Walk calls visit along every path from the root: from the instruction after it, or from the function's entry when the
// root is a parameter or a free variable. It returns false when there was too much to see; what visit noted is then worth
// nothing.
func (t *Track) Walk(visit Visitor) bool { return t.WalkLoops(visit, nil) }

// WalkLoops is Walk, and calls again where a path comes back to the root, which gets another value there.
func (t *Track) WalkLoops(visit Visitor, again func(s *State, step *Step)) bool {
	if len(t.Fn.Blocks) == 0 {
		return false
	}
	if t.overflow {
		t.rules.TooLarge(t)
		return false
	}
	w := &walker{Track: t, visit: visit, again: again, seen: map[visited]bool{}, asks: asksAgain(t.Fn, t.conds, t.kinds), local: t.locals()}
	first := t.Fn.Blocks[0]
	from := 0
	if instr, ok := t.Root.(ssa.Instruction); ok && !t.atEntry {
		first = instr.Block()
		for i, x := range first.Instrs {
			if x == instr {
				from = i + 1
			}
		}
	}
	var s State
	t.set(&s, t.Root, true)
	t.assume(&s, first)
	w.run(s, &Step{Block: first}, from)
	for len(w.todo) > 0 && len(w.seen) < maxStates {
		next := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		w.run(next.state, next.step, 0)
	}
	if len(w.todo) > 0 {
		t.rules.TooLarge(t)
	}
	return len(w.todo) == 0
}

// assume notes the conditions that must have held for a path to come to b.
func (t *Track) assume(s *State, b *ssa.BasicBlock) {
	for d := b.Idom(); d != nil; d = d.Idom() {
		branch, ok := d.Instrs[len(d.Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		for i, side := range d.Succs {
			if c, asked := t.conds[branch]; asked && len(side.Preds) == 1 && side.Dominates(b) && s.asked&(1<<c.bit) == 0 {
				t.remember(s, branch, i == 0)
			}
		}
	}
}

type visited struct {
	block int
	state State
}

type pending struct {
	state State
	step  *Step
}

type walker struct {
	*Track
	visit Visitor
	again func(*State, *Step) // nil for nothing
	seen  map[visited]bool
	todo  []pending
	asks  []uint64 // by block, the conditions whose values a path from there may come to ask for
	local [maxAliases / 64]uint64
}

// locals returns the results of calls that are taken apart in the block of the call: outside of it they make no difference.
func (t *Track) locals() (mask [maxAliases / 64]uint64) {
	for v, i := range t.index {
		instr, ok := v.(ssa.Instruction)
		if !ok || t.classes[i] != None || v.Referrers() == nil {
			continue
		}
		if !slices.ContainsFunc(*v.Referrers(), func(ref ssa.Instruction) bool { return ref.Block() != instr.Block() }) {
			mask[i/64] |= 1 << (i % 64)
		}
	}
	return mask
}

// run goes through one block from its instruction with index from, and queues what follows.
func (w *walker) run(s State, step *Step, from int) {
	for _, instr := range step.Block.Instrs[from:] {
		if _, phi := instr.(*ssa.Phi); phi {
			continue // settled on the edge
		}
		if v, ok := instr.(ssa.Value); ok && v == w.Root && !w.atEntry {
			if w.again != nil {
				w.again(&s, step)
			}
			return // got anew: another value
		}
		if !w.visit(&s, step, instr) {
			return
		}
		w.transfer(&s, instr)
	}
	s.Case = 0
	succs := step.Block.Succs
	branch, ok := step.Block.Instrs[len(step.Block.Instrs)-1].(*ssa.If)
	if !ok {
		for _, next := range succs {
			w.queue(s, &Step{Block: next, Prev: step}, step.Block)
		}
		return
	}
	whenTrue, whenFalse := w.branches(&s, branch)
	if s.failed {
		whenTrue = branch.Cond.(*ssa.BinOp).Op == token.NEQ
		whenFalse = !whenTrue
	}
	decided := branch
	if !whenTrue || !whenFalse {
		decided = nil // no choice on this path
	}
	if whenFalse {
		other := s
		w.remember(&other, branch, false)
		w.queue(other, &Step{Block: succs[1], Prev: step, Branch: decided}, step.Block)
	}
	if whenTrue {
		w.remember(&s, branch, true)
		if sel, i := CaseOf(branch); sel != nil {
			s.Case = i + 1
		}
		w.queue(s, &Step{Block: succs[0], Prev: step, Branch: decided, Taken: true}, step.Block)
	}
}

// CaseOf returns the select of which a branch asks whether it took a case, and that case; nil for another branch.
func CaseOf(branch *ssa.If) (*ssa.Select, int) {
	cmp, ok := branch.Cond.(*ssa.BinOp)
	if !ok || cmp.Op != token.EQL {
		return nil, 0
	}
	taken, ok := cmp.X.(*ssa.Extract)
	n, isConst := cmp.Y.(*ssa.Const)
	if !ok || !isConst || taken.Index != 0 {
		return nil, 0
	}
	sel, ok := taken.Tuple.(*ssa.Select)
	if !ok {
		return nil, 0
	}
	return sel, int(n.Int64())
}

// queue enters a block by the edge from pred, unless it was entered in this state before.
func (w *walker) queue(s State, step *Step, pred *ssa.BasicBlock) {
	if phi, ok := w.Root.(*ssa.Phi); ok && phi.Block() == step.Block {
		return // another turn of a loop, another value
	}
	edge := 0
	for i, p := range step.Block.Preds {
		if p == pred {
			edge = i
		}
	}
	after := s
	for _, instr := range step.Block.Instrs {
		phi, ok := instr.(*ssa.Phi)
		if !ok {
			break
		}
		from := phi.Edges[edge]
		w.set(&after, phi, w.alive(&s, from) && w.as(from, phi))
		after.asked &^= w.errors[phi]
	}
	after.failed = asksFailure(step.Block, edge)
	w.forget(&after, step.Block)
	for i := range after.live {
		after.live[i] &^= w.local[i]
	}
	after.asked &= w.asks[step.Block.Index]
	after.truths &= after.asked
	key := visited{step.Block.Index, after}
	if w.seen[key] {
		return
	}
	w.seen[key] = true
	w.todo = append(w.todo, pending{after, step})
}

// asksFailure reports whether the branch at the end of a block asks whether an error is nil that is not where the block is entered by an edge.
func asksFailure(b *ssa.BasicBlock, edge int) bool {
	branch, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
	if !ok {
		return false
	}
	cmp, ok := branch.Cond.(*ssa.BinOp)
	if !ok || cmp.Op != token.EQL && cmp.Op != token.NEQ || !IsNil(cmp.Y) || !IsError(cmp.X.Type()) {
		return false
	}
	phi, ok := cmp.X.(*ssa.Phi)
	return ok && phi.Block() == b && isFailure(phi.Edges[edge])
}

// isFailure reports whether v is an error that is not nil: a package's variable with a name like ErrClosed, a value of a type, or one that was just made.
func isFailure(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.MakeInterface:
		return true
	case *ssa.UnOp:
		global, ok := v.X.(*ssa.Global)
		return ok && v.Op == token.MUL && (strings.HasPrefix(global.Name(), "Err") || strings.HasPrefix(global.Name(), "err"))
	case *ssa.Call:
		fn := v.Call.StaticCallee()
		return fn != nil && (fn.String() == "errors.New" || fn.String() == "fmt.Errorf")
	}
	return false
}

// forget drops the value of the condition at the end of a block in a loop, unless this turn of the loop has evaluated it
// before.
func (w *walker) forget(s *State, b *ssa.BasicBlock) {
	branch, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
	if !ok {
		return
	}
	if c, ok := w.conds[branch]; ok && c.renews {
		s.asked &^= 1 << c.bit
		s.truths &^= 1 << c.bit
	}
}

// InLoop reports whether a path leads from b back to b.
func InLoop(b *ssa.BasicBlock) bool {
	seen := map[*ssa.BasicBlock]bool{}
	todo := append([]*ssa.BasicBlock(nil), b.Succs...)
	for len(todo) > 0 {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if x == b {
			return true
		}
		if !seen[x] {
			seen[x] = true
			todo = append(todo, x.Succs...)
		}
	}
	return false
}

// Remains reports whether what the root's instruction has got before can still be reached when it is executed anew: a variable of before, or
// what was made before, has it.
func (t *Track) Remains(s *State) bool {
	root, ok := t.Root.(ssa.Instruction)
	if !ok {
		return true
	}
	for v := range t.index {
		instr, ok := v.(ssa.Instruction)
		if c := t.Live(s, v); c == None || c > Inner || v == t.Root || !ok {
			continue
		}
		if instr.Block() != root.Block() && instr.Block().Dominates(root.Block()) {
			return true
		}
		if instr.Block() == root.Block() && slices.Index(root.Block().Instrs, instr) < slices.Index(root.Block().Instrs, root) {
			return true
		}
	}
	return false
}

// as reports whether a variable v is to the root what it is elsewhere where it is given the value from: not where that is only something that the
// root refers to, and v is the root somewhere else.
func (t *Track) as(from, v ssa.Value) bool {
	return !t.Exact || t.Class(from) <= Part || t.Class(v) > Part
}

// makes reports whether what a call returns is to the root what it is elsewhere where op of its operands holds the root's value: of another
// operand, it may be the root itself.
func (t *Track) makes(instr ssa.Instruction, op, v ssa.Value) bool {
	call, ok := instr.(*ssa.Call)
	if !ok || !t.Exact || t.Class(v) == None || t.Class(v) > Part {
		return true
	}
	for arg, x := range Operands(&call.Call) {
		if x != op {
			continue
		}
		if c := t.result(call, arg, 0, t.Class(x)); c != None && c <= Part {
			return true
		}
	}
	return false
}

// transfer updates which aliases are live for having executed instr.
func (t *Track) transfer(s *State, instr ssa.Instruction) {
	switch instr := instr.(type) {
	case *ssa.Store:
		if t.cells[instr.Addr] {
			t.set(s, instr.Addr, t.alive(s, instr.Val) && t.as(instr.Val, instr.Addr))
		} else if made := LocalBase(instr.Addr); made != nil && t.alive(s, instr.Val) {
			t.set(s, made, true)
		}
		return
	case *ssa.Alloc:
		t.set(s, instr, false)
		return
	case *ssa.FieldAddr:
		if t.cells[instr] { // of a field's track: a place, and not a value read
			return
		}
	}
	v, ok := instr.(ssa.Value)
	if ok {
		s.asked &^= t.errors[v]
		s.truths &= s.asked
	}
	if _, tracked := t.index[v]; !ok || !tracked {
		return
	}
	live := false
	for _, op := range instr.Operands(nil) {
		live = live || t.alive(s, *op) && t.makes(instr, *op, v)
	}
	t.set(s, v, live)
}
