package pooltest_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// fake is a testing.TB that records failures, and ends on demand.
type fake struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (f *fake) Helper()           {}
func (f *fake) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *fake) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}
func (f *fake) end() {
	for _, fn := range slices.Backward(f.cleanups) {
		fn()
	}
}

// TestNew: t fails for what is not given back, and the failure names the function that got it.
func TestNew(t *testing.T) {
	tests := []struct {
		name string
		use  func(p *pool.Pool)
		want []string // the first lines of the failures
	}{
		{"unused", func(p *pool.Pool) {}, nil},
		{"released", func(p *pool.Pool) {
			lease(t, p, 5000).Release()
			grant(t, p, 10).Release()
		}, nil},
		{"one_leak", func(p *pool.Pool) { lease(t, p, 5000) }, []string{
			"pooltest: pool: Buf of 5120 bytes not released",
			"pooltest: 1 buffers of 5120 bytes still leased"}},
		{"collected", func(p *pool.Pool) { lease(t, p, 5000); runtime.GC(); runtime.GC() }, []string{
			"pooltest: pool: Buf of 5120 bytes not released",
			"pooltest: 1 buffers of 5120 bytes still leased"}},
		{"from_one_place", func(p *pool.Pool) {
			for range 3 {
				lease(t, p, 1)
			}
		}, []string{
			"pooltest: 3 times: pool: Buf of 4096 bytes not released",
			"pooltest: 3 buffers of 4096 bytes still leased"}},
		{"two_classes", func(p *pool.Pool) { lease(t, p, 1); lease(t, p, 5000) }, []string{
			"pooltest: pool: Buf of 4096 bytes not released",
			"pooltest: pool: Buf of 5120 bytes not released",
			"pooltest: 1 buffers of 4096 bytes still leased, 1 buffers of 5120 bytes still leased"}},
		{"first_holder", func(p *pool.Pool) { lease(t, p, 1).Retain().Release() }, []string{
			"pooltest: pool: Buf of 4096 bytes not released",
			"pooltest: 1 buffers of 4096 bytes still leased"}},
		{"grant", func(p *pool.Pool) { grant(t, p, 10) }, []string{"pooltest: 10 bytes still admitted"}},
		{"released_twice", func(p *pool.Pool) {
			defer func() { _ = recover() }() // as a server recovers from what a request does
			b := lease(t, p, 1)
			b.Release()
			b.Release()
		}, []string{"pooltest: pool: Buf released twice"}},
		{"used_late", func(p *pool.Pool) {
			defer func() { _ = recover() }()
			b := lease(t, p, 1)
			b.Release()
			b.Bytes()
		}, []string{"pooltest: pool: use of released Buf"}},
		{"written_late", func(p *pool.Pool) {
			b := lease(t, p, 1)
			kept := b.Bytes()
			b.Release()
			kept[0] = 1
		}, []string{"pooltest: pool: write after Release: byte 0 of 4096: got 0x1, want 0xdb; 1 bytes changed"}},
		{"written_late_and_leased_again", func(p *pool.Pool) {
			b := lease(t, p, 1)
			kept := b.Bytes()
			b.Release()
			kept[0] = 1
			lease(t, p, 1).Release()
		}, []string{"pooltest: pool: write after Release: byte 0 of 4096: got 0x1, want 0xdb; 1 bytes changed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{TB: t}
			tt.use(pooltest.New(f, nil))
			f.end()
			var got []string
			for _, text := range f.errors {
				first, stacks, _ := strings.Cut(text, "\n")
				got = append(got, first)
				if stacks != "" && !strings.Contains(stacks, "pooltest_test.lease\n") {
					t.Errorf("got %s, which does not name the function that got the buffer", text)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got failures %q, want %q", got, tt.want)
			}
		})
	}
}

// TestOwnCheck: what a test says in Options.Check holds as well.
func TestOwnCheck(t *testing.T) {
	f := &fake{TB: t}
	var told int
	p := pooltest.New(f, &pool.Options{Check: &pool.Check{NoReuse: true, Report: func(*pool.Misuse) { told++ }}})
	first := lease(t, p, 1)
	mem := first.Bytes()
	first.Release()
	mem[0] = 1
	second := lease(t, p, 1)
	if &second.Bytes()[0] == &mem[0] {
		t.Error("with NoReuse a buffer was leased again")
	}
	second.Release()
	f.end()
	if len(f.errors) != 1 || told != 1 {
		t.Errorf("a late write: got failures %q, own Report called %d times, want one and once", f.errors, told)
	}
}

func TestLeaks(t *testing.T) {
	s := pool.Stats{
		Classes: []pool.ClassStats{{Size: 4096, Discards: pool.Discards{pool.DiscardLost: 3, pool.DiscardBudget: 9}}},
		Waiting: 2,
	}
	const want = "3 buffers of 4096 bytes dropped without Release, 2 calls of Admit still waiting"
	if got := pooltest.Leaks(s); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func lease(t *testing.T, p *pool.Pool, n int) pool.Buf {
	t.Helper()
	b, err := p.Get(n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func grant(t *testing.T, p *pool.Pool, n int64) pool.Grant {
	t.Helper()
	g, err := p.Admit(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
