package engine

import (
	"container/list"
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pipeline"
)

const (
	// pipelinesIdle is how long an idle pipeline may keep more memory than pipelinesKept.
	pipelinesIdle = 5 * time.Second
	// pipelinesKept is the part of their memory that idle pipelines may keep until limits.pipeline_idle: an eighth. One of
	// 640x360 to 320x320 takes 0.3 MB on two processors.
	pipelinesKept = 8
	// largePart: a pipeline that takes more than this part of the memory is large. smallShare is the part that large ones
	// leave to others: while they wait for each other, usual ones run, and are not evicted for them.
	largePart  = 16
	smallShare = 8
)

// pipelines keeps compiled pipelines by their Spec within a number of bytes: tables, and the scratch of the goroutines
// that run them. Those that are not in use are evicted, the least recently used first, for others or after a while. One
// that is in use stays.
type pipelines struct {
	compile func(pipeline.Spec) (*pipeline.Pipeline, error)
	limit   int64         // bytes
	idle    time.Duration // limits.pipeline_idle

	mu       sync.Mutex
	bySpec   map[pipeline.Spec]*list.Element // of *entry
	recent   list.List                       // the least recently used last
	bytes    int64                           // of all entries
	large    int64                           // of those that are large
	running  int                             // uses that have their memory
	released chan struct{}                   // closed when some use ends; nil when no run waits for it
	compiled uint64                          // pipelines so far
	evicted  uint64

	largeRunning int // uses of large pipelines that have their memory
}

// entry is the pipeline of a Spec. Its fields but the first three are guarded by pipelines.mu.
type entry struct {
	ready    chan struct{}      // closed once it is compiled
	pipeline *pipeline.Pipeline // what was compiled, or
	err      error              // why it could not be

	spec       pipeline.Spec
	large      bool // whether it takes more than a part of the limit
	users      int  // uses, also those that wait
	goroutines int  // of the uses that run
	bytes      int64
	lastUsed   time.Time
}

// use is one run of a pipeline.
type use struct {
	entry      *entry
	goroutines int
}

func newPipelines(limit int64, idle time.Duration, compile func(pipeline.Spec) (*pipeline.Pipeline, error)) *pipelines {
	return &pipelines{compile: compile, limit: limit, idle: idle, bySpec: map[pipeline.Spec]*list.Element{}}
}

// acquire returns the pipeline of s for a run of n frames, which ends with release. The first caller compiles it while
// others wait. Then it waits until there is memory for the run beside the runs that go on; they end without waiting for
// others, so that the wait is bounded. A run that is alone always gets its memory. The error is that of compiling, or of
// ctx.
func (c *pipelines) acquire(ctx context.Context, s pipeline.Spec, n int, t *turn) (use, error) {
	e := c.enter(s)
	select {
	case <-e.ready:
	case <-ctx.Done():
		c.leave(e)
		return use{}, fault.From(context.Cause(ctx))
	}
	if e.err != nil {
		c.leave(e)
		return use{}, e.err
	}
	u := use{e, e.pipeline.Goroutines(n)}
	wait := c.begin(u)
	if wait == nil {
		return u, nil
	}
	if t != nil { // Others need the turn to end, and give back what this one waits for.
		t.leave()
	}
	for ; wait != nil; wait = c.begin(u) {
		select {
		case <-wait:
		case <-ctx.Done():
			c.leave(e)
			return use{}, fault.From(context.Cause(ctx))
		}
	}
	if t != nil {
		if err := t.enter(); err != nil {
			c.release(u)
			return use{}, err
		}
	}
	return u, nil
}

// enter returns the entry of s with one more user, and compiles it when it is new.
func (c *pipelines) enter(s pipeline.Spec) *entry {
	c.mu.Lock()
	if el := c.bySpec[s]; el != nil {
		e := el.Value.(*entry)
		e.users++
		c.recent.MoveToFront(el)
		c.mu.Unlock()
		return e
	}
	e := &entry{spec: s, users: 1, ready: make(chan struct{})}
	c.bySpec[s] = c.recent.PushFront(e)
	c.compiled++
	c.mu.Unlock()

	c.make(e)
	return e
}

