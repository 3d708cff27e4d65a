package cluster

import (
	"fmt"
	"io"
	"strings"
)

// Write writes r as text.
func (r Result) Write(out io.Writer) {
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	where := "any node"
	if r.ByName {
		where = "nodes of the stream's name"
	}
	p("%d nodes, %d streams, %d viewers sent to %s, cluster.max_edges %d, popularity 1/n^%g, %d viewers changed, seed %d",
		r.Nodes, r.Streams, r.Viewers, where, r.MaxEdges, r.Popularity, r.Churn, r.Seed)
	p("pulls: %d, of them without viewers of their own: %d; by hops: %s", r.Pulls, r.Idle, shares(r.PullHops, 1))
	p("viewers by hops: %s", shares(r.ViewerHops, 0))
	p("a node, P50 / P99 / most: viewers %s, streams of other nodes %s, sends %s Gbit/s, gets %s Gbit/s, cores %s; most copies to other nodes: %d",
		r.NodeViewers.text(1, "%.0f"), r.NodePulls.text(1, "%.0f"), r.NodeOut.text(1e-9, "%.1f"), r.NodeIn.text(1e-9, "%.1f"), r.NodeCPU.text(1, "%.2f"), r.Copies)
	p("a stream that the node does not have yet: asks %s nodes, first image after %s ms", r.Asked.text(1, "%.0f"), r.First.text(1e3, "%.1f"))
	l := r.Loss
	p("loss of a node (%d, one after the other): %s viewers connect elsewhere", l.Nodes, l.Viewers.text(1, "%.0f"))
	p("  as an edge: %s pulls of other nodes ask again, with %s viewers; each asks %s nodes; no images for %s ms (%.0f s more where the machine falls silent)",
		l.Edges.text(1, "%.0f"), l.Others.text(1, "%.0f"), l.Asked.text(1, "%.0f"), l.Gap.text(1e3, "%.0f"), r.Costs.SilentAfter.Seconds())
	p("  as the publisher's node: %s pulls of a stream, %s questions to its new node; no images for %s ms, of which the publisher takes %d",
		l.Orphans.text(1, "%.0f"), l.Questions.text(1, "%.0f"), l.OrphansGap.text(1e3, "%.0f"), r.Costs.Republish.Milliseconds())
}

func (s Spread) text(factor float64, format string) string {
	return fmt.Sprintf(format+" / "+format+" / "+format, s.P50*factor, s.P99*factor, s.Max*factor)
}

// shares returns counts, of which the first is of so many hops.
func shares(counts []int, first int) string {
	var parts []string
	for i, n := range counts {
		parts = append(parts, fmt.Sprintf("%d: %d", i+first, n))
	}
	return strings.Join(parts, ", ")
}

// Write writes c as text, and what it means for other numbers of nodes.
func (c Control) Write(out io.Writer, nodes ...int) {
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	p("directory of %d nodes with %d streams, by the server's own code: all known %.0f ms after a node has come; its table takes %.1f MB; a stream is found in %d ns",
		c.Nodes, c.Streams, c.Settled.Seconds()*1e3, float64(c.Table)/1e6, c.Find.Nanoseconds())
	p("each node sends %.2f messages and %.0f bytes a second; to take one costs %.1f us", c.Messages, c.Bytes, float64(c.Hear.Nanoseconds())/1e3)
	for _, n := range nodes {
		messages, bits, cores := c.Traffic(n)
		p("  of %5d nodes each hears %6.0f messages a second, %7.3f Mbit/s, for %6.3f %% of a core; all together %9.3g messages a second", n, messages, bits/1e6, 100*cores, messages*float64(n))
	}
}
