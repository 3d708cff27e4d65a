package flow

import (
	"slices"

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

	live          [maxAliases / 64]uint64 // which aliases hold the root's value
	asked, truths uint64                  // the conditions that were evaluated before, and their values
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
func (t *Track) Walk(visit Visitor) bool {
	if len(t.Fn.Blocks) == 0 {
		return false
	}
	if t.overflow {
		t.rules.TooLarge(t)
		return false
	}
	w := &walker{Track: t, visit: visit, seen: map[visited]bool{}, asks: asksAgain(t.Fn, t.conds), local: t.locals()}
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
			return // got anew: another value
		}
		if !w.visit(&s, step, instr) {
			return
		}
		w.transfer(&s, instr)
	}
	succs := step.Block.Succs
	branch, ok := step.Block.Instrs[len(step.Block.Instrs)-1].(*ssa.If)
	if !ok {
		for _, next := range succs {
			w.queue(s, &Step{Block: next, Prev: step}, step.Block)
		}
		return
	}
	whenTrue, whenFalse := w.branches(&s, branch)
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
		w.queue(s, &Step{Block: succs[0], Prev: step, Branch: decided, Taken: true}, step.Block)
	}
}

// queue enters a block by the edge from pred, unless it was entered in this state before.
func (w *walker) queue(s State, step *Step, pred *ssa.BasicBlock) {
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
		w.set(&after, phi, w.alive(&s, phi.Edges[edge]))
	}
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

// transfer updates which aliases are live for having executed instr.
func (t *Track) transfer(s *State, instr ssa.Instruction) {
	switch instr := instr.(type) {
	case *ssa.Store:
		if t.cells[instr.Addr] {
			t.set(s, instr.Addr, t.alive(s, instr.Val))
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
	if _, tracked := t.index[v]; !ok || !tracked {
		return
	}
	live := false
	for _, op := range instr.Operands(nil) {
		live = live || t.alive(s, *op)
	}
	t.set(s, v, live)
}
