package pooling

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/steadyframe/steadyframe/internal/meter"
)

// Mode is how batches are asked for.
type Mode string

// The modes.
const (
	Flat Mode = "flat" // a closed loop: each request asks again as soon as it has its response
	Open Mode = "open" // an open loop: batches are due at a set rate, and latency counts from then
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{Flat, Open} }

// UnmarshalText sets m to what text says.
func (m *Mode) UnmarshalText(text []byte) error {
	switch mode := Mode(text); mode {
	case Flat, Open:
		*m = mode
		return nil
	}
	return fmt.Errorf("got %q, want flat or open", text)
}

// turn says what one child measures: it is how the child is told.
type turn struct {
	Option      string        `json:"option"`
	Mode        Mode          `json:"mode"`
	Size        Size          `json:"size"`
	Batch       int           `json:"batch"` // frames
	Concurrency int           `json:"concurrency"`
	Rate        float64       `json:"rate"` // batches a second, of Open
	Duration    time.Duration `json:"duration"`
	WarmUp      time.Duration `json:"warm_up"`
	Limit       time.Duration `json:"limit"`  // how long all may take before the child says that it hangs
	Hashes      []uint64      `json:"hashes"` // of the JPEGs of all frames
}

// turnResult is what a turn has measured: it is what the child says.
type turnResult struct {
	Figures
	Curve       []CurvePoint `json:"curve"`
	Heap        []HeapPoint  `json:"heap"`
	Batches     int          `json:"batches"`      // answered in the measured time
	Late        int          `json:"late"`         // batches that were due and not begun: see requests.open
	Frames      int          `json:"frames"`       // checked, those of the warm-up among them
	Corrupt     int          `json:"corrupt"`      // of Frames
	Growth      int64        `json:"growth"`       // bytes by which what lives has grown over all Batches
	GrowthOver  int          `json:"growth_over"`  // batches, those of the warm-up among them
	Held        uint64       `json:"held"`         // bytes of memory that the Go runtime had at the end of the measured time
	GOGC        uint64       `json:"gogc"`         // as the runtime has it
	MemoryLimit uint64       `json:"memory_limit"` // as the runtime has it
}

// CurvePoint is a point of a curve of latencies: the time that a fraction of all batches did not exceed.
type CurvePoint struct {
	Fraction float64 `json:"q"`
	MS       float64 `json:"ms"`
}

// warmBatches is how many batches each request runs before anything is measured: enough that all that is made once is there.
const warmBatches = 2

// run measures, in this process, which is to do nothing else meanwhile.
//
// What lives on the heap is looked at twice, each time after two collections, which leave nothing in any sync.Pool: before
// the warm-up and after the measurement. In between, nothing is forced.
func (t *turn) run(option Option, f *frames) turnResult {
	w := t.Size.workload()
	s := newStation(w, f)
	defer s.stop()
	lenders := option.lenders(t.need(&w))
	rs := &requests{}
	measured := meter.NewLatency() // of all requests
	for range t.Concurrency {
		rs.all = append(rs.all, newRequest(s, lenders(), t.Batch))
	}
	m := newMeasurement()
	defer m.close()

	rs.flat(time.Time{}, warmBatches)
	before, began := liveHeap(), int(rs.next.Load())
	rs.flat(time.Now().Add(t.WarmUp), warmBatches)
	for _, r := range rs.all {
		r.latency.Reset()
	}
	var res turnResult
	warm := int(rs.next.Load())
	m.start()
	if t.Mode == Open {
		res.Late = rs.open(m.began, t.Duration, t.Rate)
	} else {
		rs.flat(m.began.Add(t.Duration), 1)
	}
	m.end()
	res.Batches = int(rs.next.Load()) - warm
	for _, r := range rs.all {
		measured.Merge(r.latency)
		res.Frames += r.batches * t.Batch
		res.Corrupt += r.corrupt
	}
	m.report(&res, float64(res.Batches*t.Batch))
	res.Heap = m.line.points
	res.latencies(measured)
	res.GrowthOver = int(rs.next.Load()) - began
	live := liveHeap()
	res.Growth, res.HeapEnd = int64(live)-int64(before), float64(live)
	runtime.KeepAlive(lenders)
	runtime.KeepAlive(rs)
	return res
}

// need returns what t will ask of an option.
func (t *turn) need(w *workload) need {
	workers := min(runtime.GOMAXPROCS(0), t.Batch*t.Concurrency)
	n := need{sizes: w.sizes}
	n.perBatch = [kinds]int{inputBuffer: t.Batch, jpegBuffer: t.Batch}
	n.atOnce = [kinds]int{inputBuffer: t.Batch * t.Concurrency, jpegBuffer: t.Batch * t.Concurrency}
	if w.resizes() {
		n.perBatch[imageBuffer], n.atOnce[imageBuffer] = t.Batch, workers
	}
	return n
}

// liveHeap returns the bytes of what lives, without what any sync.Pool keeps, and gives unused memory back to the system.
func liveHeap() uint64 {
	runtime.GC()
	debug.FreeOSMemory() // the second collection
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// latencies sets the figures that are about l.
func (res *turnResult) latencies(l *meter.Latency) {
	ms := func(q float64) float64 { return meter.Milliseconds(l.Quantile(q)) }
	res.P50, res.P95, res.P99, res.P999, res.MaxMS = ms(0.5), ms(0.95), ms(0.99), ms(0.999), meter.Milliseconds(l.Max())
	for _, q := range curveFractions {
		if (1-q)*float64(l.Count()) >= 1 { // one batch at least was slower
			res.Curve = append(res.Curve, CurvePoint{q, ms(q)})
		}
	}
}

// curveFractions are where a curve of latencies has its points.
var curveFractions = [...]float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999}
