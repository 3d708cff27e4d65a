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
	"github.com/steadyframe/steadyframe/scene"
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
// that is in use stays. The scratch with which images of scenes are composed is in the same bytes; a scene's is evicted by freeing
// it.
type pipelines struct {
	compile func(pipeline.Spec) (*pipeline.Pipeline, error)
	limit   int64         // bytes
	idle    time.Duration // limits.pipeline_idle

	mu       sync.Mutex
	bySpec   map[pipeline.Spec]*entry
	recent   list.List     // of *entry, the least recently used last
	bytes    int64         // of all entries
	large    int64         // of those that are large
	running  int           // uses that have their memory
	released chan struct{} // closed when some use ends; nil when no run waits for it
	compiled uint64        // pipelines so far
	evicted  uint64

	largeRunning int // uses of large pipelines that have their memory
}

// entry is the pipeline of a Spec, or a scene. Its fields but the first four are guarded by pipelines.mu.
type entry struct {
	ready    chan struct{}      // closed once it is compiled; nil for a scene
	pipeline *pipeline.Pipeline // what was compiled, or
	err      error              // why it could not be
	scene    *scene.Scene       // in place of a pipeline

	spec     pipeline.Spec
	at       *list.Element // in pipelines.recent; nil: it is not there
	large    bool          // whether it takes more than a part of the limit
	users    int           // uses, also those that wait
	scratch  int64         // of the uses that run
	bytes    int64
	lastUsed time.Time
}

// memory returns the bytes of e that are no scratch, and those of scratch that is kept for the next use.
func (e *entry) memory() (tables, kept int64) {
	if e.scene != nil {
		return 0, e.scene.Memory().Kept // Its tables are the scene's, and admitted by it.
	}
	m := e.pipeline.Memory()
	return int64(m.Tables), int64(m.Kept)
}

// use is one run of a pipeline, or a batch of images of a scene.
type use struct {
	entry   *entry
	scratch int64 // bytes, of all its goroutines
}

func newPipelines(limit int64, idle time.Duration, compile func(pipeline.Spec) (*pipeline.Pipeline, error)) *pipelines {
	return &pipelines{compile: compile, limit: limit, idle: idle, bySpec: map[pipeline.Spec]*entry{}}
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
	return c.await(ctx, use{e, int64(e.pipeline.Goroutines(n)) * int64(e.pipeline.Memory().Scratch)}, t)
}

// acquireScene is acquire for images of a scene, which need so many bytes of scratch together.
func (c *pipelines) acquireScene(ctx context.Context, e *entry, scratch int64, t *turn) (use, error) {
	c.mu.Lock()
	e.users++
	c.touch(e)
	c.mu.Unlock()
	return c.await(ctx, use{e, scratch}, t)
}

// await waits for the memory of u, whose entry has it as a user.
func (c *pipelines) await(ctx context.Context, u use, t *turn) (use, error) {
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
			c.leave(u.entry)
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
	if e := c.bySpec[s]; e != nil {
		e.users++
		c.touch(e)
		c.mu.Unlock()
		return e
	}
	e := &entry{spec: s, users: 1, ready: make(chan struct{})}
	c.bySpec[s] = e
	c.touch(e)
	c.compiled++
	c.mu.Unlock()

	c.make(e)
	return e
}

// touch makes e the most recently used. c.mu is held.
func (c *pipelines) touch(e *entry) {
	if e.at == nil {
		e.at = c.recent.PushFront(e)
		return
	}
	c.recent.MoveToFront(e.at)
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
	tables, kept := e.memory()
	need := tables + e.scratch + max(u.scratch, kept)
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
	e.scratch += u.scratch
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
	e.scratch -= u.scratch
	tables, kept := e.memory()
	c.count(e, tables+kept+e.scratch)
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
		if e.scene == nil {
			c.evicted++
		}
		c.drop(e)
	}
	return freed
}

// drop removes e. c.mu is held.
func (c *pipelines) drop(e *entry) {
	if e.at == nil {
		return
	}
	c.recent.Remove(e.at)
	e.at = nil
	c.count(e, 0)
	if e.scene != nil {
		e.scene.Trim()
		return
	}
	delete(c.bySpec, e.spec)
}

// forget removes a scene that has no users any more.
func (c *pipelines) forget(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(e)
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
	return metrics.PipelineStats{Kept: len(c.bySpec), Bytes: c.bytes, Compiled: c.compiled, Evicted: c.evicted}
}
