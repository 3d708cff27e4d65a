package cluster

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"
)

// world is a cluster that is simulated.
type world struct {
	o       Options
	c       Costs
	random  *rand.Rand
	chances []float64 // of streams, summed up
	trees   []*tree   // by stream
	homes   [][]int32 // by stream: where its viewers are sent; nil: anywhere
	lost    []bool    // by node
	places  []place   // of viewers

	asked, first []float64 // of pulls that began for a viewer
}

// place is where a viewer is.
type place struct {
	stream int
	node   int32
}

func newWorld(o Options, c Costs) *world {
	w := &world{o: o, c: c, random: rand.New(rand.NewPCG(o.Seed, 16)), lost: make([]bool, o.Nodes)}
	sum := 0.0
	for n := range o.Streams {
		sum += math.Pow(float64(n+1), -o.Popularity)
		w.chances = append(w.chances, sum)
	}
	order := w.random.Perm(o.Nodes)
	for n := range o.Streams {
		w.trees = append(w.trees, newTree(int32(order[n%o.Nodes]), o.MaxEdges))
	}
	if o.ByName {
		w.nameHomes()
	}
	return w
}

// nameHomes gives each stream as many nodes as its viewers fill, as a consistent hash of bounded load does: of some nodes by chance,
// those with the fewest.
func (w *world) nameHomes() {
	room := float64(w.o.Viewers) / float64(w.o.Nodes)
	loads := make([]float64, w.o.Nodes)
	total, before := w.chances[len(w.chances)-1], 0.0
	for _, sum := range w.chances {
		viewers := (sum - before) / total * float64(w.o.Viewers)
		before = sum
		n := min(int(math.Ceil(viewers/room)), w.o.Nodes)
		candidates := w.random.Perm(w.o.Nodes)[:min(w.o.Nodes, n+3)]
		slices.SortStableFunc(candidates, func(a, b int) int { return compare(loads[a], loads[b]) })
		var homes []int32
		for _, node := range candidates[:n] {
			loads[node] += viewers / float64(n)
			homes = append(homes, int32(node))
		}
		w.homes = append(w.homes, homes)
	}
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// choose returns the stream that a viewer wants.
func (w *world) choose() int {
	x := w.random.Float64() * w.chances[len(w.chances)-1]
	return min(sort.SearchFloat64s(w.chances, x), len(w.chances)-1)
}

// come sends a viewer of a stream to a node.
func (w *world) come(stream int) place {
	node := int32(w.random.IntN(w.o.Nodes))
	if w.homes != nil {
		node = w.homes[stream][w.random.IntN(len(w.homes[stream]))]
	}
	for w.lost[node] {
		node = int32(w.random.IntN(w.o.Nodes))
	}
	t := w.trees[stream]
	e := t.edges[node]
	if e == nil {
		running := len(t.origin.children) > 0 || t.origin.viewers > 0
		e = &edge{node: node}
		asked := t.join(e)
		wait := 0.0
		if !running { // The encoder begins with the next frame.
			wait = w.random.Float64() / w.c.FPS
		}
		w.asked = append(w.asked, float64(asked))
		w.first = append(w.first, wait+w.questions(asked)+w.hop())
	}
	e.viewers++
	return place{stream, node}
}

// quit takes a viewer away.
func (w *world) quit(p place) {
	t := w.trees[p.stream]
	e := t.edges[p.node]
	e.viewers--
	t.leave(e)
}

// questions returns the seconds that it takes to ask so many nodes, each over a new connection with TLS: three round trips.
func (w *world) questions(asked int) float64 {
	return float64(asked) * (3*w.c.RoundTrip + w.c.Question).Seconds()
}

// hop returns the seconds that an image takes from one node to the next: when all edges get it at once, the last waits for all copies
// on the line.
func (w *world) hop() float64 {
	return (w.c.Hop + w.c.RoundTrip/2).Seconds() + float64(w.o.MaxEdges*8*w.c.ImageBytes)/w.c.LineBits
}

// figures returns what there is now.
func (w *world) figures() (r Result) {
	r.Options, r.Costs = w.o, w.c
	bits := 8 * float64(w.c.ImageBytes) * w.c.FPS
	viewers, pulls, copies := make([]float64, w.o.Nodes), make([]float64, w.o.Nodes), make([]float64, w.o.Nodes)
	for _, t := range w.trees {
		for _, e := range t.edges {
			viewers[e.node] += float64(e.viewers)
			copies[e.node] += float64(len(e.children))
			r.ViewerHops = count(r.ViewerHops, e.hops, e.viewers)
			if e == t.origin {
				continue
			}
			pulls[e.node]++
			r.Pulls++
			r.PullHops = count(r.PullHops, e.hops-1, 1)
			if e.viewers == 0 {
				r.Idle++
			}
		}
	}
	var in, out, cpu []float64
	for n := range viewers {
		in, out = append(in, pulls[n]*bits), append(out, (viewers[n]+copies[n])*bits)
		cpu = append(cpu, (viewers[n]+copies[n])*w.c.ViewerCPU+pulls[n]*w.c.PullCPU)
		r.Copies = max(r.Copies, int(copies[n]))
	}
	r.NodeViewers, r.NodePulls, r.NodeIn, r.NodeOut, r.NodeCPU = spread(viewers), spread(pulls), spread(in), spread(out), spread(cpu)
	r.Asked, r.First = spread(w.asked), spread(w.first)
	return r
}

// count adds n at an index of counts, which grows.
func count(counts []int, index, n int) []int {
	for len(counts) <= index {
		counts = append(counts, 0)
	}
	counts[index] += n
	return counts
}

// retry is how long a pull that broke off waits before it asks again, at most.
const retry = 60 * time.Millisecond

// loseNodes lets nodes be lost, one after the other. After each, all is as it was without it before the next.
func (w *world) loseNodes(n int) (l Loss) {
	var viewers, edges, others, asked, gaps, orphans, questions, orphansGaps []float64
	l.Nodes = n
	for range n {
		node := int32(w.random.IntN(w.o.Nodes))
		for w.lost[node] {
			node = int32(w.random.IntN(w.o.Nodes))
		}
		w.lost[node] = true
		var away []int // viewers of the node
		for i, p := range w.places {
			if p.node == node {
				away = append(away, i)
			}
		}
		viewers = append(viewers, float64(len(away)))
		var below, watching float64
		for stream, t := range w.trees {
			e := t.edges[node]
			switch {
			case e == nil:
			case e == t.origin:
				f := w.moveOrigin(stream)
				orphans, questions = append(orphans, float64(f.interrupted)), append(questions, float64(f.origin))
				for i, n := range f.asked {
					orphansGaps = append(orphansGaps, w.c.Republish.Seconds()+w.gap(i, n))
				}
			default:
				f := t.lose(e)
				below, watching = below+float64(f.interrupted), watching+float64(f.viewers)
				for i, n := range f.asked {
					asked, gaps = append(asked, float64(n)), append(gaps, w.gap(i, n))
				}
			}
		}
		edges, others = append(edges, below), append(others, watching)
		for _, i := range away {
			w.places[i] = w.come(w.places[i].stream)
		}
	}
	l.Viewers, l.Edges, l.Others, l.Asked, l.Gap = spread(viewers), spread(edges), spread(others), spread(asked), spread(gaps)
	l.Orphans, l.Questions, l.OrphansGap = spread(orphans), spread(questions), spread(orphansGaps)
	return l
}

// gap returns the seconds until images come again for the pull that asks as the nth of those that ask at once. Each node takes one
// question after the other.
func (w *world) gap(nth, asked int) float64 {
	return retry.Seconds() + float64(nth)*w.c.Question.Seconds() + w.questions(asked) + w.hop()
}

// moveOrigin lets the publisher of a stream, whose node is lost, come to another node.
func (w *world) moveOrigin(stream int) (f fall) {
	old := w.trees[stream]
	node := int32(w.random.IntN(w.o.Nodes))
	for w.lost[node] {
		node = int32(w.random.IntN(w.o.Nodes))
	}
	t := newTree(node, w.o.MaxEdges)
	if was := old.edges[node]; was != nil {
		t.origin.viewers = was.viewers
	}
	w.trees[stream] = t
	for _, b := range old.origin.below(nil) {
		if b.node == node {
			continue
		}
		b.parent, b.children = nil, nil
		f.interrupted++
		f.viewers += b.viewers
		if b.viewers > 0 {
			f.origin++
			f.asked = append(f.asked, t.join(b))
		}
	}
	return f
}
