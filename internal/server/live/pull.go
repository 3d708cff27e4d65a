package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/plain"
	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

const (
	// firstWait is how long a pull waits that broke off before it tries again, unless the directory says something new before; the time
	// doubles up to longestWait.
	firstWait   = 50 * time.Millisecond
	longestWait = time.Second
	// wordWithin is how long another node may be silent between two images, which it repeats once a second, and openWithin until it says
	// whether it has a stream.
	wordWithin = 3 * time.Second
	openWithin = 5 * time.Second
	// guardEvery is how often a pull looks whether it should go on.
	guardEvery = 250 * time.Millisecond
	// parentWait is how long a node waits that asks for a stream which has only just been asked for here.
	parentWait = 2 * time.Second
	// mostTried bounds how many nodes are asked, one after the other, before the publisher's node must do it.
	mostTried = 12
)

// Why a pull breaks off by itself.
var (
	errUnwatched = errors.New("live: nobody watches")
	errMoved     = errors.New("live: the stream is on another node now")
	errNoWord    = errors.New("live: the node is silent")
)

// AskServer is the reason, and Domain the domain, of the ErrorInfo that names another server to ask.
const (
	AskServer = "ASK_SERVER"
	Domain    = "steadyframe.v1"
)

// pull is a stream of another node that is shown here. It begins with a viewer, and ends some seconds after the last.
type pull struct {
	nodes   *nodes
	name    string
	out     *stream.Publisher
	log     *slog.Logger
	moved   chan struct{} // of capacity 1: the directory has another result
	settled chan struct{} // closed when it is known what the stream has
	settle  func()        // closes it
	wanted  time.Time     // when somebody watched last
	hops    int           // as metrics know it
	said    string        // why it was lost last, in the log

	mu      sync.Mutex
	path    []string      // of the nodes over which images come, this one last; nil: none do
	over    chan struct{} // closed when they do not come over these any more
	changed chan struct{} // closed when path changes
}

func newPull(n *nodes, name string, out *stream.Publisher) *pull {
	p := &pull{
		nodes: n, name: name, out: out, log: n.live.log.With("stream", name),
		moved: make(chan struct{}, 1), settled: make(chan struct{}), wanted: time.Now(), hops: 1, changed: make(chan struct{}),
	}
	p.settle = sync.OnceFunc(func() { close(p.settled) })
	return p
}

// run pulls the stream until nobody watches it here, it has a publisher here, no other node has it, or ctx ends.
func (p *pull) run(ctx context.Context) {
	m := p.nodes.live.engine.Metrics
	m.PullBegan(p.hops)
	defer func() {
		m.PullEnded(p.hops)
		p.settle()
		p.out.Close()
		p.nodes.ended(p)
	}()
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		s, ok := p.nodes.Directory.Find(p.name)
		if !ok {
			return // Viewers bring it again when one has it.
		}
		began := time.Now()
		err := p.pullFrom(ctx, s)
		p.reroute(nil)
		if ctx.Err() != nil || p.out.Err() != nil || p.leave() {
			return
		}
		switch {
		case err == nil || errors.Is(err, errUnwatched): // Somebody has come just now.
			wait = firstWait
			continue
		case errors.Is(err, errMoved):
			wait = firstWait
			continue
		case time.Since(began) > longestWait:
			wait = firstWait
		}
		p.settle()
		m.PullFailed()
		p.lost(err, wait)
		p.rest(ctx, wait)
	}
}

// leave ends the pull when nobody has watched for a while, and reports whether it has.
func (p *pull) leave() bool {
	if p.out.Wants() {
		p.wanted = time.Now()
	}
	return time.Since(p.wanted) > linger && p.out.Leave()
}

// lost tells that images do not come now.
func (p *pull) lost(err error, again time.Duration) {
	p.out.Interrupted()
	p.out.Lost(plain.Text(err.Error()), again)
	level := slog.LevelDebug
	if why := err.Error(); why != p.said {
		p.said, level = why, slog.LevelInfo
	}
	p.log.Log(context.Background(), level, "stream of another node lost", "err", err, "again_in", again.String())
}

