// Package engine is what HTTP and gRPC share: memory, workers, compiled pipelines, and the order in which requests use
// them. Its errors are *fault.Error.
//
// A request calls, in this order: Open, Reserve unless it is a stream, Plan, Admit before the first frame is read, Run,
// and then the opposites in reverse order.
package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/lookout"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// Engine encodes for requests. All methods may be called from any goroutine.
type Engine struct {
	Pool    *pool.Pool // where frames come from
	Account *Account   // what memory is used for, in the pool and beside it
	Metrics *metrics.Metrics
	Config  config.Config
	Started time.Time              // when New was called
	Traffic func() (in, out int64) // bytes over all connections of the APIs so far; set before they serve

	workers   *pipeline.Workers
	pipelines *pipelines
	mels      mels
	scenes    *scenes
	queue     queue
	pace      pace
	unsent    unsent
	load      load
	open      atomic.Int64          // requests and streams in flight
	openOf    [numWork]atomic.Int64 // the same, by what they are for
	owners    owners
	draining  chan struct{}
	drainOnce sync.Once
}

// reservePart is the part of the pool's budget that requests of at most a quarter of it have for themselves.
const reservePart = 4

// New returns an Engine for the settings c. check is nil, or makes its pool a checked one. Close ends it.
func New(c config.Config, m *metrics.Metrics, check *pool.Check) *Engine {
	share := c.Limits.PipelineShare()
	e := &Engine{
		Pool: pool.New(&pool.Options{
			Budget:   int64(c.Limits.MemoryBudget) - share,
			Floor:    int64(c.Limits.MemoryFloor),
			HalfLife: time.Duration(c.Limits.FloorHalfLife),
			Reserve:  (int64(c.Limits.MemoryBudget) - share) / reservePart,
			Check:    check,
		}),
		Metrics:  m,
		Config:   c,
		Started:  time.Now(),
		Traffic:  func() (in, out int64) { return 0, 0 },
		unsent:   unsent{watch: lookout.New()},
		workers:  pipeline.NewWorkers(c.Workers),
		draining: make(chan struct{}),
	}
	e.pipelines = newPipelines(share, time.Duration(c.Limits.PipelineIdle), func(s pipeline.Spec) (*pipeline.Pipeline, error) {
		return pipeline.Compile(s, &pipeline.Options{Pool: e.Pool, Workers: e.workers, MaxScratch: share / 2})
	})
	e.load.at = e.Started
	e.queue = queue{turns: e.workers.Size(), depth: c.Limits.QueueDepth}
	e.Account = newAccount(e.Pool.Stats)
	e.Account.Heap(Pipelines, func() int64 { return e.pipelines.stats().Bytes })
	e.Account.Heap(Mels, e.mels.bytes)
	e.Account.Leased(Unsent, e.unsent.bytes)
	e.scenes = newScenes(e.Pool, e.pipelines, c.Limits)
	e.Account.Leased(Scenes, e.scenes.leased)
	e.Account.Heap(Scenes, e.scenes.tables)
	m.Registry.MustRegister(metrics.NewPools(e.Pool.Stats), metrics.NewMemory(e.Account.Read), metrics.NewPipelines(e.pipelines.stats), metrics.NewScenes(e.scenes.stats))
	m.RegisterGauges(metrics.Gauges{
		QueueDepth:   func() int { _, n := e.Queue(); return n },
		Running:      func() int { n, _ := e.Queue(); return n },
		OpenRequests: e.OpenRequests,
	})
	m.RegisterLimits(
		metrics.Limit{Setting: "limits.max_requests", Value: c.Limits.MaxRequests},
		metrics.Limit{Setting: "limits.max_connections", Value: c.Limits.MaxConnections},
		metrics.Limit{Setting: "limits.queue_depth", Value: c.Limits.QueueDepth},
		metrics.Limit{Setting: "limits.max_scenes", Value: c.Limits.MaxScenes},
		metrics.Limit{Setting: "live.max_streams", Value: c.Live.MaxStreams},
		metrics.Limit{Setting: "live.max_viewers", Value: c.Live.MaxViewers},
	)
	return e
}

// Close waits for the runs in flight, ends the workers, and unloads all scenes. Later runs fail with Draining.
func (e *Engine) Close() {
	e.workers.Close()
	e.scenes.close()
}

// Drain makes Open refuse, and closes what Draining returns.
func (e *Engine) Drain() { e.drainOnce.Do(func() { close(e.draining) }) }

// Draining returns a channel that is closed once the server is stopping: requests in flight should end.
func (e *Engine) Draining() <-chan struct{} { return e.draining }

// IsDraining reports whether the server is stopping.
func (e *Engine) IsDraining() bool {
	select {
	case <-e.draining:
		return true
	default:
		return false
	}
}

// errDraining is the error of a request that comes, or would go on, while the server stops.
func errDraining() *fault.Error { return fault.Errorf(fault.Draining, "the server is stopping") }

