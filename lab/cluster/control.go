package cluster

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// Control is what the directory of a cluster costs: one node that hears all the others, all of them by the server's own code.
type Control struct {
	Nodes, Streams int
	Settled        time.Duration // until the node knew all streams, when all others came at the same time
	Messages       float64       // that a node sends a second, once all know each other
	Bytes          float64       // the same, of their contents
	Hear           time.Duration // to take one message, without the slowest hundredth: others use the processor too
	Table          uint64        // bytes of the heap that the node's table takes
	Find           time.Duration // to find a stream
}

// Traffic returns what goes through the directory of so many nodes: messages a second that each hears, bits a second of it, and its
// processor time as a part of a core.
func (c Control) Traffic(nodes int) (messages, bits, cores float64) {
	messages = c.Messages * float64(nodes)
	return messages, c.Bytes * 8 * float64(nodes), messages * c.Hear.Seconds()
}

// MeasureControl runs the directories of so many nodes for a while after all know each other. The streams are divided evenly; each second
// one in ten has another number of viewers.
func MeasureControl(ctx context.Context, nodes, streams int, long time.Duration) (c Control, err error) {
	if nodes < 2 || nodes > 4000 || streams < nodes || streams > 90_000 {
		return c, fmt.Errorf("got %d nodes with %d streams, want 2..4000, and as many streams at least, 90000 at most", nodes, streams)
	}
	c.Nodes, c.Streams = nodes, streams
	var b star
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	settings := config.Default()
	settings.Cluster.Name = "lab"
	began := time.Now()
	start := func(name string, line *starLine, o cluster.Options) (*cluster.Directory, error) {
		o.Transport = line
		d, err := cluster.New(settings, cluster.Node{Name: name, Address: name + ".frames.internal:50051", Version: "v1.2.3", Started: began}, o)
		if err == nil {
			running.Go(func() { d.Run(ctx) })
		}
		return d, err
	}
	heap := heapInUse()
	for n := range nodes - 1 {
		first, past := n*streams/(nodes-1), (n+1)*streams/(nodes-1)
		local := func() (list []cluster.Stream) {
			second := int(time.Since(began) / time.Second)
			for s := first; s < past; s++ {
				list = append(list, cluster.Stream{Name: streamName(s), Epoch: began.UnixMicro(), Format: "yuv420p 1280x720", FPS: 25, Viewers: 100 + (second+s)/10, Online: true})
			}
			return list
		}
		if _, err := start(fmt.Sprintf("frames-%d", n), b.line(false), cluster.Options{Local: local, Counts: func() cluster.Counts {
			return cluster.Counts{Viewers: 1000, Pulls: 600, QueueWait: 800 * time.Microsecond}
		}}); err != nil {
			return c, err
		}
	}
	speakers := heapInUse() - heap
	ear := b.line(true)
	hub, err := start("frames-hub", ear, cluster.Options{})
	if err != nil {
		return c, err
	}
	joined := time.Now()
	for len(hub.Nodes()) < nodes || len(hub.Streams()) < streams {
		if err := pause.For(ctx, 20*time.Millisecond); err != nil {
			return c, fmt.Errorf("the node knows %d nodes and %d streams: %w", len(hub.Nodes()), len(hub.Streams()), err)
		}
	}
	c.Settled = time.Since(joined)
	if all := heapInUse(); all > heap+speakers {
		c.Table = all - heap - speakers
	}
	if err := c.hears(ctx, hub, ear, long); err != nil {
		return c, err
	}
	err = c.finds(hub)
	return c, err
}

// hears measures for how long a node deals with what the others tell it.
func (c *Control) hears(ctx context.Context, hub *cluster.Directory, ear *starLine, long time.Duration) error {
	before := hub.State().Received
	ear.measure(true)
	measuring := time.Now()
	err := pause.For(ctx, long)
	for err == nil && !ear.heard() {
		err = pause.For(ctx, 20*time.Millisecond)
	}
	after, seconds := hub.State().Received, time.Since(measuring).Seconds()
	took := ear.measure(false)
	if err != nil {
		return err
	}
	messages, bytes := float64(after.Messages-before.Messages), float64(after.Bytes-before.Bytes)
	c.Messages, c.Bytes = messages/seconds/float64(c.Nodes), bytes/seconds/float64(c.Nodes)
	slices.Sort(took)
	took = took[:max(1, len(took)*99/100)]
	for _, d := range took {
		c.Hear += d
	}
	c.Hear /= time.Duration(len(took))
	return nil
}

// finds measures how long it takes to find a stream.
func (c *Control) finds(hub *cluster.Directory) error {
	const finds = 100_000
	began := time.Now()
	for i := range finds {
		if _, ok := hub.Find(streamName(i % c.Streams)); !ok {
			return fmt.Errorf("stream %s is not found", streamName(i%c.Streams))
		}
	}
	c.Find = time.Since(began) / finds
	return nil
}

func streamName(n int) string { return fmt.Sprintf("site-%d.camera-%d", n/100, n%100) }

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// star carries messages between nodes as NATS does, but what the others say only to those nodes that hear: what one node of a large
// cluster gets is the same, and one process can run all of them.
type star struct {
	mu    sync.RWMutex
	lines []*starLine
}

type starLine struct {
	star  *star
	hears bool
	queue chan delivery

	subjects []string // star.mu guards it

	mu        sync.Mutex // guards what follows
	measuring bool
	took      []time.Duration
}

// measure begins or ends that the time is taken that the node needs for each message, and returns what was taken.
func (l *starLine) measure(on bool) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.measuring = on
	return l.took
}

// heard reports whether a message was measured.
func (l *starLine) heard() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.took) > 0
}

// time notes how long a message took.
func (l *starLine) time(long time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.measuring {
		l.took = append(l.took, long)
	}
}

type delivery struct {
	subject string
	data    []byte
}

func (b *star) line(hears bool) *starLine {
	size := 256
	if hears {
		size = 1 << 16
	}
	return &starLine{star: b, hears: hears, queue: make(chan delivery, size)}
}

// Run is that of cluster.Transport.
func (l *starLine) Run(ctx context.Context, subjects []string, hear func(string, []byte), lost func(error)) error {
	l.star.mu.Lock()
	l.subjects = subjects
	l.star.lines = append(l.star.lines, l)
	l.star.mu.Unlock()
	lost(nil)
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-l.queue:
			began := time.Now()
			hear(d.subject, d.data)
			l.time(time.Since(began))
		}
	}
}

// Publish is that of cluster.Transport. A node that does not read loses messages, as in NATS.
func (l *starLine) Publish(subject string, data []byte) error {
	l.star.mu.RLock()
	defer l.star.mu.RUnlock()
	for _, o := range l.star.lines {
		if o != l && !l.hears && !o.hears || !o.wants(subject) {
			continue
		}
		select {
		case o.queue <- delivery{subject, append([]byte(nil), data...)}:
		default:
		}
	}
	return nil
}

// wants reports whether the node subscribed to a subject; ".*" at the end of a subscription is any one word.
func (l *starLine) wants(subject string) bool {
	for _, s := range l.subjects {
		prefix, open := strings.CutSuffix(s, "*")
		rest, ok := strings.CutPrefix(subject, prefix)
		if s == subject || open && ok && rest != "" && !strings.Contains(rest, ".") {
			return true
		}
	}
	return false
}
