package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// liveFrames counts the frames of live streams by outcome, and how often sources were lost.
type liveFrames struct {
	made    prometheus.Counter
	dropped [len(stream.Info{}.Dropped)]prometheus.Counter
	lost    prometheus.Counter
}

// newLiveFrames returns the counters, and what is to be registered.
func newLiveFrames() (liveFrames, []prometheus.Collector) {
	frames := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "steadyframe_stream_frames_total", Help: "Frames of live streams by outcome: ok, or why a frame was not encoded.",
	}, []string{"outcome"})
	f := liveFrames{made: frames.WithLabelValues("ok"), lost: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "steadyframe_source_losses_total", Help: "Times that a source of the settings ended, or could not begin, and was to be tried again.",
	})}
	for r := range f.dropped {
		f.dropped[r] = frames.WithLabelValues(stream.DropReason(r).String())
	}
	return f, []prometheus.Collector{frames, f.lost}
}

// StreamFrameOK counts a frame of a live stream that was encoded.
func (m *Metrics) StreamFrameOK() { m.live.made.Inc() }

// StreamFrameDropped counts a frame of a live stream that was not.
func (m *Metrics) StreamFrameDropped(r stream.DropReason) { m.live.dropped[r].Inc() }

// SourceLost counts that a stream's source of the settings ended and will be tried again.
func (m *Metrics) SourceLost() { m.live.lost.Inc() }

// Lagged counts the time from the capture of a frame until a viewer had its JPEG.
func (m *Metrics) Lagged(d time.Duration) { m.viewerLag.Observe(d) }

// Live exports the state of live streams and their viewers each time it is collected. No metric has a label for a
// stream or a viewer: their number is unbounded.
type Live struct {
	hub *stream.Hub

	streams, viewers, delivered, dropped, sent, evicted, pinned, sound, listeners *prometheus.Desc
}

// NewLive returns a collector of the streams of hub.
func NewLive(hub *stream.Hub) *Live {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("steadyframe_"+name, help, labels, nil)
	}
	return &Live{
		hub:       hub,
		streams:   desc("streams", "Live streams by state.", "state"),
		viewers:   desc("viewers", "Viewers of live streams.", "transport"),
		delivered: desc("viewer_frames_delivered_total", "JPEGs that viewers received, with repeats.", "transport"),
		dropped:   desc("viewer_frames_dropped_total", "JPEGs that a viewer was never sent, by reason: newer, since a newer one came first.", "transport", "reason"),
		sent:      desc("viewer_sent_bytes_total", "Bytes of the JPEGs that viewers received.", "transport"),
		evicted:   desc("viewers_evicted_total", "Viewers that were disconnected because they held old JPEGs when the memory for those was used up.", "transport"),
		pinned:    desc("viewer_held_bytes", "Memory of old JPEGs that viewers still hold."),
		sound:     desc("streams_with_sound", "Live streams that have sound."),
		listeners: desc("listeners", "Listeners to the sound of live streams."),
	}
}

// Describe is part of prometheus.Collector.
func (c *Live) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.streams, c.viewers, c.delivered, c.dropped, c.sent, c.evicted, c.pinned, c.sound, c.listeners} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *Live) Collect(ch chan<- prometheus.Metric) {
	totals := c.hub.Totals()
	for state, n := range map[stream.State]int{
		stream.Waiting: totals.Waiting, stream.Online: totals.Online, stream.Offline: totals.Streams - totals.Waiting - totals.Online,
	} {
		ch <- prometheus.MustNewConstMetric(c.streams, prometheus.GaugeValue, float64(n), state.String())
	}
	for _, t := range totals.Transports {
		count := func(d *prometheus.Desc, v uint64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
		}
		ch <- prometheus.MustNewConstMetric(c.viewers, prometheus.GaugeValue, float64(t.Viewers), t.Transport)
		count(c.delivered, t.Delivered, t.Transport)
		count(c.dropped, t.Dropped, t.Transport, stream.Newer.String())
		count(c.sent, t.Bytes, t.Transport)
		count(c.evicted, t.Evicted, t.Transport)
	}
	ch <- prometheus.MustNewConstMetric(c.sound, prometheus.GaugeValue, float64(totals.Sound))
	ch <- prometheus.MustNewConstMetric(c.listeners, prometheus.GaugeValue, float64(totals.Listeners))
	ch <- prometheus.MustNewConstMetric(c.pinned, prometheus.GaugeValue, float64(c.hub.PinnedBytes()))
}
