package flow

import (
	"go/types"
	"iter"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// Class is how a value relates to the root of a [Track].
type Class uint8

// Classes, the closer relations first.
const (
	None    Class = iota
	Same          // the root's value itself, perhaps in an interface or of another type
	Derived       // the root's own slice, cut or grown: what is put back for it
	Part          // memory inside the root: a field, what Bytes returns
	Holder        // made from the root and may refer to it: a closure, what a constructor returns
	Inner         // something that the root refers to, read out of it
	Err           // the error that came with the root
	OK            // the bool that came with the root: true when the root was got
)

// Rules say how calls pass values on.
type Rules interface {
	// Result returns how result i of call relates to argument arg, which has class c. Arguments count as in [Operands].
	Result(call *ssa.CallCommon, arg, i int, c Class) Class
	// Moves returns the fields of structs to which a call gives new values where it puts the structs back: what was read before has left them.
	Moves(call ssa.CallInstruction) []Field
	// Reuses reports whether what is in a field stays there, to be emptied and filled anew for the next user of its struct.
	Reuses(field Field) bool
	// TooLarge is called with a Track that cannot be walked to the end. It may be called by several goroutines.
	TooLarge(t *Track)
}

// maxAliases bounds the aliases of a root: they are the bits of a [State].
const maxAliases = 256

// A Track is the aliases of one value in one function.
type Track struct {
	Fn   *ssa.Function
	Root ssa.Value
	Held bool // what is wanted back is not the root, but something that it holds: a method of the root puts that back
	// Exact tells what the root refers to from the root where a variable has now this and now that, as in n = n.next.
	Exact bool

	rules    Rules
	index    map[ssa.Value]int
	classes  []Class
	cells    map[ssa.Value]bool // variables that hold an alias, keyed by their address
	moved    map[Field]bool     // fields of the root that the function overwrites: what was read before has left
	conds    map[*ssa.If]condition
	kinds    map[*ssa.If]condition // branches that ask whether an error is one that is not nil, with the condition that it is nil
	errors   map[ssa.Value]uint64  // the errors that these ask, with the bits of the conditions
	overflow bool
	atEntry  bool // paths begin with the function, although the root is an instruction
}

// Field is a field of a struct type.
type Field struct {
	Struct types.Type
	Index  int
}

// NewTrack finds the aliases of root in fn. Root is a parameter, a free variable, or an instruction of fn; of a call with
// several results, result is the index of the one to follow, otherwise -1. A free variable is a cell: the address of a
// variable that holds the value.
func NewTrack(fn *ssa.Function, root ssa.Value, result int, rules Rules) *Track {
	t := &Track{
		Fn: fn, Root: root, rules: rules,
		index: map[ssa.Value]int{}, cells: map[ssa.Value]bool{}, moved: movedFields(fn, rules),
	}
	if result < 0 {
		t.cells[root] = IsCell(root)
		t.add(root, Same)
	} else {
		t.add(root, None)
		t.addResults(root, result)
	}
	t.conds, t.kinds, t.errors = conditions(t)
	return t
}

// NewFieldTrack finds the aliases of what is in a field of a parameter when fn begins, as if the field were a variable of fn. It is for the
// user to end paths where others may set the field.
func NewFieldTrack(fn *ssa.Function, field *ssa.FieldAddr, rules Rules) *Track {
	t := &Track{
		Fn: fn, Root: field, rules: rules, atEntry: true,
		index: map[ssa.Value]int{}, cells: map[ssa.Value]bool{}, moved: movedFields(fn, rules), classes: []Class{Same},
	}
	var places []*ssa.FieldAddr
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			if f, ok := instr.(*ssa.FieldAddr); ok && f.X == field.X && f.Field == field.Field {
				t.index[f], t.cells[f] = 0, true
				places = append(places, f)
			}
		}
	}
	for _, f := range places {
		for _, ref := range *f.Referrers() {
			t.followCell(f, ref, Same)
		}
	}
	t.conds, t.kinds, t.errors = conditions(t)
	return t
}

// IsCell reports whether v is the address of a variable of the enclosing function, as a closure captures it.
func IsCell(v ssa.Value) bool {
	fv, ok := v.(*ssa.FreeVar)
	if !ok {
		return false
	}
	_, ok = fv.Type().Underlying().(*types.Pointer)
	return ok
}

// addResults adds what is extracted from a tuple of which one result is the root.
func (t *Track) addResults(tuple ssa.Value, result int) {
	for _, ref := range *tuple.Referrers() {
		ex, ok := ref.(*ssa.Extract)
		switch {
		case !ok:
		case ex.Index == result:
			t.add(ex, Same)
		case IsError(ex.Type()):
			t.add(ex, Err)
		case types.Identical(ex.Type().Underlying(), types.Typ[types.Bool]):
			t.add(ex, OK)
		}
	}
}

