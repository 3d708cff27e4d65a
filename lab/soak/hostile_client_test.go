package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/meter"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/pipeline"
)

// What the good client does: goodRate batches of goodBatch frames of 640x360 to 320x320 a second over each of gRPC and HTTP, on
// goodCallers connections, so many that a P99 of some seconds is that of several, a stream of liveFPS frames a second with one viewer, and newcomerRate requests a
// second on connections of their own.
const (
	goodRate     = 40
	goodBatch    = 5
	goodCallers  = 5
	newcomerRate = 4
	goodStream   = "good"
)

// goodTimeout is when a request of the good client has failed that got no response: above timeouts.queue.
const goodTimeout = 10 * time.Second

// goodLate is how late a request may begin.
const goodLate = 2 * time.Second

// goodKinds are the kinds of its requests. Latencies are those of the first two.
var goodKinds = struct{ grpc, http, newcomer, viewer, publisher share }{
	share{name: "grpc", frames: goodBatch}, share{name: "http", frames: goodBatch}, share{name: "newcomer", frames: 1}, share{name: "mjpeg", frames: 1}, share{name: "publisher", frames: 1},
}

// liveRing makes the frames of the good client's stream.
func liveRing(t testing.TB, n int) *ring {
	return newRing(t, pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 320, Height: 180}, Output: pipeline.Output{Quality: 80}}, n, 20_000)
}

// good is the good client of a server under attack.
type good struct {
	s       *served
	rings   *rings
	live    *ring
	tally   *tally
	ctx     context.Context
	end     context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	kinds  map[string]*meter.Latency // since the last look
	counts map[string]int            // since the last look
	looked time.Time
}

// startGood starts it, and returns when all of it is served.
func startGood(t testing.TB, s *served, r *rings, live *ring) *good {
	t.Helper()
	g := &good{s: s, rings: r, live: live, tally: newTally(), looked: time.Now(), kinds: map[string]*meter.Latency{}, counts: map[string]int{}}
	g.ctx, g.end = context.WithCancel(context.Background())
	t.Cleanup(g.stop)
	for i := range goodCallers {
		stream, err := batchesCaller(r, s, goodBatch)
		if err != nil {
			t.Fatal(err)
		}
		after := time.Duration(i) * time.Second / goodRate // one after the other
		g.requests(&goodKinds.grpc, goodRate/goodCallers, after, stream)
		g.requests(&goodKinds.http, goodRate/goodCallers, after+time.Second/goodRate/2, postCaller(r, s, goodBatch))
	}
	g.requests(&goodKinds.newcomer, newcomerRate, 0, caller{g.newcomer, func() {}})
	g.running.Go(func() { g.keep(&goodKinds.publisher, g.publish) })
	daemon.WaitFor(t, "the good client's stream", func() bool { return s.Stream(t, goodStream).State == "online" })
	g.running.Go(func() { g.keep(&goodKinds.viewer, g.view) })
	daemon.WaitFor(t, "all of the good client", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.counts["grpc"] > 0 && g.counts["http"] > 0 && g.counts["newcomer"] > 1 && g.counts["mjpeg"] > 0
	})
	return g
}

// requests makes so many a second until the end, the first after so long. Each is due at its time, whatever became of those
// before, and its latency counts from then. One that is goodLate behind is not made any more, and counts as that late: what was
// not served during an attack must not be made after it.
func (g *good) requests(kind *share, rate float64, after time.Duration, c caller) {
	begin := time.Now().Add(after)
	g.running.Go(func() {
		defer c.close()
		for n := 0; ; n++ {
			due := begin.Add(time.Duration(float64(n) / rate * float64(time.Second)))
			if !g.until(due) {
				return
			}
			if late := time.Since(due); late > goodLate {
				g.answered(kind, late, nil)
				continue
			}
			ctx, cancel := context.WithTimeout(g.ctx, goodTimeout)
			err := c.call(ctx, n)
			cancel()
			g.answered(kind, time.Since(due), err)
		}
	})
}

func (g *good) until(due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return g.ctx.Err() == nil
	case <-g.ctx.Done():
		return false
	}
}

// answered notes what became of a request, or that an image was seen.
func (g *good) answered(kind *share, took time.Duration, err error) {
	if g.ctx.Err() != nil {
		return // It is at its end.
	}
	if err != nil {
		g.tally.failed(kind.name, fmt.Errorf("%s after %v: %w", time.Now().UTC().Format("15:04:05.000"), took.Round(time.Millisecond), err))
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.kinds[kind.name]
	if l == nil {
		l = meter.NewLatency()
		g.kinds[kind.name] = l
	}
	l.Record(took, 1)
	g.counts[kind.name]++
}

// newcomer makes a request on a connection of its own, over HTTP and gRPC in turns.
func (g *good) newcomer(ctx context.Context, n int) error {
	numbers := g.rings.w1.run(n, 1)
	if n%2 == 0 {
		c := postCaller(g.rings, g.s, 1)
		defer c.close()
		return c.call(ctx, n)
	}
	c, err := client.Dial(g.s.GRPC, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	var response client.Response
	if err := c.Encode(ctx, &client.Batch{Spec: g.rings.w1.spec, Frames: g.rings.w1.batch(numbers)}, &response); err != nil {
		return err
	}
	return checkResponse(g.rings.w1, &response, numbers)
}

// keep runs f again and again until the end; each time that it ends before is a failure.
func (g *good) keep(kind *share, f func() error) {
	for {
		err := f()
		if g.ctx.Err() != nil {
			return
		}
		g.tally.failed(kind.name, reason(err))
		if !g.until(time.Now().Add(200 * time.Millisecond)) {
			return
		}
	}
}

// publish publishes the stream.
func (g *good) publish() error {
	c, err := client.Dial(g.s.GRPC, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	p, err := c.Publish(g.ctx, goodStream, g.live.spec, nil)
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second / liveFPS)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-g.ctx.Done():
			return g.ctx.Err()
		case due := <-tick.C:
			if err := p.SendCaptured(due, g.live.frames[n%len(g.live.frames)]); err != nil {
				return err
			}
		}
	}
}

