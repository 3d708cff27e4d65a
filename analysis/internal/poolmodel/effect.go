package poolmodel

import (
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// effect returns what call does with its operand arg.
func (m *Model) effect(call *ssa.CallCommon, arg int) Param {
	callee := calleeOf(call)
	if callee != nil {
		if a, ok := m.apis[apiKey(callee)]; ok {
			return apiEffect(call, a, arg)
		}
	}
	if _, ok := call.Value.(*ssa.Builtin); ok {
		return Param{}
	}
	if fn := call.StaticCallee(); fn != nil {
		if p, ok := m.summaryOf(fn, arg); ok {
			return p
		}
	}
	return Param{Keep: !borrows(call, callee, arg)}
}

// apiEffect returns what a function of the table does with its operand arg.
func apiEffect(call *ssa.CallCommon, a api, arg int) Param {
	if arg != a.arg {
		return Param{}
	}
	p := Param{Keep: a.keep}
	if a.put {
		p.Put = Always
		if !a.self {
			p.Pool = poolOf(flow.Operands(call)[0])
		}
	}
	return p
}

// summaryOf returns what fn does with parameter arg, when its body is here or a fact tells.
func (m *Model) summaryOf(fn *ssa.Function, arg int) (Param, bool) {
	if origin := fn.Origin(); origin != nil {
		fn = origin
	}
	if len(fn.Blocks) > 0 && m.here[fn] {
		return m.param(fn, arg), true
	}
	if obj, ok := fn.Object().(*types.Func); ok {
		if s := m.imported(obj); s != nil && arg < len(s.Params) {
			return s.Params[arg], true
		}
	}
	return Param{}, false
}

// calleeOf returns the function or method that call names, nil for a function value.
func calleeOf(call *ssa.CallCommon) *types.Func {
	if call.IsInvoke() {
		return call.Method
	}
	fn := call.StaticCallee()
	if fn == nil {
		return nil
	}
	if origin := fn.Origin(); origin != nil {
		fn = origin
	}
	obj, _ := fn.Object().(*types.Func)
	return obj
}

// Names of methods that end a value's use, whatever they do in detail, and of those that keep an argument.
var (
	endsUse = regexp.MustCompile(`(?i)close|free|release|put|recycle|done|end|finish|return|unref|decref|delete|destroy|stop|drop|write$|send|flush`)
	keeps   = regexp.MustCompile(`^(Reset|Store|Swap|CompareAndSwap|LoadOrStore|Push|Insert|Set|Put|Register|Handle|Notify|Add|Send|Do|Go)`)
)

// Keeps reports whether a call is of a function that has the name of one that keeps what it is given.
func Keeps(call *ssa.CallCommon) bool {
	callee := calleeOf(call)
	return callee != nil && keeps.MatchString(callee.Name())
}

// borrows reports whether a call without a summary only uses its operand arg while it runs. Of the standard library that is
// the rule; of others it is known for the receiver alone.
func borrows(call *ssa.CallCommon, callee *types.Func, arg int) bool {
	if callee == nil {
		return false
	}
	method := callee.Signature().Recv() != nil
	if method && arg == 0 {
		return isStd(callee) || !endsUse.MatchString(callee.Name())
	}
	if !isStd(callee) {
		return false
	}
	return !method || isSlice(flow.Operands(call)[arg].Type()) || !keeps.MatchString(callee.Name()) || callee.Name() == "Reset"
}

// ends reports whether a call is of a method that ends its receiver's use, by its name.
func ends(call *ssa.CallCommon) bool {
	callee := calleeOf(call)
	return callee != nil && callee.Signature().Recv() != nil && endsUse.MatchString(callee.Name())
}

// isStd reports whether fn is of the standard library.
func isStd(fn *types.Func) bool {
	if fn.Pkg() == nil {
		return true // error.Error
	}
	first, _, _ := strings.Cut(fn.Pkg().Path(), "/")
	return !strings.Contains(first, ".")
}

// Result returns how result i of call relates to operand arg, which has class c. It makes a Model the [flow.Rules] of its
// package.
func (m *Model) Result(call *ssa.CallCommon, arg, i int, c flow.Class) flow.Class {
	if b, ok := call.Value.(*ssa.Builtin); ok {
		if b.Name() == "append" && arg == 0 {
			if hasNoRoom(flow.Operands(call)[0]) {
				return flow.None // a copy
			}
			return max(c, flow.Derived)
		}
		if b.Name() == "append" && c == flow.Holder {
			return flow.Holder
		}
		return flow.None
	}
	callee := calleeOf(call)
	if callee == nil {
		return unknownResult(call, arg, i, c)
	}
	if a, ok := m.apis[apiKey(callee)]; ok && (a.get || a.put || a.hold) {
		return flow.None
	}
	if copies[apiKey(callee)] {
		if c <= flow.Inner && refersInside(call.Signature().Results().At(i).Type()) {
			return flow.Inner
		}
		return flow.None
	}
	result := call.Signature().Results().At(i).Type()
	if isSlice(result) {
		switch {
		case viewMethods[callee.Name()] && arg == 0 && callee.Signature().Recv() != nil:
			return max(c, flow.Part)
		case isAppender(call, callee, arg):
			return max(c, flow.Derived)
		}
	}
	if fn := call.StaticCallee(); fn != nil {
		if p, ok := m.summaryOf(fn, arg); ok {
			if i < len(p.Returns) && p.Returns[i] != flow.None {
				return max(c, p.Returns[i])
			}
			return flow.None
		}
	}
	return unknownResult(call, arg, i, c)
}

// refersInside reports whether the elements of a slice or map of type t refer to memory of their own.
func refersInside(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Slice:
		return flow.MayRefer(u.Elem())
	case *types.Map:
		return flow.MayRefer(u.Elem()) || flow.MayRefer(u.Key())
	}
	return flow.MayRefer(t)
}

