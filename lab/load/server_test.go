package load

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// meteredServer tells metrics as one does that has encoded frames, and which spends something on telling them.
type meteredServer struct {
	frames, asked atomic.Int64
}

func (m *meteredServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != metricsPath {
		http.NotFound(w, r)
		return
	}
	frames, asked := m.frames.Load(), m.asked.Add(1)
	fmt.Fprintf(w, "# TYPE go_memstats_mallocs_total counter\ngo_memstats_mallocs_total %d\n", 1000+3000*asked+4*frames)
	fmt.Fprintf(w, "# TYPE go_memstats_alloc_bytes_total counter\ngo_memstats_alloc_bytes_total %d\n", 50_000*asked+700*frames)
	fmt.Fprintf(w, "# TYPE go_gc_cycles_total_gc_cycles_total counter\ngo_gc_cycles_total_gc_cycles_total %d\n", 3+frames/100)
	fmt.Fprintf(w, "# TYPE steadyframe_pool_misses_total counter\nsteadyframe_pool_misses_total{class=\"4096\"} %d\n", 1+frames/1000)
	fmt.Fprintf(w, "steadyframe_pool_misses_total{class=\"8192\"} %d\n", 2+frames/500)
	fmt.Fprintf(w, "process_cpu_seconds_total %g\n", 5+0.001*float64(asked)+0.002*float64(frames))
	fmt.Fprintf(w, "process_resident_memory_bytes %d\n", 50_000_000+10*frames)
}

// What a server says is for the frames of the load, without what it spends on saying it.
func TestServerFigures(t *testing.T) {
	m := &meteredServer{}
	s := httptest.NewServer(m)
	defer s.Close()
	path := filepath.Join(t.TempDir(), "admin")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	onUnix := &http.Server{Handler: m}
	go func() { _ = onUnix.Serve(l) }()
	defer onUnix.Close()
	for _, admin := range []string{strings.TrimPrefix(s.URL, "http://"), s.URL, s.URL + "/metrics", "unix:" + path} {
		scraper, err := newScraper(admin)
		if err != nil {
			t.Fatal(err)
		}
		w, err := scraper.watch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m.frames.Add(2000)
		got := w.end(2000)
		want := Server{AllocsPerFrame: 4, BytesPerFrame: 700, Collections: 20, PoolMisses: 6, CPU: 4, CPUPer1000: 2, RSSMax: 50_000_000 + 10*float64(m.frames.Load())}
		if got == nil || math.Abs(got.CPU-4) > 1e-6 || math.Abs(got.CPUPer1000-2) > 1e-6 {
			t.Fatalf("%s: got %+v, want %+v", admin, got, want)
		}
		got.CPU, got.CPUPer1000 = want.CPU, want.CPUPer1000
		if *got != want {
			t.Errorf("%s: got %+v, want %+v", admin, *got, want)
		}
	}
}

func TestAdminErrors(t *testing.T) {
	for _, admin := range []string{"9090", "ftp://a:1", "http://", "a b:1"} {
		var option *OptionError
		if _, err := newScraper(admin); !errors.As(err, &option) || option.Option != "admin" {
			t.Errorf("%s: got %v, want an error of admin", admin, err)
		}
	}
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	defer html.Close()
	missing := httptest.NewServer(http.NotFoundHandler())
	defer missing.Close()
	for _, tt := range []struct{ admin, want string }{{html.URL, "metrics: "}, {missing.URL, "got 404 Not Found"}, {"127.0.0.1:1", "connection refused"}} {
		o := quick(small())
		f := newFake(t, o)
		o.Target, _ = f.serveGRPC()
		o.Admin = tt.admin
		r, err := newGenerator(t, o).Run(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "the admin listener at "+tt.admin) || !strings.Contains(err.Error(), tt.want) || r.Batches != 0 {
			t.Errorf("%s: got %v after %d batches, want %s", tt.admin, err, r.Batches, tt.want)
		}
	}
}