// rest waits so long, or until the directory has news.
func (p *pull) rest(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.moved:
	case <-p.out.Done():
	case <-ctx.Done():
	}
}

// pullFrom pulls the stream from the node that has its publisher, or from those that this one names, until that breaks off. It returns
// nil when nobody watches.
func (p *pull) pullFrom(ctx context.Context, s cluster.Stream) error {
	out, err := p.nodes.live.prepareUnchanged(ctx, p.name)
	if err != nil {
		return err
	}
	out.lent = true
	if err := out.start(p.out); err != nil {
		out.encoder.close()
		return err
	}
	defer out.Close()
	at, tried, insist := cluster.Node{Name: s.Node, Address: s.Address}, []string(nil), false
	for {
		insist = insist || len(tried) >= mostTried
		t := &try{pull: p, origin: s, at: at, out: out}
		err := t.run(ctx, &client.Pull{Node: p.nodes.Node, Tried: tried, Insist: insist})
		if t.had || ctx.Err() != nil || err == nil || len(tried) > mostTried {
			return err
		}
		to, asked := p.nodes.named(err)
		switch {
		case asked && to.Name != "" && to.Name != at.Name && !slices.Contains(tried, to.Name):
			at, tried = to, append(tried, at.Name)
			continue
		case asked && !insist: // It is of another cluster, or was asked before.
			insist = true
			continue
		}
		if at.Name == s.Node || errors.Is(err, errUnwatched) || errors.Is(err, errMoved) {
			return err
		}
		// The node that was named does not do it. The one that named it knows others, or does it itself.
		at, tried = cluster.Node{Name: s.Node, Address: s.Address}, append(tried, at.Name)
	}
}

// named returns the node that err says to ask instead, and whether it says so. The node is empty unless the directory knows it: others
// are not shown the token.
func (n *nodes) named(err error) (node cluster.Node, asked bool) {
	st, ok := status.FromError(err)
	if !ok {
		return cluster.Node{}, false
	}
	for _, d := range st.Details() {
		info, ok := d.(*errdetails.ErrorInfo)
		if ok && info.GetDomain() == Domain && info.GetReason() == AskServer {
			if node, ok := n.Directory.Node(info.GetMetadata()["node"]); ok && node.Address != "" && node.Name != n.Node {
				return node, true
			}
			return cluster.Node{}, true
		}
	}
	return cluster.Node{}, false
}

// try is a pull from one node.
type try struct {
	pull   *pull
	origin cluster.Stream // what the directory says
	at     cluster.Node   // whom the images come from
	out    *Publisher
	had    bool // images have come

	word    atomic.Int64 // when the node said something last, in nanoseconds since the Unix epoch
	open    atomic.Bool  // it has the stream
	sending atomic.Bool  // an image has come
	lost    atomic.Bool  // it says that the source is lost
}

