package pool_test

import (
	"sync"
	"testing"
	"unsafe"

	"github.com/steadyframe/steadyframe/pool"
)

const (
	stale = "pool: use of released Buf"
	twice = "pool: Buf released twice"
)

// uses are all methods of a handle, and their panics when it is stale.
var uses = []struct {
	name string
	f    func(pool.Buf)
	want string
}{
	{"Bytes", func(b pool.Buf) { b.Bytes() }, stale},
	{"Len", func(b pool.Buf) { b.Len() }, stale},
	{"Cap", func(b pool.Buf) { b.Cap() }, stale},
	{"SetLen", func(b pool.Buf) { b.SetLen(1) }, stale},
	{"Retain", func(b pool.Buf) { b.Retain() }, stale},
	{"Release", pool.Buf.Release, twice},
}

// TestStaleHandle: 100 of 100 uses after release are found, while the slab lies idle, when it has another owner, and when that one
// has released it too. None of them touches the other owner's lease.
func TestStaleHandle(t *testing.T) {
	noGC(t)
	for _, use := range uses {
		t.Run(use.name, func(t *testing.T) {
			p := newPool(t, pool.Options{})
			for i := range 100 {
				old := get(t, p, 10)
				mem := unsafe.SliceData(old.Bytes())
				kept := old.Retain()
				old.Release()
				kept.Release()
				if got := recovered(func() { use.f(old) }); got != use.want {
					t.Fatalf("lease %d, idle slab: got panic %v, want %q", i, got, use.want)
				}
				owner := get(t, p, 20)
				if unsafe.SliceData(owner.Bytes()) != mem {
					t.Fatalf("lease %d: the one slab was not reused, so nothing is tested", i)
				}
				owner.Bytes()[0] = byte(i)
				if got := recovered(func() { use.f(old) }); got != use.want {
					t.Fatalf("lease %d, slab with another owner: got panic %v, want %q", i, got, use.want)
				}
				if owner.Len() != 20 || owner.Bytes()[0] != byte(i) {
					t.Fatalf("lease %d: a stale handle changed its slab's new owner", i)
				}
				owner.Release()
				if got := recovered(func() { use.f(kept) }); got != use.want {
					t.Fatalf("lease %d, slab released again: got panic %v, want %q", i, got, use.want)
				}
			}
		})
	}
}

// TestStaleHandleOfDiscarded: a handle stays stale when its slab was discarded for the budget.
func TestStaleHandleOfDiscarded(t *testing.T) {
	p := newPool(t, pool.Options{Budget: 12 << 10})
	old := get(t, p, 8<<10)
	old.Release()
	defer get(t, p, 5<<10).Release()
	for _, use := range uses {
		if got := recovered(func() { use.f(old) }); got != use.want {
			t.Errorf("%s: got panic %v, want %q", use.name, got, use.want)
		}
	}
}

func TestZeroBuf(t *testing.T) {
	var b pool.Buf
	b.Release()
	b.Release()
	b.SetLen(0)
	if !b.IsZero() || b.Bytes() != nil || b.Len() != 0 || b.Cap() != 0 || !b.Retain().IsZero() {
		t.Errorf("the zero Buf: got bytes %v, length %d, capacity %d, want nothing", b.Bytes(), b.Len(), b.Cap())
	}
	if got := recovered(func() { b.SetLen(1) }); got != "pool: SetLen out of range" {
		t.Errorf("SetLen(1) of the zero Buf: got panic %v", got)
	}
}

func TestRetain(t *testing.T) {
	p := newPool(t, pool.Options{})
	b := get(t, p, 100)
	b.Bytes()[7] = 42
	readers := []pool.Buf{b, b.Retain(), b.Retain()}
	for i, r := range readers {
		if r.Bytes()[7] != 42 || p.Stats().InUse == 0 {
			t.Errorf("reader %d of %d: the lease ended early", i, len(readers))
		}
		r.Release()
	}
	if inUse := p.Stats().InUse; inUse != 0 {
		t.Errorf("after all holders' Releases: got %d bytes in use, want 0", inUse)
	}
	if got := recovered(b.Release); got != twice {
		t.Errorf("one Release too many: got panic %v, want %q", got, twice)
	}
}

// TestRetainConcurrent: holders come and go on all sides, and the lease ends with the last of them.
func TestRetainConcurrent(t *testing.T) {
	p := newPool(t, pool.Options{})
	b := get(t, p, 100)
	var wg sync.WaitGroup
	for range 4 {
		mine := b.Retain()
		wg.Go(func() {
			for range 300_000 { // long enough that they do run together
				mine.Retain().Release()
			}
			mine.Release()
		})
	}
	wg.Wait()
	if p.Stats().InUse == 0 {
		t.Error("the lease ended before its first holder's Release")
	}
	b.Release()
}

func TestSetLen(t *testing.T) {
	tests := []struct {
		name string
		n    int
		want any
	}{
		{"negative", -1, "pool: SetLen out of range"},
		{"zero", 0, nil},
		{"longer", 3000, nil},
		{"whole_class", 4096, nil},
		{"above", 4097, "pool: SetLen out of range"},
	}
	p := newPool(t, pool.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := get(t, p, 100)
			defer b.Release()
			other := b.Retain()
			defer other.Release()
			want := 100
			if tt.want == nil {
				want = tt.n
			}
			if got := recovered(func() { b.SetLen(tt.n) }); got != tt.want {
				t.Errorf("SetLen(%d): got panic %v, want %v", tt.n, got, tt.want)
			}
			if other.Len() != want || b.Cap() != 4096 {
				t.Errorf("SetLen(%d): another holder sees length %d, capacity %d, want %d and 4096", tt.n, other.Len(), b.Cap(), want)
			}
		})
	}
}
