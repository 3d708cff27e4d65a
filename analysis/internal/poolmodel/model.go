package poolmodel

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/ssa"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// Model is what the passes know of one package.
type Model struct {
	Funcs []*ssa.Function // the package's functions and their literals, in source order; none when it has no pools

	pass      *analysis.Pass
	apis      map[string]api
	here      map[*ssa.Function]bool
	params    map[paramKey]Param
	moved     map[paramKey]moved
	resultsOf map[*ssa.Function][]Result

	byInterface map[*types.Func]*Summary // methods of interfaces that stand for a pool

	ignored   map[lineKey]*ignore
	ignores   []*ignore        // of poolvet's own form
	boxed     map[lineKey]bool // lines whose boxed value is known
	tests     bool
	doubtful  bool
	generated map[string]bool // files that a program wrote, of which only what makes data wrong is reported
	open      map[string]bool // pools into which functions that others can call put what they are given
	sealed    bool            // all summaries are there: from now on passes read them, at the same time
	calls     map[token.Pos]callSite

	disciplined sync.Once
	discipline  discipline

	exchangedOnce sync.Once
	exchanged     map[string]bool // fields that are given other values than cuts of what they have

	emptiedOnce sync.Once
	emptied     map[string]bool // fields whose slice or map is emptied where it is
	foreign     map[string]bool // fields that are given what was made elsewhere

	setOnce sync.Once
	set     map[string]bool // fields that are set other than once and from outside

	mu       sync.Mutex
	tooLarge map[*ssa.Function]bool // functions with a value from a pool that could not be followed
}

// Analyzer makes the Model of a package, and reports comments that suppress a report without saying why.
var Analyzer = newAnalyzer()

const doc = `poolvet: know pools, their wrappers, and what suppresses a report

The other passes of poolvet build on this one. It reports //poolvet:ignore comments without a reason.

-pools 'path.Type.Get=Put,...' names pools beyond the built-in ones: Get's first result comes out, Put's
first argument goes back. Where the value has the method: path.Type.Get=path.Value.Release.
-tests reports misuse in test files too; tests misuse pools on purpose, and what they lose is soon gone.
-generated reports in generated files also what only costs time or memory (missingput, putshape, bypass).
-doubtful also reports what is of a kind that was not true often enough, and says so: "(doubtful)".`

func newAnalyzer() *analysis.Analyzer {
	a := &analysis.Analyzer{
		Name:       "poolvet",
		Doc:        doc,
		URL:        "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md",
		Requires:   []*analysis.Analyzer{ctrlflow.Analyzer},
		ResultType: reflect.TypeFor[*Model](),
		FactTypes:  []analysis.Fact{new(Summary)},
	}
	pools := a.Flags.String("pools", "", "pools beyond the built-in ones: path.Type.Get=Put,...")
	tests := a.Flags.Bool("tests", false, "report misuse in test files too")
	generated := a.Flags.Bool("generated", false, "report in generated files also what only costs time or memory")
	doubtful := a.Flags.Bool("doubtful", false, "also make reports of the kinds that are true less often, marked as doubtful")
	a.Run = func(pass *analysis.Pass) (any, error) {
		table, err := parseAPIs(*pools)
		if err != nil {
			return nil, err
		}
		m := &Model{
			pass: pass, apis: table, tests: *tests, doubtful: *doubtful,
			here: map[*ssa.Function]bool{}, params: map[paramKey]Param{}, moved: map[paramKey]moved{}, resultsOf: map[*ssa.Function][]Result{},
		}
		m.findIgnores()
		if !*generated {
			m.findGenerated()
		}
		if m.mentionsPools() {
			m.build()
			m.indexCalls()
			m.summarize()
			m.export()
		}
		return m, nil
	}
	return a
}

// Of returns the Model of the package that pass is at. The pass must require [Analyzer].
func Of(pass *analysis.Pass) *Model { return pass.ResultOf[Analyzer].(*Model) }

// mentionsPools reports whether the package uses a function of a pool, or one that is known to wrap one.
func (m *Model) mentionsPools() bool {
	for _, obj := range m.pass.TypesInfo.Uses {
		fn, ok := obj.(*types.Func)
		if !ok || fn.Pkg() == nil {
			continue
		}
		if _, ok := m.apis[apiKey(fn.Origin())]; ok || fn.FullName() == GRPCBuffer {
			return true
		}
		if fn.Pkg() == m.pass.Pkg {
			continue
		}
		if s := m.imported(fn.Origin()); s != nil && (len(s.Results) > 0 || s.puts()) {
			return true
		}
	}
	return false
}

