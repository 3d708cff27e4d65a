package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The dashboard can be read: panels do not overlap, each has a unit and says what it shows, asks the chosen data source for
// the chosen servers, and has its line where the alert that it names begins.
func TestDashboard(t *testing.T) {
	d := loadDashboard(t)
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("%s: got id %d, want one of its own", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s overlaps %q, or the right edge, at %d, %d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	panels := d.flat()
	if len(panels) < 30 {
		t.Errorf("got %d panels, want those of all rows", len(panels))
	}
	alerts := map[string]promRule{}
	for _, r := range alertRules(t) {
		alerts[r.Alert] = r
	}
	for _, p := range panels {
		t.Run(strings.ReplaceAll(p.Title, " ", "-"), func(t *testing.T) { p.check(t, alerts) })
	}
}

var (
	namedAlert = regexp.MustCompile(`\bSteadyframe[A-Z]\w+`)
	comparison = regexp.MustCompile(`> ([\d.e]+)(?:\s|$)`)
)

func (p panel) check(t *testing.T, alerts map[string]promRule) {
	const source = "${datasource}"
	if len(p.Description) < 15 || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 || p.Datasource.UID != source {
		t.Errorf("got %+v, want a description, a unit, targets, and %s", p, source)
	}
	refs := map[string]bool{}
	for _, target := range p.Targets {
		if target.RefID == "" || refs[target.RefID] || target.Datasource.UID != source {
			t.Errorf("got target %+v, want a refId of its own, and %s", target, source)
		}
		refs[target.RefID] = true
		use, err := readProm(target.Expr)
		if err != nil {
			t.Fatalf("%s: %v", target.Expr, err)
		}
		for _, s := range use.selectors {
			if len(s.matchers) == 0 || s.matchers[0] != (promMatcher{"instance", "=~", "$instance"}) {
				t.Errorf("%s in %s is not of the chosen servers", s.metric, target.Expr)
			}
		}
	}
	named := namedAlert.FindAllString(p.Description, -1)
	var thresholds []float64
	for _, name := range named {
		rule, ok := alerts[name]
		if !ok {
			t.Errorf("it names the alert %s, which there is not", name)
		}
		for _, m := range comparison.FindAllStringSubmatch(rule.Expr, -1) {
			v, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			thresholds = append(thresholds, v)
		}
	}
	steps := p.FieldConfig.Defaults.Thresholds.Steps
	if len(steps) < 2 {
		return
	}
	red := *steps[len(steps)-1].Value
	for _, v := range thresholds {
		if v == red || v == 0 && red == 1 { // A stat is red from its value on, an alert fires above it.
			return
		}
	}
	t.Errorf("its line is at %v, the alerts that it names, %v, begin at %v", red, named, thresholds)
}
