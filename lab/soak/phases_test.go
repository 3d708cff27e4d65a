package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/meter"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/lab/measure"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Work that costs the server much and its caller little, for bursts: from frames of 16x16 pixels, images of a thousand
// each way. queueDepth is so that all who may wait have their memory: a full queue is what bursts are about.
const (
	heavyFrames = 8
	heavyBytes  = 16 * 16 * 3 // of a frame
	queueDepth  = 20
	heavyQuery  = "format=bgr24&size=16x16&resize=1000x1000&subsampling=444&quality=95"
)

// burster makes requests of heavy work, half of them over gRPC, half over HTTP.
type burster struct {
	grpc  [8]*client.Client // responses of one connection wait for each other
	http  *poster
	url   string
	batch client.Batch
	body  []byte

	served, refused, unadvised atomic.Int64

	mu       sync.Mutex
	refusals *meter.Latency
	trivial  *meter.Latency // requests for which there is nothing to be done, at the same time
	wrong    error          // the first response that was neither
}

func newBurster(t testing.TB, s *served) *burster {
	t.Helper()
	body := make([]byte, heavyFrames*heavyBytes)
	for i := range body {
		body[i] = byte(i * 37)
	}
	b := &burster{http: newPoster(s), url: "http://" + s.HTTP + "/v1/encode?" + heavyQuery, body: body, refusals: meter.NewLatency(), trivial: meter.NewLatency()}
	for i := range b.grpc {
		var err error
		if b.grpc[i], err = client.Dial(s.GRPC, nil); err != nil {
			t.Fatal(err)
		}
	}
	b.http.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	b.batch.Spec = pipeline.Spec{
		Input:  frame.Desc{Format: frame.BGR24, Width: 16, Height: 16},
		Resize: pipeline.Resize{Width: 1000, Height: 1000},
		Output: pipeline.Output{Quality: 95, Subsampling: jpeg.Sub444},
	}
	for i := range heavyFrames {
		b.batch.Frames = append(b.batch.Frames, body[i*heavyBytes:][:heavyBytes])
	}
	return b
}

func (b *burster) close() {
	for _, c := range b.grpc {
		c.Close()
	}
	b.http.close()
}

// request makes request n.
func (b *burster) request(n int) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	begin := time.Now()
	var err error
	if n%2 == 0 {
		var response client.Response
		err = graded(b.grpc[n/2%len(b.grpc)].Encode(ctx, &b.batch, &response))
	} else {
		_, _, err = b.http.post(ctx, b.url, bytes.NewReader(b.body), int64(len(b.body)), "video/x-motion-jpeg")
	}
	took := time.Since(begin)
	var refused refusal
	switch {
	case err == nil:
		b.served.Add(1)
	case errors.As(err, &refused):
		b.refused.Add(1)
		b.mu.Lock()
		b.refusals.Record(took, 1)
		b.mu.Unlock()
	default:
		b.unadvised.Add(1)
		b.mu.Lock()
		if b.wrong == nil {
			b.wrong = err
		}
		b.mu.Unlock()
	}
}

// flatOut makes requests in a closed loop, so many at a time, and returns how many a second were served.
func (b *burster) flatOut(callers int, d time.Duration) float64 {
	var running sync.WaitGroup
	before, begin := b.served.Load(), time.Now()
	for c := range callers {
		running.Go(func() {
			for n := c; time.Since(begin) < d; n++ {
				b.request(n)
			}
		})
	}
	running.Wait()
	return float64(b.served.Load()-before) / time.Since(begin).Seconds()
}

// beside makes the requests of nothing until end is called, and keeps their times alone.
func (b *burster) beside(t testing.TB, s *served) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	b.trivial = meter.NewLatency()
	var trivial sync.WaitGroup
	trivial.Go(func() { b.nothing(ctx, s) })
	return func() {
		cancel()
		trivial.Wait()
	}
}

