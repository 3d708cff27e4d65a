package e2e

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/pipeline"
)

// member is a node of a cluster: a process that may end, and another that begins in its place.
type member struct {
	*daemon.Server
	name  string
	env   []string
	route string // where its embedded NATS listens
	grpc  string // where its gRPC API listens, in each of its lives
	t     *testing.T
}

// startMembers starts nodes of one cluster, named n0, n1 and so on, with further settings in the environment.
func startMembers(t *testing.T, number int, env ...string) []*member {
	t.Helper()
	members := make([]*member, number)
	routes := make([]string, number)
	for i := range members {
		members[i] = &member{name: "n" + string(rune('0'+i)), route: daemon.FreeAddress(t), grpc: daemon.FreeAddress(t), t: t}
		routes[i] = members[i].route
	}
	for _, m := range members {
		m.env = append([]string{
			"STEADYFRAME_CLUSTER_NAME=test", "STEADYFRAME_CLUSTER_NODE=" + m.name, "STEADYFRAME_CLUSTER_LISTEN=" + m.route,
			"STEADYFRAME_CLUSTER_ROUTES=" + strings.Join(routes, ","), "STEADYFRAME_DRAIN_TIMEOUT=2m",
		}, env...)
		m.start()
	}
	return members
}

// start starts the process, again.
func (m *member) start() {
	m.Server = daemon.Serve(m.t, program, m.env, "--grpc="+m.grpc)
}

