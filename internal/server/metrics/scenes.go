package metrics

import "github.com/prometheus/client_golang/prometheus"

// SceneStats counts scenes.
type SceneStats struct {
	Loaded   int   // that can be used
	Unloaded int   // that only their users hold
	Users    int   // requests and live streams
	Bytes    int64 // of the memory budget
}

// scenes exports SceneStats each time it is collected.
type scenes struct {
	read                 func() SceneStats
	count, users, memory *prometheus.Desc
}

// NewScenes returns a collector of what read returns.
func NewScenes(read func() SceneStats) prometheus.Collector {
	return scenes{
		read:   read,
		count:  prometheus.NewDesc("steadyframe_scenes", "Scenes that are loaded, or unloaded and still in use.", []string{"state"}, nil),
		users:  prometheus.NewDesc("steadyframe_scene_users", "Requests and live streams that use a scene.", nil, nil),
		memory: prometheus.NewDesc("steadyframe_scene_bytes", "What scenes hold of the memory budget, also while they are being loaded.", nil, nil),
	}
}

// Describe is part of prometheus.Collector.
func (c scenes) Describe(ch chan<- *prometheus.Desc) { ch <- c.count; ch <- c.users; ch <- c.memory }

// Collect is part of prometheus.Collector.
func (c scenes) Collect(ch chan<- prometheus.Metric) {
	s := c.read()
	ch <- prometheus.MustNewConstMetric(c.count, prometheus.GaugeValue, float64(s.Loaded), "loaded")
	ch <- prometheus.MustNewConstMetric(c.count, prometheus.GaugeValue, float64(s.Unloaded), "unloaded")
	ch <- prometheus.MustNewConstMetric(c.users, prometheus.GaugeValue, float64(s.Users))
	ch <- prometheus.MustNewConstMetric(c.memory, prometheus.GaugeValue, float64(s.Bytes))
}