// run pulls until that breaks off, or nobody watches.
func (t *try) run(ctx context.Context, pulls *client.Pull) error {
	p := t.pull
	l, err := p.nodes.link(t.at.Address)
	if err != nil {
		return err
	}
	defer p.nodes.unlink(l)
	defer p.reroute(nil)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &remote{
		live: p.nodes.live, log: p.log.With("node", t.at.Name), name: p.name, there: p.name, target: "node " + t.at.Name,
		pulls: pulls, client: l.client, out: t.out,
		sound: t.hasSound,
		heard: func(error) { p.settle() },
		first: t.first,
		opened: func() {
			t.heard()
			t.open.Store(true)
		},
	}
	r.came = func() {
		t.heard()
		t.lost.Store(r.image.Offline)
	}
	r.online = func(context.Context) {
		p.out.Describe(t.out.encoder.format())
		p.said = ""
		if !t.hasSound() {
			p.settle()
		}
	}
	t.heard()
	var guarding sync.WaitGroup
	guarding.Go(func() { t.guard(ctx, cancel, l) })
	err = r.pull(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(nil)
	guarding.Wait()
	if errors.Is(err, errNoWord) {
		return fmt.Errorf("node %s: %w", t.at.Name, err)
	}
	if _, asked := p.nodes.named(err); asked {
		return err
	}
	return r.lost(err)
}

// heard notes that the node has said something.
func (t *try) heard() { t.word.Store(time.Now().UnixNano()) }

// hasSound reports whether the stream has sound, as far as is known.
func (t *try) hasSound() bool {
	s, ok := t.pull.nodes.Directory.Find(t.pull.name)
	return ok && s.Sound
}

// first takes the path of the images.
func (t *try) first(image *client.LiveImage) error {
	path := image.Path
	if len(path) == 0 { // a server that is no node
		path = []string{t.at.Name}
	}
	if len(path) > mostHops {
		return fmt.Errorf("the images come over %d nodes, want at most %d", len(path), mostHops)
	}
	for _, name := range path {
		if name == t.pull.nodes.Node || name == "" || len(name) > mostName {
			return fmt.Errorf("the images come over the nodes %q, want names of others", path)
		}
	}
	t.had = true
	t.pull.reroute(append(slices.Clone(path), t.pull.nodes.Node))
	t.sending.Store(true)
	t.pull.out.Route(stream.Route{Node: path[0], Via: t.at.Name, Hops: len(path), Epoch: t.origin.Epoch})
	return nil
}

// guard ends the try, over l, with cancel when it should not go on.
func (t *try) guard(ctx context.Context, cancel context.CancelCauseFunc, l *link) {
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	watched := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.pull.out.Done():
			cancel(t.pull.out.Err())
			return
		case <-t.pull.moved:
		case <-tick.C:
		}
		if t.pull.out.Wants() {
			watched = time.Now()
		}
		within := wordWithin
		switch {
		case !t.open.Load():
			within = openWithin
		case !t.sending.Load(): // It has none yet, has said so, and keeps the connection alive.
			within = math.MaxInt64
		}
		switch {
		case time.Since(watched) > linger:
			cancel(errUnwatched)
		case time.Since(time.Unix(0, t.word.Load())) > within:
			t.pull.nodes.abandon(l)
			cancel(errNoWord)
		case t.elsewhere():
			cancel(errMoved)
		}
	}
}

// elsewhere reports whether the directory knows a newer publisher on another node, or any other where the source of this one is lost.
func (t *try) elsewhere() bool {
	s, ok := t.pull.nodes.Directory.Find(t.pull.name)
	return ok && s.Node != t.origin.Node && (s.Epoch > t.origin.Epoch || t.lost.Load() && s.Online)
}

// reroute says over which nodes images come from now on; nil: over none.
func (p *pull) reroute(path []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if path == nil && p.path == nil {
		return
	}
	if p.path != nil {
		close(p.over)
	}
	if p.path = path; path != nil {
		p.over = make(chan struct{})
		hops := len(path) - 1
		p.nodes.live.engine.Metrics.PullMoved(p.hops, hops)
		p.hops = hops
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// await waits a moment until images come, and returns over which nodes. The error is a *fault.Error.
func (p *pull) await(ctx context.Context) (path []string, over <-chan struct{}, err error) {
	timer := time.NewTimer(parentWait)
	defer timer.Stop()
	for {
		p.mu.Lock()
		path, over, changed := p.path, p.over, p.changed
		p.mu.Unlock()
		if path != nil {
			return path, over, nil
		}
		select {
		case <-changed:
			continue
		case <-p.out.Done():
		case <-timer.C:
		case <-ctx.Done():
		}
		return nil, nil, fault.Errorf(fault.NotFound, "node %s has no images of stream %s now: ask the directory again", p.nodes.Node, p.name)
	}
}