// Class returns how v relates to the root, wherever it does.
func (t *Track) Class(v ssa.Value) Class {
	if i, ok := t.index[v]; ok {
		return t.classes[i]
	}
	return None
}

// Cell reports whether v is the address of a local variable that holds an alias somewhere.
func (t *Track) Cell(v ssa.Value) bool { return t.cells[v] }

// add gives v class c and follows it on. A value that has a closer class keeps it.
func (t *Track) add(v ssa.Value, c Class) {
	i, ok := t.index[v]
	if ok && t.classes[i] <= c {
		return
	}
	if !ok {
		if len(t.classes) == maxAliases {
			t.overflow = true
			return
		}
		t.index[v] = len(t.classes)
		t.classes = append(t.classes, c)
	} else {
		t.classes[i] = c
	}
	if v.Referrers() == nil || c == None {
		return
	}
	for _, ref := range *v.Referrers() {
		if t.cells[v] {
			t.followCell(v, ref, c)
		} else {
			t.follow(v, ref, c)
		}
	}
}

// addCell notes that the variable at addr holds an alias of class c.
func (t *Track) addCell(addr ssa.Value, c Class) {
	t.cells[addr] = true
	t.add(addr, c)
}

// followCell adds the aliases that ref makes from the variable at v.
func (t *Track) followCell(v ssa.Value, ref ssa.Instruction, c Class) {
	switch ref := ref.(type) {
	case *ssa.UnOp:
		t.add(ref, c)
	case *ssa.FieldAddr, *ssa.IndexAddr, *ssa.Slice:
		t.add(ref.(ssa.Value), atLeast(c, Part))
	case *ssa.MakeClosure:
		t.add(ref, Holder)
	case *ssa.MakeInterface, *ssa.ChangeType, *ssa.Convert:
		t.add(ref.(ssa.Value), atLeast(c, Derived)) // as in Put(&b)
	case *ssa.Phi:
		t.add(ref, Inner) // the variable's address goes its own way
	case ssa.CallInstruction:
		t.followCall(v, ref, c)
	}
}

// follow adds the aliases that ref makes from v.
func (t *Track) follow(v ssa.Value, ref ssa.Instruction, c Class) {
	switch ref := ref.(type) {
	case *ssa.TypeAssert:
		t.followAssert(ref, c)
	case *ssa.ChangeType, *ssa.ChangeInterface, *ssa.MakeInterface, *ssa.Phi:
		t.add(ref.(ssa.Value), c)
	case *ssa.Convert:
		if first, ok := v.(*ssa.IndexAddr); ok && isUnsafePointer(ref.Type()) && IsZero(first.Index) && t.Class(first.X) != None {
			c = t.Class(first.X) // of &x[0], by which all of x can be reached
		}
		if _, toString := ref.Type().Underlying().(*types.Basic); !toString || isUnsafePointer(ref.Type()) {
			t.add(ref, atLeast(c, Derived))
		}
	case *ssa.Slice, *ssa.SliceToArrayPointer:
		t.add(ref.(ssa.Value), atLeast(c, Derived))
	case *ssa.FieldAddr:
		t.add(ref, atLeast(c, Part))
	case *ssa.IndexAddr:
		if ref.X == v {
			t.add(ref, atLeast(c, Part))
		}
	case *ssa.Field:
		t.addRead(ref, c, false)
	case *ssa.UnOp:
		t.followLoad(v, ref, c)
	case *ssa.Store:
		if addr, ok := ref.Addr.(*ssa.Alloc); ok && ref.Val == v {
			t.addCell(addr, c)
		} else if made := LocalBase(ref.Addr); made != nil && ref.Val == v && c <= Inner {
			t.add(made, atLeast(c, Holder))
		}
	case *ssa.MakeClosure:
		t.add(ref, atLeast(c, Holder))
	case *ssa.Range, *ssa.Next, *ssa.Lookup, *ssa.Index:
		t.addRead(ref.(ssa.Value), c, false)
	case ssa.CallInstruction:
		t.followCall(v, ref, c)
	}
}

// followAssert adds what a type assertion makes; of the comma-ok form, the parts of its tuple.
func (t *Track) followAssert(ref *ssa.TypeAssert, c Class) {
	if !ref.CommaOk {
		t.add(ref, c)
		return
	}
	t.add(ref, None)
	for _, use := range *ref.Referrers() {
		if ex, ok := use.(*ssa.Extract); ok && ex.Index == 0 {
			t.add(ex, c)
		} else if ok && c == Same {
			t.add(ex, OK)
		}
	}
}

