package metrics

import "github.com/prometheus/client_golang/prometheus"

// Listener counts the connections of a listener.
type Listener struct {
	Name    string        // http, grpc, ring, rtsp or admin
	Open    func() int    // connections
	Refused func() uint64 // connections closed at once, since as many as may be were open and busy
	Evicted func() uint64 // idle connections closed to make room for others
	Bytes   func() (in, out int64)
}

// Listeners exports the counts of connections each time it is collected.
type Listeners struct {
	listeners              []Listener
	open, refused, evicted *prometheus.Desc
	received, sent         *prometheus.Desc
}

// NewListeners returns a collector for the listeners.
func NewListeners(listeners []Listener) *Listeners {
	labels := []string{"listener"}
	return &Listeners{
		listeners: listeners,
		open:      prometheus.NewDesc("steadyframe_connections", "Connections that are open.", labels, nil),
		refused: prometheus.NewDesc("steadyframe_connections_refused_total",
			"Connections closed on arrival, since limits.max_connections were open and busy.", labels, nil),
		evicted: prometheus.NewDesc("steadyframe_connections_evicted_total",
			"Idle connections closed to make room for others, since limits.max_connections were open.", labels, nil),
		received: prometheus.NewDesc("steadyframe_received_bytes_total", "Bytes received over connections of a listener.", labels, nil),
		sent:     prometheus.NewDesc("steadyframe_sent_bytes_total", "Bytes sent over connections of a listener.", labels, nil),
	}
}

// Describe is part of prometheus.Collector.
func (c *Listeners) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.open
	ch <- c.refused
	ch <- c.evicted
	ch <- c.received
	ch <- c.sent
}

// Collect is part of prometheus.Collector.
func (c *Listeners) Collect(ch chan<- prometheus.Metric) {
	for _, l := range c.listeners {
		ch <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(l.Open()), l.Name)
		ch <- prometheus.MustNewConstMetric(c.refused, prometheus.CounterValue, float64(l.Refused()), l.Name)
		ch <- prometheus.MustNewConstMetric(c.evicted, prometheus.CounterValue, float64(l.Evicted()), l.Name)
		in, out := l.Bytes()
		ch <- prometheus.MustNewConstMetric(c.received, prometheus.CounterValue, float64(in), l.Name)
		ch <- prometheus.MustNewConstMetric(c.sent, prometheus.CounterValue, float64(out), l.Name)
	}
}

// Limit is a setting that bounds a number.
type Limit struct {
	Setting string // its name, such as limits.max_requests
	Value   int
}

// RegisterLimits adds a gauge for each limit, so that alerts can tell how near one is.
func (m *Metrics) RegisterLimits(limits ...Limit) {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "steadyframe_limit", Help: "The most that a setting allows, by the setting's name.",
	}, []string{"setting"})
	for _, l := range limits {
		gauge.WithLabelValues(l.Setting).Set(float64(l.Value))
	}
	m.Registry.MustRegister(gauge)
}
