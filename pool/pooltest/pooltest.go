// Package pooltest gives tests a pool that reports misuse, and makes chosen Gets fail.
package pooltest

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

// New returns a checked pool. When t and its subtests end, t fails for each misuse that the pool found, for each lease that is
// open, with the stack of its Get, and for what is still admitted. A misuse that the test does on purpose fails it too: for
// that, use a pool.New of its own.
//
// options are as for pool.New, but their Floor counts as unlimited, so that no collection hides a leak or a late write.
// Check may be set, nil for the zero Check; its Report is called as well.
func New(t testing.TB, options *pool.Options) *pool.Pool {
	t.Helper()
	var o pool.Options
	if options != nil {
		o = *options
	}
	var check pool.Check
	if o.Check != nil {
		check = *o.Check
	}
	found := &found{next: check.Report}
	check.Report = found.add
	o.Check, o.Floor = &check, math.MaxInt64
	p := pool.New(&o)
	t.Cleanup(func() {
		t.Helper()
		for _, m := range p.Audit() {
			found.add(m)
		}
		found.fail(t)
		if leaks := Leaks(p.Stats()); leaks != "" {
			t.Errorf("pooltest: %s", leaks)
		}
	})
	return p
}

// Leaks describes the leases and grants of a pool at rest that were not released, and is empty when all were.
func Leaks(s pool.Stats) string {
	var found []string
	for _, c := range s.Classes {
		if c.InUse != 0 {
			found = append(found, fmt.Sprintf("%d buffers of %d bytes still leased", c.InUse, c.Size))
		}
		if lost := c.Discards[pool.DiscardLost]; lost != 0 {
			found = append(found, fmt.Sprintf("%d buffers of %d bytes dropped without Release", lost, c.Size))
		}
	}
	if s.Admitted != 0 {
		found = append(found, fmt.Sprintf("%d bytes still admitted", s.Admitted))
	}
	if s.Waiting != 0 {
		found = append(found, fmt.Sprintf("%d calls of Admit still waiting", s.Waiting))
	}
	return strings.Join(found, ", ")
}

// found gathers misuse.
type found struct {
	next func(*pool.Misuse) // called as well, unless nil

	mu    sync.Mutex
	texts []string // each once, as they came
	times map[string]int
}

func (f *found) add(m *pool.Misuse) {
	text := m.Error()
	f.mu.Lock()
	if f.times == nil {
		f.times = map[string]int{}
	}
	if f.times[text]++; f.times[text] == 1 {
		f.texts = append(f.texts, text)
	}
	f.mu.Unlock()
	if f.next != nil {
		f.next(m)
	}
}

// fail fails t once for each different misuse.
func (f *found) fail(t testing.TB) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range f.texts {
		if n := f.times[text]; n > 1 {
			text = fmt.Sprintf("%d times: %s", n, text)
		}
		t.Errorf("pooltest: %s", text)
	}
}
