package engine

import (
	rtm "runtime/metrics"
	"sync"

	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pool"
)

// Owners of memory, as the label kind of steadyframe_memory_bytes and /debug/pools have them.
const (
	Pipelines  = "pipelines"  // compiled pipelines: tables and scratch, also that of composed images
	Transports = "transports" // buffers of messages that come in
	Decoders   = "decoders"   // JPEG decoders: coefficients, decoded frames that are not in pool buffers
	Unsent     = "unsent"     // images of responses that have not been written to the socket yet
	Ring       = "ring"       // memory shared with clients of the ring
	Mels       = "mels"       // compiled features of sound: tables and scratch
	Scenes     = "scenes"     // backgrounds of scenes, coded and as pixels; beside the pool, their tables
	Viewers    = "viewers"    // JPEGs that stay in memory because a viewer has not sent them yet
)

// Account says what the memory of the process is used for. An owner of more than some kilobytes beside the pool
// registers once, when the server starts:
//
//	e.Account.Heap(engine.Transports, buffers.bytes.Load) // an atomic.Int64 that follows the buffers
//
// Its methods may be called from any goroutine.
type Account struct {
	pool func() pool.Stats

	mu      sync.Mutex
	heap    []owner
	mapped  []owner
	leased  []owner
	runtime []rtm.Sample // what readRuntime reads
}

type owner struct {
	kind  string
	bytes func() int64
}

// newAccount returns the account of a server whose pool stats describes. All kinds are in it from the start.
func newAccount(stats func() pool.Stats) *Account {
	a := &Account{pool: stats}
	none := func() int64 { return 0 }
	for _, kind := range []string{Pipelines, Transports, Decoders, Scenes, Mels} {
		a.Heap(kind, none)
	}
	a.Mapped(Ring, none)
	a.Leased(Viewers, none)
	a.Leased(Unsent, none)
	a.Leased(Scenes, none)
	return a
}

// Heap adds bytes to kind: memory of the Go heap that is not the pool's, and is not registered elsewhere. bytes is called
// for each reading, from any goroutine, and must not block. Several functions of one kind add up.
func (a *Account) Heap(kind string, bytes func() int64) { a.register(&a.heap, kind, bytes) }

// Mapped adds bytes to kind: memory of the process that is not Go's. Otherwise it is as Heap.
func (a *Account) Mapped(kind string, bytes func() int64) { a.register(&a.mapped, kind, bytes) }

// Leased adds bytes to kind: a part of the pool's leased buffers that deserves a number of its own. It is counted
// within the pool. Otherwise it is as Heap.
func (a *Account) Leased(kind string, bytes func() int64) { a.register(&a.leased, kind, bytes) }

func (a *Account) register(owners *[]owner, kind string, bytes func() int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	*owners = append(*owners, owner{kind, bytes})
}

// Read returns the account at this moment. Held has the pool, the kinds of Heap, and the rest:
//
//	heap     objects of the Go heap that are not registered, with garbage
//	free     memory that Go keeps to allocate from
//	stacks   of goroutines
//	runtime  of the Go runtime itself
//
// They are read one after the other: under load the sum and Total differ by what changed meanwhile.
func (a *Account) Read() metrics.Memory {
	stats := a.pool()
	m := metrics.Memory{Leased: []metrics.MemoryUse{{Kind: "in_use", Bytes: stats.InUse}, {Kind: "grants", Bytes: stats.Admitted}}}
	m.Held = append(m.Held, metrics.MemoryUse{Kind: "pool", Bytes: stats.InUse + stats.Idle})
	a.mu.Lock()
	m.Held, m.Leased = addUses(m.Held, a.heap), addUses(m.Leased, a.leased)
	a.mu.Unlock()
	var registered int64
	for _, u := range m.Held {
		registered += u.Bytes
	}
	before := len(m.Held)
	a.mu.Lock()
	total, objects, free, stacks := a.readRuntime()
	m.Held = addUses(m.Held, a.mapped)
	a.mu.Unlock()
	m.Total = total
	for _, u := range m.Held[before:] {
		m.Total += u.Bytes
	}
	m.Held = append(m.Held,
		metrics.MemoryUse{Kind: "heap", Bytes: max(0, objects-registered)},
		metrics.MemoryUse{Kind: "free", Bytes: free},
		metrics.MemoryUse{Kind: "stacks", Bytes: stacks},
		metrics.MemoryUse{Kind: "runtime", Bytes: total - objects - free - stacks})
	return m
}

// unregistered returns the bytes of Go's memory that are not registered: heap and free of Read, without a list of all kinds.
func (a *Account) unregistered() int64 {
	stats := a.pool()
	registered := stats.InUse + stats.Idle
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.heap {
		registered += o.bytes()
	}
	_, objects, free, _ := a.readRuntime()
	return max(0, objects-registered) + free
}

// addUses appends what owners hold to uses, one entry a kind.
func addUses(uses []metrics.MemoryUse, owners []owner) []metrics.MemoryUse {
	first := len(uses)
next:
	for _, o := range owners {
		for i := first; i < len(uses); i++ {
			if uses[i].Kind == o.kind {
				uses[i].Bytes += o.bytes()
				continue next
			}
		}
		uses = append(uses, metrics.MemoryUse{Kind: o.kind, Bytes: o.bytes()})
	}
	return uses
}

// readRuntime returns the bytes that Go has from the system and has not returned, and of them those of objects on the
// heap, of free memory and of stacks. a.mu is held.
func (a *Account) readRuntime() (total, objects, free, stacks int64) {
	if a.runtime == nil {
		a.runtime = []rtm.Sample{
			{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
			{Name: "/memory/classes/heap/objects:bytes"},
			{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"},
			{Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/memory/classes/os-stacks:bytes"},
		}
	}
	rtm.Read(a.runtime)
	bytes := func(i int) int64 {
		if a.runtime[i].Value.Kind() != rtm.KindUint64 {
			return 0 // A later Go may have another.
		}
		return int64(a.runtime[i].Value.Uint64())
	}
	return bytes(0) - bytes(1), bytes(2), bytes(3) + bytes(4), bytes(5) + bytes(6)
}