// nothing makes requests for which there is nothing to be done, one every 20 ms, on the connections of the others, until
// ctx ends: what of the time of a
// refusal is the machine's, and not the server's, is what these take.
func (b *burster) nothing(ctx context.Context, s *served) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		begin := time.Now()
		var err error
		if n%2 == 0 {
			request := &api.EncodeRequest{Frames: b.batch.Frames}
			err = b.grpc[n/2%len(b.grpc)].Conn().Invoke(ctx, "/steadyframe.v1.FrameService/Nothing", request, &api.EncodeResponse{})
		} else {
			_, _, err = b.http.post(ctx, "http://"+s.HTTP+"/nothing", bytes.NewReader(b.body), int64(len(b.body)), "")
		}
		if ctx.Err() == nil && err != nil { // It is that there is nothing.
			b.trivial.Record(time.Since(begin), 1)
		}
	}
}

// maxBursting is how many requests of a burst there may be at a time: above limits.queue_depth.
const maxBursting = 200

// at makes requests in an open loop, so many a second, and waits for their responses.
func (b *burster) at(rate float64, d time.Duration) {
	var running sync.WaitGroup
	places := make(chan struct{}, maxBursting)
	begin := time.Now()
	for n := 0; time.Since(begin) < d; n++ {
		if wait := time.Until(begin.Add(time.Duration(float64(n) / rate * float64(time.Second)))); wait > 0 {
			<-time.After(wait)
		}
		places <- struct{}{}
		running.Go(func() {
			b.request(n)
			<-places
		})
	}
	running.Wait()
}

// burstFigures is what a burst showed. Peak and Goodput are by the clock, in units of the capacity: each kind of work by what
// of it client and server do alone, flat out. The burst's callers are on the same machine and want more of its processors
// than those of the peak, and so does work whose client does little. So what is judged is what the server makes of the
// processor time that others leave to it, what it used and what was idle: PeakUse and Use are the parts of that which the work that
// was served takes when it is alone, by capacity.CPU. The rest went to what was refused, and to waiting.
type burstFigures struct {
	Demand     float64 `json:"demand"`      // what was asked for
	Peak       float64 `json:"peak"`        // what was done just before, in a closed loop
	Goodput    float64 `json:"goodput"`     // what was done during the burst
	PeakUse    float64 `json:"peak_use"`    // of the processor time that the server could have just before
	Use        float64 `json:"use"`         // of that during the burst
	PeakCPU    float64 `json:"peak_cpu"`    // processors that the server used then
	CPU        float64 `json:"cpu"`         // and during the burst
	PeakIdle   float64 `json:"peak_idle"`   // processors that nobody used then
	Idle       float64 `json:"idle"`        // and during the burst
	Served     int64   `json:"served"`      // heavy requests
	Refused    int64   `json:"refused"`     // heavy requests, with advice
	Wrong      int64   `json:"wrong"`       // heavy requests that failed in another way
	TrivialP50 float64 `json:"trivial_p50"` // ms, of requests for which there was nothing to be done
	RefusalP50 float64 `json:"refusal_p50"` // ms
	RefusalP99 float64 `json:"refusal_p99"` // ms
	Before     float64 `json:"p99_before"`  // ms, of the load, just before the burst or in all the time before, whichever is more
	After      float64 `json:"p99_after"`   // ms, of the load, from 2 s after it
	WrongError string  `json:"wrong_error,omitempty"`
}

// heavyKind names the requests of a burst where the kinds of the mix have their names.
const heavyKind = "heavy"

// capacity is what the server does flat out, of each alone.
type capacity struct {
	Rounds float64            `json:"rounds"`      // of the mix, a second
	Heavy  float64            `json:"heavy"`       // requests of a burst, a second
	CPU    map[string]float64 `json:"cpu_seconds"` // processor time of the server for one request, by kind
}