// list returns the streams that a node lists, by name.
func (m *member) list() map[string]client.StreamInfo {
	c, err := client.Dial(m.grpc, nil)
	if err != nil {
		return nil
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	infos, err := c.ListStreams(ctx)
	if err != nil {
		return nil
	}
	list := map[string]client.StreamInfo{}
	for _, i := range infos {
		list[i.Name] = i
	}
	return list
}

// knows waits until a node lists a stream of that node; empty: its own.
func (m *member) knows(name, node string) {
	m.t.Helper()
	daemon.WaitFor(m.t, m.name+" to know "+name, func() bool {
		i, ok := m.list()[name]
		return ok && i.Node == node
	})
}

// edges returns how many other nodes take a stream from m.
func (m *member) edges(name string) (n int) {
	for _, v := range m.list()[name].Viewers {
		if v.Transport == "node" {
			n++
		}
	}
	return n
}

// producer publishes a stream on one node after another: when it fails on one, on the next of its list.
type producer struct {
	stop   func()
	ended  chan error // takes why it gave up: what no other node would change
	places atomic.Int64
}

// produce publishes frames of that gray until the test ends.
func produce(t *testing.T, name string, gray byte, addresses ...string) *producer {
	ctx, cancel := context.WithCancel(t.Context())
	p := &producer{ended: make(chan error, 1)}
	var working sync.WaitGroup
	working.Go(func() {
		for ctx.Err() == nil {
			err := produceOn(ctx, addresses[int(p.places.Load())%len(addresses)], name, gray)
			if e, ok := err.(*client.Error); ok && e.Code.String() == "Aborted" {
				p.ended <- err
				return
			}
			p.places.Add(1)
			_ = pause.For(ctx, 20*time.Millisecond)
		}
	})
	p.stop = func() {
		cancel()
		working.Wait()
	}
	t.Cleanup(p.stop)
	return p
}

// produceOn publishes on one node until that fails.
func produceOn(ctx context.Context, address, name string, gray byte) error {
	c, err := client.Dial(address, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	const side = 64
	p, err := c.Publish(ctx, name, pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: side, Height: side}}, nil)
	if err != nil {
		return err
	}
	pixels := make([]byte, side*side)
	for i := range pixels {
		pixels[i] = gray
	}
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		pixels[0] = byte(n) // Images differ.
		if err := p.Send(pixels); err != nil {
			_, err = p.Close()
			return err
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// audience is a viewer that watches on one node after another, as a page does that loads again: when one fails, on the next.
type audience struct {
	images atomic.Int64
	moves  atomic.Int64

	mu    sync.Mutex
	last  time.Time // when the newest image was captured
	worst time.Duration
}

// attend watches a stream until the test ends.
func attend(t *testing.T, name string, addresses ...string) *audience {
	a := &audience{}
	var watching sync.WaitGroup
	ctx := t.Context()
	watching.Go(func() {
		for at := 0; ctx.Err() == nil; at++ {
			a.watch(ctx, addresses[at%len(addresses)], name)
			a.moves.Add(1)
			_ = pause.For(ctx, 20*time.Millisecond)
		}
	})
	t.Cleanup(watching.Wait)
	return a
}

func (a *audience) watch(ctx context.Context, address, name string) {
	c, err := client.Dial(address, nil)
	if err != nil {
		return
	}
	defer c.Close()
	w, err := c.Watch(ctx, name, nil)
	if err != nil {
		return
	}
	defer w.Close()
	var image client.LiveImage
	for w.Next(&image) == nil {
		if image.Offline || image.Repeat {
			continue
		}
		a.images.Add(1)
		a.mu.Lock()
		if image.Captured.After(a.last) {
			if !a.last.IsZero() {
				a.worst = max(a.worst, image.Captured.Sub(a.last))
			}
			a.last = image.Captured
		}
		a.mu.Unlock()
	}
}

// since reports whether a has seen an image that was captured after that time.
func (a *audience) since(at time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last.After(at)
}

// goesOn waits until all have seen an image that was captured after now.
func goesOn(t *testing.T, what string, all ...*audience) {
	t.Helper()
	now := time.Now()
	daemon.WaitFor(t, "images after "+what, func() bool {
		return !slices.ContainsFunc(all, func(a *audience) bool { return !a.since(now) })
	})
}

// TestCluster: viewers on any node see a stream, which each node gets once, in a tree; they go on when its publisher's node is killed, when
// one in between is, and when these come back; and a publisher that begins later takes the stream over.
func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := startMembers(t, 4, "STEADYFRAME_CLUSTER_MAX_EDGES=1")
	first := produce(t, "cam", 50, nodes[0].grpc, nodes[1].grpc)
	var viewers []*audience
	for _, m := range nodes[1:] {
		m.knows("cam", "n0")
		viewers = append(viewers, attend(t, "cam", m.grpc), attend(t, "cam", m.grpc))
	}
	goesOn(t, "the beginning", viewers...)
	daemon.WaitFor(t, "a row of nodes", func() bool {
		hops := []int{nodes[1].list()["cam"].Hops, nodes[2].list()["cam"].Hops, nodes[3].list()["cam"].Hops}
		slices.Sort(hops)
		return slices.Equal(hops, []int{1, 2, 3}) && nodes[0].edges("cam") == 1
	})
	middle := slices.IndexFunc(nodes, func(m *member) bool { return m.list()["cam"].Hops == 2 })
	nodes[middle].Kill()
	others := slices.Delete(slices.Clone(viewers), 2*middle-2, 2*middle)
	goesOn(t, "an edge was killed", others...)
	nodes[middle].start()
	goesOn(t, "it came back", viewers...)

	nodes[0].Kill()
	goesOn(t, "the publisher's node was killed", viewers...)
	nodes[0].start()
	nodes[0].knows("cam", "n1")
	goesOn(t, "that came back", viewers...)

	second := produce(t, "cam", 200, nodes[0].grpc)
	if err := <-first.ended; !strings.Contains(err.Error(), "took the stream over") {
		t.Errorf("got %v", err)
	}
	nodes[3].knows("cam", "n0")
	goesOn(t, "another publisher", viewers...)
	second.stop()
}

// TestClusterRestarts: nodes are stopped and started again, one after the other; publisher and viewers that go to the next one see it go on.
func TestClusterRestarts(t *testing.T) {
	t.Parallel()
	nodes := startMembers(t, 3)
	addresses := func(from int) (list []string) {
		for i := range nodes {
			list = append(list, nodes[(from+i)%len(nodes)].grpc)
		}
		return list
	}
	produce(t, "cam", 50, addresses(0)...)
	var viewers []*audience
	for i := range nodes {
		viewers = append(viewers, attend(t, "cam", addresses(i)...))
	}
	goesOn(t, "the beginning", viewers...)
	for _, m := range nodes {
		m.Terminate(t)
		goesOn(t, m.name+" was stopped", viewers...)
		m.start()
		goesOn(t, m.name+" came back", viewers...)
	}
	for _, v := range viewers {
		t.Logf("%d images, %d times elsewhere, at most %v between two", v.images.Load(), v.moves.Load(), v.worst)
	}
}

// TestClusterIsCut: while parts of the cluster do not reach each other, each shows what it has; when they do again, of two publishers of
// one stream the later one has it.
func TestClusterIsCut(t *testing.T) {
	t.Parallel()
	a, b := &member{name: "n0", route: daemon.FreeAddress(t), grpc: daemon.FreeAddress(t), t: t}, &member{name: "n1", grpc: daemon.FreeAddress(t), t: t}
	line, images := newLine(t, a.route), newLine(t, a.grpc) // from b to a
	common := []string{"STEADYFRAME_CLUSTER_NAME=test"}
	a.env = append(common, "STEADYFRAME_CLUSTER_NODE=n0", "STEADYFRAME_CLUSTER_LISTEN="+a.route, "STEADYFRAME_CLUSTER_ADVERTISE="+images.address())
	b.env = append(common, "STEADYFRAME_CLUSTER_NODE=n1", "STEADYFRAME_CLUSTER_LISTEN=off", "STEADYFRAME_CLUSTER_ROUTES="+line.address())
	a.start()
	b.start()
	first := produce(t, "cam", 50, a.grpc)
	b.knows("cam", "n0")
	here, there := attend(t, "cam", a.grpc), attend(t, "cam", b.grpc)
	goesOn(t, "the beginning", here, there)
	line.cut(true)
	images.cut(true)
	daemon.WaitFor(t, "b to be alone", func() bool { _, ok := b.list()["cam"]; return !ok || b.list()["cam"].State == client.Offline })
	produce(t, "cam", 200, b.grpc)
	goesOn(t, "the cut", here, there)
	line.cut(false)
	images.cut(false)
	if err := <-first.ended; !strings.Contains(err.Error(), "took the stream over") {
		t.Errorf("got %v", err)
	}
	a.knows("cam", "n1")
	goesOn(t, "the healing", here, there)
}

// TestClusterWithoutNATS: when an external NATS is gone, what is shown goes on, and when it is back, so does the directory.
func TestClusterWithoutNATS(t *testing.T) {
	t.Parallel()
	address := daemon.FreeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	nats := func() *natsserver.Server {
		o := &natsserver.Options{Host: "127.0.0.1", NoLog: true, NoSigs: true}
		if o.Port, err = net.LookupPort("tcp", port); err != nil {
			t.Fatal(err)
		}
		s, err := natsserver.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(2 * time.Minute) {
			t.Fatal("NATS does not start")
		}
		return s
	}
	s := nats()
	var nodes []*member
	for _, name := range []string{"n0", "n1"} {
		m := &member{name: name, grpc: daemon.FreeAddress(t), t: t}
		m.env = []string{"STEADYFRAME_CLUSTER_NAME=test", "STEADYFRAME_CLUSTER_NODE=" + name, "STEADYFRAME_CLUSTER_NATS=nats://" + address}
		m.start()
		nodes = append(nodes, m)
	}
	produce(t, "cam", 50, nodes[0].grpc)
	produce(t, "other", 50, nodes[0].grpc)
	nodes[1].knows("cam", "n0")
	nodes[1].knows("other", "n0")
	viewer := attend(t, "cam", nodes[1].grpc)
	goesOn(t, "the beginning", viewer)
	s.Shutdown()
	s.WaitForShutdown()
	goesOn(t, "NATS was gone", viewer)
	goesOn(t, "NATS was gone, with another stream", attend(t, "other", nodes[1].grpc))
	s = nats()
	defer s.Shutdown()
	produce(t, "third", 50, nodes[0].grpc)
	nodes[1].knows("third", "n0")
	goesOn(t, "NATS is back", viewer, attend(t, "third", nodes[1].grpc))
}

// line passes connections on to an address until it is cut.
type line struct {
	listener net.Listener

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
}

// newLine returns a line to that address, which ends with t.
func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, conns: map[net.Conn]bool{}}
	var working sync.WaitGroup
	working.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			working.Go(func() {
				defer in.Close()
				if !l.add(in) {
					return
				}
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				if l.add(out) {
					both(in, out)
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		l.cut(true)
		working.Wait()
	})
	return l
}

func (l *line) address() string { return l.listener.Addr().String() }

// add takes a connection, unless the line is cut.
func (l *line) add(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.down {
		l.conns[c] = true
	}
	return !l.down
}

// cut ends all connections, and those that come, or lets them through again.
func (l *line) cut(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down = down; down {
		for c := range l.conns {
			c.Close()
		}
		clear(l.conns)
	}
}
