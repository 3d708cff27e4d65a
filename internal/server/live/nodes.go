package live

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// Directory says which streams the other nodes of a cluster have, as *cluster.Directory does.
type Directory interface {
	Find(name string) (cluster.Stream, bool)
	Streams() []cluster.Stream
	Node(name string) (cluster.Node, bool)
	Epoch(name string) int64
	Changed()
}

// Cluster is what makes a server a node.
type Cluster struct {
	Directory Directory
	Node      string      // this one's name
	Token     string      // that it shows to others; empty: none
	TLS       *tls.Config // of connections to them; nil: plain
	MaxEdges  int         // nodes that take one stream from here, at most
}

// Transport is that of viewers which are other nodes: they are not counted among a node's viewers, since their own are.
const Transport = "node"

// Join makes the server a node. It is called once, after New with settings of a cluster, and before streams are used.
func (l *Live) Join(c Cluster) { l.nodes.join(c) }

// Local returns the streams whose publisher or source is on this node, for the Directory.
func (l *Live) Local() []cluster.Stream {
	var list []cluster.Stream
	for _, i := range l.Hub.Infos(nil) {
		if i.Fed != stream.FedHere && i.Fed != stream.FedBySource {
			continue
		}
		list = append(list, cluster.Stream{
			Name: i.Name, Epoch: i.Epoch, Format: i.Format, FPS: i.FPSIn, Viewers: len(i.Viewers), Online: i.State == stream.Online,
			Fixed: i.Fed == stream.FedBySource, Sound: i.Sound.Rate > 0,
		})
	}
	return list
}

// Counts returns how busy this node is, for the Directory.
func (l *Live) Counts() cluster.Counts {
	c := cluster.Counts{Pulls: l.nodes.count(), Draining: l.engine.IsDraining()}
	for _, t := range l.Hub.Totals().Transports {
		if t.Transport != Transport {
			c.Viewers += t.Viewers
		}
	}
	c.QueueWait = l.nodes.waits.recent(l.engine.Metrics.Waits())
	return c
}

// waits is how long batches waited recently.
type waits struct {
	mu    sync.Mutex
	at    time.Time
	count uint64
	sum   time.Duration
	last  time.Duration
}

// waitsEvery is the least time over which waits are averaged.
const waitsEvery = time.Second

// recent returns the mean wait of the last second or so, from the count and sum of all.
func (w *waits) recent(count uint64, sum time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if now.Sub(w.at) < waitsEvery {
		return w.last
	}
	w.last = 0
	if n := count - w.count; n > 0 {
		w.last = (sum - w.sum) / time.Duration(n)
	}
	w.at, w.count, w.sum = now, count, sum
	return w.last
}

// Taken ends the publisher here of a stream that has one with a higher epoch on another node.
func (l *Live) Taken(by cluster.Stream) {
	if l.Hub.TakenOver(by.Name, by.Epoch) {
		l.engine.Metrics.TookOver()
		l.log.Info("publisher replaced by one on another node", "stream", by.Name, "node", by.Node)
	}
}

// Moved says that the Directory has another result for a name.
func (l *Live) Moved(name string) {
	if p := l.nodes.pullOf(name); p != nil {
		signal(p.moved)
	}
}

// nodes is this node among the others: what it takes from them, and what they take from it. Its methods may be called from any
// goroutine, and on nil, which is a server that is alone.
type nodes struct {
	live *Live
	ctx  context.Context // ends with stop
	end  context.CancelFunc
	Cluster
	waits waits

	mu    sync.Mutex
	pulls map[string]*pull   // by name of stream
	links map[string][]*link // by address
	edges map[string][]*Edge // by name of stream
	names []string           // of streams of other nodes
	asOf  time.Time          // when those were collected
}

func newNodes(l *Live) *nodes {
	n := &nodes{live: l, pulls: map[string]*pull{}, links: map[string][]*link{}, edges: map[string][]*Edge{}}
	n.ctx, n.end = context.WithCancel(context.Background())
	n.Directory = (*cluster.Directory)(nil) // until join
	return n
}

func (n *nodes) join(c Cluster) { n.Cluster = c }

func (n *nodes) stop() {
	if n != nil {
		n.end()
	}
}

func (n *nodes) count() int {
	if n == nil {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.pulls)
}

func (n *nodes) pullOf(name string) *pull {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pulls[name]
}

// epoch returns the epoch of a publisher that begins here: above those that are known. The error is stream.ErrFixed, as a *fault.Error,
// where a node has the stream as a source of its own.
func (n *nodes) epoch(name string, began time.Time) (int64, error) {
	if began.IsZero() {
		began = time.Now()
	}
	at := began.UnixMicro()
	if n == nil {
		return at, nil
	}
	if s, ok := n.Directory.Find(name); ok && s.Fixed {
		return 0, fault.From(fmt.Errorf("live: node %s: %w", s.Node, stream.ErrFixed))
	}
	return max(at, n.Directory.Epoch(name)+1), nil
}

