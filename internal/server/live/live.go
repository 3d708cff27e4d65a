// Package live feeds the streams of a stream.Hub: it encodes frames of publishers and of the server's own sources, passes
// JPEGs on, and makes the image that viewers of a lost source see.
//
// Each publisher has a slot for the newest frame and an encoder worker, a goroutine that encodes what is in the slot. A
// frame that comes while the slot is full replaces the one there. So the memory in flight does not depend on the rate of
// frames; it is admitted once, when the publisher begins.
package live

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
)

// readyPart is the part of live.pinned_memory that is set aside while there are viewers.
const readyPart = 64

// Live is the live streams of a server. Its methods may be called from any goroutine.
type Live struct {
	Hub *stream.Hub // where viewers find them

	engine  *engine.Engine
	log     *slog.Logger
	offline *offline
	pinned  reserve      // for what slow viewers hold
	streams share        // of the pool, for all streams
	jpegs   share        // of the budget, for what JPEGs take beyond the beginning
	decoded atomic.Int64 // bytes that decoders hold

	nodes *nodes // of the cluster; nil: the server is alone

	mu      sync.Mutex
	ended   bool           // no new publishers
	feeding sync.WaitGroup // the goroutines of publishers
}

// New returns the live streams of a server with the settings of e, which it retains. The configured ones are known at
// once; Run starts their sources. The error is about one that the Hub does not accept.
func New(e *engine.Engine, log *slog.Logger) (*Live, error) {
	l := &Live{engine: e, log: log, offline: newOffline(e), pinned: reserve{pool: e.Pool}}
	l.setShares()
	settings := e.Config.Live
	total, perStream, perViewer := e.Config.PinnedShares()
	var elsewhere stream.Elsewhere
	if e.Config.Cluster.Enabled() {
		l.nodes = newNodes(l)
		elsewhere = l.nodes
	}
	l.Hub = stream.New(stream.Options{
		Elsewhere:  elsewhere,
		MaxStreams: settings.MaxStreams,
		MaxViewers: settings.MaxViewers,

		MaxStreamsPerOwner: settings.StreamsPerIdentity(),
		MaxViewersPerOwner: settings.ViewersPerIdentity(),

		OfflineAfter: time.Duration(settings.OfflineAfter),
		Keep:         time.Duration(settings.Keep),
		Offline:      l.offline.image,
		Lag:          e.Metrics.Lagged,
		Pinned:       stream.PinnedLimits{Total: total, PerStream: perStream, PerViewer: perViewer, Ready: total / readyPart, Reserve: l.pinned.resize},
	})
	for name := range e.Config.Streams {
		if err := l.Hub.Add(name); err != nil {
			return nil, err
		}
	}
	e.Account.Heap(engine.Decoders, l.decoded.Load)
	e.Account.Leased(engine.Viewers, l.Hub.PinnedBytes)
	e.Metrics.Registry.MustRegister(metrics.NewLive(l.Hub))
	return l, nil
}

// Run runs the Hub and the built-in sources until ctx ends. It returns when the sources and the encoder workers have ended
// and all images are released, except those that viewers hold. It may be called once.
func (l *Live) Run(ctx context.Context) {
	var sources sync.WaitGroup
	for name, s := range l.engine.Config.Streams {
		if s.Source != "" {
			sources.Go(func() { l.runSource(ctx, name, s) })
		}
	}
	l.Hub.Run(ctx)
	sources.Wait()
	l.nodes.stop()
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.feeding.Wait()
	l.pinned.close()
}

// Settings are what a publisher asks for. The stream's configuration fills what is left out.
type Settings struct {
	Source string        // the publisher, for display
	Spec   pipeline.Spec // Input is that of the frames, zero for JPEGs; the output is JPEG
	FPS    float64       // images a second at most; 0: one for each frame
	Began  time.Time     // when the request began; zero: now
	// Lent is the memory that frames lie in which come by Lend; nil: they come in buffers of the pool.
	Lent *Lent
	// JPEG says that the input is JPEGs. They are passed on untouched unless the Spec asks for something. Then they are
	// decoded by image/jpeg, which allocates 2 to 28 bytes a pixel, and encoded again: for few streams, or slow ones.
	JPEG bool
}

