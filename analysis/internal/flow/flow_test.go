package flow_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"

	"github.com/steadyframe/steadyframe/analysis/internal/flow"
)

// source has functions that get a value from get; a call of mark with an argument that is it must be reached.
const source = `package p
import ("errors"; "io")

type T struct{ n int; data []byte }

func get() *T
func try() (*T, error)
func mark(x any)
func other() *T

func straight() { t := get(); mark(t) }

func reassigned() { t := get(); t = other(); mark(t) }

func oneEdge(c bool) { t := get(); if c { t = other() }; mark(t) }

func overLoop(n int) { t := other(); for range n { mark(t); t = get() } }

func notNil() { t := get(); if t == nil { mark(t) } }

func onError() { t, err := try(); if err != nil { mark(t) } }

func ofKind() { t, err := try(); if errors.Is(err, io.EOF) { mark(t) } }
var errGone error
func gone() bool
func load(*T) error
func kindOfNil() { t := get(); err := load(t); if err != nil { return }; if err == errGone { mark(t) } }
func kindOfSome() { t := get(); err := load(t); if err == nil { return }; if err == errGone { mark(t) } }
func kindInLoop() { t := other(); for { err := load(t); if err == errGone { mark(t) }; if err != nil { return }; t = get() } }
func shortKind() { t := get(); err := load(t); if gone() || err != nil { return }; if err == errGone { mark(t) } }
func kindIs() { t := get(); err := load(t); if err == errGone { if err == nil { mark(t) } } }
func noError() { t, err := try(); if err == nil { mark(t) } }

func contradiction(a, b int) { t := other(); if a > b { t = get() }; if a <= b { mark(t) } }

func again(a, b int) { t := other(); if a > b { t = get() }; if a > b { mark(t) } }

func eachTurn(n []int) { t := get(); for _, x := range n { if x > 3 { t.n++ }; if x <= 3 { mark(t) } } }

func captured() { t := get(); f := func() { t = nil }; mark(t); f() }

func part() { t := get(); mark(t.data[1:]) }

func number() { t := get(); mark(t.n) }

func stored() { t := get(); x := struct{ t *T }{t}; mark(x) }
`

// rules know nothing of any call.
type rules struct{}

func (rules) TooLarge(*flow.Track) {}

func (rules) Reuses(flow.Field) bool { return false }

func (rules) Moves(ssa.CallInstruction) []flow.Field { return nil }

func (rules) Result(*ssa.CallCommon, int, int, flow.Class) flow.Class { return flow.None }

func TestWalk(t *testing.T) {
	tests := []struct {
		name string
		want flow.Class // of mark's argument, where it is reached alive
	}{
		{"straight", flow.Same},
		{"reassigned", flow.None},
		{"oneEdge", flow.Same},
		{"overLoop", flow.Same},
		{"notNil", flow.None},
		{"onError", flow.None},
		{"ofKind", flow.None},
		{"kindOfNil", flow.None},
		{"kindOfSome", flow.Same},
		{"kindInLoop", flow.Same},
		{"shortKind", flow.None},
		{"kindIs", flow.None},
		{"noError", flow.Same},
		{"contradiction", flow.None},
		{"again", flow.Same},
		{"eachTurn", flow.Same},
		{"captured", flow.Same},
		{"part", flow.Part},
		{"number", flow.None},
		{"stored", flow.Holder},
	}
	pkg := build(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fn := pkg.Func(tt.name)
			track := flow.NewTrack(fn, acquisition(t, fn), result(t, fn), rules{})
			got := flow.None
			whole := track.Walk(func(s *flow.State, _ *flow.Step, instr ssa.Instruction) bool {
				if call, ok := instr.(*ssa.Call); ok && called(call) == "mark" {
					if c := track.Live(s, call.Call.Args[0]); c != flow.None {
						got = c
					}
				}
				return true
			})
			if !whole {
				t.Error("the walk gave up")
			}
			if got != tt.want {
				t.Errorf("class of what mark is given: got %d, want %d", got, tt.want)
			}
		})
	}
}

// TestDecision: the last branch that could have gone the other way is the one that a message names.
func TestDecision(t *testing.T) {
	pkg := build(t)
	fn := pkg.Func("oneEdge")
	track := flow.NewTrack(fn, acquisition(t, fn), -1, rules{})
	ways := map[bool]int{}
	track.Walk(func(_ *flow.State, step *flow.Step, instr ssa.Instruction) bool {
		if call, ok := instr.(*ssa.Call); ok && called(call) == "mark" {
			branch, taken := step.Decision()
			if branch == nil || branch.Cond.Name() != "c" {
				t.Errorf("decision before mark: got %v, want the one on c", branch)
			}
			ways[taken]++
		}
		return true
	})
	if ways[true] != 1 || ways[false] != 1 {
		t.Errorf("ways to mark: got %v, want one with c and one without", ways)
	}
}

func build(t *testing.T) *ssa.Package {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", strings.TrimSpace(source), 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, _, err := ssautil.BuildPackage(&types.Config{Importer: importer.Default()}, fset, types.NewPackage("p", "p"), []*ast.File{file}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// acquisition is the call of get or try in fn.
func acquisition(t *testing.T, fn *ssa.Function) *ssa.Call {
	t.Helper()
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			if call, ok := instr.(*ssa.Call); ok && (called(call) == "get" || called(call) == "try") {
				return call
			}
		}
	}
	t.Fatalf("%s gets nothing", fn.Name())
	return nil
}

// result is the index of the result to follow, as NewTrack has it.
func result(t *testing.T, fn *ssa.Function) int {
	t.Helper()
	if called(acquisition(t, fn)) == "try" {
		return 0
	}
	return -1
}

func called(call *ssa.Call) string {
	if fn := call.Call.StaticCallee(); fn != nil {
		return fn.Name()
	}
	return ""
}
