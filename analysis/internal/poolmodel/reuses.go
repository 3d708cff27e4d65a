package poolmodel

import (
	"go/token"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// sharing is a Model for which a slice or a map of whatever counts as memory of the value where it stays in a field of that. Who returns only such a
// thing has not handed on the value: those who ask where the value is take the Model itself.
type sharing struct{ *Model }

// Reuses is false for a Model. It is part of [flow.Rules].
func (m *Model) Reuses(flow.Field) bool { return false }

// Reuses reports whether the package empties what is in a field where it is, x.f = x.f[:0] or clear(x.f), and gives the field nothing else but
// nil and what it makes for it. It is part of [flow.Rules].
func (m sharing) Reuses(field flow.Field) bool {
	m.emptiedOnce.Do(m.findEmptied)
	name := fieldName(field.Struct, field.Index)
	return m.emptied[name] && !m.foreign[name]
}

func (m *Model) findEmptied() {
	m.emptied, m.foreign = map[string]bool{}, map[string]bool{}
	for _, fn := range m.Funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if f := emptiedBy(instr); f != nil {
					m.emptied[fieldName(f.X.Type(), f.Field)] = true
				} else if f := givenBy(instr); f != nil {
					m.foreign[fieldName(f.X.Type(), f.Field)] = true
				}
			}
		}
	}
}

// givenBy returns the field to which an instruction gives something that was made elsewhere, nil for none.
func givenBy(instr ssa.Instruction) *ssa.FieldAddr {
	store, ok := instr.(*ssa.Store)
	if !ok {
		return nil
	}
	f, ok := store.Addr.(*ssa.FieldAddr)
	if !ok || flow.Resliced(store.Val) {
		return nil
	}
	switch store.Val.(type) {
	case *ssa.MakeSlice, *ssa.MakeMap, *ssa.Const:
		return nil
	}
	return f
}

// emptiedBy returns the field of which an instruction empties the slice or map where it is, nil for none.
func emptiedBy(instr ssa.Instruction) *ssa.FieldAddr {
	switch instr := instr.(type) {
	case *ssa.Store:
		f, ok := instr.Addr.(*ssa.FieldAddr)
		val := instr.Val
		if call, is := val.(*ssa.Call); is && isBuiltin(&call.Call, "append") {
			val = call.Call.Args[0] // x.f = append(x.f[:0], …)
		}
		cut, isCut := val.(*ssa.Slice)
		if ok && isCut && cut.High != nil && flow.IsZero(cut.High) && sameField(fieldRead(cut.X), f) {
			return f
		}
	case *ssa.Call:
		if b, ok := instr.Call.Value.(*ssa.Builtin); ok && (b.Name() == "clear" || b.Name() == "delete") {
			return fieldRead(instr.Call.Args[0])
		}
	}
	return nil
}

// fieldRead returns the field that v was read from, nil for none.
func fieldRead(v ssa.Value) *ssa.FieldAddr {
	load, ok := v.(*ssa.UnOp)
	if !ok || load.Op != token.MUL {
		return nil
	}
	f, _ := load.X.(*ssa.FieldAddr)
	return f
}

// sameField reports whether a and b are the same field of a type, whichever value of it. a may be nil.
func sameField(a, b *ssa.FieldAddr) bool {
	return a != nil && flow.FieldOf(a) == flow.FieldOf(b)
}

// TrackMemory is [Model.Track] for those who ask what becomes of what is in the value's fields.
func (m *Model) TrackMemory(fn *ssa.Function, acq Acquisition) *flow.Track {
	t := flow.NewTrack(fn, acq.Call, acq.Result, sharing{m})
	t.Held = acq.Held
	return t
}

// TrackParamMemory is [Model.TrackParam] for them.
func (m *Model) TrackParamMemory(fn *ssa.Function, i int) *flow.Track {
	return flow.NewTrack(fn, parameter(fn, i), -1, sharing{m})
}
