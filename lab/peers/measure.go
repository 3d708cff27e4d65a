package main

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// contest is one workload on so many processors: every rival, turn by turn.
type contest struct {
	workload *workload
	rivals   []rival
	cores    int
	rounds   int
	turn     time.Duration // of each rival in each round
	clock    clock

	entries []entry
}

// entry is a rival in a contest.
type entry struct {
	rival    rival
	encoders []encoder // one for each processor
	rates    []float64 // frames a second, by round
	quality  verdict
}

// run runs all rounds. In each the rivals come one after the other, and begin with another one: a machine whose speed
// changes, as all do, changes for all of them, and a round's rates can be divided by each other.
func (c *contest) run() error {
	defer c.close()
	for _, r := range c.rivals {
		e, err := c.enter(r)
		if errors.Is(err, errNoWay) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s, %s: %w", c.workload.name, r.name, err)
		}
		c.entries = append(c.entries, e)
	}
	for round := range c.rounds {
		for i := range c.entries {
			e := &c.entries[(i+round)%len(c.entries)]
			rate, err := c.take(e)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.workload.name, e.rival.name, err)
			}
			e.rates = append(e.rates, rate)
		}
	}
	return nil
}

// enter readies a rival, and judges its images.
func (c *contest) enter(r rival) (entry, error) {
	e := entry{rival: r}
	if c.workload.area && !r.area || c.workload.onto != nil && !r.onto {
		return e, errNoWay
	}
	for range c.cores {
		enc, err := r.open(c.workload)
		if err != nil {
			return e, err
		}
		e.encoders = append(e.encoders, enc)
	}
	var err error
	e.quality, err = judge(c.workload, e.encoders[0])
	return e, err
}

// take gives a rival its turn, on all processors at once, and returns frames a second.
func (c *contest) take(e *entry) (float64, error) {
	runtime.GC() // what the one before left is not this one's to pay
	var frames int
	var failed error
	var mu sync.Mutex
	var turns sync.WaitGroup
	start := c.clock()
	for i, enc := range e.encoders {
		turns.Go(func() {
			n := 0
			var err error
			for at := i * len(c.workload.frames) / c.cores; err == nil && (n%8 != 0 || c.clock()-start < c.turn); at++ {
				_, err = enc.Encode(c.workload.frames[at%len(c.workload.frames)])
				n++
			}
			mu.Lock()
			defer mu.Unlock()
			frames += n
			failed = cmp.Or(failed, err)
		})
	}
	turns.Wait()
	return float64(frames) / (c.clock() - start).Seconds(), failed
}

func (c *contest) close() {
	for _, e := range c.entries {
		for _, enc := range e.encoders {
			enc.Close()
		}
	}
}
