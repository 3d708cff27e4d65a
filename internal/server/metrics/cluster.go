package metrics

import "github.com/prometheus/client_golang/prometheus"

// ClusterStats is a cluster as one node of it knows it.
type ClusterStats struct {
	Online, Draining, Unknown   int  // nodes, this one among them; unknown are those that cannot be heard
	Here, Elsewhere             int  // streams whose publisher or source is on this node, on others
	Static                      bool // other servers are a list in the settings: nothing is heard of them
	Connected                   bool // the directory hears others
	Sent, Received              int64
	SentBytes, ReceivedBytes    int64
	Refused, Expired, Conflicts int64
}

// clusterCollector exports ClusterStats each time it is collected.
type clusterCollector struct {
	read                                                                    func() ClusterStats
	nodes, streams, connected, messages, bytes, refused, expired, conflicts *prometheus.Desc
}

// NewCluster returns a collector of what read returns of the cluster of that name.
func NewCluster(name string, read func() ClusterStats) prometheus.Collector {
	of := prometheus.Labels{"cluster": name}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("steadyframe_cluster_"+name, help, labels, of)
	}
	return clusterCollector{
		read:      read,
		nodes:     desc("nodes", "Nodes of the cluster as this one knows them, itself among them, by state.", "state"),
		streams:   desc("streams", "Live streams of the cluster whose publisher or source is on this node (here), or on others (elsewhere).", "node"),
		connected: desc("connected", "1 while this node hears the directory of the cluster, else 0: what it knows of others stays as it is."),
		messages:  desc("messages_total", "Messages of the directory, by direction.", "direction"),
		bytes:     desc("message_bytes_total", "Bytes of the messages of the directory, by direction.", "direction"),
		refused:   desc("messages_refused_total", "Messages of other nodes that were wrong, or too much."),
		expired:   desc("nodes_expired_total", "Nodes that fell silent and were taken out of the directory."),
		conflicts: desc("conflicts_total", "Streams that were published here and on another node at the same time."),
	}
}

// Describe is part of prometheus.Collector.
func (c clusterCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.nodes, c.streams, c.connected, c.messages, c.bytes, c.refused, c.expired, c.conflicts} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (c clusterCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.read()
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	count := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(c.nodes, s.Online, "online")
	gauge(c.nodes, s.Draining, "draining")
	gauge(c.nodes, s.Unknown, "unknown")
	gauge(c.streams, s.Here, "here")
	gauge(c.streams, s.Elsewhere, "elsewhere")
	if s.Static {
		return
	}
	connected := 0
	if s.Connected {
		connected = 1
	}
	gauge(c.connected, connected)
	count(c.messages, s.Sent, "sent")
	count(c.messages, s.Received, "received")
	count(c.bytes, s.SentBytes, "sent")
	count(c.bytes, s.ReceivedBytes, "received")
	count(c.refused, s.Refused)
	count(c.expired, s.Expired)
	count(c.conflicts, s.Conflicts)
}
