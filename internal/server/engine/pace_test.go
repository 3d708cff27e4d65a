package engine

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// paceEngine returns an engine that does nothing but Pace.
func paceEngine() *Engine { return &Engine{Metrics: metrics.New(), draining: make(chan struct{})} }

// TestPace: the first responses of a second are not held back; those above are, the more the longer a request took, and each
// client's for itself.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, c, begin := paceEngine(), new(Client), time.Now()
		many, other := WithClient(t.Context(), c), WithClient(t.Context(), new(Client))
		for range quick {
			e.Pace(many, time.Millisecond)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("the first %d waited %v, want no wait", quick, took)
		}
		e.Pace(many, paceLeast)
		if took, want := time.Since(begin), paceFactor*paceLeast; took != want {
			t.Errorf("the next one waited %v, want %v", took, want)
		}
		before := time.Now()
		e.Pace(many, paceLong-1)
		if took, want := time.Since(before), paceFactor*paceMost; took != want {
			t.Errorf("one that took long waited %v, want %v", took, want)
		}
		before = time.Now()
		e.Pace(other, time.Millisecond)
		e.Pace(many, paceLong+1)
		e.Pace(t.Context(), time.Millisecond)
		if took := time.Since(before); took != 0 {
			t.Errorf("another client, a request that took long, and one without a client waited %v, want no wait", took)
		}
		<-time.After(time.Second)
		before = time.Now()
		e.Pace(many, time.Millisecond)
		if took := time.Since(before); took != 0 {
			t.Errorf("the first of another second waited %v, want no wait", took)
		}
	})
}

// TestQuick: as many requests are quick as Pace does not hold back, and those that are not count for nothing.
func TestQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, c := paceEngine(), new(Client)
		for i := range 3 * quick {
			if got, want := e.Quick(c), i < quick; got != want {
				t.Fatalf("request %d: got %v, want %v", i+1, got, want)
			}
		}
		begin := time.Now()
		e.Pace(WithClient(t.Context(), c), paceLeast)
		if took, want := time.Since(begin), paceFactor*paceLeast; took != want {
			t.Errorf("the next one waited %v, want %v", took, want)
		}
		for i := range 2 * quickTogether {
			if got, want := e.Quick(new(Client)), true; got != want {
				t.Fatalf("the first request of client %d: got %v, want %v", i+1, got, want)
			}
		}
		<-time.After(time.Second)
		if !e.Quick(c) {
			t.Error("the first of another second: got false, want true")
		}
	})
}

// TestPaceOfMany: clients that flood share one part of a processor between them, however many they and their requests are, and a
// client that makes a few requests beside them does not wait.
func TestPaceOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients, parallel, seconds = 20, 5, 20
		e := paceEngine()
		ctx, stop := context.WithTimeout(context.Background(), seconds*time.Second)
		defer stop()
		var all sync.WaitGroup
		var mu sync.Mutex
		worked := time.Duration(0)
		for range clients {
			c := WithClient(context.Background(), new(Client))
			for range parallel {
				all.Go(func() {
					for ctx.Err() == nil {
						e.Pace(c, paceLeast)
						mu.Lock()
						worked += paceLeast
						mu.Unlock()
					}
				})
			}
		}
		all.Go(func() {
			few := WithClient(context.Background(), new(Client))
			for ctx.Err() == nil {
				begin := time.Now()
				for range quickAlways {
					e.Pace(few, paceLeast)
				}
				if took := time.Since(begin); took != 0 {
					t.Errorf("%d requests beside a flood waited %v, want no wait", quickAlways, took)
				}
				<-time.After(1100 * time.Millisecond)
			}
		})
		all.Wait()
		free := time.Duration((seconds+1)*(quickTogether+clients*quickAlways)) * paceLeast // without a wait
		if most := seconds*time.Second/paceFactor + free; worked > most {
			t.Errorf("worked %v in %d s, want %v at most", worked, seconds, most)
		}
		if least := seconds * time.Second / paceFactor / 4; worked < least {
			t.Errorf("worked %v in %d s, want %v at least", worked, seconds, least)
		}
	})
}

// TestPaceEndsWithDrain: nobody is held back while the server drains.
func TestPaceEndsWithDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, begin := paceEngine(), time.Now()
		c := new(Client)
		for range 100 * quick {
			e.pace.hold(c, time.Millisecond)
		}
		done := make(chan struct{})
		go func() { e.Pace(WithClient(context.Background(), c), time.Millisecond); close(done) }()
		synctest.Wait()
		e.Drain()
		<-done
		if took := time.Since(begin); took != 0 {
			t.Errorf("waited %v, want no wait", took)
		}
	})
}
