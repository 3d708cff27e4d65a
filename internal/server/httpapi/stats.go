package httpapi

import (
	"encoding/json"
	"net/http"
	"runtime"
	"runtime/debug"
	rtmetrics "runtime/metrics"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// statistics is the JSON of GET /v1/stats: what the server has done since its start, and holds now. Counters are given
// as they are, and readers compute rates. Sizes are in bytes, times in seconds.
type statistics struct {
	Time    float64 `json:"time"` // since the Unix epoch
	Uptime  float64 `json:"uptime_s"`
	Version string  `json:"version,omitempty"`
	Node    string  `json:"node,omitempty"` // of a cluster
	Go      string  `json:"go"`
	Kernels string  `json:"kernels"`
	Workers int     `json:"workers"`

	Frames       frameCounts `json:"frames"`
	Live         liveCounts  `json:"live"`
	Batch        histogram   `json:"batch_seconds"` // encoding of a batch, once it has its turn
	Running      int         `json:"running"`
	QueueDepth   int         `json:"queue_depth"`
	OpenRequests int         `json:"open_requests"`
	Open         openCounts  `json:"open"` // those requests, and viewers, by kind

	CPU     float64       `json:"cpu_seconds"` // of the process; 0 where the system does not say
	Cores   int           `json:"cores"`       // that it may use
	Network trafficCounts `json:"network"`

	Heap       heapCounts `json:"heap"`
	GC         gcCounts   `json:"gc"`
	Resident   uint64     `json:"rss_bytes,omitempty"` // 0 where the system does not say
	Goroutines uint64     `json:"goroutines"`
	Pool       poolCounts `json:"pool"`
}

// openCounts are of requests in flight, by what they are for, and of viewers, by transport.
type openCounts struct {
	Encode  int            `json:"encode"`
	Publish int            `json:"publish"`
	Mel     int            `json:"mel"`
	Scene   int            `json:"scene"`
	Viewers map[string]int `json:"viewers"`
}

// trafficCounts are bytes over connections, shared memory not among them.
type trafficCounts struct {
	In  int64 `json:"in_bytes"`
	Out int64 `json:"out_bytes"`
}

type frameCounts struct {
	OK     uint64 `json:"ok"`
	Failed uint64 `json:"failed"`
}

// liveCounts are of live streams. What was delivered and dropped includes viewers that have left.
type liveCounts struct {
	Streams   int    `json:"streams"`
	Online    int    `json:"online"`
	Viewers   int    `json:"viewers"`
	Delivered uint64 `json:"delivered"`
	Dropped   uint64 `json:"dropped"`
	Bytes     uint64 `json:"bytes"`
}

// histogram counts durations: counts[i] of count took le[i] at most. Bounds below and above which nothing was counted
// are left out.
type histogram struct {
	LE     []float64 `json:"le"`
	Counts []uint64  `json:"counts"`
	Count  uint64    `json:"count"`
}

type heapCounts struct {
	AllocBytes   uint64 `json:"allocs_bytes"`
	AllocObjects uint64 `json:"allocs_objects"`
	Live         uint64 `json:"live_bytes"` // after the last collection
}

type gcCounts struct {
	Cycles uint64    `json:"cycles"`
	Pauses histogram `json:"pauses"`
}

type poolCounts struct {
	Budget   int64        `json:"budget"`
	Held     int64        `json:"held"` // in use and idle
	InUse    int64        `json:"in_use"`
	Idle     int64        `json:"idle"`
	Admitted int64        `json:"admitted"`
	Waiting  int          `json:"waiting"`
	Refused  uint64       `json:"refused"`
	Gets     uint64       `json:"gets"` // of all classes
	Misses   uint64       `json:"misses"`
	Classes  []classCount `json:"classes"` // none in the history
}

type classCount struct {
	Size     int    `json:"size"`
	Gets     uint64 `json:"gets"`
	Misses   uint64 `json:"misses"`
	InUse    int64  `json:"in_use"`
	Idle     int64  `json:"idle"`
	Discards uint64 `json:"discards"`
}

// stats serves GET /v1/stats; with ?history, what Record has kept.
func (h *Handler) stats(w *writer, r *http.Request) error {
	var body any = h.statistics()
	if r.URL.Query().Has("history") {
		body = struct {
			Samples []statistics `json:"samples"`
		}{append([]statistics{}, h.history.samples()...)}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(data)
	return err
}

func (h *Handler) statistics() statistics {
	e, now, totals := h.engine, time.Now(), h.live.Hub.Totals()
	s := statistics{
		Time: float64(now.UnixMicro()) / 1e6, Uptime: now.Sub(e.Started).Seconds(),
		Version: Version(), Go: runtime.Version(), Kernels: pipeline.DescribeKernels(), Workers: e.Workers(),
		Live: countLive(totals), Batch: batchHistogram(e.Metrics.Stage(metrics.Run)),
		OpenRequests: e.OpenRequests(), Pool: countPool(e.Pool.Stats()), Cores: min(runtime.GOMAXPROCS(0), runtime.NumCPU()),
		Open: openCounts{e.OpenOf(engine.Encode), e.OpenOf(engine.Publish), e.OpenOf(engine.Mel), e.OpenOf(engine.Scene), map[string]int{}},
	}
	if h.nodes.Directory != nil {
		s.Node = h.nodes.Directory.Self().Name
	}
	for _, t := range totals.Transports {
		s.Open.Viewers[t.Transport] = t.Viewers
	}
	s.Resident, s.CPU = e.Metrics.Process()
	s.Network.In, s.Network.Out = e.Traffic()
	s.Frames.OK, s.Frames.Failed = e.Metrics.Frames()
	s.Running, s.QueueDepth = e.Queue()
	s.readRuntime()
	return s
}

// Version returns the version of the module, "" for one that was built out of a working tree.
func Version() string { return version() }

// version parses a text of all modules once.
var version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
})

