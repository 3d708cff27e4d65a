package pooling

import "github.com/steadyframe/steadyframe/lab/measure"

// Figures are what a turn, or the median of all rounds, says of an option in a mode. A figure that the system does not tell,
// or that there was nothing to take from, is nil. Latencies are of whole batches.
type Figures struct {
	FPS   float64 `json:"fps"` // frames answered a second
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	MaxMS float64 `json:"max_ms"`

	AllocsPerFrame  float64 `json:"allocs_per_frame"` // heap objects
	BytesPerFrame   float64 `json:"bytes_per_frame"`  // of them
	AllocsPerSecond float64 `json:"allocs_per_s"`
	BytesPerSecond  float64 `json:"bytes_per_s"`

	Collections          float64  `json:"collections"` // in a turn
	CollectionsPerSecond float64  `json:"collections_per_s"`
	PauseP99             *float64 `json:"pause_p99_us"` // of the collector; nil: there was none
	PauseMax             *float64 `json:"pause_max_us"`
	CPU                  *float64 `json:"cpu_s_per_1000_frames"`
	CollectorFraction    float64  `json:"gc_cpu_fraction"` // of what the process had of the processors, as the Go runtime estimates both
	PageFaults           *float64 `json:"page_faults"`     // in a turn
	FaultsPerFrame       *float64 `json:"page_faults_per_frame"`
	RSSPeak              *float64 `json:"rss_peak_bytes"`
	HeapEnd              float64  `json:"heap_end_bytes"` // what lives after two collections
}

// figure is one of the Figures, by name.
type figure struct {
	name string
	of   func(f *Figures) *float64                // where it stands; nil: the turn has none
	set  func(f *Figures, v float64)              // makes it v
	all  func(values []float64) (summary float64) // one of a figure's values for all rounds
}

// always is a figure that every turn has; sometimes one that may be nil.
func always(name string, at func(f *Figures) *float64) figure {
	return figure{name: name, of: at, set: func(f *Figures, v float64) { *at(f) = v }, all: median}
}

func sometimes(name string, at func(f *Figures) **float64) figure {
	return figure{name: name, of: func(f *Figures) *float64 { return *at(f) }, set: func(f *Figures, v float64) { *at(f) = &v }, all: median}
}

// worst is f for what is the most of anything: of all rounds it is the most of any.
func worst(f figure) figure {
	f.all = func(values []float64) float64 {
		most := values[0]
		for _, v := range values {
			most = max(most, v)
		}
		return most
	}
	return f
}

func median(values []float64) float64 { return measure.SpreadOf(values).Median }

// figures returns all of Figures, by their names in JSON.
func figures() []figure {
	return []figure{
		always("fps", func(f *Figures) *float64 { return &f.FPS }),
		always("p50_ms", func(f *Figures) *float64 { return &f.P50 }),
		always("p95_ms", func(f *Figures) *float64 { return &f.P95 }),
		always("p99_ms", func(f *Figures) *float64 { return &f.P99 }),
		always("p999_ms", func(f *Figures) *float64 { return &f.P999 }),
		worst(always("max_ms", func(f *Figures) *float64 { return &f.MaxMS })),
		always("allocs_per_frame", func(f *Figures) *float64 { return &f.AllocsPerFrame }),
		always("bytes_per_frame", func(f *Figures) *float64 { return &f.BytesPerFrame }),
		always("allocs_per_s", func(f *Figures) *float64 { return &f.AllocsPerSecond }),
		always("bytes_per_s", func(f *Figures) *float64 { return &f.BytesPerSecond }),
		always("collections", func(f *Figures) *float64 { return &f.Collections }),
		always("collections_per_s", func(f *Figures) *float64 { return &f.CollectionsPerSecond }),
		sometimes("pause_p99_us", func(f *Figures) **float64 { return &f.PauseP99 }),
		worst(sometimes("pause_max_us", func(f *Figures) **float64 { return &f.PauseMax })),
		sometimes("cpu_s_per_1000_frames", func(f *Figures) **float64 { return &f.CPU }),
		always("gc_cpu_fraction", func(f *Figures) *float64 { return &f.CollectorFraction }),
		sometimes("page_faults", func(f *Figures) **float64 { return &f.PageFaults }),
		sometimes("page_faults_per_frame", func(f *Figures) **float64 { return &f.FaultsPerFrame }),
		sometimes("rss_peak_bytes", func(f *Figures) **float64 { return &f.RSSPeak }),
		always("heap_end_bytes", func(f *Figures) *float64 { return &f.HeapEnd }),
	}
}
