package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

const (
	prometheusDir = "../deploy/prometheus"
	dashboardFile = "../deploy/grafana/steadyframe.json"
)

// promRule is a rule of alerts.yaml: one that records, or an alert.
type promRule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

func alertRules(t *testing.T) (rules []promRule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []promRule } }
	if err := yaml.Unmarshal(read(t, prometheusDir+"/alerts.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	if len(rules) == 0 {
		t.Fatal("alerts.yaml has no rules")
	}
	return rules
}

// monitored runs a server that encodes, and that somebody watches live streams of, its own and one of another node of its cluster,
// until t ends. Now and then it collects garbage, so that there are pauses to look at.
func monitored(t *testing.T) *served {
	t.Helper()
	directory := daemon.FreeAddress(t)
	serve(t, "--stream", "far=testsrc:160x90@25", "--set", "cluster.name=monitored", "--set", "cluster.node=other", "--set", "cluster.listen="+directory)
	s := serve(t, "--stream", "cam=testsrc:160x90@25", "--set", "cluster.name=monitored", "--set", "cluster.node=this", "--set", "cluster.listen=127.0.0.1:0",
		"--set", "cluster.routes="+directory)
	daemon.WaitFor(t, "the stream of the other node", func() bool {
		var far struct{ Node string }
		return s.GetJSON(t, "/v1/streams/far", &far) && far.Node == "other"
	})
	c := dial(t, s.GRPC)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		batch := client.Batch{Spec: spec(bgr), Frames: [][]byte{make([]byte, width*height*3), make([]byte, width*height*3)}}
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			var response client.Response
			_ = c.Encode(t.Context(), &batch, &response) // A server that was killed is part of the test.
			if n%20 == 0 {
				if resp, err := http.Get("http://" + s.Admin + "/debug/pprof/heap?gc=1"); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	var left sync.WaitGroup
	var viewers []io.Closer
	for _, stream := range []string{"cam", "far"} {
		viewer, err := http.Get("http://" + s.HTTP + "/stream/" + stream + ".mjpg")
		if err != nil {
			t.Fatal(err)
		}
		viewers = append(viewers, viewer.Body)
		left.Go(func() { io.Copy(io.Discard, viewer.Body) })
	}
	t.Cleanup(func() {
		close(done)
		<-ended
		for _, v := range viewers {
			v.Close()
		}
		left.Wait()
	})
	return s
}

// scraped is what a server exports: of each metric the labels, and of each label the values.
type scraped map[string]map[string][]string

var (
	scrapeLine  = regexp.MustCompile(`^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$`)
	scrapeLabel = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// exported reads /metrics. What Prometheus adds to all of a target is there too; of a histogram, its name as well, by which
// Prometheus knows native ones.
func (s *served) exported(t *testing.T) (text string, metrics scraped) {
	t.Helper()
	resp, err := http.Get("http://" + s.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	metrics = scraped{}
	add := func(name string, labels [][]string) {
		if metrics[name] == nil {
			metrics[name] = map[string][]string{"job": nil, "instance": nil}
		}
		for _, l := range labels {
			metrics[name][l[1]] = append(metrics[name][l[1]], l[2])
		}
	}
	add("up", nil)
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			if name, ok := strings.CutSuffix(name, " histogram"); ok {
				add(name, nil)
			}
		} else if !strings.HasPrefix(line, "#") {
			m := scrapeLine.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("/metrics has a line %q", line)
			}
			labels := scrapeLabel.FindAllStringSubmatch(m[2], -1)
			add(m[1], labels)
			if base, ok := strings.CutSuffix(m[1], "_bucket"); ok {
				add(base, labels)
			}
		}
	}
	return string(body), metrics
}

// lacks returns what expr asks for and the server has not: a metric, a label of it, a value of that.
func (m scraped) lacks(t *testing.T, expr string) (missing []string) {
	t.Helper()
	use, err := readProm(expr)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range use.selectors {
		labels, ok := m[s.metric]
		if !ok {
			missing = append(missing, "metric "+s.metric)
			continue
		}
		for _, match := range s.matchers {
			values, ok := labels[match.label]
			if !ok {
				missing = append(missing, "label "+match.label+" of "+s.metric)
				continue
			}
			if match.label == "job" || match.label == "instance" {
				continue
			}
			for want := range strings.SplitSeq(match.value, "|") {
				if !slices.Contains(values, want) {
					missing = append(missing, s.metric+"{"+match.label+`="`+want+`"}`)
				}
			}
		}
	}
	for _, label := range use.labels {
		if !slices.ContainsFunc(use.selectors, func(s promSelector) bool { _, ok := m[s.metric][label]; return ok }) {
			missing = append(missing, "label "+label)
		}
	}
	return missing
}

