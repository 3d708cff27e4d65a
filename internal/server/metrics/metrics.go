// Package metrics counts what a server does, and exports it to Prometheus. Counting allocates nothing.
package metrics

import (
	"regexp"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// Stage is a part of the processing of a batch.
type Stage uint8

// The stages.
const (
	Receive Stage = iota // from a batch's first byte to its last
	Run                  // convert, resize and encode
	Send                 // from when the response is ready until it has left; over HTTP until the kernel has accepted it
)

var stageNames = [...]string{"receive", "run", "send"}

// Metrics is everything a server counts. All methods may be called from any goroutine.
type Metrics struct {
	Registry *prometheus.Registry

	process    processReader
	framesOK   prometheus.Counter
	framesNot  [fault.Kinds]prometheus.Counter
	rejected   [fault.Kinds]prometheus.Counter
	stages     [len(stageNames)]*Histogram
	batch      *Histogram
	queueWait  *Histogram
	viewerLag  *Histogram
	live       liveFrames
	pulls      *pulls
	sound      prometheus.Counter
	slowed     prometheus.Counter
	segments   [2]prometheus.Counter // reused, coded
	frames     atomic.Uint64         // the same as framesOK, for Frames
	frameFails atomic.Uint64
}

// Gauges are read when Prometheus asks.
type Gauges struct {
	QueueDepth   func() int // batches that wait for a turn
	Running      func() int // batches that have one
	OpenRequests func() int // streams and requests
}

// New returns Metrics in a registry of their own, with those of the Go runtime and the process.
func New() *Metrics {
	m := &Metrics{Registry: prometheus.NewRegistry()}
	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	m.process = newProcessReader(process)
	frames := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "steadyframe_frames_total", Help: "Frames by outcome: ok, or why a frame was not encoded.",
	}, []string{"outcome"})
	rejected := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "steadyframe_rejected_total", Help: "Requests refused or ended early, by reason.",
	}, []string{"reason"})
	m.framesOK = frames.WithLabelValues("ok")
	for k := range fault.Kinds {
		m.framesNot[k] = frames.WithLabelValues(fault.Kind(k).String())
		m.rejected[k] = rejected.WithLabelValues(fault.Kind(k).String())
	}
	m.batch = newHistogram("steadyframe_batch_duration_seconds",
		"From the arrival of a request's batch until it was encoded: the wait for its turn and the run. Live streams do not count.")
	m.queueWait = newHistogram("steadyframe_queue_wait_seconds", "How long a batch waited for its turn.")
	m.viewerLag = newHistogram("steadyframe_viewer_lag_seconds", "From the capture of a frame until a viewer had its JPEG; repeats do not count.")
	m.sound = prometheus.NewCounter(prometheus.CounterOpts{Name: "steadyframe_sound_seconds_total", Help: "Seconds of sound whose features were computed."})
	m.slowed = prometheus.NewCounter(prometheus.CounterOpts{Name: "steadyframe_slowed_total", Help: "Responses and messages of WebSockets held back: refusals, lists, single images and messages above a rate."})
	segments := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "steadyframe_segments_total", Help: "Restart segments of JPEGs with output.reuse, by outcome: reused, or coded.",
	}, []string{"outcome"})
	m.segments = [2]prometheus.Counter{segments.WithLabelValues("reused"), segments.WithLabelValues("coded")}
	live, streamFrames := newLiveFrames()
	m.live = live
	m.Registry.MustRegister(frames, rejected, m.slowed, m.sound, segments, m.batch, m.queueWait, m.viewerLag, newBuildInfo(), newPauses(), process,
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
			collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/sched/(latencies|pauses/.*):seconds$`)},
			collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/gc/(cycles/total:gc-cycles|heap/(allocs|live):.*)$`)},
			collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/cpu/classes/gc/total:cpu-seconds$`)},
		)),
	)
	m.Registry.MustRegister(streamFrames...)
	pulls, pulled := newPulls()
	m.pulls = pulls
	m.Registry.MustRegister(pulled...)
	for i, name := range stageNames {
		m.stages[i] = newHistogram("steadyframe_stage_duration_seconds", "Time of a batch in each stage.", "stage", name)
		m.Registry.MustRegister(m.stages[i])
	}
	return m
}

// RegisterGauges adds the gauges.
func (m *Metrics) RegisterGauges(g Gauges) {
	for _, v := range []struct {
		name, help string
		read       func() int
	}{
		{"steadyframe_queue_depth", "Batches that wait for their turn.", g.QueueDepth},
		{"steadyframe_running_batches", "Batches that are being encoded.", g.Running},
		{"steadyframe_open_requests", "Requests and streams that are open.", g.OpenRequests},
	} {
		m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: v.name, Help: v.help},
			func() float64 { return float64(v.read()) }))
	}
}

// FrameOK counts n frames that were encoded.
func (m *Metrics) FrameOK(n int) {
	m.framesOK.Add(float64(n))
	m.frames.Add(uint64(n))
}

// FrameFailed counts n frames that were not.
func (m *Metrics) FrameFailed(k fault.Kind, n int) {
	m.framesNot[k].Add(float64(n))
	m.frameFails.Add(uint64(n))
}

// Rejected counts a request that was refused, or a stream that ended early.
func (m *Metrics) Rejected(k fault.Kind) { m.rejected[k].Inc() }

// Slowed counts a response that was held back.
func (m *Metrics) Slowed() { m.slowed.Inc() }

// Segments counts restart segments of images that could reuse some: reused of all.
func (m *Metrics) Segments(reused, all uint64) {
	m.segments[0].Add(float64(reused))
	m.segments[1].Add(float64(all - reused))
}

// Sound counts seconds of sound whose features were computed.
func (m *Metrics) Sound(seconds float64) { m.sound.Add(seconds) }

// Took counts the time of a batch in a stage.
func (m *Metrics) Took(s Stage, d time.Duration) { m.stages[s].Observe(d) }

// Served counts the time of a request's batch, from its arrival until it was encoded.
func (m *Metrics) Served(d time.Duration) { m.batch.Observe(d) }

// Batches returns how many batches Served has counted, and the sum of their times.
func (m *Metrics) Batches() (n uint64, sum time.Duration) { return m.batch.Count(), m.batch.Sum() }

// Waited counts the time of a batch in the queue.
func (m *Metrics) Waited(d time.Duration) { m.queueWait.Observe(d) }

// Waits returns how many times Waited has counted, and their sum.
func (m *Metrics) Waits() (n uint64, sum time.Duration) {
	return m.queueWait.Count(), m.queueWait.Sum()
}

// Frames returns how many frames were encoded and how many failed.
func (m *Metrics) Frames() (ok, failed uint64) { return m.frames.Load(), m.frameFails.Load() }

// Stage returns the histogram of a stage.
func (m *Metrics) Stage(s Stage) *Histogram { return m.stages[s] }

// newBuildInfo returns the gauge that is always 1 and names what runs.
func newBuildInfo() prometheus.Collector {
	version, revision := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "steadyframe_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}
