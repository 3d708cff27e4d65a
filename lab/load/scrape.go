package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scraper reads the metrics of a server, at its admin listener.
type scraper struct {
	client http.Client
	url    string
	name   string // as the user gave it
}

const (
	metricsPath    = "/metrics"
	scrapeTimeout  = 5 * time.Second
	maxScrapeBytes = 16 << 20
)

// newScraper returns a scraper for host:port, unix:/path, or a URL whose path is of no interest.
func newScraper(admin string) (*scraper, error) {
	s := &scraper{name: admin, client: http.Client{Timeout: scrapeTimeout}}
	base, isUnix := admin, false
	if path, ok := strings.CutPrefix(admin, "unix:"); ok {
		path, base, isUnix = strings.TrimPrefix(path, "//"), "http://localhost", true
		var d net.Dialer
		s.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		}}
	} else if !strings.Contains(admin, "://") {
		base = "http://" + admin
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || !isUnix && u.Port() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, optionErrorf("admin", "got %s, want one such as 127.0.0.1:9090 or unix:/path", admin)
	}
	u.Path, u.RawQuery = metricsPath, ""
	s.url = u.String()
	return s, nil
}

// snapshot is what a server says of itself at one time. What it does not say is 0.
type snapshot struct {
	allocs, bytes float64 // of its heap, ever
	collections   float64 // ever
	misses        float64 // of its pools, ever
	cpu           float64 // seconds, ever
	rss           float64 // bytes, now
}

// read reads the metrics.
func (s *scraper) read(ctx context.Context) (snapshot, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return snapshot{}, err
	}
	response, err := s.client.Do(r)
	if err != nil {
		return snapshot{}, fmt.Errorf("the admin listener at %s: %w", s.name, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return snapshot{}, fmt.Errorf("the admin listener at %s: got %s for %s, want 200 OK", s.name, response.Status, metricsPath)
	}
	shot, err := parseMetrics(io.LimitReader(response.Body, maxScrapeBytes))
	if err != nil {
		return snapshot{}, fmt.Errorf("the admin listener at %s: %w", s.name, err)
	}
	return shot, nil
}

// parseMetrics reads Prometheus' text format.
func parseMetrics(r io.Reader) (snapshot, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return snapshot{}, fmt.Errorf("metrics: %w", err)
	}
	sum := func(name string) (total float64) {
		for _, m := range families[name].GetMetric() {
			total += value(m)
		}
		return total
	}
	return snapshot{
		allocs:      sum("go_memstats_mallocs_total"),
		bytes:       sum("go_memstats_alloc_bytes_total"),
		collections: sum("go_gc_cycles_total_gc_cycles_total"),
		misses:      sum("steadyframe_pool_misses_total"),
		cpu:         sum("process_cpu_seconds_total"),
		rss:         sum("process_resident_memory_bytes"),
	}, nil
}

// value returns that of a counter or gauge; of a metric of no declared type as well.
func value(m *dto.Metric) float64 {
	return m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
}
