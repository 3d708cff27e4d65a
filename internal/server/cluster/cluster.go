// Package cluster is the directory of live streams of many nodes: which node has which stream. Nodes tell each other over NATS, and
// nothing but that goes through it: images go from node to node over gRPC.
//
// Each node says once a second that it lives, and its own streams when they change. What is heard is in memory, so that to find a
// stream takes no message. Everything that comes from the network is hostile: it is bounded, checked, and speaks for its sender alone.
package cluster

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// Node is a server of the cluster.
type Node struct {
	Name      string // of the node, in the cluster; of a server of cluster.origins its address
	Address   string // HOST:PORT of its gRPC API
	Version   string // of the program
	Started   time.Time
	Streams   int           // that it has itself
	Viewers   int           // other nodes not among them
	Pulls     int           // streams that it takes from other nodes
	Draining  bool          // it is stopping: do not ask it for streams
	QueueWait time.Duration // of batches, recently
	Self      bool          // it is this one
	Seen      time.Time     // when it was heard last; zero: never
	Reason    string        // why nothing is heard of it, a server of cluster.origins; empty: no reason is known
}

// Stream is a live stream that has its publisher or its source on a node.
type Stream struct {
	Name, Node, Address string
	Epoch               int64  // of its publisher: of two nodes that have the stream, the higher one counts
	Format              string // the input, for display
	FPS                 float64
	Viewers             int // on its node, nodes among them
	Online              bool
	Sound               bool // it has sound
	Fixed               bool // it is a source of its node's own: nobody may publish it elsewhere
}

// Counts are what a node says of itself every second.
type Counts struct {
	Viewers, Pulls int
	Draining       bool
	QueueWait      time.Duration
}

// State is how the directory itself is.
type State struct {
	Kind      string    // "embedded", "nats", or "static": cluster.origins alone
	Frozen    bool      // this node hears nothing, not even itself: what it knows stays as it is
	Since     time.Time // of that, or of its opposite
	Reason    string    // why it is frozen, or what else is wrong; empty: nothing
	Routes    int       // other nodes that the embedded NATS is connected to
	Sent      Traffic
	Received  Traffic
	Refused   int64 // messages that were wrong, or too much
	Expired   int64 // nodes that fell silent
	Conflicts int64 // streams that were published here and on another node at the same time
}

// Traffic counts messages.
type Traffic struct{ Messages, Bytes int64 }

// Options are what a Directory asks its node, and what it tells it. The functions are called from any goroutine, without a lock of
// the Directory; they must not wait long. Each may be nil.
type Options struct {
	Log *slog.Logger // nil: none
	// Local returns the streams that have their publisher or source on this node, not those that it takes from others. Node and
	// Address are ignored.
	Local func() []Stream
	// Counts returns how busy this node is.
	Counts func() Counts
	// Taken is called when a stream that is published here has a publisher with a higher epoch on another node: the local one must
	// end. It is called again, a second later, as long as Local has that stream with that epoch.
	Taken func(by Stream)
	// Moved is called when Find has another result for a name: another node or epoch, or none any more.
	Moved func(name string)
	// Transport carries messages; nil: that of the settings. It is for tests and simulations.
	Transport Transport
}

// Transport carries messages between nodes: each to all nodes that subscribed to its subject. Messages of one sender come in order,
// if they come. A node hears its own.
type Transport interface {
	// Run connects, subscribes, and calls hear with each message, until ctx ends. It connects again by itself.
	// Subjects may end in ".*", for any one word. Hear borrows data. lost is called with an error when the connection is gone, and
	// with nil when it is there (again). Messages that were published before the end have left when it returns.
	Run(ctx context.Context, subjects []string, hear func(subject string, data []byte), lost func(error)) error
	// Publish sends a message, or drops it when there is no connection; it never waits. It borrows data.
	Publish(subject string, data []byte) error
}

const (
	// interval is how often a node says that it lives.
	interval = time.Second
	// expiry is how long a node may be silent before what it said counts no more.
	expiry = 3 * time.Second
	// deaf is how long this node may not hear itself before it takes the silence of others for its own.
	deaf = 1500 * time.Millisecond
	// breath is the least time between two announcements of streams.
	breath = 100 * time.Millisecond
)

// Directory is what one node knows of the others. Its methods may be called from any goroutine; those of a nil Directory find nothing.
type Directory struct {
	o         Options
	transport Transport // nil: there are cluster.origins alone
	embedded  *embedded // nil: another transport carries messages
	origins   []*origin
	secure    *tls.Config // how other nodes are connected to; nil: plainly
	subjects  subjects
	changed   chan struct{} // capacity 1: Local has changed

	mu    sync.RWMutex
	self  Node
	table table
	state State
	heard time.Time // when this node heard itself last
	twin  time.Time // when another node of its name was heard last
	own   ownStreams
}

