package pooltest_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// fake is a testing.TB that records what a test would say, and ends when told.
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

func TestNew(t *testing.T) {
	tests := []struct {
		name string
		use  func(p *pool.Pool)
		want string // "": no failure
	}{
		{"unused", func(p *pool.Pool) {}, ""},
		{"released", func(p *pool.Pool) {
			lease(t, p, 5000).Release()
			grant(t, p, 10).Release()
		}, ""},
		{"one_leak", func(p *pool.Pool) { lease(t, p, 5000) }, "pooltest: 1 buffers of 5120 bytes still leased"},
		{"two_classes", func(p *pool.Pool) { lease(t, p, 1); lease(t, p, 1); lease(t, p, 5000) },
			"pooltest: 2 buffers of 4096 bytes still leased, 1 buffers of 5120 bytes still leased"},
		{"retained", func(p *pool.Pool) { lease(t, p, 1).Retain().Release() }, "pooltest: 1 buffers of 4096 bytes still leased"},
		{"grant", func(p *pool.Pool) { grant(t, p, 10) }, "pooltest: 10 bytes still admitted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{TB: t}
			p := pooltest.New(f, pool.Options{Floor: 1 << 20}) // the floor keeps slabs even when no handle is left
			tt.use(p)
			f.end()
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if !slices.Equal(f.errors, want) {
				t.Errorf("got failures %q, want %q", f.errors, want)
			}
		})
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
