package engine

import (
	"sync"
	"time"
)

// Load is how busy the server is with batches of requests, for clients that choose among servers. Rate / Utilization is
// the number of workers over the mean time of a batch, of its wait and its run: what the server would do a second if all
// its batches were like those.
type Load struct {
	Rate        float64 // batches a second; 0: there has been none
	Utilization float64 // batches that wait or run, for each worker, on average: above 1 some wait
	Memory      float64 // the part of the memory budget that is admitted, 0 to 1
}

// loadWindow is the least time between two measurements of the load. A shorter one would see single batches.
const loadWindow = 500 * time.Millisecond

// load is the last measurement, and the counts that the next one begins with.
type load struct {
	mu    sync.Mutex
	at    time.Time
	count uint64
	sum   time.Duration
	last  Load
}

// Load returns the load of the time between the last two measurements that had batches between them. Where the last is
// older than loadWindow it measures anew.
func (e *Engine) Load() Load {
	l := &e.load
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	took := now.Sub(l.at)
	if took < loadWindow {
		return l.last
	}
	count, sum := e.Metrics.Batches()
	if n := count - l.count; n > 0 {
		l.last.Rate = float64(n) / took.Seconds()
		l.last.Utilization = (sum - l.sum).Seconds() / took.Seconds() / float64(e.workers.Size())
		s := e.Pool.Stats()
		l.last.Memory = min(float64(s.Admitted)/float64(s.Budget), 1)
	}
	l.at, l.count, l.sum = now, count, sum
	return l.last
}
