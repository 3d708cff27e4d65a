package engine

import (
	"context"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/pool"
)

// TestCollectorLooks: it collects when much is left that is not registered, not while the runtime does, and not in vain again
// and again.
func TestCollectorLooks(t *testing.T) {
	var unheld, idle int64
	var cycles uint64
	collected := 0
	c := collector{
		unheld:  func() int64 { return unheld },
		unused:  func() int64 { return idle },
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

// TestCollectorSparesWhatIsUsed: a stream that sends a batch every second has idle buffers whenever one looks. They are no reason to
// collect, which would free them and take the time of a collection every few seconds. Once it has ended they are.
func TestCollectorSparesWhatIsUsed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // A collection would free what is idle.
	p := pool.New(nil)
	collected := 0
	c := collector{
		unheld:  func() int64 { return 0 },
		unused:  p.Unused,
		cycles:  func() uint64 { return uint64(collected) },
		collect: func() { collected++ },
	}
	now := time.Unix(1000, 0)
	var batch []pool.Buf
	for range 60 {
		for len(batch) < 25 {
			b, err := p.Get(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, b)
		}
		for _, b := range batch {
			b.Release()
		}
		batch = batch[:0]
		now = now.Add(time.Second)
		c.look(now)
	}
	if collected > 0 {
		t.Errorf("got %d collections beside a stream, want none", collected)
	}
	for range idleLooks + 1 {
		now = now.Add(time.Second)
		c.look(now)
	}
	if s := p.Stats(); collected != 1 || s.Idle < 25<<20 {
		t.Errorf("got %d collections with %d bytes idle since the stream ended, want one", collected, s.Idle)
	}
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