// Work is what a request is for.
type Work uint8

// The kinds of work.
const (
	Encode  Work = iota // frames to JPEGs, one request or a stream
	Publish             // feeding a live stream
	Mel                 // sound to features
	Scene               // loading a scene
	numWork
)

// Open counts a request or stream as in flight until Done is called. It refuses with Draining, and with Busy above
// limits.max_requests, or above limits.max_requests_per_identity those of one owner, which is empty for clients without that bound.
func (e *Engine) Open(w Work, owner string) error {
	if e.IsDraining() {
		return errDraining()
	}
	if err := e.owners.enter(owner, e.Config.Limits.RequestsPerIdentity()); err != nil {
		return err
	}
	most := int64(e.Config.Limits.MaxRequests)
	for {
		n := e.open.Load()
		if n >= most { // It is not counted for a moment either: another would be refused for it.
			e.owners.leave(owner)
			return fault.BusyOf("limits.max_requests", n+1, most, "too many requests are open")
		}
		if e.open.CompareAndSwap(n, n+1) {
			break
		}
	}
	e.openOf[w].Add(1)
	return nil
}

// Done ends what Open began, for the same work and owner.
func (e *Engine) Done(w Work, owner string) {
	e.openOf[w].Add(-1)
	e.open.Add(-1)
	e.owners.leave(owner)
}

// Reserve takes a place in the queue for a request that is not a stream, until Unreserve is called. A request with a place
// is not refused in Run. Reserve refuses with Busy when more than limits.queue_depth requests would have to wait.
func (e *Engine) Reserve() error { return e.queue.reserve() }

// Unreserve ends what Reserve began, after the last Run.
func (e *Engine) Unreserve() { e.queue.unreserve() }

// CheckQueue refuses with Busy when Reserve would now.
func (e *Engine) CheckQueue() error { return e.queue.check() }

// Timing is how long a batch took.
type Timing struct{ Queue, Run time.Duration }

// Run waits for a turn and runs the pipeline of p on b, as pipeline.Pipeline.Run says; the first time, it compiles it. When
// others wait, a long run gives its turn to them between two bands, and waits for the next one. It
// never refuses for the length of the queue: a stream may wait, and a request holds a place from Reserve. The frames of b
// are counted in the metrics. When Run returns an error, b has no results.
func (e *Engine) Run(ctx context.Context, p *Plan, b *pipeline.Batch, stream bool) (Timing, error) {
	var t Timing
	if len(b.In) == 0 {
		return t, nil
	}
	start := time.Now()
	turn := newTurn(ctx, &e.queue, stream)
	defer turn.end()
	if err := turn.enter(); err != nil {
		e.Metrics.FrameFailed(fault.From(err).Kind, len(b.In))
		return t, err
	}
	var reused, segments uint64
	if b.History != nil {
		reused, segments = b.History.Counts()
	}
	err := e.run(ctx, p, b, turn)
	if b.History != nil {
		now, of := b.History.Counts()
		e.Metrics.Segments(now-reused, of-segments)
	}
	t = Timing{Queue: turn.waited, Run: time.Since(start) - turn.waited}
	return t, e.count(b, len(b.In), t, err)
}

// Queue returns how many batches are being encoded, and how many wait for their turn.
func (e *Engine) Queue() (running, waiting int) { return e.queue.lengths() }

// OpenOf returns how many requests and streams are in flight for that work.
func (e *Engine) OpenOf(w Work) int { return int(e.openOf[w].Load()) }

// OpenRequests returns how many requests and streams are in flight.
func (e *Engine) OpenRequests() int { return int(e.open.Load()) }

// tinySpec is for SelfTest.
var tinySpec = pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 16, Height: 16}}

// SelfTest encodes a tiny frame, out of turn, and returns the error, if any. It tells a broken server from a busy one.
func (e *Engine) SelfTest(ctx context.Context) error {
	p, err := e.Plan(tinySpec)
	if err != nil {
		return err
	}
	f, err := frame.WrapBytes(tinySpec.Input, make([]byte, 16*16))
	if err != nil {
		return err
	}
	b := pipeline.Batch{In: []frame.Frame{f}}
	defer b.Release()
	if err := e.RunAtOnce(ctx, p, &b); err != nil {
		return err
	}
	return b.Out[0].Err
}

// Ready returns nil when the server would accept a request now, else the reason.
func (e *Engine) Ready() error {
	if e.IsDraining() {
		return errDraining()
	}
	if n, most := e.open.Load(), int64(e.Config.Limits.MaxRequests); n >= most {
		return fault.BusyOf("limits.max_requests", n+1, most, "too many requests are open")
	}
	if s := e.Pool.Stats(); s.Waiting > 0 {
		return fault.BusyOf("limits.memory_budget", s.Admitted, s.Budget, "requests wait for memory")
	}
	return e.queue.check()
}

// Workers returns how many goroutines encode.
func (e *Engine) Workers() int { return e.workers.Size() }
