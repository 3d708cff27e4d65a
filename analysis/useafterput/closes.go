package useafterput

import (
	"fmt"
	"go/types"
	"iter"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// closes reports methods Close that put their receiver back, or what is in a field of it, as often as they are called, of types that are handed out
// as an io.ReadCloser, or given to package net/http as a body: it is common to close these twice, by a defer and before it.
func closes(pass *analysis.Pass, m *poolmodel.Model) {
	for _, fn := range m.Funcs {
		if !isClose(fn) || !handedOut(m, fn.Params[0].Type()) {
			continue
		}
		put, what := putsEachTime(m, fn)
		if put == nil || guarded(fn) {
			continue
		}
		m.Report(pass, analysis.Diagnostic{Category: "close-twice", Pos: put.Pos(), Message: fmt.Sprintf(
			"%s puts %s back each time it is called: whoever closes twice, as by a defer and before it, has the pool lend it to two at once", fn.Name(), what)})
	}
}

// isClose reports whether fn is a method Close of a pointer, as io.Closer has it.
func isClose(fn *ssa.Function) bool {
	sig := fn.Signature
	if fn.Name() != "Close" || sig.Recv() == nil || sig.Params().Len() > 0 || sig.Results().Len() != 1 || len(fn.Blocks) == 0 {
		return false
	}
	_, pointer := sig.Recv().Type().Underlying().(*types.Pointer)
	return pointer && flow.IsError(sig.Results().At(0).Type())
}

// handedOut reports whether a function of the package returns a value of type t as an interface with a Close, or has package net/http close it.
func handedOut(m *poolmodel.Model, t types.Type) bool {
	for _, fn := range m.Funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				box, ok := instr.(*ssa.MakeInterface)
				if ok && types.Identical(box.X.Type(), t) && (canClose(box.Type()) && isReturned(box) || isBody(box)) {
					return true
				}
			}
		}
	}
	return false
}

// isBody reports whether package net/http is given v as the body of a request or response: its Transport closes that of a request as often as
// it comes by.
func isBody(v ssa.Value) bool {
	return slices.ContainsFunc(*v.Referrers(), func(ref ssa.Instruction) bool {
		switch ref := ref.(type) {
		case *ssa.ChangeInterface:
			return isBody(ref)
		case *ssa.Call:
			callee := poolmodel.Callee(&ref.Call)
			return callee != nil && callee.Pkg() != nil && callee.Pkg().Path() == "net/http" && strings.HasPrefix(callee.Name(), "NewRequest")
		case *ssa.Store:
			f, ok := ref.Addr.(*ssa.FieldAddr)
			return ok && ref.Val == v && f.X.Type().String() == "*net/http.Request" && fieldName(f) == "Body"
		}
		return false
	})
}

// canClose reports whether t is an interface of a reader that is closed. A writer is closed once by those who have the last word; what is
// read may be closed by the reader, and by whoever has opened it.
func canClose(t types.Type) bool {
	i, ok := t.Underlying().(*types.Interface)
	if !ok {
		return false
	}
	has := map[string]bool{}
	for method := range i.Methods() {
		has[method.Name()] = true
	}
	return has["Close"] && has["Read"] && !has["Write"]
}

// isReturned reports whether v is returned, perhaps by way of a result's variable.
func isReturned(v ssa.Value) bool {
	return slices.ContainsFunc(*v.Referrers(), func(ref ssa.Instruction) bool {
		switch ref := ref.(type) {
		case *ssa.Return, *ssa.Phi:
			return true
		case *ssa.Store:
			_, variable := ref.Addr.(*ssa.Alloc)
			return variable
		}
		return false
	})
}

// A fieldPut is a call by which a method puts back its receiver, or what it reads from a field of that.
type fieldPut struct {
	call  ssa.CallInstruction
	level poolmodel.Level
	value ssa.Value      // what is put back, out of its interface
	field *ssa.FieldAddr // nil for the receiver
}

// fieldPuts yields these calls of a method.
func fieldPuts(m *poolmodel.Model, fn *ssa.Function) iter.Seq[fieldPut] {
	return func(yield func(fieldPut) bool) {
		recv := fn.Params[0]
		for o := range flow.AllOperands(fn) {
			if _, started := o.Call.(*ssa.Go); started {
				continue
			}
			put := fieldPut{call: o.Call, level: m.PutLevel(o.Call.Common(), o.Index), value: o.Value}
			if box, ok := put.value.(*ssa.MakeInterface); ok {
				put.value = box.X
			}
			put.field = fieldOf(put.value, recv)
			if put.level != poolmodel.Never && (put.value == recv || put.field != nil) && !yield(put) {
				return
			}
		}
	}
}

// putsEachTime returns a call by which a method puts back its receiver, or what is in a field of that, and no last one of several holders does; nil
// for none.
func putsEachTime(m *poolmodel.Model, fn *ssa.Function) (ssa.Instruction, string) {
	for put := range fieldPuts(m, fn) {
		switch {
		case put.level == poolmodel.Counted:
		case put.field == nil:
			return put.call, "its receiver"
		default:
			return put.call, "what is in " + fieldName(put.field)
		}
	}
	return nil, ""
}

// fieldOf returns the field of recv that x was read from, or an element of what is there; nil for none.
func fieldOf(x, recv ssa.Value) *ssa.FieldAddr {
	for range 6 {
		switch v := x.(type) {
		case *ssa.UnOp:
			x = v.X
		case *ssa.IndexAddr:
			x = v.X
		case *ssa.Slice:
			x = v.X
		case *ssa.TypeAssert:
			x = v.X
		case *ssa.FieldAddr:
			if v.X == recv {
				return v
			}
			return nil
		default:
			return nil
		}
	}
	return nil
}

func fieldName(f *ssa.FieldAddr) string { return fieldNamed(f.X.Type(), f.Field) }

// fieldNamed returns the name of a field of the struct that a value of type t points to.
func fieldNamed(t types.Type, field int) string {
	return t.Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(field).Name()
}

// guarded reports whether something in fn may keep a second call from doing the same: it asks about its receiver, but for the length of a loop, or
// stores something in it, or gives it to somebody who may, or a closure has it.
func guarded(fn *ssa.Function) bool {
	recv := fn.Params[0]
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.If:
				if !flow.InLoop(b) && asks(instr.Cond, recv, 0) {
					return true
				}
			case *ssa.Store:
				if f, ok := instr.Addr.(*ssa.FieldAddr); ok && f.X == recv || instr.Addr == recv || instr.Val == recv {
					return true
				}
			case *ssa.MakeClosure:
				return true
			case ssa.CallInstruction:
				if synchronizes(instr.Common()) {
					return true
				}
			}
		}
	}
	return false
}

// asks reports whether a condition comes from a field of recv, and not from what a call has returned that is no atomic one.
func asks(v, recv ssa.Value, depth int) bool {
	if v == recv {
		return true
	}
	instr, ok := v.(ssa.Instruction)
	if !ok || depth > 8 || flow.IsError(v.Type()) {
		return false
	}
	return slices.ContainsFunc(instr.Operands(nil), func(op *ssa.Value) bool { return *op != nil && asks(*op, recv, depth+1) })
}

// synchronizes reports whether a call is of sync.Once or of package atomic.
func synchronizes(call *ssa.CallCommon) bool {
	fn := call.StaticCallee()
	if fn == nil || fn.Object() == nil || fn.Object().Pkg() == nil {
		return false
	}
	if fn.Object().Pkg().Path() == "sync/atomic" {
		return true
	}
	recv := fn.Signature.Recv()
	return recv != nil && recv.Type().String() == "*sync.Once"
}