// Bring is part of stream.Elsewhere.
func (n *nodes) Bring(name string) (bool, error) {
	_, err := n.bring(name)
	return err == nil, ignore(err, errNowhere)
}

// errNowhere says that no other node has a stream.
var errNowhere = fault.Errorf(fault.NotFound, "no node of the cluster has the stream")

// ignore returns err, unless it is one that is of no interest.
func ignore(err, which error) error {
	if err == which {
		return nil
	}
	return err
}

// bring returns the pull of a stream, which it begins where there is none.
func (n *nodes) bring(name string) (*pull, error) {
	s, ok := n.Directory.Find(name)
	if !ok || n.live.engine.IsDraining() {
		return nil, errNowhere
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.pulls[name]; p != nil && p.out.Err() == nil {
		return p, nil
	}
	out, err := n.live.Hub.Publish(name, stream.PublisherOptions{Source: "node " + s.Node, Format: s.Format, Guest: true, Epoch: s.Epoch})
	if err != nil {
		return nil, ignore(err, stream.ErrReplaced) // It is here by now.
	}
	out.Route(stream.Route{Node: s.Node, Via: s.Node, Epoch: s.Epoch})
	p := newPull(n, name, out)
	if err := n.live.feed(func() { p.run(n.ctx) }); err != nil {
		out.Close()
		return nil, err
	}
	n.pulls[name] = p
	return p, nil
}

// ended says that a pull has ended.
func (n *nodes) ended(p *pull) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pulls[p.name] == p {
		delete(n.pulls, p.name)
	}
}

// Settle is part of stream.Elsewhere. It waits timeouts.queue at most.
func (n *nodes) Settle(ctx context.Context, name string) {
	p, err := n.bring(name)
	if err != nil || p == nil {
		return
	}
	timer := time.NewTimer(time.Duration(n.live.engine.Config.Timeout.Queue))
	defer timer.Stop()
	select {
	case <-p.settled:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Infos is part of stream.Elsewhere.
func (n *nodes) Infos(dst []stream.Info) []stream.Info {
	for _, s := range n.Directory.Streams() {
		i := stream.Info{
			Name: s.Name, Source: "node " + s.Node, Format: s.Format, FPSIn: s.FPS, Since: time.UnixMicro(s.Epoch), Fed: stream.FedByGuest, Node: s.Node, Epoch: s.Epoch,
		}
		if s.Online {
			i.State = stream.Online
		}
		dst = append(dst, i)
	}
	return dst
}

// namesEvery is how often names are collected again: a message that has them may be asked for often.
const namesEvery = time.Second

// Names is part of stream.Elsewhere.
func (n *nodes) Names() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := time.Now(); now.Sub(n.asOf) >= namesEvery {
		names := make([]string, 0, len(n.names))
		for _, s := range n.Directory.Streams() {
			names = append(names, s.Name)
		}
		n.names, n.asOf = names, now
	}
	return n.names
}

// Changed is part of stream.Elsewhere.
func (n *nodes) Changed() { n.Directory.Changed() }

// link is a connection to another node, for several pulls.
type link struct {
	address string
	client  *client.Client
	users   int // nodes.mu guards it
}

// mostUsers is how many pulls share a connection: each has at most two calls, and a server allows 256 of a connection.
const mostUsers = 64

// link returns a connection to the node at an address; unlink gives it back.
func (n *nodes) link(address string) (*link, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.links[address] {
		if l.users < mostUsers {
			l.users++
			return l, nil
		}
	}
	c, err := client.Dial(address, &client.Options{
		Token:            n.Token,
		TLS:              n.TLS,
		MaxResponseBytes: min(int(n.live.engine.Config.Limits.MaxMessageBytes), mostRemote),
		Dial: []grpc.DialOption{
			conn.PingServers(),
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: firstWait, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longestWait},
				MinConnectTimeout: wordWithin,
			}),
			grpc.WithStaticStreamWindowSize(1 << 20), grpc.WithStaticConnWindowSize(16 << 20),
		},
	})
	if err != nil {
		return nil, err
	}
	l := &link{address: address, client: c, users: 1}
	n.links[address] = append(n.links[address], l)
	return l, nil
}

// abandon says that a connection is not to be given to others: the node does not respond.
func (n *nodes) abandon(l *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forget(l)
}

// forget takes l out of the connections that are given to others. n.mu is held.
func (n *nodes) forget(l *link) {
	left := slices.DeleteFunc(n.links[l.address], func(o *link) bool { return o == l })
	if n.links[l.address] = left; len(left) == 0 {
		delete(n.links, l.address)
	}
}

