package pooling

import (
	"time"

	"github.com/steadyframe/steadyframe/internal/bench/meter"
)

// HeapPoint is the heap at a time: the bytes of all objects, garbage among them.
type HeapPoint struct {
	Seconds float64 `json:"s"` // since the measurement began
	Bytes   uint64  `json:"bytes"`
}

// heapLine samples the heap over time, into memory of a size that is settled: when that is full, every second sample goes,
// and the others come half as often.
type heapLine struct {
	heap   *meter.Heap
	points []HeapPoint
	stop   chan struct{}
	done   chan struct{}
}

// How a heapLine samples: often enough to see what a batch leaves behind, and few enough for a plot.
const (
	heapInterval = 4 * time.Millisecond
	heapPoints   = 500
)

func newHeapLine() *heapLine {
	return &heapLine{heap: meter.NewHeap(), points: make([]HeapPoint, 0, heapPoints), stop: make(chan struct{}), done: make(chan struct{})}
}

// run samples until finish is called.
func (h *heapLine) run(start time.Time) {
	defer close(h.done)
	interval := heapInterval
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		objects, _ := h.heap.Read()
		h.points = append(h.points, HeapPoint{time.Since(start).Seconds(), objects})
		if len(h.points) == cap(h.points) {
			h.thin()
			interval *= 2
			ticker.Reset(interval)
		}
		select {
		case <-ticker.C:
		case <-h.stop:
			return
		}
	}
}

// thin drops every second point.
func (h *heapLine) thin() {
	half := len(h.points) / 2
	for i := range half {
		h.points[i] = h.points[2*i]
	}
	h.points = h.points[:half]
}

// finish ends run and returns the points.
func (h *heapLine) finish() []HeapPoint {
	close(h.stop)
	<-h.done
	return h.points
}