// New returns the Directory of the node self: its Name, Address, Version and Started. The settings c must be valid. Where NATS is
// embedded, its listener is open then. Run must be called, or Close.
func New(c config.Config, self Node, o Options) (*Directory, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	self.Self = true
	if self.Started.IsZero() {
		self.Started = time.Now()
	}
	d := &Directory{
		o: o, transport: o.Transport, self: self, subjects: subjectsOf(c.Cluster.Name, self.Name), changed: make(chan struct{}, 1),
		table: newTable(self.Name), state: State{Kind: "static", Since: time.Now()},
	}
	d.own.instance = rand.Uint64()
	var err error
	if d.secure, err = nodeTLS(c, o.Log); err != nil {
		return nil, err
	}
	if d.origins, err = newOrigins(d, c.Cluster, d.secure); err != nil {
		d.Close()
		return nil, err
	}
	switch {
	case d.transport != nil:
		d.state.Kind = "nats"
	case c.Cluster.Name == "":
		return d, nil
	case c.Cluster.NATS == config.Embedded:
		d.state.Kind = config.Embedded
		if d.embedded, err = embed(c, o.Log); err != nil {
			d.Close()
			return nil, err
		}
		d.transport = d.embedded
	default:
		d.state.Kind = "nats"
		if d.transport, err = outside(c, o.Log); err != nil {
			d.Close()
			return nil, err
		}
	}
	d.state.Frozen, d.state.Reason = true, "not connected yet"
	return d, nil
}

// Run announces this node and listens to the others until ctx ends. Then it says that it leaves.
func (d *Directory) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { d.runOrigins(ctx) })
	if d.transport == nil {
		d.announce(ctx)
		return
	}
	carrying, endCarrying := context.WithCancel(context.WithoutCancel(ctx))
	running.Go(func() {
		if err := d.transport.Run(carrying, d.subjects.heard(), d.hear, d.lost); err != nil {
			d.freeze(err.Error())
			d.o.Log.Error("the directory of the cluster does not work", "err", err)
		}
	})
	d.announce(ctx)
	d.leave()
	endCarrying()
}

// TLS returns how other nodes are connected to; nil: plainly. The caller must not change it.
func (d *Directory) TLS() *tls.Config { return d.secure }

// nodeTLS returns how other nodes are connected to: over TLS where this one has tls.cert or cluster.ca, else plainly, nil.
func nodeTLS(c config.Config, log *slog.Logger) (*tls.Config, error) {
	if c.TLS.Cert == "" && c.Cluster.CA == "" {
		return nil, nil
	}
	return conn.PeerTLS(c, log)
}

// Changed says that the streams of this node are others: they are announced within 100 ms.
func (d *Directory) Changed() {
	if d == nil {
		return
	}
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// Find returns the stream of that name on another node: of several the one with the highest epoch, then with the greatest name of its
// node. It passes over nodes that are stopping.
func (d *Directory) Find(name string) (Stream, bool) {
	if d == nil {
		return Stream{}, false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.table.find(name)
}

// Epoch returns the highest epoch of a stream on other nodes, 0 where none has it. A publisher that comes here later has a higher one.
func (d *Directory) Epoch(name string) int64 {
	if d == nil {
		return 0
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.table.epoch(name)
}

// Streams returns the streams of other nodes, sorted by name: each once, as Find returns it.
func (d *Directory) Streams() []Stream {
	if d == nil {
		return nil
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.table.all()
}

// Nodes returns all nodes, sorted by name, this one among them, and the servers of cluster.origins also where they do not respond.
func (d *Directory) Nodes() []Node {
	if d == nil {
		return nil
	}
	self := d.describe()
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.table.nodes(self, d.missing())
}

// Node returns a node other than this one.
func (d *Directory) Node(name string) (Node, bool) {
	if d == nil {
		return Node{}, false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	p, ok := d.table.peers[name]
	if !ok {
		return Node{}, false
	}
	return p.node, true
}

// Self returns this node's name and address.
func (d *Directory) Self() Node {
	if d == nil {
		return Node{}
	}
	return d.describe()
}

// State returns how the directory is.
func (d *Directory) State() State {
	if d == nil {
		return State{}
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := d.state
	if d.embedded != nil {
		s.Routes = d.embedded.connected()
		if s.Reason == "" && s.Routes == 0 && len(d.embedded.routes) > 0 {
			s.Reason = "no other node is connected"
		}
	}
	if !d.twin.IsZero() && time.Since(d.twin) < expiry {
		s.Reason = "another node has the name of this one (cluster.node)"
	}
	return s
}

// Listening returns where the embedded NATS takes the connections of other nodes, "" where there is none.
func (d *Directory) Listening() string {
	if d == nil || d.embedded == nil {
		return ""
	}
	return d.embedded.address()
}

// Close ends what New began. It is for a Directory whose Run is not called.
func (d *Directory) Close() {
	if d == nil {
		return
	}
	for _, o := range d.origins {
		_ = o.client.Close()
	}
	if d.embedded != nil {
		d.embedded.close()
	}
}

// describe returns this node with its present counts.
func (d *Directory) describe() Node {
	var now Counts
	if d.o.Counts != nil {
		now = d.o.Counts()
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	n := d.self
	n.Streams, n.Viewers, n.Pulls, n.Draining, n.QueueWait = len(d.own.announced), now.Viewers, now.Pulls, now.Draining, now.QueueWait
	n.Seen = time.Now()
	return n
}
