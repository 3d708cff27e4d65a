package engine

import (
	"context"
	"runtime/debug"
	rtm "runtime/metrics"
	"slices"
	"time"
)

const (
	// maintainEvery is how often Maintain looks.
	maintainEvery = time.Second
	// garbage is how much memory beside what owners hold makes Maintain collect, and collectPause how long after the last
	// collection. A server in steady state allocates next to nothing: what a burst left would stay for the two minutes
	// until the runtime collects by itself.
	garbage      = 16 << 20
	collectPause = 3 * time.Second
	// collectAgain is how long after that it collects once more: a sync.Pool gives up idle buffers in the second of two
	// collections, and those in use meanwhile stay.
	collectAgain = 2 * time.Second
	// idleLooks is for how many looks in a row buffers of the pool, beyond its floor, must not have been used to be a reason to
	// collect. What a load takes again within that time it needs.
	idleLooks = 5
)

// Maintain frees memory that was not used for a while, until ctx ends: compiled pipelines, and the garbage of a burst. It is for one goroutine.
func (e *Engine) Maintain(ctx context.Context) {
	ticker := time.NewTicker(maintainEvery)
	defer ticker.Stop()
	c := collector{unheld: e.Account.unregistered, unused: e.Pool.Unused, cycles: collections, collect: debug.FreeOSMemory}
	for {
		select {
		case now := <-ticker.C:
			e.pipelines.trim(now)
			c.look(now)
		case <-ctx.Done():
			return
		}
	}
}

// collector runs the garbage collector when much memory is not registered and it has not run for a while.
type collector struct {
	unheld  func() int64 // bytes of the heap that are not registered
	unused  func() int64 // bytes of idle buffers beyond the floor that were not used since the last look
	cycles  func() uint64
	collect func()

	last     uint64    // collections so far, at the last look
	since    time.Time // when their number last changed
	again    time.Time // when to collect once more; zero: not
	leftover int64     // unregistered after a collection of look, if that was the last collection

	idles [idleLooks]int64 // what was unused at each of the last looks
	looks int              // since the last collection of look
}

// look collects where it must. After its own collection it collects again only when there is much more than that left
// over: what was left is no garbage.
func (c *collector) look(now time.Time) {
	unheld := c.unheld()
	c.idles[c.looks%idleLooks] = c.unused()
	c.looks++
	if !c.again.IsZero() {
		if !now.Before(c.again) {
			c.again = time.Time{}
			c.run(now)
		}
		return
	}
	if n := c.cycles(); n != c.last || c.since.IsZero() {
		c.last, c.since, c.leftover = n, now, 0
		return
	}
	if now.Sub(c.since) < collectPause {
		return
	}
	if c.looks >= idleLooks {
		unheld += slices.Min(c.idles[:])
	}
	if unheld < c.leftover+garbage {
		return
	}
	c.again = now.Add(collectAgain)
	c.run(now)
}

// run collects.
func (c *collector) run(now time.Time) {
	c.collect()
	c.looks = 0
	c.last, c.since, c.leftover = c.cycles(), now, c.unheld()
}

// collections returns how often the garbage collector has run.
func collections() uint64 {
	s := []rtm.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	rtm.Read(s)
	if s[0].Value.Kind() != rtm.KindUint64 {
		return 0 // A later Go may have another.
	}
	return s[0].Value.Uint64()
}