// view watches the stream, and compares each image with what it must be.
func (g *good) view() error {
	h := newPoster(g.s)
	defer h.close()
	response, err := h.get(g.ctx, "http://"+g.s.HTTP+"/stream/"+goodStream+".mjpg?extra_headers=1")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var last uint64
	return eachMJPEG(response.Body, func(p sighting) error {
		if p.offline {
			return errors.New("got an image that says that the source is lost")
		}
		if _, known := g.live.numbers[string(p.jpeg)]; !known {
			index, err := g.live.index(bytes.Clone(p.jpeg))
			return &mixedError{fmt.Sprintf("of the good stream: got %d bytes that are none of its images; they carry index %d (%v)", len(p.jpeg), index, err)}
		}
		if p.seq > last {
			g.answered(&goodKinds.viewer, time.Since(p.captured), nil)
		}
		last = p.seq
		return nil
	})
}

// goodLook is what the good client has seen in some time. Latencies are in ms: of batches over gRPC and HTTP together.
type goodLook struct {
	Seconds   float64 `json:"seconds"`
	Batches   int     `json:"batches"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	Due       float64 `json:"batches_due"`
	Newcomers int     `json:"newcomers"`
	NewMax    float64 `json:"newcomers_max_ms"`
	Images    int     `json:"images"`
	Kept      float64 `json:"images_of_due"`
	Others    float64 `json:"others_processors"` // that neither the server nor this program nor the attackers had
	Calm      float64 `json:"calm_seconds"`      // of Seconds: in which others had next to nothing

	batches, newcomers *meter.Latency
}

// maxOthers is how many processors others may have in a second that is calm, and minCalm how many calm seconds are enough to
// judge by them alone.
const (
	maxOthers = 0.3
	minCalm   = 3
)

// together returns what was seen in several looks.
func together(looks ...goodLook) goodLook {
	all := goodLook{batches: meter.NewLatency(), newcomers: meter.NewLatency()}
	for _, l := range looks {
		all.Seconds += l.Seconds
		all.Batches += l.Batches
		all.Newcomers += l.Newcomers
		all.Images += l.Images
		all.Others += l.Others * l.Seconds
		all.Calm += l.Calm
		all.batches.Merge(l.batches)
		all.newcomers.Merge(l.newcomers)
	}
	if all.Seconds == 0 {
		return all
	}
	all.Others /= all.Seconds
	all.Due = 2 * goodRate * all.Seconds
	all.Kept = float64(all.Images) / (liveFPS * all.Seconds)
	all.P50, all.P99 = meter.Milliseconds(all.batches.Quantile(0.5)), meter.Milliseconds(all.batches.Quantile(0.99))
	all.Max, all.NewMax = meter.Milliseconds(all.batches.Max()), meter.Milliseconds(all.newcomers.Max())
	return all
}

// calm returns those of the looks, each of a second, in which others had next to nothing.
func calm(looks []goodLook) goodLook {
	return together(slices.DeleteFunc(slices.Clone(looks), func(l goodLook) bool { return l.Calm == 0 })...)
}

// look returns what was seen since the last look, while others had so many processors.
func (g *good) look(others func(time.Duration) float64) goodLook {
	g.mu.Lock()
	defer g.mu.Unlock()
	took := time.Since(g.looked)
	look := goodLook{
		Seconds: took.Seconds(), Batches: g.counts["grpc"] + g.counts["http"], Newcomers: g.counts["newcomer"], Images: g.counts["mjpeg"],
		Others: others(took), batches: meter.NewLatency(), newcomers: meter.NewLatency(),
	}
	if look.Others <= maxOthers {
		look.Calm = look.Seconds
	}
	for kind, l := range g.kinds {
		switch kind {
		case "grpc", "http":
			look.batches.Merge(l)
		case "newcomer":
			look.newcomers.Merge(l)
		}
	}
	clear(g.kinds)
	clear(g.counts)
	g.looked = time.Now()
	return look
}

// watch looks each second, until over returns true; it is asked several times a second.
func (g *good) watch(t testing.TB, others func(time.Duration) float64, over func() bool) (looks []goodLook) {
	t.Helper()
	g.look(others)
	for ended := false; !ended; {
		for begin := time.Now(); !ended && time.Since(begin) < time.Second; ended = over() {
			g.wait(t, 50*time.Millisecond)
		}
		looks = append(looks, g.look(others))
	}
	return looks
}

func (g *good) failures() (failed, mixed int, first []string) {
	g.tally.mu.Lock()
	defer g.tally.mu.Unlock()
	return g.tally.failures, g.tally.mixed, g.tally.first
}

// wait waits, and fails the test at once when the server has ended meanwhile.
func (g *good) wait(t testing.TB, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.s.Done:
		t.Fatalf("the server ended: %v\n%s", g.s.Cmd.ProcessState, lastLines(g.s.Log.Bytes(), 60))
	}
}

// stop ends it.
func (g *good) stop() {
	g.end()
	g.running.Wait()
}

// get returns the response of status 200, whose body the caller closes.
func (h *poster) get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := h.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		response.Body.Close()
		return nil, fmt.Errorf("GET %s: %s: %s", url, response.Status, data)
	}
	return response, nil
}
