package measure

import "runtime/metrics"

// Heap reads what the Go runtime holds.
type Heap struct{ samples [3]metrics.Sample }

// The metrics of a Heap, in this order.
const (
	objectsMetric  = "/memory/classes/heap/objects:bytes"
	mappedMetric   = "/memory/classes/total:bytes"
	releasedMetric = "/memory/classes/heap/released:bytes"
)

// NewHeap returns a Heap.
func NewHeap() *Heap {
	return &Heap{[3]metrics.Sample{{Name: objectsMetric}, {Name: mappedMetric}, {Name: releasedMetric}}}
}

// Read returns the bytes of all objects, those included that are garbage and not collected yet; and the bytes that
// GOMEMLIMIT bounds: all that the runtime has of the system and has not given back. It allocates nothing and stops no
// goroutine; objects lags by thousands of small ones.
func (h *Heap) Read() (objects, held uint64) {
	metrics.Read(h.samples[:])
	return h.samples[0].Value.Uint64(), h.samples[1].Value.Uint64() - h.samples[2].Value.Uint64()
}
