// Package cluster says how a cluster behaves that is larger than any machine here: many nodes, streams and viewers. What goes from node
// to node is simulated by the rules of the server, and costs are those that were measured with it; the directory is the server's own
// code. The simulation gives the same figures for the same seed.
package cluster

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Options are the size of a cluster. All counts must be above 0.
type Options struct {
	Nodes, Streams, Viewers int
	MaxEdges                int     // cluster.max_edges
	Popularity              float64 // viewers of the nth stream are proportional to n to the power of minus this
	ByName                  bool    // viewers are sent to nodes by the name of the stream, else to any node
	Churn                   int     // viewers that leave, each for one that comes, before the figures are taken
	Seed                    uint64
}

// Costs are what one part of the work takes, as measured (bench/results/cluster.txt).
type Costs struct {
	ImageBytes  int           // of a JPEG
	FPS         float64       // of a stream
	ViewerCPU   float64       // of a core, for each viewer
	PullCPU     float64       // of a core, for each stream that comes from another node
	Hop         time.Duration // that an image needs for one hop, beside the line's
	Question    time.Duration // that a node needs to ask another one, beside the line's
	RoundTrip   time.Duration // of the network
	LineBits    float64       // bits a second of a node's line
	SilentAfter time.Duration // until a node that says nothing is given up
	Republish   time.Duration // until a publisher whose node is gone sends to another one, and the directory says so
}

// Measured are costs of the server on one Intel Xeon (AVX-512) with others on the same machine, for 1280x720 at 25 frames a second;
// bench/results has their raw output. What is not of the server (round trip, line, publisher) is that of a usual data center.
var Measured = Costs{
	ImageBytes: 40_000, FPS: 25, // viewers.txt
	ViewerCPU: 0.00046,                                                               // viewers.txt: 23.0 % of a core for 500
	PullCPU:   0.0036, Hop: 600 * time.Microsecond, Question: 300 * time.Microsecond, // cluster.txt
	RoundTrip: 500 * time.Microsecond, LineBits: 25e9,
	SilentAfter: 3 * time.Second, Republish: 500 * time.Millisecond,
}

// Result is what was found.
type Result struct {
	Options
	Costs Costs

	Pulls       int    // streams that come from another node, of all nodes
	Idle        int    // of those, without viewers of their own: others get the stream over them
	PullHops    []int  // how many pulls have so many hops; index 0 is 1 hop
	ViewerHops  []int  // how many viewers; index 0 is those at the publisher's node
	Copies      int    // most copies that one node sends to others, of all streams
	Asked       Spread // nodes that one asks until it gets a stream
	First       Spread // seconds to the first image of a viewer whose node does not have the stream yet
	NodeViewers Spread // viewers of a node
	NodePulls   Spread // streams that a node takes from others
	NodeOut     Spread // bits a second that a node sends to viewers and nodes
	NodeIn      Spread // bits a second that a node gets from others
	NodeCPU     Spread // cores of a node, without encoding
	Loss        Loss   // of one node
}

// Loss is what the loss of one node does, over several nodes that are lost one after the other.
type Loss struct {
	Nodes      int    // that were lost
	Viewers    Spread // of the node: they connect to another one
	Edges      Spread // pulls of other nodes that got images over it, and ask again
	Others     Spread // viewers of those
	Asked      Spread // nodes that each of those pulls asks
	Gap        Spread // seconds without images for those viewers, when the process has ended; a silent machine adds Costs.SilentAfter
	Orphans    Spread // pulls of one stream whose publisher's node it was
	Questions  Spread // that the publisher's new node gets for one stream, all at once
	OrphansGap Spread // seconds without images, from the loss on: the publisher comes back, and all pulls ask again
}

// Spread is a distribution.
type Spread struct{ P50, P99, Max float64 }

func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	slices.Sort(values)
	at := func(p float64) float64 { return values[int(math.Ceil(p*float64(len(values))))-1] }
	return Spread{at(0.5), at(0.99), values[len(values)-1]}
}

// Run simulates.
func Run(o Options, c Costs) (Result, error) {
	for _, n := range []struct {
		name        string
		value, most int
	}{{"nodes", o.Nodes, 1 << 16}, {"streams", o.Streams, 1 << 20}, {"viewers", o.Viewers, 1 << 24}, {"edges", o.MaxEdges, 1000}} {
		if n.value < 1 || n.value > n.most {
			return Result{}, fmt.Errorf("got %d %s, want 1..%d", n.value, n.name, n.most)
		}
	}
	if o.Nodes < 2 || o.Churn < 0 || !(o.Popularity >= 0 && o.Popularity <= 10) {
		return Result{}, fmt.Errorf("got %d nodes, churn %d, popularity %g, want 2 or more, 0 or more, 0 to 10", o.Nodes, o.Churn, o.Popularity)
	}
	w := newWorld(o, c)
	for range o.Viewers {
		w.places = append(w.places, w.come(w.choose()))
	}
	for range o.Churn {
		i := w.random.IntN(len(w.places))
		w.quit(w.places[i])
		w.places[i] = w.come(w.choose())
	}
	r := w.figures()
	r.Loss = w.loseNodes(min(20, o.Nodes/2))
	return r, nil
}
