package pooling

import (
	"time"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// HeapPoint is the heap at a time: the bytes of all objects, garbage among them.
type HeapPoint struct {
	Seconds float64 `json:"s"` // since the measurement began
	Bytes   uint64  `json:"bytes"`
}

// heapLine samples the heap over the beginning of a measurement, often enough to see each collection, and few enough for a
// plot.
type heapLine struct {
	heap   *measure.Heap
	points []HeapPoint
	stop   chan struct{}
	done   chan struct{}
}

// How a heapLine samples: for a second.
const (
	heapInterval = 2 * time.Millisecond
	heapPoints   = 500
)

func newHeapLine() *heapLine {
	return &heapLine{heap: measure.NewHeap(), points: make([]HeapPoint, 0, heapPoints), stop: make(chan struct{}), done: make(chan struct{})}
}

// run samples until it has all its points, or finish is called.
func (h *heapLine) run(start time.Time) {
	defer close(h.done)
	ticker := time.NewTicker(heapInterval)
	defer ticker.Stop()
	for len(h.points) < cap(h.points) {
		objects, _ := h.heap.Read()
		h.points = append(h.points, HeapPoint{time.Since(start).Seconds(), objects})
		select {
		case <-ticker.C:
		case <-h.stop:
			return
		}
	}
}

// finish ends run.
func (h *heapLine) finish() {
	close(h.stop)
	<-h.done
}
