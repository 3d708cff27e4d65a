package cluster

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func run(t *testing.T, o Options) Result {
	t.Helper()
	r, err := Run(o, Measured)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var small = Options{Nodes: 60, Streams: 200, Viewers: 9000, MaxEdges: 4, Popularity: 1, Churn: 5000, Seed: 7}

// The same seed gives the same figures, and another one others.
func TestRunIsDeterministic(t *testing.T) {
	text := func(o Options) string {
		var b bytes.Buffer
		run(t, o).Write(&b)
		return b.String()
	}
	first, other := text(small), small
	other.Seed++
	if again := text(small); again != first {
		t.Errorf("got\n%s\nand then\n%s", first, again)
	}
	if strings.Split(text(other), "\n")[1] == strings.Split(first, "\n")[1] {
		t.Errorf("another seed gives the same pulls:\n%s", first)
	}
}

// Every viewer is counted once, and every pull; what nodes send and get is what viewers and pulls need.
func TestRunAddsUp(t *testing.T) {
	for _, byName := range []bool{false, true} {
		o := small
		o.ByName = byName
		r := run(t, o)
		if got := sum(r.ViewerHops); got != o.Viewers {
			t.Errorf("by name %v: got %d viewers, want %d", byName, got, o.Viewers)
		}
		if got := sum(r.PullHops); got != r.Pulls || r.Pulls == 0 {
			t.Errorf("by name %v: got %d pulls by hops, want %d", byName, got, r.Pulls)
		}
		if r.Loss.Nodes != 20 || r.Loss.Viewers.Max == 0 || r.Loss.OrphansGap.P50 < Measured.Republish.Seconds() {
			t.Errorf("by name %v: got the losses %+v", byName, r.Loss)
		}
	}
	if any, named := run(t, small).Pulls, run(t, Options{Nodes: 60, Streams: 200, Viewers: 9000, MaxEdges: 4, Popularity: 1, ByName: true, Churn: 5000, Seed: 7}).Pulls; named*3 > any {
		t.Errorf("got %d pulls where viewers are sent by name, and %d elsewhere: want far fewer", named, any)
	}
}

func sum(counts []int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}

// Through joins, leaves and losses a tree stays one: each edge has a way to the origin, whose length is its hops, no node sends to more
// than maxEdges, and those below a node are few in proportion to the depth.
func TestTree(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, maxEdges := range []int{1, 2, 8} {
		tr := newTree(0, maxEdges)
		for step := range 1500 {
			node := int32(1 + random.IntN(150))
			e := tr.edges[node]
			switch {
			case e == nil:
				e = &edge{node: node, viewers: 1}
				if asked := tr.join(e); asked != e.hops && (asked != mostAsked || e.hops != 1) {
					t.Fatalf("max %d, step %d: asked %d nodes for %d hops", maxEdges, step, asked, e.hops)
				}
			case random.IntN(20) == 0:
				tr.lose(e)
			case e.viewers > 0:
				e.viewers = 0
				tr.leave(e)
			default:
				e.viewers = 1
			}
			checkTree(t, tr)
		}
		if maxEdges == 1 && (depth(tr) != mostHops || len(tr.origin.children) < 2) {
			t.Errorf("with one edge a node, got the depth %d, and %d edges of the origin, want %d, and the others there", depth(tr), len(tr.origin.children), mostHops)
		}
		if maxEdges == 8 && depth(tr) > 4 {
			t.Errorf("with 8 edges a node, got the depth %d of %d edges, want 4 at most", depth(tr), len(tr.edges)-1)
		}
	}
}

func depth(tr *tree) (most int) {
	for _, e := range tr.edges {
		most = max(most, e.hops)
	}
	return most
}

func checkTree(t *testing.T, tr *tree) {
	t.Helper()
	for node, e := range tr.edges {
		if e.node != node || len(e.children) > tr.maxEdges && e != tr.origin || e.hops > mostHops {
			t.Fatalf("node %d is edge %d and sends to %d others, want %d at most", node, e.node, len(e.children), tr.maxEdges)
		}
		hops, at := 0, e
		for ; at.parent != nil && hops <= len(tr.edges); at = at.parent {
			hops++
		}
		if at != tr.origin || hops != e.hops {
			t.Fatalf("node %d is %d hops from node %d, want %d from the origin", node, hops, at.node, e.hops)
		}
		if e != tr.origin && e.viewers == 0 && len(e.children) == 0 {
			t.Fatalf("node %d takes the stream for nobody", node)
		}
	}
}

// Wrong sizes are refused.
func TestRunRefuses(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.Nodes = 1 }, func(o *Options) { o.Streams = 0 }, func(o *Options) { o.Viewers = 1 << 30 }, func(o *Options) { o.MaxEdges = 0 },
		func(o *Options) { o.Churn = -1 }, func(o *Options) { o.Popularity = -1 },
	} {
		o := small
		change(&o)
		if _, err := Run(o, Measured); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
}

// The directory that is measured is the server's: it settles, and its messages are counted.
func TestMeasureControl(t *testing.T) {
	c, err := MeasureControl(t.Context(), 20, 100, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if c.Messages <= 0 || c.Bytes < 50*c.Messages || c.Hear <= 0 || c.Find <= 0 {
		t.Errorf("got %+v", c)
	}
	messages, bits, cores := c.Traffic(1000)
	if messages != c.Messages*1000 || bits != c.Bytes*8000 || cores != messages*c.Hear.Seconds() {
		t.Errorf("got %g messages, %g bits, %g cores", messages, bits, cores)
	}
	if _, err := MeasureControl(t.Context(), 1, 100, 0); err == nil {
		t.Error("one node: got no error")
	}
}