// spell is what was done in some time.
type spell struct {
	heavy, load float64 // requests of a burst; rounds of the mix, by their frames
	seconds     float64
	cpu, idle   float64 // processor time of the server, and of nobody, in seconds
	work        float64 // processor time of the server that the requests which were served take when they are alone
}

// spell begins a spell, which the function that it returns ends.
func (k *soak) spell(t testing.TB, b *burster) (end func() spell) {
	t.Helper()
	begin, cpu, idle, heavy, requests := time.Now(), k.s.cpu(t), measure.Idle(), b.served.Load(), k.tally.requests()
	return func() spell {
		s := spell{seconds: time.Since(begin).Seconds(), cpu: k.s.cpu(t) - cpu, idle: (measure.Idle() - idle).Seconds()}
		now := k.tally.requests()
		for name := range now {
			now[name] -= requests[name]
		}
		s.served(k.capacity, int(b.served.Load()-heavy), now)
		return s
	}
}

// served notes requests of a burst that were served, and requests of the mix by kind.
func (s *spell) served(c capacity, heavy int, requests map[string]int) {
	s.heavy, s.work = float64(heavy), float64(heavy)*c.CPU[heavyKind]
	for i := range mix {
		n := float64(requests[mix[i].name])
		s.load += n * float64(mix[i].frames) / float64(roundFrames())
		s.work += n * c.CPU[mix[i].name]
	}
}

// capacities returns what was done a second in units of c, and what part of the processor time that others left it takes alone.
func (s spell) capacities(c capacity) (done, use float64) {
	return (s.heavy/c.Heavy + s.load/c.Rounds) / s.seconds, s.work / max(s.cpu+s.idle, 1e-9)
}

// burst looks at the load for a while, then finds the peak with the load going on, asks for demand times the capacity, the
// load's own part in it, and looks at the load again.
func (k *soak) burst(t testing.TB) {
	t.Helper()
	b := newBurster(t, k.s)
	defer b.close()
	f := burstFigures{Demand: k.o.demand}
	k.tally.look()
	k.wait(t, k.o.burst)
	window := k.tally.look()
	f.Before = meter.Milliseconds(max(window.Quantile(0.99), k.tally.overall().Quantile(0.99)))

	k.tally.strained.Store(true)
	written, over := k.profile(t, fmt.Sprintf("peak-%d", len(k.figures.Bursts)), k.o.burst/2), k.spell(t, b)
	end := b.beside(t, k.s) // What these cost is no part of what a burst loses.
	b.flatOut(8, k.o.burst/2)
	end()
	peak := over()
	written()
	f.Peak, f.PeakUse = peak.capacities(k.capacity)
	f.PeakCPU, f.PeakIdle = peak.cpu/peak.seconds, peak.idle/peak.seconds

	b.refusals = meter.NewLatency()
	b.served.Store(0)
	b.refused.Store(0)
	written, over = k.profile(t, fmt.Sprintf("burst-%d", len(k.figures.Bursts)), k.o.burst), k.spell(t, b)
	end = b.beside(t, k.s)
	b.at((k.o.demand-k.o.load)*k.capacity.Heavy, k.o.burst)
	end()
	burst := over()
	written()
	f.Goodput, f.Use = burst.capacities(k.capacity)
	f.CPU, f.Idle = burst.cpu/burst.seconds, burst.idle/burst.seconds

	k.wait(t, k.o.settle)
	k.tally.strained.Store(false)
	k.tally.look()
	k.wait(t, k.o.burst)
	window = k.tally.look()
	f.After = meter.Milliseconds(window.Quantile(0.99))
	f.Served, f.Refused, f.Wrong = b.served.Load(), b.refused.Load(), b.unadvised.Load()
	f.TrivialP50 = meter.Milliseconds(b.trivial.Quantile(0.5))
	f.RefusalP50, f.RefusalP99 = meter.Milliseconds(b.refusals.Quantile(0.5)), meter.Milliseconds(b.refusals.Quantile(0.99))
	if b.wrong != nil {
		f.WrongError = b.wrong.Error()
	}
	k.figures.Bursts = append(k.figures.Bursts, f)
}