// viewMethods are methods that return a slice of the receiver's own memory.
var viewMethods = map[string]bool{
	"Bytes": true, "AvailableBuffer": true, "Next": true, "Peek": true, "ReadSlice": true, "Row": true, "ReadOnlyData": true,
}

// hasNoRoom reports whether v is a slice without capacity, x[:0:0]: appending to it copies.
func hasNoRoom(v ssa.Value) bool {
	s, ok := v.(*ssa.Slice)
	if !ok || s.Max == nil {
		return false
	}
	c, ok := s.Max.(*ssa.Const)
	return ok && c.Int64() == 0
}

// shares are functions of the standard library whose result has the memory of their first argument, a slice, beside those whose
// names begin with Append: they append to it, or cut it.
var shares = map[string]bool{
	"slices.Grow": true, "slices.Clip": true, "slices.Compact": true, "slices.CompactFunc": true, "slices.Delete": true,
	"slices.DeleteFunc": true, "slices.Insert": true, "slices.Replace": true,
	"bytes.Trim": true, "bytes.TrimFunc": true, "bytes.TrimLeft": true, "bytes.TrimLeftFunc": true, "bytes.TrimPrefix": true,
	"bytes.TrimRight": true, "bytes.TrimRightFunc": true, "bytes.TrimSpace": true, "bytes.TrimSuffix": true,
	"bytes.Fields": true, "bytes.FieldsFunc": true, "bytes.Split": true, "bytes.SplitN": true, "bytes.SplitAfter": true,
	"bytes.Cut": true, "bytes.CutPrefix": true, "bytes.CutSuffix": true,
}

