package pool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// lease leases count buffers of n bytes.
func lease(t testing.TB, p *Pool, n, count int) (held []Buf) {
	t.Helper()
	for range count {
		b, err := p.Get(n)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, b)
	}
	return held
}

// TestRefusalLooksAtFewRecords: a Get that is refused once the pool is tight, and a Release and a Get of another size beside
// it, look at no more than maxLook records of 10,000: the others are not there.
func TestRefusalLooksAtFewRecords(t *testing.T) {
	const leases = 10_000
	p := New(&Options{Budget: leases * MinSize, Check: nil})
	if p.check != nil {
		t.Skip("a checked Get may look at all")
	}
	held := lease(t, p, 1, leases)
	if _, err := p.Get(2 * MinSize); !errors.Is(err, ErrBudget) {
		t.Fatalf("got %v, want ErrBudget", err)
	}
	c := &p.classes[0]
	all := slices.Clone(c.records)
	for round := range 3 {
		from := p.glanced.record
		clear(c.records)
		copy(c.records[from:], all[from:from+maxLook])
		if _, err := p.Get(2 * MinSize); !errors.Is(err, ErrBudget) {
			t.Fatalf("round %d: got %v, want ErrBudget", round, err)
		}
	}
	held[0].Release()
	held[1].Release()
	copy(c.records, all)
	b, err := p.Get(2 * MinSize) // makes room of both
	if err != nil || c.gone[DiscardBudget] != 2 {
		t.Errorf("got %v and %d discarded, want 2", err, c.gone[DiscardBudget])
	}
	for _, b := range append(held[2:], b) {
		b.Release()
	}
}

// TestTightKnowsWhatIsIdle: after any step, the lists of a tight pool have the idle slabs and no others, and those of another
// pool none; and the pool becomes tight and stops being so.
func TestTightKnowsWhatIsIdle(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, check := range []*Check{nil, {}} {
		p := New(&Options{Budget: 1 << 20, Floor: 1 << 18, Check: check})
		var held []Buf
		turns, was := 0, false
		for step := 0; step < 12_000 || turns < 4 && step < 1_000_000; step++ { // How often it turns is by chance.
			most := 1 << 16
			if step/1500%2 == 0 {
				most = 1 << 12 // all of one class: nothing makes room
			}
			switch op := rng.IntN(4); {
			case op < 2 && len(held) < 100:
				b, err := p.Get(rng.IntN(most))
				if err != nil && !errors.Is(err, ErrBudget) {
					t.Fatal(err)
				}
				held = append(held, b)
			case len(held) > 0:
				i := rng.IntN(len(held))
				held[i].Release()
				held = slices.Delete(held, i, i+1)
			}
			if problem := p.listProblem(); problem != "" {
				t.Fatalf("step %d: %s", step, problem)
			}
			if p.tight.on != was {
				turns, was = turns+1, p.tight.on
			}
		}
		if turns < 4 {
			t.Errorf("the pool became tight or not tight %d times in a million steps, want more", turns)
		}
	}
}

// listProblem says what is wrong with the lists of a pool that nobody uses, empty when nothing is.
func (p *Pool) listProblem() string {
	var idle int64
	for i := range p.classes {
		c := &p.classes[i]
		listed := 0
		for which := range c.listed {
			for r := c.listed[which].first; r != nil; r = r.next {
				listed++
				if r.in != listing(which+1) || (r.pin != nil) != (r.in == kept) || !r.idle() || c.records[r.at] != r {
					return fmt.Sprintf("a record of class %d is in list %d with %+v", i, which, r)
				}
			}
		}
		want := 0
		for _, r := range c.records {
			if r.idle() && p.tight.on {
				want++
			}
		}
		if listed != want {
			return fmt.Sprintf("class %d has %d listed, want %d", i, listed, want)
		}
		idle += int64(listed * c.size)
	}
	if idle != p.tight.idle {
		return fmt.Sprintf("got %d bytes idle, want %d", p.tight.idle, idle)
	}
	return ""
}

// TestRanks: whoever comes and goes, the next ticket is the one that a search of the whole queue finds.
func TestRanks(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	a := &admission{}
	l := &a.large
	var waiting []*ticket
	for range 12_000 {
		if len(waiting) == 0 || rng.IntN(200) > len(waiting) {
			a.arrivals++
			rank := a.arrivals
			if rng.IntN(2) == 0 {
				rank = rng.Uint64N(rank)/8 + 1 // some are equal
			}
			tk, _ := a.take(l, 1, rank)
			l.join(tk)
			waiting = append(waiting, tk)
		} else {
			i := rng.IntN(len(waiting))
			l.leave(waiting[i], false)
			a.recycle(waiting[i])
			waiting = slices.Delete(waiting, i, i+1)
		}
		var want *ticket
		for tk := l.queue.First(); tk != nil; tk = tk.Next() {
			if want == nil || tk.Value.rank < want.Value.rank {
				want = tk
			}
		}
		if l.overtaken = 0; l.next() != want {
			t.Fatalf("got another ticket than the search")
		}
		if l.overtaken = maxOvertaken; l.next() != l.queue.First() {
			t.Fatalf("got another ticket than the first, which has been overtaken")
		}
	}
}
