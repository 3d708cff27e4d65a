package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Server is what the server says it used during a load, by its metrics. The responses to these questions, which cost it
// some thousand allocations each, are not in it. Its counters lag by thousands of small objects: for few frames the
// allocations are no more than an estimate.
type Server struct {
	AllocsPerFrame float64 `json:"allocs_per_frame"` // heap objects
	BytesPerFrame  float64 `json:"bytes_per_frame"`  // of them
	Collections    float64 `json:"collections"`
	PoolMisses     float64 `json:"pool_misses"` // buffers that were made since none was idle
	CPU            float64 `json:"cpu_s"`
	CPUPer1000     float64 `json:"cpu_s_per_1000_frames"`
	RSSMax         float64 `json:"rss_max_bytes"` // of one sample every five seconds
}

// String returns the line for the terminal.
func (s *Server) String() string {
	return fmt.Sprintf("%.1f allocs/frame (%.0f bytes), %.0f collections, %.0f pool misses, %.3f s of processor time for 1,000 frames, RSS at most %.0f MiB",
		s.AllocsPerFrame, s.BytesPerFrame, s.Collections, s.PoolMisses, s.CPUPer1000, s.RSSMax/(1<<20))
}

// scrapeInterval is the time between two samples of memory: a load of 400 frames a second has two thousand frames in it.
const scrapeInterval = 5 * time.Second

// watcher asks a server while a load goes on.
type watcher struct {
	scraper *scraper
	before  snapshot
	cost    snapshot // of asking once
	asked   int      // times since before
	rss     float64  // at most

	stop context.CancelFunc
	wait sync.WaitGroup
}

// watch begins to ask. The caller ends it with end.
func (s *scraper) watch(ctx context.Context) (*watcher, error) {
	w := &watcher{scraper: s}
	var shots [3]snapshot // the first sets up connections and buffers, the others tell what asking costs
	for i := range shots {
		var err error
		if shots[i], err = s.read(ctx); err != nil {
			return nil, err
		}
	}
	w.before, w.cost, w.rss = shots[2], shots[2].minus(shots[1]), shots[2].rss
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	w.wait.Go(func() { w.sample(ctx) })
	return w, nil
}

// sample asks again and again until ctx ends.
func (w *watcher) sample(ctx context.Context) {
	ticker := time.NewTicker(scrapeInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if shot, err := w.scraper.read(ctx); err == nil { // a server that is gone is the load's to tell
				w.asked++
				w.rss = max(w.rss, shot.rss)
			}
		case <-ctx.Done():
			return
		}
	}
}

// end asks for the last time and returns what the server used for so many images; nil when it does not respond.
func (w *watcher) end(images int) *Server {
	w.stop()
	w.wait.Wait()
	defer w.scraper.client.CloseIdleConnections()
	if images == 0 {
		return nil
	}
	last, err := w.scraper.read(context.Background())
	if err != nil {
		return nil
	}
	used, asked := last.minus(w.before), float64(w.asked+1)
	own := func(used, cost float64) float64 { return max(used-asked*cost, 0) }
	return &Server{
		AllocsPerFrame: own(used.allocs, w.cost.allocs) / float64(images),
		BytesPerFrame:  own(used.bytes, w.cost.bytes) / float64(images),
		Collections:    used.collections,
		PoolMisses:     used.misses,
		CPU:            own(used.cpu, w.cost.cpu),
		CPUPer1000:     own(used.cpu, w.cost.cpu) * 1000 / float64(images),
		RSSMax:         max(w.rss, last.rss),
	}
}

// minus returns what was counted between b and s, and the memory of s.
func (s snapshot) minus(b snapshot) snapshot {
	return snapshot{s.allocs - b.allocs, s.bytes - b.bytes, s.collections - b.collections, s.misses - b.misses, s.cpu - b.cpu, s.rss}
}
