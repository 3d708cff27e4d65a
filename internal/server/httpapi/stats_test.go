package httpapi

import (
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

func TestCumulate(t *testing.T) {
	type bucket struct {
		le    float64
		count uint64
	}
	inf := math.Inf(1)
	tests := []struct {
		name    string
		buckets []bucket
		want    histogram
	}{
		{"empty", []bucket{{1, 0}, {2, 0}, {inf, 0}}, histogram{LE: []float64{}, Counts: []uint64{}}},
		{"inner", []bucket{{1, 0}, {2, 3}, {4, 0}, {8, 4}, {16, 0}, {inf, 0}},
			histogram{LE: []float64{2, 4, 8}, Counts: []uint64{3, 3, 7}, Count: 7}},
		{"above-all-bounds", []bucket{{1, 2}, {2, 0}, {inf, 5}}, histogram{LE: []float64{1}, Counts: []uint64{2}, Count: 7}},
		{"only-above", []bucket{{1, 0}, {inf, 1}}, histogram{LE: []float64{}, Counts: []uint64{}, Count: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := cumulate(len(tt.buckets), func(i int) (float64, uint64) { return tt.buckets[i].le, tt.buckets[i].count })
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("as JSON: %v", err)
			}
		})
	}
}

// The buckets give the quantiles that the server itself states.
func TestBatchHistogram(t *testing.T) {
	m := metrics.New()
	for i := range 1000 {
		m.Took(metrics.Run, time.Duration(i+1)*100*time.Microsecond)
	}
	h := batchHistogram(m.Stage(metrics.Run))
	if h.Count != 1000 || h.Counts[len(h.Counts)-1] != 1000 || h.Counts[0] == 0 {
		t.Fatalf("got counts %v of %d, want them to rise from above 0 to 1000", h.Counts, h.Count)
	}
	for _, q := range []float64{0.5, 0.99} {
		i := 0
		for float64(h.Counts[i]) < q*1000 {
			i++
		}
		if got, want := h.LE[i], m.Stage(metrics.Run).Quantile(q).Seconds(); got != want {
			t.Errorf("quantile %v: got %v s, want %v s", q, got, want)
		}
	}
}

func TestReadRuntime(t *testing.T) {
	var s statistics
	s.readRuntime()
	if s.Heap.AllocBytes == 0 || s.Heap.AllocObjects == 0 || s.Goroutines == 0 {
		t.Errorf("got %+v of a program that runs, want allocations and goroutines", s)
	}
}

// The response of a server at rest, in the JSON that the page reads.
func TestStats(t *testing.T) {
	f := newTestAPI(t, nil)
	response, err := http.Get(f.url + "/v1/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "application/json" {
		t.Fatalf("got %s %s, want 200 application/json", response.Status, got)
	}
	var got statistics
	d := json.NewDecoder(response.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if age := time.Since(time.UnixMicro(int64(got.Time * 1e6))); age < -time.Second || age > time.Minute {
		t.Errorf("time: got %v ago, want now", age)
	}
	if got.Uptime <= 0 || got.Kernels != pipeline.DescribeKernels() || got.Workers != f.engine.Workers() || got.Heap.AllocBytes == 0 {
		t.Errorf("got %+v, want what runs and since when", got)
	}
	if want := (liveCounts{Streams: 1}); got.Live != want {
		t.Errorf("live: got %+v, want %+v", got.Live, want)
	}
	if l := f.engine.Config.Limits; got.Pool.Budget != int64(l.MemoryBudget)-l.PipelineShare() {
		t.Errorf("pool: got a budget of %d, want %s without the share of pipelines", got.Pool.Budget, l.MemoryBudget)
	}
}

func TestCountLive(t *testing.T) {
	got := countLive(stream.Totals{Streams: 3, Online: 2, Transports: []stream.TransportTotals{
		{Transport: "mjpeg", Viewers: 1, Delivered: 10, Dropped: 2, Bytes: 1000},
		{Transport: "grpc", Viewers: 4, Delivered: 20, Dropped: 3, Bytes: 2000},
	}})
	if want := (liveCounts{Streams: 3, Online: 2, Viewers: 5, Delivered: 30, Dropped: 5, Bytes: 3000}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCountPool(t *testing.T) {
	p := pool.New(&pool.Options{Budget: 1 << 20})
	kept, err := p.Get(5000)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Release()
	b, err := p.Get(5000)
	if err != nil {
		t.Fatal(err)
	}
	b.Release()
	size := pool.ClassSize(5000)
	got := countPool(p.Stats())
	want := poolCounts{Gets: 2, Misses: 2, Budget: 1 << 20, Held: 2 * int64(size), InUse: int64(size), Idle: int64(size),
		Classes: []classCount{{Size: size, Gets: 2, Misses: 2, InUse: 1, Idle: 1}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