func countLive(t stream.Totals) liveCounts {
	c := liveCounts{Streams: t.Streams, Online: t.Online}
	for _, v := range t.Transports {
		c.Viewers += v.Viewers
		c.Delivered += v.Delivered
		c.Dropped += v.Dropped
		c.Bytes += v.Bytes
	}
	return c
}

func countPool(s pool.Stats) poolCounts {
	c := poolCounts{
		Budget: s.Budget, Held: s.InUse + s.Idle, InUse: s.InUse, Idle: s.Idle,
		Admitted: s.Admitted, Waiting: s.Waiting, Refused: s.Refused, Classes: make([]classCount, len(s.Classes)),
	}
	for i, cs := range s.Classes {
		c.Gets, c.Misses = c.Gets+cs.Gets, c.Misses+cs.Misses
		c.Classes[i] = classCount{Size: cs.Size, Gets: cs.Gets, Misses: cs.Misses, InUse: cs.InUse, Idle: cs.Idle, Discards: cs.Discards.Total()}
	}
	return c
}

// readRuntime sets what the Go runtime counts.
func (s *statistics) readRuntime() {
	samples := []rtmetrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/sched/goroutines:goroutines"}, {Name: "/sched/pauses/total/gc:seconds"},
	}
	rtmetrics.Read(samples)
	for i, to := range []*uint64{&s.Heap.AllocBytes, &s.Heap.AllocObjects, &s.Heap.Live, &s.GC.Cycles, &s.Goroutines} {
		*to = samples[i].Value.Uint64()
	}
	pauses := samples[5].Value.Float64Histogram()
	s.GC.Pauses = cumulate(len(pauses.Counts), func(i int) (le float64, n uint64) { return pauses.Buckets[i+1], pauses.Counts[i] })
}

func batchHistogram(h *metrics.Histogram) histogram {
	return cumulate(metrics.Buckets, func(i int) (le float64, n uint64) {
		d, n := h.Bucket(i)
		return d.Seconds(), n
	})
}

// cumulate makes a histogram of n buckets, of which bucket gives the upper bound and what it holds. The last bound may
// be infinite: Count stands for it.
func cumulate(n int, bucket func(i int) (le float64, count uint64)) histogram {
	first, end := 0, 0 // of the buckets from the first to the last that holds something
	for i := range n {
		switch le, count := bucket(i); {
		case count == 0 || le > maxBound:
		case end == 0:
			first, end = i, i+1
		default:
			end = i + 1
		}
	}
	h := histogram{LE: make([]float64, 0, end-first), Counts: make([]uint64, 0, end-first)}
	for i := range n {
		le, count := bucket(i)
		h.Count += count
		if first <= i && i < end {
			h.LE, h.Counts = append(h.LE, le), append(h.Counts, h.Count)
		}
	}
	return h
}

// maxBound is above any duration that is counted, and below infinity, which JSON has not.
const maxBound = 1e9
