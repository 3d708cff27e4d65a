package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/clusterbus"
)

// node is a server of a cluster in this process.
type node struct {
	*running
	name string
	line *clusterbus.Line
	c    *client.Client
}

// startNode starts a node, whose directory goes over bus.
func startNode(t testing.TB, bus *clusterbus.Bus, name string, change func(*server.Config)) *node {
	t.Helper()
	if server.TLS != nil {
		t.Skip("nodes have TLS from their settings alone")
	}
	n := &node{name: name, line: bus.Line()}
	n.running = startWith(t, func(c *server.Config) {
		c.Cluster.Name, c.Cluster.Node, c.Cluster.Listen = "test", name, "127.0.0.1:0"
		if change != nil {
			change(c)
		}
	}, func(c server.Config, log *slog.Logger) (*server.Server, error) { return server.NewNode(c, log, n.line) })
	n.c = n.dial(t)
	return n
}

// startNodes starts so many nodes, named a, b, c and so on.
func startNodes(t testing.TB, number int, change func(*server.Config)) []*node {
	t.Helper()
	bus := &clusterbus.Bus{}
	nodes := make([]*node, number)
	for i := range nodes {
		nodes[i] = startNode(t, bus, string(rune('a'+i)), change)
	}
	return nodes
}

// info returns what a node says of a stream.
func (n *node) info(t testing.TB, name string) (client.StreamInfo, bool) {
	t.Helper()
	list, err := n.c.ListStreams(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(i client.StreamInfo) bool { return i.Name == name })
	if i < 0 {
		return client.StreamInfo{}, false
	}
	return list[i], true
}

// knows waits until a node lists a stream.
func (n *node) knows(t testing.TB, name string) {
	t.Helper()
	eventually(t, n.name+" knows "+name, func() bool { _, ok := n.info(t, name); return ok })
}

// edges returns the nodes that take a stream from n.
func (n *node) edges(t testing.TB, name string) (names []string) {
	t.Helper()
	i, _ := n.info(t, name)
	for _, v := range i.Viewers {
		if v.Transport == "node" {
			edge, _, _ := strings.Cut(v.Peer, " ")
			names = append(names, edge)
		}
	}
	slices.Sort(names)
	return names
}

// pump publishes frames of one number until the test or end ends it; ended receives why.
type pump struct {
	ended chan error
	end   context.CancelFunc
}