// Lent is memory of a publisher's own. It is admitted together with what the stream itself needs, within the share of live
// streams.
type Lent struct {
	Bytes int64        // of it
	Open  func() error // makes it, once it is admitted. The error is a *fault.Error.
	Close func()       // ends it, before it is given back to the budget; also after Open has failed. No frame is lent then.
}

// SceneOf returns the scene of a stream whose publisher says that: that of the settings, where it says none.
func (l *Live) SceneOf(name, said string) string {
	return cmp.Or(said, l.engine.Config.Streams[name].Scene)
}

// Publish makes the caller, who is the auth.Identity of ctx, the publisher of a stream, until Publisher.Close. It replaces one that began earlier. It waits at
// most timeouts.queue for the memory of the stream: frames in flight and images. The error is a
// *fault.Error: Invalid for the name or the settings, Forbidden, TooLarge, Busy for want of memory or of room for one more stream,
// Conflict for a stream with a source of its own, or a publisher that began later, Draining.
func (l *Live) Publish(ctx context.Context, name string, s Settings) (*Publisher, error) {
	if err := stream.CheckName(name); err != nil {
		return nil, fault.From(err)
	}
	id := auth.From(ctx)
	if err := id.May(config.Publish, name); err != nil {
		id.Did(config.Publish, name, s.Source, err)
		return nil, err
	}
	if l.engine.Config.Streams[name].Source != "" {
		return nil, fault.From(stream.ErrFixed)
	}
	if l.engine.IsDraining() {
		return nil, fault.From(stream.ErrClosed)
	}
	epoch, err := l.nodes.epoch(name, s.Began)
	if err != nil {
		return nil, err
	}
	p, err := l.prepare(ctx, name, s)
	if err != nil {
		return nil, err
	}
	out, err := l.Hub.Publish(name, stream.PublisherOptions{Source: s.Source, Owner: id.Owner(), Format: p.encoder.format(), Began: s.Began, Epoch: epoch})
	if err == nil {
		if err = p.start(out); err != nil {
			out.Close()
		}
	}
	if err != nil {
		p.encoder.close()
		return nil, fault.From(err)
	}
	id.Did(config.Publish, name, s.Source, nil)
	return p, nil
}

// prepare returns a Publisher that has its memory, and is to be started, or its encoder to be closed.
func (l *Live) prepare(ctx context.Context, name string, s Settings) (*Publisher, error) {
	configured := l.engine.Config.Streams[name]
	if s.FPS == 0 {
		s.FPS = configured.FPS
	}
	if !(s.FPS >= 0) || math.IsInf(s.FPS, 1) {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "fps", Reason: fmt.Sprintf("fps: got %v, want 0 or more images a second", s.FPS)}
	}
	if s.Spec.Output.Format != pipeline.JPEG {
		return nil, fault.Errorf(fault.Invalid, "output: got %s, want jpeg for a live stream", s.Spec.Output.Format)
	}
	m, err := newEncoder(ctx, l, configured.Fill(s.Spec), s)
	if err != nil {
		return nil, err
	}
	return l.newPublisher(name, m, s.FPS), nil
}

// prepareUnchanged is prepare for JPEGs that are passed on as they are, whatever the settings of the stream.
func (l *Live) prepareUnchanged(ctx context.Context, name string) (*Publisher, error) {
	s := Settings{JPEG: true}
	m, err := newEncoder(ctx, l, s.Spec, s)
	if err != nil {
		return nil, err
	}
	return l.newPublisher(name, m, 0), nil
}

func (l *Live) newPublisher(name string, m *encoder, fps float64) *Publisher {
	return &Publisher{
		live: l, name: name, encoder: m, pace: paceOf(fps),
		wake: make(chan struct{}, 1), closed: make(chan struct{}), over: make(chan struct{}),
		unwatched: l.engine.Config.Live.EncodeUnwatched || m.passes(),
	}
}

// feed runs f on a goroutine that Run waits for. It returns stream.ErrClosed when Run is past that.
func (l *Live) feed(f func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return stream.ErrClosed
	}
	l.feeding.Go(f)
	return nil
}