// make compiles e, and wakes those that wait for it.
func (c *pipelines) make(e *entry) {
	defer close(e.ready)
	defer func() {
		if v := recover(); v != nil {
			e.err = &fault.Error{Kind: fault.Internal, Reason: fmt.Sprintf("engine: panic while compiling: %v", v),
				Err: &pipeline.PanicError{Value: v, Stack: debug.Stack()}}
		}
	}()
	p, err := c.compile(e.spec)
	if err != nil {
		e.err = fault.From(err)
		return
	}
	e.pipeline = p
}

// leave ends what enter began. An entry without a pipeline is removed with its last user.
func (c *pipelines) leave(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.users--; e.users == 0 && e.bytes == 0 {
		c.drop(e)
	}
}

// begin counts the memory of u, evicting idle pipelines where it must, and returns nil; or, when there is not enough,
// what to wait for.
func (c *pipelines) begin(u use) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := u.entry
	m := e.pipeline.Memory()
	kept := 0
	if m.Scratch > 0 {
		kept = m.Kept / m.Scratch
	}
	need := int64(m.Tables) + int64(m.Scratch)*int64(e.goroutines+max(u.goroutines, kept))
	more := max(0, need-e.bytes)
	if !e.large && need > c.limit/largePart {
		e.large = true
		c.large += e.bytes
	}
	if !c.makeRoom(e, more) {
		if c.released == nil {
			c.released = make(chan struct{})
		}
		return c.released
	}
	c.count(e, e.bytes+more)
	e.goroutines += u.goroutines
	c.running++
	if e.large {
		c.largeRunning++
	}
	return nil
}

// makeRoom evicts idle pipelines until more bytes for e fit, and reports whether they do, or a run of e may go on all the
// same. Large pipelines have all but a part of the limit, and make room among themselves first.
func (c *pipelines) makeRoom(e *entry, more int64) bool {
	if e.large {
		fits := func() bool { return c.large+more <= c.limit-c.limit/smallShare }
		c.evict(func(old *entry) bool { return old.large && !fits() })
		if !fits() && c.largeRunning > 0 {
			return false
		}
	}
	fits := func() bool { return c.bytes+more <= c.limit }
	c.evict(func(*entry) bool { return !fits() })
	return fits() || c.running == 0 || e.large && c.largeRunning == 0
}

// release ends u. Memory that the run did not need, or did not keep, is no longer counted.
func (c *pipelines) release(u use) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := u.entry
	e.goroutines -= u.goroutines
	m := e.pipeline.Memory()
	c.count(e, int64(m.Tables+m.Kept)+int64(m.Scratch)*int64(e.goroutines))
	c.running--
	if e.large {
		c.largeRunning--
	}
	e.users--
	e.lastUsed = time.Now()
	c.evict(func(*entry) bool { return c.bytes > c.limit })
	if c.released != nil {
		close(c.released)
		c.released = nil
	}
}

// count sets the bytes of e.
func (c *pipelines) count(e *entry, bytes int64) {
	c.bytes += bytes - e.bytes
	if e.large {
		c.large += bytes - e.bytes
	}
	e.bytes = bytes
}

// evict drops pipelines that are not in use while drop says so, the least recently used first, and returns their bytes.
func (c *pipelines) evict(drop func(*entry) bool) (freed int64) {
	for el := c.recent.Back(); el != nil; {
		e := el.Value.(*entry)
		el = el.Prev()
		if e.users > 0 || !drop(e) {
			continue
		}
		freed += e.bytes
		c.evicted++
		c.drop(e)
	}
	return freed
}

// drop removes e.
func (c *pipelines) drop(e *entry) {
	if el := c.bySpec[e.spec]; el != nil && el.Value.(*entry) == e {
		delete(c.bySpec, e.spec)
		c.recent.Remove(el)
		c.count(e, 0)
	}
}

// trim evicts pipelines that have been idle for long, and returns how many bytes that freed.
func (c *pipelines) trim(now time.Time) (freed int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.evict(func(e *entry) bool {
		idle := now.Sub(e.lastUsed)
		return idle >= c.idle || idle >= pipelinesIdle && c.bytes > c.limit/pipelinesKept
	})
}

// stats counts the pipelines.
func (c *pipelines) stats() metrics.PipelineStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return metrics.PipelineStats{Kept: c.recent.Len(), Bytes: c.bytes, Compiled: c.compiled, Evicted: c.evicted}
}
