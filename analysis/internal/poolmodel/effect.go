package poolmodel

import (
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
	if callee != nil && storesAtomically(callee) {
		return Param{Keep: arg > 0, Stored: arg > 0}
	}
	if fn := call.StaticCallee(); fn != nil {
		if p, ok := m.summaryOf(fn, arg); ok {
			return p
		}
	}
	if call.IsInvoke() {
		if s := m.ofInterface(callee); s != nil && arg < len(s.Params) && s.Params[arg].Put != Never {
			return s.Params[arg]
		}
	}
	return Param{Keep: !borrows(call, callee, arg)}
}

// storesAtomically reports whether fn is one of package sync/atomic that stores what it is given, for others to load.
func storesAtomically(fn *types.Func) bool {
	if fn.Pkg() == nil || fn.Pkg().Path() != "sync/atomic" {
		return false
	}
	for _, prefix := range []string{"Store", "Swap", "CompareAndSwap"} {
		if strings.HasPrefix(fn.Name(), prefix) {
			return true
		}
	}
	return false
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

// Constructs reports whether a call is of a function that has the name of one that makes something of what it is given.
func Constructs(call *ssa.CallCommon) bool {
	callee := calleeOf(call)
	return callee != nil && constructs.MatchString(callee.Name())
}

// Keeps reports whether a call is of a function that has the name of one that keeps what it is given.
func Keeps(call *ssa.CallCommon) bool {
	callee := calleeOf(call)
	return callee != nil && keeps.MatchString(callee.Name())
}

// borrows reports whether a call without a summary only uses its operand arg while it runs. Of the standard library that is
// the rule; of others it is known for the receiver alone.
func borrows(call *ssa.CallCommon, callee *types.Func, arg int) bool {
	if rendersTo(call, callee, arg) {
		return true
	}
	if isStream(call, arg) && !returnsMemory(call) && (callee == nil || !keeps.MatchString(callee.Name()) && !attaches.MatchString(callee.Name())) {
		return true
	}
	if callee == nil {
		return false
	}
	method := callee.Signature().Recv() != nil
	if method && arg == 0 {
		return isStd(callee) || !endsUse.MatchString(callee.Name())
	}
	if !isStd(callee) {
		return method && arg > 0 && fillsOrSends(callee, flow.Operands(call)[arg].Type())
	}
	return !method || isSlice(flow.Operands(call)[arg].Type()) || !keeps.MatchString(callee.Name()) || callee.Name() == "Reset"
}

// attaches matches the names of functions that keep a stream that they are given, beside those of keeps.
var attaches = regexp.MustCompile(`(?i)^(init|attach|use|with|open|start|begin|bind|append|connect)`)

// isStream reports whether a function takes its operand arg as one of the interfaces of package io that cannot be closed: it cannot put
// that back.
func isStream(call *ssa.CallCommon, arg int) bool {
	sig := call.Signature()
	if sig.Recv() != nil || call.IsInvoke() || arg >= sig.Params().Len() { // a method may keep it in its receiver
		return false
	}
	named := namedOf(sig.Params().At(arg).Type())
	return named != nil && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "io" && types.IsInterface(named) &&
		!strings.HasSuffix(named.Obj().Name(), "Closer")
}

// renders matches the names of methods that write what their receiver is or is given to a stream, and are done with it then.
var renders = regexp.MustCompile(`^(Render|Execute|Print|Fprint|Format|Dump)`)

// rendersTo reports whether a call is of such a method, and its operand arg is the stream: an io.Writer that may not be closed.
func rendersTo(call *ssa.CallCommon, callee *types.Func, arg int) bool {
	if callee == nil || callee.Signature().Recv() == nil || arg == 0 || !renders.MatchString(callee.Name()) || returnsMemory(call) {
		return false
	}
	params := call.Signature().Params()
	return arg <= params.Len() && params.At(arg-1).Type().String() == "io.Writer"
}

// returnsMemory reports whether a result of a call may refer to what it was given.
func returnsMemory(call *ssa.CallCommon) bool {
	for v := range call.Signature().Results().Variables() {
		if flow.MayRefer(v.Type()) {
			return true
		}
	}
	return false
}

// fillsOrSends reports whether a method is one like those of io.Reader and io.Writer, which may not keep the bytes that they are given: it
// returns how many there were, and an error.
func fillsOrSends(method *types.Func, arg types.Type) bool {
	if slice, ok := arg.Underlying().(*types.Slice); !ok || !types.Identical(slice.Elem(), types.Typ[types.Byte]) {
		return false
	}
	results := method.Signature().Results()
	n := results.Len()
	return transfers.MatchString(method.Name()) && n > 1 && flow.IsError(results.At(n-1).Type()) && types.Identical(results.At(0).Type(), types.Typ[types.Int])
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
		if (b.Name() == "Slice" || b.Name() == "SliceData") && arg == 0 { // of unsafe
			return max(c, flow.Derived)
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
		case arg == 0 && m.isView(call, callee):
			return max(c, flow.Part)
		case isAppender(call, callee, arg):
			return max(c, flow.Derived)
		case appendsTo(callee) >= 0:
			if c <= flow.Inner && refersInside(result) {
				return flow.Inner
			}
			return flow.None
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

// isView reports whether a call is of a method that returns a slice of its receiver's own memory: by its name, where the package has no body of it that
// makes what it returns.
func (m *Model) isView(call *ssa.CallCommon, callee *types.Func) bool {
	if callee.Signature().Recv() == nil || !viewMethods[callee.Name()] && !views[apiKey(callee)] {
		return false
	}
	fn := call.StaticCallee()
	return fn == nil || !m.here[fn] || !returnsMade(fn)
}

// returnsMade reports whether all that a function returns as its first result is made in it.
func returnsMade(fn *ssa.Function) bool {
	made := false
	for _, b := range fn.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok {
			continue
		}
		if !isNew(ret.Results[0]) {
			return false
		}
		made = true
	}
	return made
}

// viewMethods are methods that return a slice of the receiver's own memory.
var viewMethods = map[string]bool{
	"Bytes": true, "AvailableBuffer": true, "Next": true, "Peek": true, "ReadSlice": true, "Row": true, "ReadOnlyData": true,
}

// views are methods of known pools' values that return a slice of the receiver's own memory, too.
var views = map[string]bool{
	"github.com/valyala/fasthttp.Response.Body": true, "github.com/valyala/fasthttp.Request.Body": true,
	"github.com/valyala/fasthttp.Request.Host": true, "github.com/valyala/fasthttp.Request.RequestURI": true,
	"github.com/valyala/fasthttp.ResponseHeader.ContentType": true, "github.com/valyala/fasthttp.RequestHeader.ContentType": true,
	"github.com/valyala/fasthttp.Args.QueryString": true, "github.com/valyala/fasthttp.Cookie.Value": true,
	"github.com/valyala/fasthttp.URI.FullURI": true, "github.com/valyala/fasthttp.URI.Path": true,
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
	"encoding/hex.EncodeToString": true, "encoding/xml.Marshal": true, "encoding/xml.MarshalIndent": true, "encoding/asn1.Marshal": true,
	"encoding/pem.EncodeToMemory": true, "go/format.Source": true, "unicode/utf16.Encode": true, "unicode/utf16.Decode": true,
	"regexp.Regexp.ReplaceAll": true, "regexp.Regexp.ReplaceAllLiteral": true, "regexp.Regexp.ReplaceAllFunc": true,
}

// isAppender reports whether callee appends to its operand arg, a slice, and returns the longer slice; or cuts it, as
// bytes.TrimSpace does.
func isAppender(call *ssa.CallCommon, callee *types.Func, arg int) bool {
	if !isSlice(flow.Operands(call)[arg].Type()) || !isStd(callee) {
		return false
	}
	return arg == appendsTo(callee) || arg == 0 && shares[apiKey(callee)]
}

// appends matches the names of functions of the standard library that append to their first parameter, a slice, what they make of the others, of which the
// result has no memory: hash.Hash.Sum and encoding/base64.Encoding.AppendEncode, crypto/cipher.AEAD.Seal and regexp.Regexp.Expand.
var appends = regexp.MustCompile(`^(Append.*|Sum|Seal|Open|Expand)$`)

// appendsTo returns the operand of such a function that it appends to, -1 for a function that is none.
func appendsTo(callee *types.Func) int {
	sig := callee.Signature()
	if !isStd(callee) || !appends.MatchString(callee.Name()) || sig.Params().Len() == 0 || sig.Results().Len() == 0 ||
		!types.Identical(sig.Params().At(0).Type(), sig.Results().At(0).Type()) || !isSlice(sig.Params().At(0).Type()) {
		return -1
	}
	if sig.Recv() != nil {
		return 1
	}
	return 0
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

// readers are functions of the standard library whose first result reads an argument later: the one with that index, of -1 the last.
var readers = map[string]int{
	"net/http.NewRequest": -1, "net/http.NewRequestWithContext": -1, "net/http.ReadResponse": 0, "net/http.ReadRequest": 0,
	"bytes.NewReader": 0, "bytes.NewBuffer": 0, "bufio.NewReader": 0, "bufio.NewReaderSize": 0, "bufio.NewScanner": 0,
	"io.NopCloser": 0, "io.MultiReader": 0, "io.TeeReader": 0, "io.LimitReader": 0, "io.NewSectionReader": 0,
	"encoding/json.NewDecoder": 0, "strings.NewReader": 0, "io/ioutil.NopCloser": 0,
}

// readFromArg returns what the result of a call of one of the readers reads later, nil for another call.
func readFromArg(call *ssa.CallCommon) ssa.Value {
	callee := calleeOf(call)
	if callee == nil {
		return nil
	}
	i, ok := readers[apiKey(callee)]
	switch {
	case !ok:
		return nil
	case i < 0:
		i += len(call.Args)
	}
	return call.Args[i]
}

// ReadBy returns what the result of a call reads later, where the function is one of the standard library that makes a reader; nil for another.
func ReadBy(call *ssa.CallCommon) ssa.Value { return readFromArg(call) }

// ReturnsReader reports whether a return returns what a function of the standard library has made to read the root's memory later.
func (m *Model) ReturnsReader(t *flow.Track, s *flow.State, instr ssa.Instruction) bool {
	ret, ok := instr.(*ssa.Return)
	return ok && slices.ContainsFunc(ret.Results, func(v ssa.Value) bool { return m.isReader(t, s, v, 0) })
}

func (m *Model) isReader(t *flow.Track, s *flow.State, v ssa.Value, depth int) bool {
	switch x := v.(type) {
	case *ssa.Extract:
		if x.Index > 0 {
			return false // the error that came with a reader
		}
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
	arg := readFromArg(&call.Call)
	if arg == nil {
		return false
	}
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
	if isContent(v) {
		return asksNothing
	}
	alias := func(x ssa.Value) bool { return t.Class(x) != flow.None && t.Class(x) <= flow.Inner }
	if call, ok := v.(*ssa.Call); ok {
		return callAsks(call, call.Type(), alias)
	}
	if ex, ok := v.(*ssa.Extract); ok {
		switch tuple := ex.Tuple.(type) {
		case *ssa.Call:
			return callAsks(tuple, ex.Type(), alias)
		case *ssa.Select: // which of several things came first
			return asksNothing
		}
	}
	if alias(v) {
		return asksState
	}
	if b, ok := v.(*ssa.BinOp); ok && isNilCompare(b) && (alias(b.X) || alias(b.Y)) {
		if isFieldOfCopy(t, b.X, 0) || isFieldOfCopy(t, b.Y, 0) {
			return asksState
		}
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

// isFieldOfCopy reports whether v is read, on some path, out of a field of the root of t where that is a struct by value: what it says of itself, since
// no use of it has changed the copy.
func isFieldOfCopy(t *flow.Track, v ssa.Value, depth int) bool {
	switch x := v.(type) {
	case *ssa.Phi:
		return depth < 3 && slices.ContainsFunc(x.Edges, func(e ssa.Value) bool { return isFieldOfCopy(t, e, depth+1) })
	case *ssa.Field:
		return t.Class(x.X) == flow.Same
	case *ssa.UnOp:
		field, ok := x.X.(*ssa.FieldAddr)
		return ok && x.Op == token.MUL && t.Cell(field.X) && flow.LocalBase(field) == field.X
	}
	return false
}

// isContent reports whether v is a number or a bool that was read out of a slice or an array, or whether a map has a key: what is in a buffer says nothing
// of whose it is.
func isContent(v ssa.Value) bool {
	if ex, ok := v.(*ssa.Extract); ok { // whether a map has a key
		lookup, ok := ex.Tuple.(*ssa.Lookup)
		return ok && lookup.CommaOk && ex.Index == 1
	}
	basic, ok := v.Type().Underlying().(*types.Basic)
	if !ok || basic.Info()&(types.IsNumeric|types.IsBoolean) == 0 {
		return false
	}
	if _, ok := v.(*ssa.Index); ok {
		return true
	}
	load, ok := v.(*ssa.UnOp)
	if !ok || load.Op != token.MUL {
		return false
	}
	_, ok = load.X.(*ssa.IndexAddr)
	return ok
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
		callee := calleeOf(&call.Call)
		std := callee != nil && isStd(callee)
		if i > 0 || std && callee.Signature().Recv() == nil {
			continue // it is given to somebody, who returns how that went, or what is in it
		}
		_, field := x.(*ssa.FieldAddr)
		if field || !std && types.Identical(result.Underlying(), types.Typ[types.Bool]) { // not whether a timer was stopped before it fired
			return asksState
		}
	}
	return asksNothing
}

// AsksAbout reports whether a branch asks about the root of t itself, its size or its state, and not how a use of it went, nor
// whether it is empty.
func AsksAbout(t *flow.Track, branch *ssa.If) bool {
	if cmp, ok := branch.Cond.(*ssa.BinOp); ok && (isLength(cmp.X) || isLength(cmp.Y)) &&
		(cmp.Op == token.EQL || cmp.Op == token.NEQ || flow.IsZero(cmp.X) || flow.IsZero(cmp.Y)) {
		return false
	}
	return asksAbout(t, branch.Cond, map[ssa.Value]bool{}) != asksNothing
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

// SameSize reports whether a branch compares the size of something with what another branch compares, too: both ask whether it is large enough.
func SameSize(branch, other *ssa.If) bool {
	a, ok := branch.Cond.(*ssa.BinOp)
	b, isOther := other.Cond.(*ssa.BinOp)
	if !ok || !isOther {
		return false
	}
	for _, wanted := range []ssa.Value{a.X, a.Y} {
		if _, constant := wanted.(*ssa.Const); !constant && !isSizeOf(wanted) && (wanted == b.X || wanted == b.Y) {
			return isSizeOf(a.X) || isSizeOf(a.Y)
		}
	}
	return false
}

// isSizeOf reports whether v is what a call returns that asks for a size.
func isSizeOf(v ssa.Value) bool {
	call, ok := v.(*ssa.Call)
	return ok && sizeName(call)
}

func isNilCompare(b *ssa.BinOp) bool { return flow.IsNil(b.X) || flow.IsNil(b.Y) }

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