// startPump publishes frames with that number, again and again, on a node.
func startPump(t testing.TB, n *node, name string, number int) *pump {
	t.Helper()
	ctx, cancel := context.WithCancel(timeout(t))
	c := n.dial(t)
	p, err := c.Publish(ctx, name, numbered, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &pump{ended: make(chan error, 1), end: cancel}
	pixels := numberedFrame(t, number)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			pixels[len(pixels)-1] = byte(i) // Images differ.
			if err := p.Send(pixels); err != nil {
				_, err = p.Close()
				x.ended <- err
				return
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return x
}

// sees waits until a viewer gets an image with that number.
func sees(t testing.TB, w *client.Watcher, number int) (image client.LiveImage) {
	t.Helper()
	for {
		if n := nextNumber(t, w, &image); n == number {
			return image
		}
	}
}

// TestStreamOfAnotherNode: a stream is listed on all nodes, comes once to a node where somebody watches, with its bytes and times, and
// leaves that node some time after the last viewer.
func TestStreamOfAnotherNode(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	startPump(t, a, "cam", 7)
	b.knows(t, "cam")
	if i, _ := b.info(t, "cam"); i.Node != "a" || i.Hops != 0 || i.Via != "" {
		t.Errorf("got %+v, want a stream of node a that nobody watches here", i)
	}
	if i, _ := a.info(t, "cam"); i.Node != "" || len(i.Viewers) != 0 {
		t.Errorf("got %+v, want a stream without viewers, of the node itself", i)
	}
	first, second := watch(t, b.c, "cam", nil), watch(t, b.dial(t), "cam", nil)
	there := watch(t, a.c, "cam", nil)
	got := map[time.Time][]byte{}
	collect := func(w *client.Watcher) {
		image := sees(t, w, 7)
		got[image.Captured] = bytes.Clone(image.Data)
	}
	collect(first)
	collect(second)
	same := 0
	for same == 0 { // One of the next images of the origin is one that a viewer of the edge gets.
		image := sees(t, there, 7)
		collect(first)
		if data, ok := got[image.Captured]; ok {
			if same++; !bytes.Equal(data, image.Data) {
				t.Error("an image has other bytes on the edge than on the origin")
			}
		}
		got[image.Captured] = bytes.Clone(image.Data)
	}
	eventually(t, "one hop from a, and two viewers", func() bool {
		i, _ := b.info(t, "cam")
		return i.Node == "a" && i.Via == "a" && i.Hops == 1 && i.Age > 0 && i.Age < time.Minute && len(i.Viewers) == 2
	})
	eventually(t, "b as the one edge", func() bool { return slices.Equal(a.edges(t, "cam"), []string{"b"}) })
	first.Close()
	second.Close()
	there.Close()
	eventually(t, "the pull to end, and the stream to leave", func() bool {
		i, _ := b.info(t, "cam")
		return len(a.edges(t, "cam")) == 0 && i.Hops == 0 && i.Node == "a"
	})
	_, err := b.c.Watch(timeout(t), "nowhere", nil)
	wantError(t, err, codes.NotFound, "cam")
}

// TestTakenOverFromAnotherNode: of two publishers of one name the later one has the stream, whatever the node; the other is told, and
// viewers on all nodes go on with the new one, also when it goes back.
func TestTakenOverFromAnotherNode(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, nil)
	a, b, c := nodes[0], nodes[1], nodes[2]
	first := startPump(t, a, "cam", 1)
	for _, n := range nodes[1:] {
		n.knows(t, "cam")
	}
	var viewers []*client.Watcher
	for _, n := range nodes {
		w := watch(t, n.c, "cam", nil)
		sees(t, w, 1)
		viewers = append(viewers, w)
	}
	second := startPump(t, b, "cam", 2)
	wantError(t, <-first.ended, codes.Aborted, "took the stream over")
	for _, w := range viewers {
		sees(t, w, 2)
	}
	eventually(t, "all to take it from b", func() bool { return slices.Equal(b.edges(t, "cam"), []string{"a", "c"}) && len(a.edges(t, "cam")) == 0 })
	third := startPump(t, a, "cam", 3)
	wantError(t, <-second.ended, codes.Aborted, "took the stream over")
	for _, w := range viewers {
		sees(t, w, 3)
	}
	third.end()
	startPump(t, c, "cam", 4)
	for _, w := range viewers {
		sees(t, w, 4)
	}
}

// TestNodeStops: when a node stops, and its publisher goes to another, viewers on the others go on, also those on the one that has the
// publisher now.
func TestNodeStops(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, nil)
	a, b, c := nodes[0], nodes[1], nodes[2]
	first := startPump(t, a, "cam", 1)
	var viewers []*client.Watcher
	for _, n := range nodes[1:] {
		n.knows(t, "cam")
		w := watch(t, n.c, "cam", nil)
		sees(t, w, 1)
		viewers = append(viewers, w)
	}
	a.stop()
	if err := <-first.ended; err == nil {
		t.Error("the publisher was not told that the node stops")
	}
	startPump(t, b, "cam", 2)
	for _, w := range viewers {
		sees(t, w, 2)
	}
	eventually(t, "one hop from b, which has the stream itself", func() bool {
		there, _ := c.info(t, "cam")
		itself, _ := b.info(t, "cam")
		return there.Node == "b" && there.Hops == 1 && itself.Node == "" && itself.Hops == 0
	})
}