// copies are functions of the standard library whose result is a copy. What the elements of a slice refer to is the same, though.
var copies = map[string]bool{
	"slices.Clone": true, "slices.Concat": true, "slices.Repeat": true, "slices.Sorted": true, "slices.Collect": true,
	"bytes.Clone": true, "bytes.Join": true, "bytes.Repeat": true, "bytes.Map": true, "bytes.ToUpper": true, "bytes.ToLower": true,
	"bytes.ToTitle": true, "bytes.ToValidUTF8": true, "bytes.Replace": true, "bytes.ReplaceAll": true, "bytes.Runes": true,
	"maps.Clone": true, "io.ReadAll": true, "encoding/json.Marshal": true, "encoding/json.MarshalIndent": true,
	"encoding/hex.EncodeToString": true,
}

// isAppender reports whether callee appends to its operand arg, a slice, and returns the longer slice; or cuts it, as
// bytes.TrimSpace does.
func isAppender(call *ssa.CallCommon, callee *types.Func, arg int) bool {
	if !isSlice(flow.Operands(call)[arg].Type()) || !isStd(callee) {
		return false
	}
	name := callee.Name()
	return strings.HasPrefix(name, "Append") || name == "Sum" || arg == 0 && shares[apiKey(callee)]
}

// transfers matches the names of methods that fill a slice or empty it, and return something else.
var transfers = regexp.MustCompile(`^(Read|Write|Recv|Send)`)

// unknownResult is [Model.Result] for a call of which only the signature is known.
func unknownResult(call *ssa.CallCommon, arg, i int, c flow.Class) flow.Class {
	result := call.Signature().Results().At(i).Type()
	if c >= flow.Inner || !flow.MayRefer(result) {
		return flow.None
	}
	operand := flow.Operands(call)[arg].Type()
	if callee := calleeOf(call); callee != nil && arg > 0 && isSlice(operand) && transfers.MatchString(callee.Name()) {
		return flow.None
	}
	if call.Signature().Recv() != nil && arg == 0 && !types.Identical(result, operand) {
		return flow.Inner
	}
	return flow.Holder
}

// readers are functions of the standard library whose first result reads its last argument later.
var readers = map[string]bool{
	"net/http.NewRequest": true, "net/http.NewRequestWithContext": true, "bytes.NewReader": true, "bytes.NewBuffer": true,
	"bufio.NewReader": true, "bufio.NewScanner": true, "io.NopCloser": true, "encoding/json.NewDecoder": true, "strings.NewReader": true,
}

// ReturnsReader reports whether a return returns what a function of the standard library has made to read the root's memory later.
func (m *Model) ReturnsReader(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	ret, ok := instr.(*ssa.Return)
	return ok && slices.ContainsFunc(ret.Results, func(v ssa.Value) bool { return m.isReader(t, s, v, 0) })
}

func (m *Model) isReader(t *flow.Track, s *flow.State, v ssa.Value, depth int) bool {
	switch x := v.(type) {
	case *ssa.Extract:
		v = x.Tuple
	case *ssa.MakeInterface:
		v = x.X
	case *ssa.ChangeInterface:
		v = x.X
	case *ssa.UnOp: // a result, which defers may change
		cell, ok := x.X.(*ssa.Alloc)
		if !ok || depth > 3 {
			return false
		}
		return slices.ContainsFunc(*cell.Referrers(), func(ref ssa.Instruction) bool {
			store, ok := ref.(*ssa.Store)
			return ok && store.Addr == cell && m.isReader(t, s, store.Val, depth+1)
		})
	}
	call, ok := v.(*ssa.Call)
	if !ok || depth > 3 {
		return false
	}
	callee := calleeOf(&call.Call)
	if callee == nil || !readers[apiKey(callee)] {
		return false
	}
	arg := call.Call.Args[len(call.Call.Args)-1]
	if box, ok := arg.(*ssa.MakeInterface); ok {
		arg = box.X
	}
	c := t.Live(s, arg)
	return c != flow.None && c <= flow.Part || m.isReader(t, s, arg, depth+1)
}

// What a condition asks about a pooled value.
const (
	asksNothing = iota
	asksState
	asksSize
)

