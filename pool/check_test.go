package pool_test

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
)

// TestHolders: the misuse of a retained handle also reports where the lease began, and a late write reports all holders
// of the buffer.
func TestHolders(t *testing.T) {
	p, w := watched(pool.Options{Floor: 1 << 20}, pool.Check{})
	b := ownerGets(t, p)
	kept := b.Bytes()
	mine := ownerRetains(b)
	mine.Release()
	culprit(mine.Release)
	b.Release()
	kept[3], kept[9] = 1, 2
	found := append(w.found, p.Audit()...)
	if len(found) != 2 {
		t.Fatalf("got %d reports, want 2: %v", len(found), found)
	}
	for i, first := range []string{"ownerRetains", "ownerGets"} {
		second := map[string]string{"ownerRetains": "ownerGets", "ownerGets": "ownerRetains"}[first]
		if h := found[i].Holders; len(h) != 2 || !names(h[0].Got, first) || !names(h[1].Got, second) {
			t.Errorf("got %v, want %s and then %s", found[i], first, second)
		}
	}
	if m := found[1]; m.Offset != 3 || m.Value != 1 || m.Changed != 2 {
		t.Errorf("got offset %d, value %d, %d changed, want 3, 1, 2", m.Offset, m.Value, m.Changed)
	}
	if late := p.Audit(); len(late) != 0 {
		t.Errorf("a second Audit tells it again: %v", late)
	}
}

// TestMisuseText shows what a developer reads.
func TestMisuseText(t *testing.T) {
	p, w := watched(pool.Options{}, pool.Check{})
	b := ownerGets(t, p)
	ownerReleases(b)
	culprit(b.Release)
	var lines []string
	for line := range strings.Lines(w.found[0].Error()) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "        ") || strings.Contains(line, "testing.") {
			continue // where files are, and what runs tests
		}
		if _, function, ok := strings.Cut(line, "/pool_test."); ok {
			line = function
		}
		lines = append(lines, line)
	}
	got := strings.Join(lines, "|")
	const want = "pool: Buf released twice" +
		"|  here at:|recovered|culprit|TestMisuseText" +
		"|  Release at:|ownerReleases|TestMisuseText" +
		"|  Get at:|get|ownerGets|TestMisuseText"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := error(w.found[0]); !errors.As(err, new(*pool.Misuse)) {
		t.Error("a Misuse is not an error")
	}
}

// TestOldHandle: a handle that has outlived what its slab's ledger keeps is still found.
func TestOldHandle(t *testing.T) {
	p, w := watched(pool.Options{Floor: 1 << 20}, pool.Check{})
	b := get(t, p, 1)
	b.Release()
	for range 100 {
		get(t, p, 1).Release()
	}
	culprit(b.Release)
	if len(w.found) != 1 || !strings.Contains(w.found[0].Error(), "longer ago than what is kept") || !names(w.found[0].At, "culprit") {
		t.Errorf("got %v, want one report with the stack of the misuse alone", w.found)
	}
}

func TestLeakLevels(t *testing.T) {
	tests := []struct {
		name  string
		level pool.LeakLevel
		want  int // of 256 leaks
	}{
		{"all", pool.LeaksAll, 256},
		{"sampled", pool.LeaksSampled, 2},
		{"off", pool.LeaksOff, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, w := watched(pool.Options{}, pool.Check{Leaks: tt.level})
			var held []pool.Buf
			for range 256 {
				held = append(held, ownerGets(t, p))
			}
			if open := p.Audit(); len(open) != tt.want {
				t.Errorf("held: got %d reports, want %d", len(open), tt.want)
			}
			clear(held)
			collect()
			p.Stats() // where the pool learns of it
			if len(w.found) != tt.want {
				t.Errorf("collected: got %d reports, want %d", len(w.found), tt.want)
			}
			for _, m := range w.found {
				if m.Kind != pool.Leaked || !names(m.Holders[0].Got, "ownerGets") || !strings.Contains(m.Error(), "dropped without Release") {
					t.Errorf("got %v, want a leak that names ownerGets", m)
				}
			}
			b := get(t, p, 1)
			b.Release()
			if got := recovered(b.Release); got != twice {
				t.Errorf("Release twice: got panic %v, want %q at every level", got, twice)
			}
		})
	}
}

// TestLateWriteWithoutReport: then the Get that finds it panics, and has leased nothing.
func TestLateWriteWithoutReport(t *testing.T) {
	p := newPool(t, pool.Options{Floor: 1 << 20, Check: &pool.Check{}})
	b := get(t, p, 2)
	kept := b.Bytes()
	b.Release()
	kept[1] = 0
	const want = "pool: write after Release: byte 1 of 4096: got 0x0, want 0xdb; 1 bytes changed"
	if got := recovered(func() { get(t, p, 1) }); got != want {
		t.Errorf("got panic %v, want %q", got, want)
	}
	get(t, p, 1).Release()
}

