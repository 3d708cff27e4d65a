package useafterput

import (
	"fmt"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// bodies reports requests of net/http whose body reads a pooled value that goes back when Do has returned: a Transport may still read the body then, above
// all where it failed or the server answered early.
func bodies(pass *analysis.Pass, m *poolmodel.Model) {
	for _, fn := range m.Funcs {
		if !sendsRequests(fn) {
			continue
		}
		for _, acq := range m.Acquisitions(fn) {
			w := bodyWalk{m: m, t: m.Track(fn, acq)}
			if !w.t.Walk(w.visit) || w.sent == nil {
				continue
			}
			m.Report(pass, analysis.Diagnostic{
				Category: "sent-body",
				Pos:      w.sent.Pos(),
				Message: fmt.Sprintf("the body of this request reads memory that goes back to the pool in line %d: a Transport may still read it when %s has returned",
					m.Line(w.put.Pos()), m.CallText(w.sent)),
				Related: []analysis.RelatedInformation{{Pos: w.put.Pos(), Message: "put back here"}},
			})
		}
	}
}

func sendsRequests(fn *ssa.Function) bool {
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			if call, ok := instr.(*ssa.Call); ok && len(sentBy(call)) > 0 {
				return true
			}
		}
	}
	return false
}

// sentBy returns the operands of a call that are sent as a request, or as the body of one: those of a function which is given a request and returns the
// response, and of Post.
func sentBy(call *ssa.Call) []ssa.Value {
	results := call.Call.Signature().Results()
	if results.Len() == 0 || !isHTTP(results.At(0).Type(), "Response") || call.Call.Value == nil {
		return nil
	}
	callee := poolmodel.Callee(&call.Call)
	std := callee != nil && callee.Pkg() != nil && callee.Pkg().Path() == "net/http"
	if std && callee.Name() == "ReadResponse" {
		return nil
	}
	operands := flow.Operands(&call.Call)
	if std && callee.Name() == "Post" {
		return operands[len(operands)-1:]
	}
	var sent []ssa.Value
	for _, x := range operands {
		if isHTTP(x.Type(), "Request") {
			sent = append(sent, x)
		}
	}
	return sent
}

// isHTTP reports whether t is a pointer to the type of package net/http of that name.
func isHTTP(t types.Type, name string) bool {
	ptr, ok := t.Underlying().(*types.Pointer)
	return ok && ptr.Elem().String() == "net/http."+name
}

// Flags of that walk.
const (
	flagSent   flow.Flags = 1 << iota // the request at the state's Mark has been sent
	flagGoes                          // it goes back when the function returns, by the defer at Mark
	flagClosed                        // the body of a response was closed since
)

// bodyWalk follows a pooled value to a request that reads it.
type bodyWalk struct {
	m    *poolmodel.Model
	t    *flow.Track
	sent *ssa.Call
	put  ssa.Instruction
}

func (w *bodyWalk) visit(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
	if call, ok := instr.(*ssa.Call); ok {
		if s.Flags&flagSent != 0 && call.Call.IsInvoke() && call.Call.Method.Name() == "Close" {
			s.Flags |= flagClosed
		}
		for _, x := range sentBy(call) {
			if !w.reads(s, x, 0) {
				continue
			}
			if s.Flags&flagGoes != 0 {
				w.found(call, s.Mark)
				return false
			}
			s.Flags |= flagSent
			s.Mark = instr
			return true
		}
	}
	switch e := w.m.Event(w.t, s, instr); {
	case e.Kind == poolmodel.Put && s.Flags&flagSent != 0:
		if s.Flags&flagClosed == 0 && e.Level >= poolmodel.Some {
			w.found(s.Mark.(*ssa.Call), instr)
		}
		return false
	case e.Kind == poolmodel.Put, e.Kind == poolmodel.Hold, e.Kind == poolmodel.DeferPut && s.Flags&flagSent != 0:
		return false
	case e.Kind == poolmodel.DeferPut && e.Level >= poolmodel.Some:
		s.Flags |= flagGoes
		s.Mark = instr
	}
	return true
}

func (w *bodyWalk) found(sent *ssa.Call, put ssa.Instruction) {
	if w.sent == nil || sent.Pos() < w.sent.Pos() {
		w.sent, w.put = sent, put
	}
}

// maxReads bounds how far a request is followed back to what its body reads.
const maxReads = 8

// reads reports whether v is memory of the root, or reads it, or is a request that has such a body.
func (w *bodyWalk) reads(s *flow.State, v ssa.Value, depth int) bool {
	if depth > maxReads {
		return false
	}
	depth++
	request := isHTTP(v.Type(), "Request")
	if c := w.t.Live(s, v); !request && c != flow.None && c <= flow.Part && !w.t.Cell(v) {
		return true
	}
	if request && w.givenBody(s, v, depth) {
		return true
	}
	switch x := v.(type) {
	case *ssa.MakeInterface:
		return w.reads(s, x.X, depth)
	case *ssa.ChangeInterface:
		return w.reads(s, x.X, depth)
	case *ssa.Extract:
		return x.Index == 0 && w.readsResult(s, x.Tuple, request, depth)
	case *ssa.Call:
		return w.readsResult(s, x, request, depth)
	case *ssa.Phi:
		for _, e := range x.Edges {
			if e != v && w.reads(s, e, depth+1) {
				return true
			}
		}
	case *ssa.UnOp:
		cell, ok := x.X.(*ssa.Alloc)
		return ok && x.Op == token.MUL && w.readsCell(s, cell, depth+1)
	}
	return false
}

// readsCell is reads for what is stored in a variable.
func (w *bodyWalk) readsCell(s *flow.State, cell *ssa.Alloc, depth int) bool {
	for _, ref := range *cell.Referrers() {
		if store, ok := ref.(*ssa.Store); ok && store.Addr == cell && w.reads(s, store.Val, depth) {
			return true
		}
	}
	return false
}

// readsResult is reads for what a call returns: a reader of the standard library, or a request that is made of another or of a body.
func (w *bodyWalk) readsResult(s *flow.State, v ssa.Value, request bool, depth int) bool {
	call, ok := v.(*ssa.Call)
	if !ok {
		return false
	}
	if src := poolmodel.ReadBy(&call.Call); src != nil {
		return w.reads(s, src, depth)
	}
	if !request {
		return false
	}
	for _, x := range flow.Operands(&call.Call) {
		_, reader := x.Type().Underlying().(*types.Interface)
		if (reader || isHTTP(x.Type(), "Request")) && w.reads(s, x, depth) {
			return true
		}
	}
	return false
}

// givenBody reports whether the body of a request is set to what reads the root.
func (w *bodyWalk) givenBody(s *flow.State, req ssa.Value, depth int) bool {
	if req.Referrers() == nil {
		return false
	}
	for _, ref := range *req.Referrers() {
		f, ok := ref.(*ssa.FieldAddr)
		if !ok || fieldName(f) != "Body" {
			continue
		}
		for _, use := range *f.Referrers() {
			if store, ok := use.(*ssa.Store); ok && store.Addr == f && w.reads(s, store.Val, depth) {
				return true
			}
		}
	}
	return false
}