// unlink gives a connection back, which the last user closes.
func (n *nodes) unlink(l *link) {
	n.mu.Lock()
	l.users--
	last := l.users == 0
	if last {
		n.forget(l)
	}
	n.mu.Unlock()
	if last {
		_ = l.client.Close() // All was read.
	}
}

// Pull is what another node says that takes a stream from here.
type Pull struct {
	Node   string
	Tried  []string // nodes that it has asked before
	Insist bool     // it is not to be sent to another one
}

// Edge is another node that takes a stream from here.
type Edge struct {
	Path []string        // of the nodes over which images come, from that of the publisher to this one
	Over <-chan struct{} // closed when they come over others; nil: never

	nodes  *nodes
	stream string
	node   string
	named  int // how often it was named to others; nodes.mu guards it
}

// mostHops bounds the nodes over which an image comes.
const mostHops = 8

// Admit makes another node an edge of a stream, until Close. nil: this server is no node, and the caller a viewer as others are. It waits a
// moment for a stream that has only just been asked for here itself. The error is a *fault.Error: Forbidden for who may not view all streams, with Ask where another node is to be
// asked, of kind NotFound or Conflict where one is to ask the Directory again.
func (l *Live) Admit(ctx context.Context, name string, p *Pull) (*Edge, error) {
	n := l.nodes
	if n == nil || p == nil {
		return nil, nil
	}
	if err := auth.From(ctx).MayCover(config.View, "*"); err != nil {
		return nil, err
	}
	if err := checkPull(p); err != nil {
		return nil, err
	}
	path, over, err := n.route(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(path, p.Node):
		return nil, fault.Errorf(fault.Conflict, "the images of stream %s come here over node %s, which asks for them: ask the directory again", name, p.Node)
	case len(path) > mostHops:
		return nil, fault.Errorf(fault.Conflict, "the images of stream %s come here over %d nodes, want at most %d: ask another node", name, len(path), mostHops)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	others := slices.DeleteFunc(slices.Clone(n.edges[name]), func(e *Edge) bool { return e.node == p.Node })
	if len(others) >= n.MaxEdges && !p.Insist {
		if to := n.another(others, p); to != nil {
			to.named++
			l.engine.Metrics.Redirected()
			at, _ := n.Directory.Node(to.node)
			return nil, &fault.Error{
				Kind: fault.Offline, Ask: fault.Server{Name: to.node, Address: at.Address},
				Reason: fmt.Sprintf("stream %s is sent to %d nodes from here, as many as cluster.max_edges: ask node %s", name, len(others), to.node),
			}
		}
	}
	e := &Edge{Path: path, Over: over, nodes: n, stream: name, node: p.Node}
	n.edges[name] = append(n.edges[name], e)
	return e, nil
}

// another returns the edge that was named least often, of those that p has not tried and that can be reached; nil: there is none. n.mu is
// held.
func (n *nodes) another(edges []*Edge, p *Pull) (least *Edge) {
	for _, e := range edges {
		if slices.Contains(p.Tried, e.node) || least != nil && e.named >= least.named {
			continue
		}
		if at, ok := n.Directory.Node(e.node); ok && at.Address != "" && !at.Draining {
			least = e
		}
	}
	return least
}

// Close says that the node takes the stream no more. It may be called on nil.
func (e *Edge) Close() {
	if e == nil {
		return
	}
	n := e.nodes
	n.mu.Lock()
	defer n.mu.Unlock()
	left := slices.DeleteFunc(n.edges[e.stream], func(o *Edge) bool { return o == e })
	if n.edges[e.stream] = left; len(left) == 0 {
		delete(n.edges, e.stream)
	}
}

// checkPull returns what is wrong with p.
func checkPull(p *Pull) error {
	for _, name := range append([]string{p.Node}, p.Tried...) {
		if name == "" || len(name) > mostName {
			return &fault.Error{Kind: fault.Invalid, Field: "pull", Reason: fmt.Sprintf("a node's name: got %d bytes, want 1..%d", len(name), mostName)}
		}
	}
	return nil
}

// mostName bounds the name of a node: of cluster.origins it is an address.
const mostName = 260

// route returns the nodes over which a stream's images come here, and what is closed when they do not any more.
func (n *nodes) route(ctx context.Context, name string) (path []string, over <-chan struct{}, err error) {
	if p := n.pullOf(name); p != nil {
		return p.await(ctx)
	}
	if i, ok := n.live.Hub.Info(name); ok && (i.Fed == stream.FedHere || i.Fed == stream.FedBySource) {
		return []string{n.Node}, nil, nil
	}
	return nil, nil, fault.Errorf(fault.NotFound, "node %s does not have stream %s: ask the directory again", n.Node, cmp.Or(name, "without a name"))
}
