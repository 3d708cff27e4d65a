package cluster

// edge is a node that takes a stream from another one.
type edge struct {
	node     int32
	parent   *edge // nil: the origin, or none
	children []*edge
	named    int // how often its parent named it to others
	viewers  int // its own
	hops     int // from the publisher's node, which has 0
}

// tree is how one stream goes from node to node. Its rules are those of internal/server/live: a node that sends a stream to maxEdges
// others already names one of them, the one that it named least often.
type tree struct {
	origin   *edge
	edges    map[int32]*edge // by node, the origin among them
	maxEdges int
}

func newTree(origin int32, maxEdges int) *tree {
	o := &edge{node: origin}
	return &tree{origin: o, edges: map[int32]*edge{origin: o}, maxEdges: maxEdges}
}

const (
	// mostHops bounds the hops of an image.
	mostHops = 8
	// mostAsked is how many nodes one asks before the publisher's node sends the stream itself, however many it sends to.
	mostAsked = 13
)

// join makes a node an edge, and returns how many nodes it has asked. An edge that has lost its parent keeps its children.
func (t *tree) join(e *edge) (asked int) {
	at := t.origin
	for asked = 1; len(at.children) >= t.maxEdges; asked++ {
		if asked == mostHops {
			at, asked = t.origin, mostAsked
			break
		}
		next := at.children[0]
		for _, c := range at.children {
			if c.named < next.named {
				next = c
			}
		}
		next.named++
		at = next
	}
	e.parent, e.named = at, 0
	at.children = append(at.children, e)
	e.hops = at.hops + 1
	t.edges[e.node] = e
	return asked
}

// leave ends the edges that nobody watches and that send to nobody, from e on towards the origin, and returns how many.
func (t *tree) leave(e *edge) (ended int) {
	for e != t.origin && e.viewers == 0 && len(e.children) == 0 {
		parent := e.parent
		e.cut()
		delete(t.edges, e.node)
		ended++
		e = parent
	}
	return ended
}

// cut takes e from its parent.
func (e *edge) cut() {
	for i, c := range e.parent.children {
		if c == e {
			e.parent.children = append(e.parent.children[:i], e.parent.children[i+1:]...)
			break
		}
	}
	e.parent = nil
}

// fall is what the loss of a node does to one stream.
type fall struct {
	interrupted int   // edges that must ask again: all that got images over the lost one
	viewers     int   // of those
	asked       []int // of each of those with viewers, in their order, how many nodes it asked
	origin      int   // questions to the publisher's node
}

// lose takes a node away that is not the origin, and lets all below it ask again, from the top down: an edge learns that the way of its
// images has changed when its parent has another one, and then asks anew. Edges without viewers do not come back.
func (t *tree) lose(e *edge) (f fall) {
	parent := e.parent
	e.cut()
	delete(t.edges, e.node)
	below := e.below(nil)
	for _, b := range below {
		delete(t.edges, b.node)
		b.parent, b.children = nil, nil
	}
	for _, b := range below {
		f.interrupted++
		f.viewers += b.viewers
		if b.viewers > 0 {
			f.origin++
			f.asked = append(f.asked, t.join(b))
		}
	}
	t.leave(parent)
	return f
}

// below returns all edges below e, level by level.
func (e *edge) below(dst []*edge) []*edge {
	first := len(dst)
	dst = append(dst, e.children...)
	for i := first; i < len(dst); i++ {
		dst = append(dst, dst[i].children...)
	}
	return dst
}