// TestCheckedLeaseIsFilled: no lease begins with an image, nor with zeros, and one that ended shows none.
func TestCheckedLeaseIsFilled(t *testing.T) {
	p := newPool(t, pool.Options{Floor: 1 << 20, Check: &pool.Check{}})
	for i := range 3 {
		b := get(t, p, 5000)
		mem := b.Bytes()
		full := mem[:cap(mem)]
		for _, at := range []int{0, 1, 4999, cap(mem) - 1} {
			if full[at] != 0xDB {
				t.Errorf("lease %d begins with byte %d = %#x, want 0xdb", i, at, full[at])
			}
		}
		clear(full)
		b.Release()
		if full[0] != 0xDB || full[cap(mem)-1] != 0xDB { // what a kept slice reads
			t.Errorf("lease %d: after Release the bytes are %#x and %#x, want 0xdb", i, full[0], full[cap(mem)-1])
		}
	}
}

// TestNoReuse: no memory is leased twice, and under a budget the oldest idle memory makes room.
func TestNoReuse(t *testing.T) {
	for _, budget := range []int64{0, 64 * kib} {
		p := newPool(t, pool.Options{Budget: budget, Floor: 1 << 30, Check: &pool.Check{NoReuse: true}})
		seen := map[*byte]bool{}
		var held [][]byte // so that the heap gives none of it out again
		for i := range 200 {
			b := get(t, p, 4*kib)
			mem := b.Bytes()
			if seen[unsafe.SliceData(mem)] {
				t.Fatalf("budget %d: lease %d has memory of an earlier one", budget, i)
			}
			seen[unsafe.SliceData(mem)] = true
			held = append(held, mem)
			b.Release()
		}
		if s := p.Stats(); budget > 0 && s.Idle != budget || budget == 0 && s.Idle != 200*4*kib {
			t.Errorf("budget %d: got %d bytes idle of %d leases", budget, s.Idle, len(held))
		}
	}
}

// TestFault: an error of the hook is Get's, and nothing is leased or counted.
func TestFault(t *testing.T) {
	broken := errors.New("broken")
	var asked []int
	p := newPool(t, pool.Options{Check: &pool.Check{Fault: func(n int) error { asked = append(asked, n); return broken }}})
	if b, err := p.Get(7); err != broken || !b.IsZero() {
		t.Errorf("got %v, want the hook's error", err)
	}
	if _, err := p.Get(-1); !errors.Is(err, pool.ErrSize) {
		t.Errorf("got %v, want ErrSize", err)
	}
	if s := p.Stats(); len(asked) != 1 || asked[0] != 7 || len(s.Classes) != 0 || s.Refused != 0 {
		t.Errorf("asked for %v, got %+v, want one question and nothing made", asked, s)
	}
}

// TestForeign: a Buf goes back to the pool and the class that it came from, whichever goroutine releases it and whatever length it has by then.
func TestForeign(t *testing.T) {
	ours, w := watched(pool.Options{}, pool.Check{})
	theirs, _ := watched(pool.Options{}, pool.Check{})
	b := get(t, ours, 5000)
	defer get(t, theirs, 5000).Release()
	b.SetLen(1)
	grown := append(b.Bytes(), make([]byte, 6000)...) // memory of its own
	b.Release()
	grown[0] = 1
	if s := ours.Stats(); len(s.Classes) != 1 || s.Classes[0].Puts != 1 || s.Classes[0].Idle != 1 {
		t.Errorf("got %+v, want it back", s.Classes)
	}
	if s := theirs.Stats(); s.Classes[0].Puts != 0 {
		t.Errorf("got %+v of another pool, want no put", s.Classes)
	}
	if found := append(w.found, ours.Audit()...); len(found) != 0 {
		t.Errorf("got %v, want nothing wrong", found)
	}
}

// TestCheckedHotPathAllocatesNothing: so tests that count allocations may use checked pools.
func TestCheckedHotPathAllocatesNothing(t *testing.T) {
	p := newPool(t, pool.Options{Check: &pool.Check{}})
	alloctest.Zero(t, 1000, func() {
		b := get(t, p, 5000)
		b.Retain().Release()
		b.Bytes()[0]++
		b.Release()
	})
}

func TestAuditOfUnchecked(t *testing.T) {
	if pool.EveryPool {
		t.Skip("every pool is checked")
	}
	p := newPool(t, pool.Options{})
	defer get(t, p, 1).Release()
	if found := p.Audit(); found != nil {
		t.Errorf("got %v, want nil", found)
	}
}