func (s *Summary) puts() bool {
	for _, p := range s.Params {
		if p.Put != Never {
			return true
		}
	}
	return false
}

// build makes the SSA form of the package's functions. It does what the pass buildssa does, but only for packages that
// have pools: few of a program's dependencies do.
func (m *Model) build() {
	prog := ssa.NewProgram(m.pass.Fset, 0)
	prog.SetNoReturn(m.pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs).NoReturn)
	for _, p := range m.pass.Pkg.Imports() {
		prog.CreatePackage(p, nil, nil, true)
	}
	pkg := prog.CreatePackage(m.pass.Pkg, m.pass.Files, m.pass.TypesInfo, false)
	pkg.Build()
	for _, file := range m.pass.Files {
		for _, decl := range file.Decls {
			if decl, ok := decl.(*ast.FuncDecl); ok {
				m.addFunc(prog.FuncValue(m.pass.TypesInfo.Defs[decl.Name].(*types.Func)))
			}
		}
	}
	if init := pkg.Func("init"); init != nil { // literals in package variables
		for _, lit := range init.AnonFuncs {
			m.addFunc(lit)
		}
	}
}

func (m *Model) addFunc(fn *ssa.Function) {
	m.Funcs = append(m.Funcs, fn)
	m.here[fn] = true
	for _, lit := range fn.AnonFuncs {
		m.addFunc(lit)
	}
}

// summarize computes the summaries of all functions.
func (m *Model) summarize() {
	m.findMoves()
	m.findInterfaces()
	for _, fn := range m.Funcs {
		for i := range len(fn.Params) + len(fn.FreeVars) {
			m.param(fn, i)
		}
	}
	for _, fn := range m.Funcs {
		m.results(fn)
	}
	m.sealed = true
	m.findOpen()
}

// findOpen finds the pools that code elsewhere can put a value into: by an exported function, or by a method, which an interface may
// call.
func (m *Model) findOpen() {
	m.open = map[string]bool{}
	for _, fn := range m.Funcs {
		obj, ok := fn.Object().(*types.Func)
		if !ok || !obj.Exported() && obj.Signature().Recv() == nil {
			continue
		}
		for i := range fn.Params {
			if p := m.param(fn, i); p.Put != Never {
				m.open[p.Pool] = true
			}
		}
	}
}

// OnlyUses reports whether a call that may keep a value of this pool, for all that is known of it, takes it for its own use alone: what is
// called is elsewhere, and could not put it back.
func (m *Model) OnlyUses(call *ssa.CallCommon, pool string) bool {
	if pool == "" || isLocal(pool) || IsPointed(pool) || m.open[pool] || m.open[""] {
		return false
	}
	callee := calleeOf(call)
	return callee != nil && callee.Pkg() != m.pass.Pkg && !keeps.MatchString(callee.Name())
}

// export keeps the summaries of functions that other packages can call.
func (m *Model) export() {
	m.exportInterfaces()
	for _, fn := range m.Funcs {
		obj, ok := fn.Object().(*types.Func)
		if !ok || !obj.Exported() {
			continue
		}
		s := &Summary{Results: m.results(fn)}
		for i := range fn.Params {
			s.Params = append(s.Params, m.param(fn, i))
		}
		if s.interesting() {
			m.pass.ExportObjectFact(obj, s)
		}
	}
}

// imported returns the summary of a function of another package, nil when there is none.
func (m *Model) imported(obj *types.Func) *Summary {
	if obj == nil || obj.Pkg() == nil || obj.Pkg() == m.pass.Pkg {
		return nil
	}
	s := new(Summary)
	if !m.pass.ImportObjectFact(obj.Origin(), s) {
		return nil
	}
	return s
}

// Acquisition is a call that takes a value out of a pool.
type Acquisition struct {
	Call    *ssa.Call
	Value   ssa.Value // what was got: the call, or what is extracted from its results
	Result  int       // which result, -1 when it is the only one
	Pool    string    // out of which, when that is known
	Wrapper bool      // by way of a function that is not in the table of pools
	Held    bool      // what was got is not of the pool, but holds something that is, and a method of it puts that back
}

// Acquisitions returns the calls in fn that take a value out of a pool, in the order of blocks.
func (m *Model) Acquisitions(fn *ssa.Function) []Acquisition {
	return slices.DeleteFunc(m.AllAcquisitions(fn), func(a Acquisition) bool { return a.Held })
}

