package pooling

import (
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// smallNeed is that of two requests of batches of 4 frames.
var smallNeed = need{
	sizes:    [kinds]int{inputBuffer: 70_000, imageBuffer: 40_000, jpegBuffer: 10_000},
	perBatch: [kinds]int{inputBuffer: 4, imageBuffer: 4, jpegBuffer: 4},
	atOnce:   [kinds]int{inputBuffer: 8, imageBuffer: 8, jpegBuffer: 8},
}

// TestLeasesAreDistinct: what is lent at the same time does not overlap, has its length, and is the borrower's alone, also when
// a JPEG outgrew its buffer. Under the race detector two borrowers of one byte are found as well.
func TestLeasesAreDistinct(t *testing.T) {
	for _, o := range Options() {
		t.Run("option="+o.Name, func(t *testing.T) {
			lenders := o.lenders(smallNeed)
			var wg sync.WaitGroup
			for id := range 2 {
				l := lenders()
				wg.Go(func() {
					for range 30 {
						borrowBatch(t, l, byte(id))
					}
				})
			}
			wg.Wait()
		})
	}
}

// borrowBatch borrows what a batch needs, marks it, looks whether the marks stay, and puts all back.
func borrowBatch(t *testing.T, l lender, id byte) {
	l.begin()
	var leases []lease
	for i := range 4 * int(kinds) {
		k := kind(i % int(kinds))
		lease := l.get(k)
		if len(lease.b) != smallNeed.sizes[k] {
			t.Errorf("kind %d: got %d bytes, want %d", k, len(lease.b), smallNeed.sizes[k])
		}
		for j := range lease.b {
			lease.b[j] = id<<6 | byte(i)
		}
		if k == jpegBuffer && i%2 == 0 {
			lease.b = append(lease.b, id<<6|byte(i)) // what an encoder does without room
		}
		leases = append(leases, lease)
	}
	for i, lease := range leases {
		n := smallNeed.sizes[lease.kind]
		for _, at := range []int{0, n / 2, n - 1} {
			if got, want := lease.b[at], id<<6|byte(i); got != want {
				t.Errorf("lease %d, byte %d: got %d, want %d", i, at, got, want)
			}
		}
		l.put(lease)
	}
	l.end()
}

// TestKeepsLendAgain: an option that is said to keep what is put back lends just that.
func TestKeepsLendAgain(t *testing.T) {
	if race.Enabled {
		t.Skip("sync.Pool drops one Put in four under the race detector")
	}
	for _, o := range Options() {
		t.Run("option="+o.Name, func(t *testing.T) {
			l := o.lenders(smallNeed)()
			borrowed := func() map[*byte]bool {
				l.begin()
				defer l.end()
				var leases []lease
				set := map[*byte]bool{}
				for range smallNeed.atOnce[inputBuffer] / 2 {
					lease := l.get(inputBuffer)
					leases, set[unsafe.SliceData(lease.b)] = append(leases, lease), true
				}
				for _, lease := range leases {
					l.put(lease)
				}
				return set
			}
			most, buffers := 0, 0
			for range 100 { // of which some run on one processor from the beginning to the end, as sync.Pool wants it
				first, again := borrowed(), 0
				for p := range borrowed() {
					if first[p] {
						again++
					}
				}
				most, buffers = max(most, again), len(first)
			}
			if o.keeps && most != buffers {
				t.Errorf("got %d of %d buffers again at most, want all", most, buffers)
			}
		})
	}
}

// TestLendingAllocates holds each option to what it must allocate for a batch: what is measured of it is its own.
func TestLendingAllocates(t *testing.T) {
	want := map[string]uint64{ // objects of a batch of 4 frames
		"none": 12, "mutex": 0, "channel": 0, "syncpool-slice": 12, "syncpool-pointer": 0, "bytebufferpool": 0, "arena": 1, "pool": 0,
	}
	for _, o := range Options() {
		t.Run("option="+o.Name, func(t *testing.T) {
			l := o.lenders(smallNeed)()
			var leases [4 * kinds]lease
			const runs = 20
			objects, bytes := alloctest.Measure(t, runs, func() {
				l.begin()
				for i := range leases {
					leases[i] = l.get(kind(i) % kinds)
				}
				for i := range leases {
					l.put(leases[i])
				}
				l.end()
			})
			n, known := want[o.Name]
			if !known {
				t.Fatalf("the test does not know option %s", o.Name)
			}
			if objects != runs*n {
				t.Errorf("%d batches allocated %d objects of %d bytes together, want %d", runs, objects, bytes, runs*n)
			}
		})
	}
}

// TestBenchAllocatesNothing: what a run with a pool allocates is the Go runtime's for waiting, if anything.
func TestBenchAllocatesNothing(t *testing.T) {
	w := W1.workload()
	s := newStation(w, heapFrames())
	defer s.stop()
	tr := shortTurn("pool", Flat)
	rs := &requests{all: []*request{newRequest(s, newPool(tr.need(&w))(), tr.Batch)}}
	alloctest.Waiting(t, 50, func() {
		r := rs.all[0]
		r.run(int(rs.next.Add(1)-1), time.Now())
	})
}

func TestOptionsNamed(t *testing.T) {
	got, err := optionsNamed(Options(), []string{"pool", "none"})
	if err != nil || len(got) != 2 || got[0].Name != "pool" || got[1].Name != "none" {
		t.Errorf("got %v, %v, want pool and none", got, err)
	}
	if _, err := optionsNamed(Options(), []string{"pool", "slab"}); err == nil || !strings.Contains(err.Error(), `got "slab", want some of none, mutex`) {
		t.Errorf("got %v, want an error about slab", err)
	}
}