// TestSourceOfAnotherNode: a stream that is a source of one node's own cannot be published on another, as on that node itself.
func TestSourceOfAnotherNode(t *testing.T) {
	t.Parallel()
	bus := &clusterbus.Bus{}
	startNode(t, bus, "a", func(c *server.Config) { c.Streams = config.Streams{"own": {Source: "testsrc:64x48@5"}} })
	b := startNode(t, bus, "b", nil)
	b.knows(t, "own")
	_, err := b.c.Publish(timeout(t), "own", numbered, nil)
	wantError(t, err, codes.FailedPrecondition, "node a")
}

// TestTreeOfNodes: a node sends a stream to cluster.max_edges others, which send it on. When one of them stops, those behind it come
// by another way, and there are no circles.
func TestTreeOfNodes(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 7, func(c *server.Config) { c.Cluster.MaxEdges = 2 })
	startPump(t, nodes[0], "cam", 1)
	var watching []*client.Watcher
	for _, n := range nodes[1:] {
		n.knows(t, "cam")
		w := watch(t, n.c, "cam", nil)
		watching = append(watching, w)
		sees(t, w, 1)
	}
	tree := func(left []*node) (hops []int) {
		for _, n := range left {
			if edges := n.edges(t, "cam"); len(edges) > 2 {
				return nil
			}
			i, _ := n.info(t, "cam")
			hops = append(hops, i.Hops)
		}
		slices.Sort(hops)
		return hops
	}
	eventually(t, "a tree of two edges each", func() bool {
		hops := tree(nodes)
		return len(hops) == 7 && hops[1] == 1 && hops[6] >= 2 && hops[6] <= 3
	})
	edges := nodes[0].edges(t, "cam")
	gone := slices.IndexFunc(nodes, func(n *node) bool { return n.name == edges[0] })
	watching[gone-1].Close()
	nodes[gone].stop()
	left := slices.Delete(slices.Clone(nodes), gone, gone+1)
	for i, w := range watching {
		if i != gone-1 {
			drain := time.Now()
			for image := sees(t, w, 1); !image.Captured.After(drain); image = sees(t, w, 1) {
			}
		}
	}
	eventually(t, "a tree of those that are left", func() bool {
		hops := tree(left)
		return len(hops) == 6 && hops[1] == 1 && hops[2] == 1 && hops[3] >= 2
	})
}

// TestPullsThatAreRefused: a node does not get a stream that comes over itself, and says which stream of which name; others than nodes
// may not say that they are.
func TestPullsThatAreRefused(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	startPump(t, a, "cam", 1)
	b.knows(t, "cam")
	sees(t, watch(t, b.c, "cam", nil), 1)
	for _, tt := range []struct {
		name   string
		pull   client.Pull
		stream string
		code   codes.Code
		reason string
	}{
		{"itself", client.Pull{Node: "b"}, "cam", codes.Aborted, "over node b"},
		{"the origin", client.Pull{Node: "a"}, "cam", codes.Aborted, "over node a"},
		{"nobody", client.Pull{}, "cam", codes.InvalidArgument, "a node's name"},
		{"long", client.Pull{Node: strings.Repeat("x", 300)}, "cam", codes.InvalidArgument, "a node's name"},
		{"nowhere", client.Pull{Node: "z"}, "other", codes.NotFound, "node b does not have stream other"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			eventually(t, "an answer that is not that b has no images at the moment", func() bool {
				_, err = b.c.Watch(timeout(t), tt.stream, &client.WatchOptions{Pull: &tt.pull})
				return err == nil || !strings.Contains(err.Error(), "no images of stream")
			})
			wantError(t, err, tt.code, tt.reason)
		})
	}
	eventually(t, "a path over a and b", func() bool {
		w, err := b.c.Watch(timeout(t), "cam", &client.WatchOptions{Pull: &client.Pull{Node: "z"}})
		if err != nil {
			return false
		}
		defer w.Close()
		var image client.LiveImage
		return w.Next(&image) == nil && slices.Equal(image.Path, []string{"a", "b"})
	})
}

