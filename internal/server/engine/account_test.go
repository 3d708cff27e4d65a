package engine

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
)

// bytesOf returns the bytes of a kind, -1 when the account does not have it.
func bytesOf(uses []metrics.MemoryUse, kind string) int64 {
	for _, u := range uses {
		if u.Kind == kind {
			return u.Bytes
		}
	}
	return -1
}

// TestAccountAddsUp: whatever memory is registered or not, each byte is in one kind, and together they are what the
// runtime says it holds.
func TestAccountAddsUp(t *testing.T) {
	const size = 64 << 20
	e := newEngine(t, nil)
	var registered atomic.Int64
	e.Account.Heap(Transports, registered.Load)
	e.Account.Leased(Viewers, func() int64 { return 77 })
	held := func() int64 {
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.Sys - s.HeapReleased)
	}
	check := func(what string) metrics.Memory {
		t.Helper()
		runtime.GC()
		before := held()
		m := e.Account.Read()
		after := held()
		var sum int64
		for _, u := range m.Held {
			if u.Bytes < 0 {
				t.Errorf("%s: got %d bytes of %s", what, u.Bytes, u.Kind)
			}
			sum += u.Bytes
		}
		if sum != m.Total {
			t.Errorf("%s: got %d bytes in all kinds together, want the total of %d: %+v", what, sum, m.Total, m.Held)
		}
		// Go returns free memory to the system in the background, so two readings may differ.
		if m.Total < min(before, after)-size/8 || m.Total > max(before, after)+size/8 {
			t.Errorf("%s: got a total of %d bytes, want what the runtime held: %d before, %d after", what, m.Total, before, after)
		}
		return m
	}
	near := func(what string, m metrics.Memory, before metrics.Memory, kind string, want int64) {
		t.Helper()
		if got := bytesOf(m.Held, kind) - bytesOf(before.Held, kind); got < want-size/8 || got > want+size/8 {
			t.Errorf("%s: %s grew by %d bytes, want about %d", what, kind, got, want)
		}
	}
	start := check("at first")
	for same := 0; same < 3; same++ { // What tests before have left is collected: what pools of Go hold, in the second collection.
		last := bytesOf(start.Held, "heap")
		if start = check("at first"); max(last, bytesOf(start.Held, "heap"))-min(last, bytesOf(start.Held, "heap")) > size/64 {
			same = -1
		}
	}
	for _, kind := range []string{"pool", Pipelines, Transports, Decoders, "heap", "free", "stacks", "runtime"} {
		if bytesOf(start.Held, kind) < 0 {
			t.Errorf("the account has no %s", kind)
		}
	}

	leased, err := e.Pool.Get(size)
	if err != nil {
		t.Fatal(err)
	}
	m := check("leased")
	near("leased", m, start, "pool", size)
	near("leased", m, start, "heap", 0)
	if got := bytesOf(m.Leased, "in_use"); got != size {
		t.Errorf("got %d bytes in use, want %d", got, size)
	}
	if got := bytesOf(m.Leased, Viewers); got != 77 {
		t.Errorf("got %d bytes held by viewers, want 77", got)
	}
	leased.Release()

	memory := make([]byte, size)
	m = check("not registered")
	near("not registered", m, start, "heap", size)
	registered.Store(size)
	m = check("registered")
	near("registered", m, start, "heap", 0)
	near("registered", m, start, Transports, size)
	runtime.KeepAlive(memory)
}

// TestUnregistered: what no owner holds is what Read says of it, the pool and owners taken out, and to ask for it every second makes
// next to nothing.
func TestUnregistered(t *testing.T) {
	stats := pool.Stats{}
	a := newAccount(func() pool.Stats { return stats })
	// Owners that hold much less or more than nothing: what the process really has does not matter beside it.
	const much = 1 << 50
	held := int64(-much)
	a.Heap(Decoders, func() int64 { return held })
	if got := a.unregistered(); got < much || got > much+1<<40 {
		t.Errorf("got %d with nothing registered, want some more than %d", got, int64(much))
	}
	held = much
	if got := a.unregistered(); got < 0 || got > 1<<40 { // what Go keeps free
		t.Errorf("got %d with all registered, want what is free", got)
	}
	held, stats.InUse, stats.Idle = -much, much/2, much/2
	if got := a.unregistered(); got < 0 || got > 1<<40 {
		t.Errorf("got %d, want the buffers of the pool taken out", got)
	}
	if objects, _ := alloctest.Measure(t, 100, func() { a.unregistered() }); objects > 50 {
		t.Errorf("got %d objects for 100 calls, want none", objects)
	}
}
