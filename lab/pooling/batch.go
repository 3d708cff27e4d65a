package pooling

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/steadyframe/steadyframe/internal/meter"
)

// station is where batches are worked on: goroutines that make images of frames, as many as run at the same time, each
// with an encoder of its own. It is the same for all options.
type station struct {
	work    workload
	frames  *frames
	tasks   chan task
	workers sync.WaitGroup
}

// task is one frame of a batch.
type task struct {
	r *request
	i int
}

// newStation starts the workers. The caller stops it.
func newStation(w workload, f *frames) *station {
	s := &station{work: w, frames: f, tasks: make(chan task)}
	for range runtime.GOMAXPROCS(0) {
		s.workers.Go(func() {
			m := newEncoder(w)
			for t := range s.tasks {
				t.r.make(m, t.i)
			}
		})
	}
	return s
}

// stop ends the workers. No batch is under way.
func (s *station) stop() {
	close(s.tasks)
	s.workers.Wait()
}

// request is a client that runs batches one after the other. It is one goroutine's.
type request struct {
	station *station
	lender  lender
	inputs  []lease
	jpegs   []lease
	first   int // the number of the first frame of the batch
	left    sync.WaitGroup

	latency *meter.Latency // of batches
	batches int            // answered
	corrupt int            // JPEGs of them that are not what their frames must give
}

// newRequest returns a request for batches of so many frames.
func newRequest(s *station, l lender, batch int) *request {
	return &request{station: s, lender: l, inputs: make([]lease, batch), jpegs: make([]lease, batch), latency: meter.NewLatency()}
}

// run runs batch n, which was due, or asked for, at due: it receives the frames, has a JPEG made of each, and takes the time
// when all are there. Then the JPEGs are compared with what they must be, and the buffers put back.
func (r *request) run(n int, due time.Time) {
	r.lender.begin()
	r.first = n * len(r.inputs)
	for i := range r.inputs {
		r.inputs[i] = r.lender.get(inputBuffer)
		copy(r.inputs[i].b, r.station.frames.input(r.first+i))
	}
	r.left.Add(len(r.inputs))
	for i := range r.inputs {
		r.station.tasks <- task{r, i}
	}
	r.left.Wait()
	r.latency.Record(time.Since(due), 1)
	r.batches++
	r.verify()
	r.putBack()
}

// make makes the JPEG of frame i of the batch. It is called by workers.
func (r *request) make(m *encoder, i int) {
	defer r.left.Done()
	image := r.inputs[i]
	if m.work.resizes() {
		image = r.lender.get(imageBuffer)
		m.resize(image.b, r.inputs[i].b)
	}
	jpeg := r.lender.get(jpegBuffer)
	jpeg.b = m.encode(jpeg.b[:0], image.b)
	r.jpegs[i] = jpeg
	if m.work.resizes() {
		r.lender.put(image)
	}
}

// verify compares the JPEGs of the batch with what their frames must give.
func (r *request) verify() {
	for i := range r.jpegs {
		if xxhash.Sum64(r.jpegs[i].b) != r.station.frames.want(r.first+i) {
			r.corrupt++
		}
	}
}

// putBack puts the buffers of the batch back and forgets them: a slice that is kept would keep memory alive that the option
// no longer lends.
func (r *request) putBack() {
	for i := range r.inputs {
		r.lender.put(r.inputs[i])
		r.lender.put(r.jpegs[i])
		r.inputs[i], r.jpegs[i] = lease{}, lease{}
	}
	r.lender.end()
}

// requests are those that are answered at the same time. They count their batches together.
type requests struct {
	all  []*request
	next atomic.Int64
}

// eachUntilDone runs f for each request, on a goroutine of its own.
func (rs *requests) eachUntilDone(f func(r *request)) {
	var wg sync.WaitGroup
	for _, r := range rs.all {
		wg.Go(func() { f(r) })
	}
	wg.Wait()
}

// flat runs batches in a closed loop until end, and so many for each request at least. A closed loop asks for a batch as soon as
// the one before is answered.
func (rs *requests) flat(end time.Time, atLeast int) {
	rs.eachUntilDone(func(r *request) {
		for i := 0; ; i++ {
			now := time.Now()
			if i >= atLeast && !now.Before(end) {
				return
			}
			r.run(int(rs.next.Add(1)-1), now)
		}
	})
}

// open runs the batches that are due within the time d from start on, so many a second, and returns how many of them were
// not begun. When a batch is due does not depend on when others are answered: one that finds all requests at work waits, and
// its latency has that in it. Where the machine can not keep up, what has not begun when as long again has passed is given
// up; it counts with the time that it has waited for by then. The first is always answered: without it there are no figures.
func (rs *requests) open(start time.Time, d time.Duration, rate float64) (late int) {
	batches := max(int64(math.Round(d.Seconds()*rate)), 1)
	var next, lates atomic.Int64
	giveUp := start.Add(2 * d)
	rs.eachUntilDone(func(r *request) {
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		for {
			n := next.Add(1) - 1
			if n >= batches {
				return
			}
			due := start.Add(time.Duration(float64(n) / rate * float64(time.Second)))
			if now := time.Now(); n > 0 && now.After(giveUp) {
				r.latency.Record(now.Sub(due), 1)
				lates.Add(1)
				continue
			}
			if wait := time.Until(due); wait > 0 {
				timer.Reset(wait)
				<-timer.C
			}
			r.run(int(rs.next.Add(1)-1), due)
		}
	})
	time.Sleep(time.Until(start.Add(d))) // what is left of the last interval is part of the time
	return int(lates.Load())
}