// TestDirectoryIsCut: without a directory, what is shown goes on.
func TestDirectoryIsCut(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	startPump(t, a, "cam", 1)
	startPump(t, a, "other", 2)
	b.knows(t, "cam")
	b.knows(t, "other")
	w := watch(t, b.c, "cam", nil)
	sees(t, w, 1)
	for _, n := range nodes {
		n.line.Cut(io.ErrUnexpectedEOF)
	}
	cut := time.Now()
	for image := sees(t, w, 1); image.Captured.Sub(cut) < 4*time.Second; image = sees(t, w, 1) { // Nodes that are silent would have expired.
	}
	sees(t, watch(t, b.c, "other", nil), 2)
	for _, n := range nodes {
		n.line.Cut(nil)
	}
	startPump(t, a, "third", 3)
	b.knows(t, "third")
	sees(t, watch(t, b.c, "third", nil), 3)
}

// TestScopesOfStreamsOfOtherNodes: who may not view a stream does not see it on any node, and may not take it as a node does.
func TestScopesOfStreamsOfOtherNodes(t *testing.T) {
	t.Parallel()
	tokens := filepath.Join(t.TempDir(), "tokens")
	line := fmt.Sprintf("view sha256:%x view:cam*\n", sha256.Sum256([]byte(secretOf("view"))))
	if err := os.WriteFile(tokens, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	bus := &clusterbus.Bus{}
	secured := func(c *server.Config) { c.Auth.TokensFile, c.Cluster.Token = tokens, "n0des" }
	startNode(t, bus, "a", func(c *server.Config) {
		secured(c)
		c.Streams = config.Streams{"cam1": {Source: "testsrc:64x48@5"}, "door": {Source: "testsrc:64x48@5"}}
	})
	b := startNode(t, bus, "b", secured)
	for _, name := range []string{"cam1", "door"} {
		eventually(t, "b knows "+name, func() bool { _, ok := b.Directory().Find(name); return ok })
	}
	c, err := dialClient(b.Addrs().GRPC, client.Options{Token: secretOf("view")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list, err := c.ListStreams(timeout(t))
	if err != nil || len(list) != 1 || list[0].Name != "cam1" || list[0].Node != "a" {
		t.Errorf("got %+v, %v, want cam1 alone", list, err)
	}
	var image client.LiveImage
	if err := watch(t, c, "cam1", nil).Next(&image); err != nil {
		t.Error(err)
	}
	_, err = c.Watch(timeout(t), "door", nil)
	wantError(t, err, codes.PermissionDenied, "view:door")
	_, err = c.Watch(timeout(t), "cam9", nil)
	if e := wantError(t, err, codes.NotFound, "cam1"); strings.Contains(e.Reason, "door") {
		t.Errorf("got %q, want no word of door", e.Reason)
	}
	_, err = c.Watch(timeout(t), "cam1", &client.WatchOptions{Pull: &client.Pull{Node: "z"}})
	wantError(t, err, codes.PermissionDenied, "view:*")
	_, err = c.Listen(timeout(t), "door")
	wantError(t, err, codes.PermissionDenied, "view:door")
}

// TestOriginSendsOthersToItsNodes: a server that has a node as one of cluster.origins, and does not know the other nodes that this one
// names, gets images from it all the same.
func TestOriginSendsOthersToItsNodes(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 2, func(c *server.Config) { c.Cluster.MaxEdges = 1 })
	a, b := nodes[0], nodes[1]
	startPump(t, a, "cam", 1)
	b.knows(t, "cam")
	sees(t, watch(t, b.c, "cam", nil), 1)
	outside := startWith(t, func(c *server.Config) { c.Cluster.Origins = config.Addresses{a.Addrs().GRPC} }, server.NewOver)
	eventually(t, "the stream of the origin", func() bool { _, ok := outside.Directory().Find("cam"); return ok })
	sees(t, watch(t, outside.dial(t), "cam", nil), 1)
	eventually(t, "two edges", func() bool { return len(a.edges(t, "cam")) == 2 })
}
