package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestCollectorLooks: it collects when much is left that is not registered, not while the runtime does, and not in vain again
// and again.
func TestCollectorLooks(t *testing.T) {
	var unheld, idle int64
	var cycles uint64
	collected := 0
	c := collector{
		unheld:  func() int64 { return unheld },
		idle:    func() int64 { return idle },
		cycles:  func() uint64 { return cycles },
		collect: func() { collected++; cycles++; unheld = min(unheld, 20<<20) },
	}
	now := time.Unix(1000, 0)
	look := func(seconds int) {
		for range seconds {
			now = now.Add(time.Second)
			c.look(now)
		}
	}
	step := func(what string, want int) {
		t.Helper()
		if collected != want {
			t.Fatalf("%s: got %d collections, want %d", what, collected, want)
		}
	}
	unheld = garbage - 1
	look(100)
	step("little garbage", 0)
	unheld = 200 << 20
	look(1)
	step("much garbage", 1)
	look(1)
	step("a second later", 1)
	look(1)
	step("once more, for sync.Pool", 2)
	look(100)
	step("20 MiB that live", 2)
	unheld = 20<<20 + garbage - 1
	look(100)
	step("little more", 2)
	unheld = 20<<20 + garbage
	for range 100 {
		cycles++ // The runtime collects each second.
		look(1)
	}
	step("the runtime collects", 2)
	look(2)
	step("just after the runtime", 2)
	look(10)
	step("after a while", 4)
	unheld = 300 << 20
	c.collect = func() { collected++; cycles++; unheld = 200 << 20 } // in use for now
	look(10)
	step("much that lives", 6)
	unheld = garbage
	look(100)
	step("what lived is gone, and nothing was collected", 6)
	cycles++
	look(10)
	step("the runtime has collected, and keeps much", 8)
	unheld = 0
	c.collect = func() { collected++; cycles++ }
	for range 25 {
		idle = 400<<20 - idle // A load takes them every other second.
		look(1)
	}
	step("buffers that were in use lately", 8)
	idle = 400 << 20
	look(idleLooks)
	step("idle buffers", 9)
	look(2)
	step("once more, for sync.Pool", 10)
	idle = 0
	look(100)
	step("no idle buffers", 10)
}

// TestMaintainTrims: it frees idle pipelines, and ends with its context.
func TestMaintainTrims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		e.pipelines.run(t, spec(8))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); e.Maintain(ctx) }()
		time.Sleep(time.Duration(e.Config.Limits.PipelineIdle) - time.Second)
		synctest.Wait()
		if n := e.pipelines.stats().Kept; n != 1 {
			t.Errorf("got %d pipelines before limits.pipeline_idle, want 1", n)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := e.pipelines.stats().Kept; n != 0 {
			t.Errorf("got %d pipelines after limits.pipeline_idle, want none", n)
		}
		cancel()
		<-done
	})
}