// followLoad adds what is read through v: a slice of the root's memory, or something the root refers to.
func (t *Track) followLoad(v ssa.Value, load *ssa.UnOp, c Class) {
	owned := c <= Part
	switch v := v.(type) {
	case *ssa.FieldAddr:
		owned = owned && !t.moved[FieldOf(v)]
		if owned && isCollection(load.Type()) && t.rules.Reuses(FieldOf(v)) {
			t.add(load, atLeast(c, Part))
			return
		}
	case *ssa.IndexAddr:
		owned = false // an element is a value of its own
	case *ssa.Alloc:
		if c == Holder { // a struct that was made here and holds the root, by value
			t.add(load, c)
			return
		}
	default:
		if _, slice := load.Type().Underlying().(*types.Slice); slice && c == Same {
			t.add(load, Derived) // the slice that the root points to
			return
		}
		if c == Same && t.sharesFields(load) {
			t.add(load, Part)
			return
		}
	}
	t.addRead(load, c, owned)
}

// sharesFields reports whether a copy of the struct that the root points to shares a slice or a map with it that stays there, and is handed on as
// it is.
func (t *Track) sharesFields(load *ssa.UnOp) bool {
	st, ok := load.Type().Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for _, ref := range *load.Referrers() {
		store, ok := ref.(*ssa.Store)
		if !ok {
			continue
		}
		if v, ok := store.Addr.(*ssa.Alloc); ok && slices.ContainsFunc(*v.Referrers(), isFieldAddr) {
			return false // the copy's fields may be given others
		}
	}
	shares := false
	for i := range st.NumFields() {
		field := Field{types.Unalias(load.Type()), i}
		if t.moved[field] {
			return false
		}
		shares = shares || isCollection(st.Field(i).Type()) && t.rules.Reuses(field)
	}
	return shares
}

func isFieldAddr(instr ssa.Instruction) bool {
	_, ok := instr.(*ssa.FieldAddr)
	return ok
}

// addRead adds a value read out of an alias: memory of the root's when owned and a slice of plain data, otherwise Inner.
func (t *Track) addRead(v ssa.Value, c Class, owned bool) {
	switch {
	case owned && IsPlainSlice(v.Type()):
		t.add(v, atLeast(c, Part))
	case MayRefer(v.Type()):
		t.add(v, atLeast(c, Inner))
	}
}

// followCall adds the results of a call that v is an argument of.
func (t *Track) followCall(v ssa.Value, ref ssa.CallInstruction, c Class) {
	call, ok := ref.(*ssa.Call)
	if !ok || c == Err || c == OK {
		return
	}
	for arg, x := range Operands(&call.Call) {
		if x != v {
			continue
		}
		if _, tuple := call.Type().(*types.Tuple); !tuple {
			if rc := t.result(call, arg, 0, c); rc != None {
				t.add(call, rc)
			}
			continue
		}
		t.add(call, None)
		for _, use := range *call.Referrers() {
			if ex, ok := use.(*ssa.Extract); ok {
				if rc := t.result(call, arg, ex.Index, c); rc != None {
					t.add(ex, rc)
				}
			}
		}
	}
}

// result is how a result of a call relates to the root. Where the function gives a slice field a new slice, what a method
// returned before may have left the root's memory.
func (t *Track) result(call *ssa.Call, arg, i int, c Class) Class {
	rc := t.rules.Result(&call.Call, arg, i, c)
	if rc == Part {
		for field := range t.moved {
			if field.slice() && t.hasType(field.Struct) {
				return Inner
			}
		}
	}
	return rc
}

// hasType reports whether the root, or a part of it, is a pointer to a value of type typ.
func (t *Track) hasType(typ types.Type) bool {
	for v, i := range t.index {
		if c := t.classes[i]; c == None || c > Part {
			continue
		}
		if p, ok := v.Type().Underlying().(*types.Pointer); ok && types.Identical(p.Elem(), typ) {
			return true
		}
	}
	return false
}

// LocalBase returns what the function has made and addr is a field or an element of, nil for none.
func LocalBase(addr ssa.Value) ssa.Value {
	for {
		switch x := addr.(type) {
		case *ssa.FieldAddr:
			addr = x.X
		case *ssa.IndexAddr:
			addr = x.X
		default:
			made, _ := addr.(*ssa.Alloc)
			if made == nil {
				return nil
			}
			return made
		}
	}
}

// Operands returns what a call works on: of an interface method or a closure the value called, then the arguments. A
// method's receiver is operand 0 either way.
func Operands(call *ssa.CallCommon) []ssa.Value {
	if call.IsInvoke() {
		return append([]ssa.Value{call.Value}, call.Args...)
	}
	return call.Args
}

// An Operand is one of Operands of a call.
type Operand struct {
	Call  ssa.CallInstruction
	Index int
	Value ssa.Value
}

// AllOperands yields those of all calls in fn, go and defer among them.
func AllOperands(fn *ssa.Function) iter.Seq[Operand] {
	return func(yield func(Operand) bool) {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				call, ok := instr.(ssa.CallInstruction)
				if !ok {
					continue
				}
				for i, x := range Operands(call.Common()) {
					if !yield(Operand{call, i, x}) {
						return
					}
				}
			}
		}
	}
}

// atLeast returns the more distant of two classes.
func atLeast(c, least Class) Class { return max(c, least) }
