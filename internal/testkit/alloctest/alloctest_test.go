package alloctest_test

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// recorder is a testing.TB that notes failures instead of failing.
type recorder struct {
	testing.TB
	failures int
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failures++ }

// sink keeps what tests allocate, so that the compiler cannot avoid it.
var sink []byte

func TestMeasure(t *testing.T) {
	objects, bytes := alloctest.Measure(t, 10, func() { sink = make([]byte, 64) })
	if objects != 10 || bytes != 640 {
		t.Errorf("10 allocations of 64 bytes: got %d objects of %d bytes together, want 10 of 640", objects, bytes)
	}
	// What another goroutine allocates counts too.
	work, done := make(chan struct{}), make(chan struct{})
	go func() {
		for range work {
			sink = make([]byte, 64)
			done <- struct{}{}
		}
	}()
	defer close(work)
	objects, _ = alloctest.Measure(t, 10, func() {
		work <- struct{}{}
		<-done
	})
	if objects < 10 {
		t.Errorf("10 allocations in another goroutine: got %d objects, want 10", objects)
	}
}

func TestZero(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations are not counted under the race detector")
	}
	first := true
	tests := []struct {
		name string
		f    func()
		want int // failures
	}{
		{"nothing", func() {}, 0},
		{"always", func() { sink = make([]byte, 64) }, 1},
		{"in-the-warm-up-alone", func() {
			if first {
				sink = make([]byte, 64)
			}
			first = false
		}, 0},
	}
	for _, tt := range tests {
		r := &recorder{TB: t}
		alloctest.Zero(r, 10, tt.f)
		if r.failures != tt.want {
			t.Errorf("%s: got %d failures, want %d", tt.name, r.failures, tt.want)
		}
	}
}

func TestWaiting(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations are not counted under the race detector")
	}
	for _, tt := range []struct{ every, want int }{{1, 1}, {8, 1}, {50, 0}} { // calls for an object, failures
		n := 0
		r := &recorder{TB: t}
		alloctest.Waiting(r, 100, func() {
			if n++; n%tt.every == 0 {
				sink = make([]byte, 64)
			}
		})
		if r.failures != tt.want {
			t.Errorf("an object every %d calls: got %d failures, want %d", tt.every, r.failures, tt.want)
		}
	}
}
