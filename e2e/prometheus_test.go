package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// monitorFor is how long TestPrometheus watches; scripts/check-monitoring sets it.
var monitorFor = flag.Duration("monitor-for", 0, "for how long TestPrometheus looks whether an alert fires; it then kills the server")

// What Prometheus itself says of the rules, and of the example of a configuration.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := exttool.Require(t, "promtool", "prometheus")
	for _, args := range [][]string{
		{"check", "config", prometheusDir + "/prometheus.yaml"},
		{"check", "rules", prometheusDir + "/alerts.yaml"},
		{"test", "rules", prometheusDir + "/alerts_test.yaml"},
	} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// Prometheus watches a server by what deploy has, with classic histograms and with native ones: all rules are well, each panel
// of the dashboard has data, no alert fires. In its long form the server is killed in the end, and that is an alert.
func TestPrometheus(t *testing.T) {
	if *monitorFor == 0 {
		t.Parallel()
	}
	exttool.Require(t, "prometheus", "prometheus")
	s := monitored(t)
	t.Run("healthy", func(t *testing.T) {
		for name, args := range map[string][]string{"classic": nil, "native": {"--enable-feature=native-histograms"}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := watchOver(t, s, args...)
				daemon.WaitFor(t, "all rules to be well", func() bool { return p.rulesAreWell(t) })
				for _, panel := range loadDashboard(t).flat() {
					for _, target := range panel.Targets {
						daemon.WaitFor(t, "data of panel "+panel.Title+" in "+target.Expr, func() bool { return p.hasData(t, target.Expr) })
					}
				}
				p.quiet(t, *monitorFor)
			})
		}
	})
	if *monitorFor > 0 {
		p := watchOver(t, s)
		daemon.WaitFor(t, "the server to be up", func() bool { return p.hasData(t, "up == 1") })
		s.Kill()
		for range 5 { // of 30 s: the alert waits for a minute
			if p.waitsFor(t, "SteadyframeDown", 30*time.Second) {
				return
			}
		}
		t.Error("the server was killed, and SteadyframeDown does not fire")
	}
}

// prometheus is a Prometheus that runs.
type prometheus struct{ url string }

// watchOver starts a Prometheus with the configuration of deploy, but for the target, and for intervals in which a test sees
// something. It ends with t.
func watchOver(t *testing.T, s *served, args ...string) prometheus {
	t.Helper()
	dir := t.TempDir()
	config := string(read(t, prometheusDir+"/prometheus.yaml"))
	for old, replacement := range map[string]string{": 15s": ": 1s", "127.0.0.1:9090": s.Admin} {
		if strings.Count(config, old) == 0 {
			t.Fatalf("prometheus.yaml has no %q any more", old)
		}
		config = strings.ReplaceAll(config, old, replacement)
	}
	write(t, filepath.Join(dir, "prometheus.yaml"), []byte(config))
	write(t, filepath.Join(dir, "alerts.yaml"), read(t, prometheusDir+"/alerts.yaml"))
	address := daemon.FreeAddress(t) // Prometheus does not tell where it is when it is given port 0
	cmd := exec.Command("prometheus", append([]string{
		"--config.file=" + filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address,
	}, args...)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("prometheus: %s", log.Bytes())
		}
	})
	p := prometheus{"http://" + address}
	daemon.WaitFor(t, "Prometheus", func() bool {
		select {
		case <-ended:
			t.Fatalf("prometheus ended: %s", log.Bytes())
		default:
		}
		resp, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// get reads the data of a response of Prometheus.
func (p prometheus) get(t *testing.T, path string, query url.Values, data any) {
	t.Helper()
	resp, err := http.Get(p.url + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	response := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&response); err != nil || response.Status != "success" {
		t.Fatalf("%s %v: %v, %s", path, query, err, response.Error)
	}
}

// rulesAreWell reports whether each rule has been evaluated. One that cannot be fails t.
func (p prometheus) rulesAreWell(t *testing.T) bool {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	p.get(t, "rules", nil, &rules)
	n := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			switch r.Health {
			case "ok":
				n++
			case "err":
				t.Fatalf("rule %s: %s", r.Name, r.LastError)
			}
		}
	}
	return n == len(alertRules(t))
}

// hasData reports whether an expression of the dashboard has a number as its result.
func (p prometheus) hasData(t *testing.T, expr string) bool {
	t.Helper()
	var response struct {
		Result []struct{ Value [2]any }
	}
	filled := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".+").Replace(expr)
	p.get(t, "query", url.Values{"query": {filled}}, &response)
	for _, r := range response.Result {
		v, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		if !math.IsNaN(v) {
			return true
		}
	}
	return false
}

// firing returns the alerts that fire.
func (p prometheus) firing(t *testing.T) (names []string) {
	t.Helper()
	var response struct {
		Alerts []struct {
			State, Value        string
			Labels, Annotations map[string]string
		}
	}
	p.get(t, "alerts", nil, &response)
	for _, a := range response.Alerts {
		if strings.Contains(a.Annotations["summary"]+a.Annotations["description"], "<error") {
			t.Fatalf("got annotations %v", a.Annotations)
		}
		if a.State == "firing" {
			t.Logf("%s: %s", a.Labels["alertname"], a.Annotations["summary"])
			names = append(names, a.Labels["alertname"])
		}
	}
	return names
}

// quiet looks for that long, and once at least, whether an alert fires.
func (p prometheus) quiet(t *testing.T, d time.Duration) {
	t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for end := time.Now().Add(d); ; <-tick.C {
		if names := p.firing(t); len(names) > 0 {
			t.Fatalf("a server that is well: got alerts %v", names)
		}
		if time.Now().After(end) {
			return
		}
	}
}

// waitsFor reports whether an alert fires within d.
func (p prometheus) waitsFor(t *testing.T, name string, d time.Duration) bool {
	t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		for _, got := range p.firing(t) {
			if got == name {
				return true
			}
		}
	}
	return false
}