// attackFigures is what an attack on the memory budget showed.
type attackFigures struct {
	Streams  int     `json:"streams"`
	Opened   int     `json:"opened"`    // of them; the others could not begin
	Images   int     `json:"images"`    // that the attackers got
	Resident float64 `json:"rss_bytes"` // the most
	Kept     float64 `json:"kept"`      // of what was due to existing streams, the part that was answered
	Live     float64 `json:"live"`      // images of live streams that MJPEG viewers saw, by those of the time just before
}

// largeFrames is the attack of TestSoak. Its clients are a process of their own of the lowest priority, as those of TestHostile: on
// another machine, as attackers are, they would take no processor time from the server and from those who use it well.
var largeFrames = attack{
	name: "large-frames", about: "200 streams of 4K frames ask for many times the memory that there is",
	needs: map[string]int{"streams": largeStreams(true)}, do: sendLargeFrames,
}

// largeStreams returns how many streams largeFrames has.
func largeStreams(short bool) int {
	if short {
		return 8
	}
	return 200
}

// sendLargeFrames sends one frame of 25 MB after the other on each stream.
func sendLargeFrames(a *attacker) error {
	pixels := make([]byte, 3840*2160*3)
	spec := pipeline.Spec{
		Input:  frame.Desc{Format: frame.BGR24, Width: 3840, Height: 2160},
		Resize: pipeline.Resize{Width: 32, Height: 32, Filter: pipeline.Nearest},
	}
	a.each(largeStreams(a.Short), 0, func(int) {
		c, err := client.Dial(a.GRPC, nil)
		if err != nil {
			a.count("connections refused")
			return
		}
		defer c.Close()
		s, err := c.EncodeStream(a.ctx)
		if err != nil {
			a.count("calls refused")
			return
		}
		a.count("streams")
		var response client.Response
		batch := client.Batch{Spec: spec, Frames: [][]byte{pixels}}
		for s.Send(&batch) == nil && s.Recv(&response) == nil {
			a.count("images")
		}
	})
	return nil
}

// attack lets streams of 4K frames ask for many times the memory that there is, while the mixed load goes on.
func (k *soak) attack(t testing.TB) {
	t.Helper()
	f := attackFigures{Streams: largeStreams(k.o.short)}
	k.tally.strained.Store(true)
	seen, begin := k.tally.due("mjpeg"), time.Now()
	k.wait(t, k.o.burst)
	streamsBefore, liveBefore := k.tally.due("stream"), k.tally.due("mjpeg")
	usual := float64(liveBefore.answered-seen.answered) / time.Since(begin).Seconds()
	defer k.profile(t, fmt.Sprintf("attack-%d", len(k.figures.Attacks)), k.o.burst)()
	begin = time.Now()
	attackers := startAttackers(t, &largeFrames, k.s, k.o.short)
	for end := begin.Add(k.o.burst); time.Now().Before(end) || k.o.short && !attackers.enough() && time.Since(begin) < 2*time.Minute; {
		rss, _ := k.s.resident()
		f.Resident = max(f.Resident, rss)
		k.wait(t, 20*time.Millisecond)
	}
	streams, live := k.tally.due("stream"), k.tally.due("mjpeg")
	if due := streams.due - streamsBefore.due; due > 0 {
		f.Kept = float64(streams.answered-streamsBefore.answered) / float64(due)
	}
	f.Live = float64(live.answered-liveBefore.answered) / max(usual*time.Since(begin).Seconds(), 1)
	attackers.end(t)
	f.Opened, f.Images = attackers.counts()["streams"], attackers.counts()["images"]
	k.wait(t, k.o.settle)
	k.tally.strained.Store(false)
	k.tally.look()
	k.figures.Attacks = append(k.figures.Attacks, f)
}

