package pool_test

import (
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

// scratch is a typical T: it grows with its work.
type scratch struct {
	rows  []byte
	owner *int
	made  int
}

func TestOf(t *testing.T) {
	noGC(t)
	made := 0
	o := pool.Of[scratch]{
		New:   func() *scratch { made++; return &scratch{made: made} },
		Reset: func(s *scratch) { s.rows, s.owner = s.rows[:0], nil },
		Keep:  func(s *scratch) bool { return cap(s.rows) <= 100 },
	}
	s := o.Get()
	if s.made != 1 {
		t.Fatalf("got %+v, want one made by New", s)
	}
	s.rows, s.owner = make([]byte, 10, 100), new(int)
	o.Put(s)
	if len(s.rows) != 0 || cap(s.rows) != 100 || s.owner != nil {
		t.Errorf("after Put: got %+v, want it reset", s)
	}

	grown := &scratch{rows: make([]byte, 5, 101)}
	o.Put(grown)
	if o.Refused() != 1 || len(grown.rows) != 5 {
		t.Errorf("Put of an object grown too large: got %d refused, %d rows, want 1, and no Reset of it", o.Refused(), len(grown.rows))
	}
	for range 10 { // more than there can be idle
		if got := o.Get(); got == grown {
			t.Error("Get returned an object that Keep had refused")
		}
	}
	if got := o.Stats(); got.Refused != 1 || got.Made != uint64(made) {
		t.Errorf("got %+v, want %d made and one refused", got, made)
	}
	if got := recovered(func() { o.Put(nil) }); got != "pool: Put of nil" {
		t.Errorf("Put(nil): got panic %v", got)
	}
}

func TestOfZero(t *testing.T) {
	var o pool.Of[scratch]
	s := o.Get()
	if s == nil || s.rows != nil {
		t.Fatalf("got %+v, want a zero scratch", s)
	}
	s.rows = make([]byte, 3)
	o.Put(s) // no Reset, no Keep
	if len(s.rows) != 3 || o.Refused() != 0 {
		t.Errorf("got %d rows, %d refused, want it untouched", len(s.rows), o.Refused())
	}
}

// TestOfConcurrent: no two goroutines have one object. Under -race an overlap is also a data race.
func TestOfConcurrent(t *testing.T) {
	var o pool.Of[scratch]
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for range 1000 {
				s := o.Get()
				s.made = g
				if s.made != g {
					t.Errorf("goroutine %d: another one wrote %d", g, s.made)
				}
				o.Put(s)
			}
		})
	}
	wg.Wait()
}
