package waitlist_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/waitlist"
)

// values returns the values of the list in its order, and checks that it is as long as it says.
func values(t *testing.T, l *waitlist.List[int]) (got []int) {
	t.Helper()
	for w := l.First(); w != nil; w = w.Next() {
		if !w.Waiting() {
			t.Errorf("%d is in the list and does not wait", w.Value)
		}
		got = append(got, w.Value)
	}
	if len(got) != l.Len() {
		t.Errorf("got a length of %d with %d in the list", l.Len(), len(got))
	}
	return got
}

// TestListFollowsASlice: whatever is appended, removed or woken, the list is what a slice would be.
func TestListFollowsASlice(t *testing.T) {
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, 0))
	var l waitlist.List[int]
	var want []int
	var waiters []*waitlist.Waiter[int]
	for i := range 2000 {
		if n := len(want); n > 0 && rng.IntN(20) < n {
			at := rng.IntN(n)
			w := waiters[at]
			if rng.IntN(2) == 0 {
				l.Remove(w)
			} else {
				l.Wake(w)
				if rng.IntN(2) == 0 {
					<-w.Turn()
				} // else the token is dropped with it
			}
			if w.Waiting() {
				t.Fatalf("%d waits after it was taken out", w.Value)
			}
			l.Free(w)
			want, waiters = slices.Delete(want, at, at+1), slices.Delete(waiters, at, at+1)
		} else {
			w := l.New()
			select {
			case <-w.Turn():
				t.Fatal("got a new waiter with a turn")
			default:
			}
			w.Value = i
			l.Append(w)
			want, waiters = append(want, i), append(waiters, w)
		}
		if got := values(t, &l); !slices.Equal(got, want) {
			t.Fatalf("seed %d, step %d: got %v, want %v", seed, i, got, want)
		}
	}
}

func TestWaitersAreUsedAgain(t *testing.T) {
	var l waitlist.List[int]
	alloctest.Zero(t, 100, func() {
		a, b := l.New(), l.New()
		l.Append(a)
		l.Append(b)
		l.Wake(a)
		l.Remove(b)
		<-a.Turn()
		l.Free(a)
		l.Free(b)
	})
}