// cpu returns the processor time of the server, in seconds; 0 where that is not known.
func (s *served) cpu(t testing.TB) float64 {
	t.Helper()
	return s.mustScrape(t)["process_cpu_seconds_total"]
}

// steadyFigures is what the server took for one gRPC stream of 50 frames a second, with nothing else going on.
type steadyFigures struct {
	Frames      float64 `json:"frames"`
	Seconds     float64 `json:"seconds"`
	Objects     float64 `json:"objects_per_frame"`
	Bytes       float64 `json:"bytes_per_frame"`
	Collections float64 `json:"collections"`
	Gets        float64 `json:"gets"`
	Misses      float64 `json:"misses"`
	P50         float64 `json:"p50"` // ms, of a batch from when it is due
	P99         float64 `json:"p99"`
}

// steady measures that. The server is not asked meanwhile: what a question allocates is measured before, and taken away. By when
// it begins the server has collected what the load left behind: that is no part of a steady state.
func (k *soak) steady(t testing.TB) {
	t.Helper()
	defer k.sampler.silence()()
	c, err := streamCaller(k.rings, k.s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	latency := meter.NewLatency()
	batches := func(from, n int) {
		tick := time.NewTicker(time.Second / 2)
		defer tick.Stop()
		for i := range n {
			due := <-tick.C
			if err := c.call(t.Context(), from+i); err != nil {
				k.tally.failed("steady stream", err)
				return
			}
			latency.Record(time.Since(due), 1)
		}
	}
	n := max(2, int(2*k.o.steady.Seconds()))
	batches(0, n/2)
	latency = meter.NewLatency()
	end := k.profile(t, "steady", k.o.steady)
	before, begin := k.s.mustScrape(t), time.Now()
	cost := k.costOfAllocations(t)
	allocations := k.s.allocations(t)
	batches(n, n)
	spent := k.s.allocations(t).minus(allocations).minus(cost)
	took, after := time.Since(begin), k.s.mustScrape(t)
	end()
	delta := func(name string) float64 { return after.sum(name) - before.sum(name) }
	frames := after.images() - before.images()
	k.figures.Steady = steadyFigures{
		Frames: frames, Seconds: took.Seconds(), Objects: spent.objects / max(frames, 1), Bytes: spent.bytes / max(frames, 1),
		Collections: delta(metricCollections), Gets: delta("steadyframe_pool_gets_total"), Misses: delta("steadyframe_pool_misses_total"),
		P50: meter.Milliseconds(latency.Quantile(0.5)), P99: meter.Milliseconds(latency.Quantile(0.99)),
	}
}

// allocations are what a process has allocated on its heap since it started.
type allocations struct{ objects, bytes float64 }

func (a allocations) minus(b allocations) allocations {
	return allocations{a.objects - b.objects, a.bytes - b.bytes}
}

// allocations returns the server's, exactly: runtime.MemStats, which the text form of a heap profile ends with. The counters that
// /metrics shows lack what the processors have not handed on, some thousand objects.
func (s *served) allocations(t testing.TB) (a allocations) {
	t.Helper()
	text, err := s.read("/debug/pprof/allocs?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]*float64{"Mallocs": &a.objects, "TotalAlloc": &a.bytes} {
		_, rest, found := bytes.Cut(text, []byte("\n# "+name+" = "))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		if *to, err = strconv.ParseFloat(string(line), 64); err != nil || !found {
			t.Fatalf("the server's profile says no %s: %v", name, err)
		}
	}
	return a
}

// costOfAllocations returns what the server allocates to say what it has allocated: the least of some, since other things may be
// going on.
func (k *soak) costOfAllocations(t testing.TB) allocations {
	t.Helper()
	least := allocations{math.Inf(1), math.Inf(1)}
	before := k.s.allocations(t)
	for range 10 {
		after := k.s.allocations(t)
		took := after.minus(before)
		least = allocations{min(least.objects, took.objects), min(least.bytes, took.bytes)}
		before = after
	}
	return least
}
