package browser

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// serveNodes starts two nodes of a cluster, origin with the stream far and edge with the stream near.
func serveNodes(t *testing.T) (origin, edge *server) {
	t.Helper()
	directory := daemon.FreeAddress(t)
	node := func(name, listen, routes string) []string {
		return []string{"STEADYFRAME_CLUSTER_NAME=studio", "STEADYFRAME_CLUSTER_NODE=" + name, "STEADYFRAME_CLUSTER_LISTEN=" + listen, "STEADYFRAME_CLUSTER_ROUTES=" + routes}
	}
	origin = serveWith(t, "127.0.0.1:0", "", node("origin", directory, ""), "far=testsrc:320x180@10")
	edge = serveWith(t, "127.0.0.1:0", "", node("edge", "127.0.0.1:0", directory), "near=testsrc:320x180@10")
	waitFor(t, "the edge to know the stream of the origin", func() bool { return len(edge.streams(t)) == 2 })
	return origin, edge
}

// In a cluster the wall and the view of a stream say which node a stream comes from, over how many hops, and the server's view lists
// the nodes. All of it can be used by everybody.
func TestCluster(t *testing.T) {
	t.Parallel()
	_, edge := serveNodes(t)
	p := open(t, edge.url("/"), 320, 640)
	p.do("(0, eval)(" + quoted(axe(t)) + ")")
	p.await("both streams", "document.querySelectorAll('.tile').length === 2")
	p.await("the stream of the other node", "document.querySelector('.tile .screen[data-seq]') && document.querySelector('.tile .from')?.title === 'from node origin, 1 hop'")
	p.await("the node of far alone", "[...document.querySelectorAll('.from')].filter((e) => e.checkVisibility()).map((e) => e.closest('.tile').querySelector('.name').textContent + ' ' + e.textContent).join() === 'far origin'")
	p.await("how many streams come from others", "document.querySelector('.summary').textContent.startsWith('2 streams · 1 from 1 other node')")
	p.isUsable("wall")

	arrival := "[...document.querySelectorAll('.values > div')].some((e) => e.checkVisibility() && e.textContent.startsWith('Capture to this server') && e.textContent.endsWith('ms'))"
	p.do("location.hash = '#/stream/far'")
	p.await("where it comes from", "document.querySelector('.origin').textContent.startsWith('from node origin, 1 hop · ') && "+arrival)
	p.isUsable("stream")
	p.do("location.hash = '#/stream/near'")
	p.await("a stream of the node itself", "document.querySelector('.stage .screen[data-seq]') && document.querySelector('.origin').textContent.startsWith('testsrc')")
	if eval[bool](p, arrival) {
		t.Error("a stream of the node itself has an age on arrival")
	}

	p.do("location.hash = '#/server'")
	p.await("the nodes", "document.querySelector('.nodes').checkVisibility() && [...document.querySelectorAll('.nodes tbody tr')].map((row) => [...row.children].slice(0, 3).map((cell) => cell.textContent).join(' ')).join() === 'edge, this one online 1,origin online 1'")
	p.await("its node, and the cluster", "document.querySelector('.summary').textContent.includes('node edge') && document.querySelector('.nodes .note').textContent.startsWith('studio · 2 nodes')")
	p.isUsable("server")
}
