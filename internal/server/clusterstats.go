package server

import (
	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// clusterStats returns what metrics say of the cluster.
func clusterStats(d *cluster.Directory) metrics.ClusterStats {
	state := d.State()
	s := metrics.ClusterStats{
		Here: d.Self().Streams, Elsewhere: len(d.Streams()), Static: state.Kind == "static", Connected: !state.Frozen,
		Sent: state.Sent.Messages, SentBytes: state.Sent.Bytes, Received: state.Received.Messages, ReceivedBytes: state.Received.Bytes,
		Refused: state.Refused, Expired: state.Expired, Conflicts: state.Conflicts,
	}
	for _, n := range d.Nodes() {
		switch n.Condition(&state) {
		case cluster.Online:
			s.Online++
		case cluster.Draining:
			s.Draining++
		case cluster.Unknown:
			s.Unknown++
		}
	}
	return s
}
