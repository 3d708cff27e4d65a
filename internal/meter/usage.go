package meter

import "runtime"

// Usage is what the process has used so far: counters that only grow, and its memory now.
type Usage struct {
	Allocs      uint64 // heap objects allocated
	AllocBytes  uint64 // bytes of them
	Collections uint64 // garbage collections completed
	RSS         uint64 // bytes of memory resident; where the system does not say, what the Go runtime has mapped and not given back
}

// Meter reads Usage.
type Meter struct {
	stats runtime.MemStats
	rss   rssReader
}

// NewMeter returns a Meter. The caller closes it.
func NewMeter() *Meter { return &Meter{rss: openRSS()} }

// Read returns the usage up to now. It allocates nothing, and stops all goroutines for some microseconds: package runtime/metrics does not, but
// its counters lag by what each processor has allocated since it last took a span, thousands of small objects.
func (m *Meter) Read() Usage {
	runtime.ReadMemStats(&m.stats)
	u := Usage{
		Allocs:      m.stats.Mallocs,
		AllocBytes:  m.stats.TotalAlloc,
		Collections: uint64(m.stats.NumGC),
		RSS:         m.stats.Sys - m.stats.HeapReleased,
	}
	if rss, ok := m.rss.read(); ok {
		u.RSS = rss
	}
	return u
}

// Close frees what the Meter holds open.
func (m *Meter) Close() { m.rss.close() }
