package soak

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/steadyframe/steadyframe/internal/meter"
)

// tally is what became of the requests of healthy clients, and of what healthy viewers saw.
type tally struct {
	strained atomic.Bool // during bursts and attacks: then refusals with advice and what is left out are no failures

	mu       sync.Mutex
	kinds    map[string]*kindTally
	window   *meter.Latency // of all kinds, since the last look, strained or not
	failures int
	mixed    int
	first    []string // what the first failures were
}

// kindTally is what became of one kind of requests.
type kindTally struct {
	Requests int `json:"requests"`
	Frames   int `json:"frames"`
	Refused  int `json:"refused_under_strain"`
	Skipped  int `json:"skipped"`
	Strained int `json:"skipped_under_strain"`

	latency *meter.Latency // not under strain
}

func newTally() *tally { return &tally{kinds: map[string]*kindTally{}, window: meter.NewLatency()} }

// kind returns the tally of that kind. t.mu is held.
func (t *tally) kind(name string) *kindTally {
	k := t.kinds[name]
	if k == nil {
		k = &kindTally{latency: meter.NewLatency()}
		t.kinds[name] = k
	}
	return k
}

func (t *tally) skipped(kind *share) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.strained.Load() {
		t.kind(kind.name).Strained++
	} else {
		t.kind(kind.name).Skipped++
	}
}

// answered counts a request with what became of it.
func (t *tally) answered(kind *share, took time.Duration, err error) {
	strained := t.strained.Load()
	var refused refusal
	if strained && (errors.As(err, &refused) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)) {
		// A body on its way is refused with a response and the end of the connection, of which the client may see the second alone.
		t.mu.Lock()
		t.kind(kind.name).Refused++
		t.mu.Unlock()
		return
	}
	if err != nil {
		t.failed(kind.name, err)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.kind(kind.name)
	k.Requests++
	k.Frames += kind.frames
	t.window.Record(took, 1)
	if !strained {
		k.latency.Record(took, 1)
	}
}

// saw counts an image that a viewer was shown, so long after its capture.
func (t *tally) saw(transport string, after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.kind(transport)
	k.Requests++
	k.Frames++
	if !t.strained.Load() {
		k.latency.Record(after, 1)
	}
}

// failed notes that what should not fail did.
func (t *tally) failed(who string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var mixed *mixedError
	if errors.As(err, &mixed) {
		t.mixed++
	} else {
		t.failures++
	}
	if len(t.first) < 20 {
		t.first = append(t.first, who+": "+err.Error())
	}
}

// look returns the latencies since the last look.
func (t *tally) look() *meter.Latency {
	t.mu.Lock()
	defer t.mu.Unlock()
	window := t.window
	t.window = meter.NewLatency()
	return window
}

// overall returns the latencies of all requests of the mix, but those under strain.
func (t *tally) overall() *meter.Latency {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := meter.NewLatency()
	for i := range mix {
		all.Merge(t.kind(mix[i].name).latency)
	}
	return all
}

// progress is how many requests of a kind have been due, and how many were answered.
type progress struct{ due, answered int }

func (t *tally) due(kind string) progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.kind(kind)
	return progress{k.Requests + k.Refused + k.Skipped + k.Strained, k.Requests}
}

// requests returns how many requests of each kind have been answered.
func (t *tally) requests() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := map[string]int{}
	for name, k := range t.kinds {
		all[name] = k.Requests
	}
	return all
}

// clients returns the figures of each kind.
func (t *tally) clients() map[string]*clients {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := map[string]*clients{}
	for name, k := range t.kinds {
		quantile := func(q float64) float64 { return meter.Milliseconds(k.latency.Quantile(q)) }
		all[name] = &clients{kindTally: *k, P50: quantile(0.5), P99: quantile(0.99), P999: quantile(0.999), Max: meter.Milliseconds(k.latency.Max())}
	}
	return all
}