// asksAbout returns what a condition asks about the root of t.
func asksAbout(t *flow.Track, v ssa.Value, seen map[ssa.Value]bool) int {
	instr, ok := v.(ssa.Instruction)
	if !ok || seen[v] {
		return asksNothing
	}
	seen[v] = true
	alias := func(x ssa.Value) bool { return t.Class(x) != flow.None && t.Class(x) <= flow.Inner }
	if call, ok := v.(*ssa.Call); ok {
		return callAsks(call, call.Type(), alias)
	}
	if ex, ok := v.(*ssa.Extract); ok {
		if call, ok := ex.Tuple.(*ssa.Call); ok {
			return callAsks(call, ex.Type(), alias)
		}
	}
	if alias(v) {
		return asksState
	}
	if b, ok := v.(*ssa.BinOp); ok && isNilCompare(b) && (alias(b.X) || alias(b.Y)) {
		return asksNothing
	}
	asks := asksNothing
	for _, op := range instr.Operands(nil) {
		if *op != nil && !t.Cell(*op) {
			asks = max(asks, asksAbout(t, *op, seen))
		}
	}
	return asks
}

// callAsks is asksAbout for a result, of the type given, of a call: a size is asked for by its name, the state by a bool of the value, as a
// receiver or a first argument, or by what works on a part of it, such as a count of holders. Other results, errors above all, say how a use of the value went.
func callAsks(call *ssa.Call, result types.Type, alias func(ssa.Value) bool) int {
	for i, x := range flow.Operands(&call.Call) {
		if !alias(x) {
			continue
		}
		if sizeName(call) {
			return asksSize
		}
		if callee := calleeOf(&call.Call); i > 0 || callee != nil && isStd(callee) && callee.Signature().Recv() == nil {
			continue // it is given to somebody, who returns how that went, or what is in it
		}
		_, field := x.(*ssa.FieldAddr)
		if field || types.Identical(result.Underlying(), types.Typ[types.Bool]) {
			return asksState
		}
	}
	return asksNothing
}

// AsksAbout reports whether a branch asks about the root of t itself, its size or its state, and not how a use of it went, nor
// whether it is empty.
func AsksAbout(t *flow.Track, branch *ssa.If) bool {
	if cmp, ok := branch.Cond.(*ssa.BinOp); ok && (isLength(cmp.X) || isLength(cmp.Y)) &&
		(cmp.Op == token.EQL || cmp.Op == token.NEQ || isZero(cmp.X) || isZero(cmp.Y)) {
		return false
	}
	return asksAbout(t, branch.Cond, map[ssa.Value]bool{}) != asksNothing
}

func isZero(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.Value != nil && c.Value.Kind() == constant.Int && constant.Sign(c.Value) == 0
}

// isLength reports whether v is the length of something: what a len or Len returns.
func isLength(v ssa.Value) bool {
	call, ok := v.(*ssa.Call)
	if !ok {
		return false
	}
	if b, ok := call.Call.Value.(*ssa.Builtin); ok {
		return b.Name() == "len"
	}
	callee := calleeOf(&call.Call)
	return callee != nil && callee.Name() == "Len"
}

func isNilCompare(b *ssa.BinOp) bool {
	for _, x := range []ssa.Value{b.X, b.Y} {
		if c, ok := x.(*ssa.Const); ok && c.IsNil() {
			return true
		}
	}
	return false
}

// sizeName reports whether a call asks for a size: len, cap, or a method named so.
func sizeName(call *ssa.Call) bool {
	var name string
	if b, ok := call.Call.Value.(*ssa.Builtin); ok {
		name = b.Name()
	} else if callee := calleeOf(&call.Call); callee != nil {
		name = callee.Name()
	}
	switch strings.ToLower(name) {
	case "len", "cap", "size", "available", "bounds", "capacity":
		return true
	}
	return false
}