// AllAcquisitions is Acquisitions with those of what holds a value of a pool.
func (m *Model) AllAcquisitions(fn *ssa.Function) []Acquisition {
	var found []Acquisition
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			if call, ok := instr.(*ssa.Call); ok {
				found = append(found, m.acquisitions(call)...)
			}
		}
	}
	return found
}

func (m *Model) acquisitions(call *ssa.Call) []Acquisition {
	callee := calleeOf(&call.Call)
	if callee == nil {
		return nil
	}
	if a, ok := m.apis[apiKey(callee)]; ok {
		if !a.get {
			return nil
		}
		acq := Acquisition{Call: call, Result: 0}
		if !a.self {
			acq.Pool = poolOf(flow.Operands(&call.Call)[0])
		}
		return acq.extracted()
	}
	var results []Result
	if fn := call.Call.StaticCallee(); fn != nil {
		if origin := fn.Origin(); origin != nil {
			fn = origin
		}
		if m.here[fn] {
			results = m.results(fn)
		} else if s := m.imported(callee); s != nil {
			results = s.Results
		}
	} else if s := m.ofInterface(callee); s != nil {
		results = s.Results
	}
	var found []Acquisition
	for i, r := range results {
		if r.Acquired && !m.mayReturnOperand(call, i) {
			found = append(found, Acquisition{Call: call, Result: i, Pool: r.Pool, Wrapper: true, Held: r.Held}.extracted()...)
		}
	}
	return found
}

// ByAnother reports whether the function that acq calls is one of the package that gets the value by way of another function.
func (m *Model) ByAnother(acq Acquisition) bool {
	fn := acq.Call.Call.StaticCallee()
	if fn == nil {
		return false
	}
	if origin := fn.Origin(); origin != nil {
		fn = origin
	}
	return m.here[fn] && !slices.ContainsFunc(m.Acquisitions(fn), func(a Acquisition) bool { return !a.Wrapper && a.Pool == acq.Pool })
}

// mayReturnOperand reports whether result i of a call may be one of its operands: what is given, or a value out of a pool where that is nil.
func (m *Model) mayReturnOperand(call *ssa.Call, i int) bool {
	fn := call.Call.StaticCallee()
	if fn == nil {
		return false // a method of an interface that stands for a pool
	}
	for arg := range call.Call.Args {
		if p, ok := m.summaryOf(fn, arg); ok && i < len(p.Returns) && p.Returns[i] == flow.Same {
			return true
		}
	}
	return returnsParameter(fn, i)
}

// returnsParameter reports whether a function returns a parameter as result i: an error, say, which is not followed.
func returnsParameter(fn *ssa.Function, i int) bool {
	for _, b := range fn.Blocks {
		if ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok {
			if _, is := ret.Results[i].(*ssa.Parameter); is {
				return true
			}
		}
	}
	return false
}

// extracted fills in Value. There is none when the result is not used: such an acquisition has Value nil.
func (a Acquisition) extracted() []Acquisition {
	if _, tuple := a.Call.Type().(*types.Tuple); !tuple {
		a.Value, a.Result = a.Call, -1
		return []Acquisition{a}
	}
	for _, ref := range *a.Call.Referrers() {
		if ex, ok := ref.(*ssa.Extract); ok && ex.Index == a.Result {
			a.Value = ex
			return []Acquisition{a}
		}
	}
	return nil
}

// Track follows what acq has got through fn.
func (m *Model) Track(fn *ssa.Function, acq Acquisition) *flow.Track {
	t := flow.NewTrack(fn, acq.Call, acq.Result, m)
	t.Held = acq.Held
	return t
}

// TrackParam follows parameter i of fn.
func (m *Model) TrackParam(fn *ssa.Function, i int) *flow.Track {
	return flow.NewTrack(fn, parameter(fn, i), -1, m)
}

// TooLarge notes the function of t, unless t is of a parameter: what it does not know of that is no misuse.
func (m *Model) TooLarge(t *flow.Track) {
	if _, ok := t.Root.(ssa.Instruction); !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tooLarge == nil {
		m.tooLarge = map[*ssa.Function]bool{}
	}
	m.tooLarge[t.Fn] = true
}

// Line returns the line of pos in its file.
func (m *Model) Line(pos token.Pos) int { return m.pass.Fset.Position(pos).Line }

func isTestFile(name string) bool { return strings.HasSuffix(name, "_test.go") }
