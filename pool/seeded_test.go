package pool_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

// watcher gathers what a checked pool reports.
type watcher struct {
	mu    sync.Mutex
	found []*pool.Misuse
}

func (w *watcher) report(m *pool.Misuse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, m)
}

// watched returns a checked pool whose misuse the watcher gathers.
func watched(o pool.Options, c pool.Check) (*pool.Pool, *watcher) {
	w := &watcher{}
	c.Report = w.report
	o.Check = &c
	return pool.New(&o), w
}

// The functions whose names must be in a report.

func ownerGets(t testing.TB, p *pool.Pool) pool.Buf { return get(t, p, 5000) }
func ownerRetains(b pool.Buf) pool.Buf              { return b.Retain() }
func ownerReleases(b pool.Buf)                      { b.Release() }
func culprit(f func())                              { recovered(f) }

// names reports whether a call of the function of this package is in s.
func names(s pool.Stack, function string) bool {
	for _, f := range s.Frames() {
		if strings.HasSuffix(f.Function, "pool_test."+function) {
			return true
		}
	}
	return false
}

// A fault is one kind of misuse, of a buffer of 5000 bytes.
type fault struct {
	name   string
	o      pool.Options
	c      pool.Check
	f      func(t *testing.T, p *pool.Pool)
	kind   pool.MisuseKind
	got    string // the function that the culprit's handle is from
	atSite bool   // found where it is done, so that this has a stack too
	late   bool   // found by Audit
}

var keep = pool.Options{Floor: 1 << 30}

var faults = []fault{
	{"released_twice", keep, pool.Check{}, func(t *testing.T, p *pool.Pool) {
		b := ownerGets(t, p)
		ownerReleases(b)
		culprit(b.Release)
	}, pool.ReleasedTwice, "ownerGets", true, false},
	{"released_twice_with_a_new_owner", keep, pool.Check{}, func(t *testing.T, p *pool.Pool) {
		b := ownerGets(t, p)
		ownerReleases(b)
		defer get(t, p, 5000).Release()
		culprit(b.Release)
	}, pool.ReleasedTwice, "ownerGets", true, false},
	{"released_twice_by_one_holder_of_three", keep, pool.Check{}, func(t *testing.T, p *pool.Pool) {
		b := get(t, p, 5000)
		mine, other := ownerRetains(b), b.Retain()
		ownerReleases(mine)
		culprit(mine.Release)
		other.Bytes()[0]++ // its lease has not ended early
		other.Release()
		b.Release()
	}, pool.ReleasedTwice, "ownerRetains", true, false},
	{"used_by_a_holder_that_released", keep, pool.Check{}, func(t *testing.T, p *pool.Pool) {
		b := ownerGets(t, p)
		other := b.Retain()
		ownerReleases(b)
		culprit(func() { b.Bytes() })
		other.Release()
	}, pool.UseAfterRelease, "ownerGets", true, false},
	{"written", keep, pool.Check{}, func(t *testing.T, p *pool.Pool) {
		b := ownerGets(t, p)
		kept := b.Bytes()
		ownerReleases(b)
		kept[len(kept)-1] = 7
		get(t, p, 5000).Release()
	}, pool.WriteAfterRelease, "ownerGets", false, false},
	{"written_and_not_leased_again", keep, pool.Check{NoReuse: true}, func(t *testing.T, p *pool.Pool) {
		b := ownerGets(t, p)
		kept := b.Bytes()
		ownerReleases(b)
		kept[0] = 7
		get(t, p, 5000).Release()
	}, pool.WriteAfterRelease, "ownerGets", false, true},
	{"written_beyond_its_length", keep, pool.Check{}, func(t *testing.T, p *pool.Pool) {
		b := ownerGets(t, p)
		kept := b.Bytes()
		ownerReleases(b)
		kept[:cap(kept)][cap(kept)-1] = 7
		get(t, p, 5000).Release()
	}, pool.WriteAfterRelease, "ownerGets", false, false},
	{"written_and_discarded", pool.Options{Budget: 8 * kib, Floor: 8 * kib}, pool.Check{}, func(t *testing.T, p *pool.Pool) {
		b := ownerGets(t, p)
		kept := b.Bytes()
		ownerReleases(b)
		kept[100] = 7
		get(t, p, 8*kib).Release()
	}, pool.WriteAfterRelease, "ownerGets", false, false},
	{"leaked", keep, pool.Check{}, func(t *testing.T, p *pool.Pool) { ownerGets(t, p) }, pool.Leaked, "ownerGets", false, true},
	{"leaked_by_one_holder", keep, pool.Check{}, func(t *testing.T, p *pool.Pool) {
		b := get(t, p, 5000)
		ownerRetains(b)
		b.Release()
	}, pool.Leaked, "ownerRetains", false, true},
	{"leaked_and_collected", pool.Options{}, pool.Check{}, func(t *testing.T, p *pool.Pool) { ownerGets(t, p) },
		pool.Leaked, "ownerGets", false, true},
}

// staleUses are the faults of each method of a stale handle, with a lease in between.
func staleUses() (faults []fault) {
	for _, use := range uses {
		kind := pool.UseAfterRelease
		if use.name == "Release" {
			kind = pool.ReleasedTwice
		}
		faults = append(faults, fault{"stale_" + use.name, keep, pool.Check{}, func(t *testing.T, p *pool.Pool) {
			b := ownerGets(t, p)
			ownerReleases(b)
			get(t, p, 5000).Release()
			culprit(func() { use.f(b) })
		}, kind, "ownerGets", true, false})
	}
	return faults
}

// TestSeededFaults: each kind of misuse is found 100 times of 100, and reported with the stacks of the handle's holder.
func TestSeededFaults(t *testing.T) {
	const runs = 100
	for _, tt := range append(staleUses(), faults...) {
		t.Run(tt.name, func(t *testing.T) {
			p, w := watched(tt.o, tt.c)
			for range runs {
				tt.f(t, p)
			}
			if tt.late {
				collect()
				w.found = append(w.found, p.Audit()...)
			}
			if len(w.found) != runs {
				t.Fatalf("found %d of %d", len(w.found), runs)
			}
			for _, m := range w.found {
				tt.check(t, m)
			}
		})
	}
}

// check fails t unless m tells of the fault.
func (f *fault) check(t *testing.T, m *pool.Misuse) {
	if m.Kind != f.kind || m.Size != 5*kib || len(m.Holders) == 0 {
		t.Fatalf("got %v, want kind %d", m, f.kind)
	}
	if h := m.Holders[0]; !names(h.Got, f.got) || h.Retained != (f.got == "ownerRetains") {
		t.Fatalf("got %v, want it to name %s", m, f.got)
	}
	if released := m.Kind != pool.Leaked; names(m.Holders[0].Released, "ownerReleases") != released {
		t.Fatalf("got %v: does it name ownerReleases? want %t", m, released)
	}
	if names(m.At, "culprit") != f.atSite {
		t.Fatalf("got %v: does it name the culprit? want %t", m, f.atSite)
	}
}
