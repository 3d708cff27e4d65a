package main

import (
	"fmt"
	"go/ast"
	source "go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"testing"
)

// TestNoMistake: what is no mistake is not made a mutant.
func TestNoMistake(t *testing.T) {
	const text = `package p

import ("sync"; "time")

var pool, timers sync.Pool

type lease struct { b *[]byte; closed bool }

func (l *lease) free() { if l.b == nil { return }; pool.Put(l.b); l.b = nil }
func (l *lease) release() { if l.b != nil { pool.Put(l.b); l.b = nil } }
func (l *lease) close() { if l.closed { return }; l.closed = true; pool.Put(l.b) }
func (l *lease) put() { if l.b == nil { return }; pool.Put(l.b) }
func (l *lease) recycle() { if l.closed { return }; pool.Put(l.b); l.b = nil }

func newLease() *lease { return &lease{b: pool.Get().(*[]byte)} }

func freed() { l := newLease(); l.free() }
func released() { l := newLease(); l.release() }
func closed() { l := newLease(); l.close() }
func putTwice() { l := newLease(); l.put() }
func recycled() { l := newLease(); l.recycle() }

func wait(d time.Duration) {
	t := timers.Get().(*time.Timer)
	t.Reset(d)
	<-t.C
	timers.Put(t)
}

type point struct { x, y int }
func (p *point) Reset() { *p = point{} }
var points sync.Pool

func all() int { p := points.Get().(*point); p.Reset(); p.x, p.y = 1, 2; s := p.x + p.y; points.Put(p); return s }
func some() int { p := points.Get().(*point); p.Reset(); p.x = 1; s := p.x + p.y; points.Put(p); return s }
func own() int { p := points.Get().(*point); p.Reset(); p.x = p.y; p.y = 1; s := p.x + p.y; points.Put(p); return s }
`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	conf := types.Config{Importer: source.ForCompiler(fset, "source", nil)}
	if _, err := conf.Check("p", fset, []*ast.File{file}, info); err != nil {
		t.Fatal(err)
	}
	u := unit{
		names: []string{"p.go"}, source: map[string][]byte{"p.go": []byte(text)},
		checked: checked{fset: fset, files: map[string]*ast.File{"p.go": file}, info: info},
	}
	var got []string
	for _, m := range u.mutants(100) {
		if m.kind != kindTwice && m.kind != kindReset {
			continue
		}
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fset.Position(fn.Pos()).Line <= m.line && m.line <= fset.Position(fn.End()).Line {
				got = append(got, fmt.Sprint(m.kind, " ", fn.Name.Name))
			}
		}
	}
	want := []string{"twice putTwice", "twice recycled", "twice wait", "twice all", "twice some", "reset some", "twice own", "reset own"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q,\nwant %q", got, want)
	}
}