// Every metric, label and value that a rule or the dashboard names is there: a metric that was renamed makes an alert that
// never fires. And docs/monitoring.md has all metrics, and no others.
func TestMonitoringNames(t *testing.T) {
	s := monitored(t)
	rules, panels := alertRules(t), loadDashboard(t).flat()
	var text string
	var metrics scraped
	daemon.WaitFor(t, "an image that a viewer had, and buffers", func() bool {
		text, metrics = s.exported(t)
		return metrics["steadyframe_viewer_frames_delivered_total"] != nil && metrics["steadyframe_pool_buffers"] != nil
	})
	metrics.documented(t)
	for _, r := range rules {
		if missing := metrics.lacks(t, r.Expr); len(missing) > 0 {
			t.Errorf("%s%s: there is no %s", r.Record, r.Alert, strings.Join(missing, ", no "))
		}
		if r.Record != "" {
			metrics[r.Record] = map[string][]string{"job": nil, "instance": nil}
		}
	}
	for _, p := range panels {
		for _, target := range p.Targets {
			if missing := metrics.lacks(t, target.Expr); len(missing) > 0 {
				t.Errorf("panel %s: there is no %s", p.Title, strings.Join(missing, ", no "))
			}
			if strings.Contains(target.Expr, "instance:") {
				t.Errorf("panel %s needs a recording rule: it must do without", p.Title)
			}
		}
	}
	t.Run("promtool", func(t *testing.T) {
		check := exec.CommandContext(t.Context(), exttool.Require(t, "promtool", "prometheus"), "check", "metrics")
		check.Stdin = strings.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("promtool check metrics: %v\n%s", err, out)
		}
	})
}

// The checker itself: a name that is not there is told.
func TestMonitoringNamesAreMissed(t *testing.T) {
	m := scraped{"a": {"job": nil, "instance": nil, "x": {"1", "2"}}}
	for expr, want := range map[string]string{
		`a{x="1"}`: "", `sum by (x) (a{x=~"1|2", job="z"})`: "",
		`b`: "metric b", `a{y="1"}`: "label y of a", `a{x="3"}`: `a{x="3"}`, `a{x!~"1|3"}`: `a{x="3"}`, `sum by (y) (a)`: "label y",
	} {
		if got := strings.Join(m.lacks(t, expr), ", "); got != want {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
}

// Each alert says what is wrong and what to do, how bad it is, is told of in docs/monitoring.md, and has a test that sees it
// fire.
func TestAlertsAreWhole(t *testing.T) {
	docs, tests := string(read(t, "../docs/monitoring.md")), string(read(t, prometheusDir+"/alerts_test.yaml"))
	for _, r := range alertRules(t) {
		if r.Alert == "" {
			continue
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: got severity %q, want critical or warning", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || len(r.Annotations["description"]) < 100 {
			t.Errorf("%s: wants a summary, and a description that says what to do", r.Alert)
		}
		if !strings.Contains(docs, "`"+r.Alert+"`") {
			t.Errorf("%s is not in docs/monitoring.md", r.Alert)
		}
		if !strings.Contains(tests, `[{labels: '{alertname="`+r.Alert+`"`) {
			t.Errorf("%s fires in no test of alerts_test.yaml", r.Alert)
		}
	}
}

// documented reports what the tables of docs/monitoring.md tell of and a server does not export, and the other way round.
func (m scraped) documented(t *testing.T) {
	told := regexp.MustCompile("`(steadyframe_\\w+)").FindAllStringSubmatch(string(read(t, "../docs/monitoring.md")), -1)
	for _, name := range told {
		if m[name[1]] == nil {
			t.Errorf("docs/monitoring.md tells of %s, which is not there", name[1])
		}
	}
	for name := range m {
		base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		if strings.HasPrefix(name, "steadyframe_") && !slices.ContainsFunc(told, func(m []string) bool { return m[1] == base }) {
			t.Errorf("docs/monitoring.md does not tell of %s", name)
		}
	}
}

// dashboard is what tests want to know of the dashboard.
type dashboard struct {
	UID        string
	Panels     []panel
	Templating struct{ List []struct{ Name string } }
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct {
		Defaults struct {
			Unit       string
			Thresholds struct{ Steps []struct{ Value *float64 } }
		}
	}
	Targets []struct {
		RefID, Expr string
		Datasource  struct{ UID string }
	}
}

func loadDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal(read(t, dashboardFile), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// flat returns the panels that show something.
func (d dashboard) flat() []panel {
	return slices.DeleteFunc(slices.Clone(d.Panels), func(p panel) bool { return p.Type == "row" })
}
