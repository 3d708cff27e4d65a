package report

import (
	"math"
	"slices"
	"testing"
)

// barsOf returns left and right of each bar of a class.
func barsOf(t *testing.T, root element, class string) [][2]float64 {
	t.Helper()
	var out [][2]float64
	for _, e := range root.find("path", class) {
		if pts := pathPoints(t, e.attr("d")); e.attr("fill") != "none" {
			out = append(out, [2]float64{min(pts[0][0], pts[1][0]), max(pts[0][0], pts[1][0])})
		}
	}
	return out
}

func TestBars(t *testing.T) {
	root := written(t, &Plot{Kind: Bars, X: Axis{Labels: []string{"W1", "W3"}}, Y: Axis{Label: "ours is"}, Series: []Series{
		{Name: "ours", Ours: true, Points: []Point{{X: 0, Y: 10}, {X: 1, Y: 20}}},
		{Name: "rival", Points: []Point{{X: 0, Y: 40, Low: 30, High: 45}, {X: 1, Y: math.NaN()}, {X: 2, Y: 3}, {X: 0.5, Y: 3}, {X: -1, Y: 3}}},
	}})
	ours, rival := barsOf(t, root, "s0"), barsOf(t, root, "s1")
	if len(ours) != 2 || len(rival) != 1 {
		t.Fatalf("got %d and %d bars, want 2 and 1: NaN and what is in no group are left out", len(ours), len(rival))
	}
	length := func(b [2]float64) float64 { return b[1] - b[0] }
	if unit := length(ours[0]) / 10; math.Abs(length(ours[1])-20*unit) > 0.6 || math.Abs(length(rival[0])-40*unit) > 0.6 {
		t.Errorf("got bars of %v and %v, want them to be as 10, 20 and 40", ours, rival)
	}
	want := []string{"W1", "ours", "10", "rival", "40", "W3", "ours", "20"}
	if got := root.texts(); !slices.Equal(got[:len(want)], want) || got[len(got)-1] != "ours is" {
		t.Errorf("texts: got %q, want %q, then the axis", got, want)
	}
	if got := root.texts("ours"); !slices.Equal(got, []string{"ours", "ours"}) {
		t.Errorf("in bold: got %q, want ours", got)
	}
	if got, want := root.find("desc")[0].Text, "ours is. ours: W1 10, W3 20. rival: W1 40 (30 to 45)."; got != want {
		t.Errorf("in words: got %q, want %q", got, want)
	}
}

func TestBarsSpread(t *testing.T) {
	root := written(t, &Plot{Kind: Bars, Series: []Series{{Name: "a", Points: []Point{{Y: 40, Low: 30, High: 60}}}}})
	bar := barsOf(t, root, "s1")[0]
	unit := (bar[1] - bar[0]) / 40
	for _, e := range root.find("path", "text") {
		pts := pathPoints(t, e.attr("d"))
		if pts[0][1] != pts[1][1] {
			continue // a cap
		}
		if low, high := (pts[0][0]-bar[0])/unit, (pts[1][0]-bar[0])/unit; math.Abs(low-30) > 0.5 || math.Abs(high-60) > 0.5 {
			t.Errorf("got a spread of %.1f to %.1f, want 30 to 60", low, high)
		}
		return
	}
	t.Error("got no spread")
}

// TestBarsOfOneSeries: the bars have the names of the groups, and there is no row for a group's name.
func TestBarsOfOneSeries(t *testing.T) {
	root := written(t, &Plot{Kind: Bars, X: Axis{Labels: []string{"go", "opencv"}}, Series: []Series{{Name: "ratio", Points: points(2, 3)}}})
	if got := root.texts("text", "end"); !slices.Equal(got, []string{"go", "2", "opencv", "3"}) {
		t.Errorf("names and values: got %q, want the names of the groups", got)
	}
}

func TestBarsNegativeAndLogarithmic(t *testing.T) {
	bars := barsOf(t, written(t, &Plot{Kind: Bars, X: Axis{Labels: []string{"a", "b"}}, Series: []Series{{Points: points(-2, 4)}}}), "s1")
	if len(bars) != 2 || bars[0][1] != bars[1][0] || bars[0][0] >= bars[0][1] {
		t.Errorf("got bars %v, want one to the left and one to the right of 0", bars)
	}
	root := written(t, &Plot{Kind: Bars, X: Axis{Labels: []string{"a", "b", "c"}}, Y: Axis{Log: true}, Series: []Series{{Points: points(10, 1e6, 0)}}})
	bars = barsOf(t, root, "s1")
	if len(bars) != 2 || bars[0][1]-bars[0][0] < 20 || !slices.Contains(root.texts("value"), "0") {
		t.Errorf("logarithmic: got bars %v and texts %q, want the least to be seen, and of 0 the value alone", bars, root.texts())
	}
}

func TestMarkOfAxis(t *testing.T) {
	for _, p := range []*Plot{
		{Kind: Bars, Y: Axis{Mark: 1}, Series: []Series{{Points: points(3)}}},
		{Y: Axis{Mark: 100}, Series: []Series{{Points: points(3, 4)}}},
		{X: Axis{Mark: 100}, Series: []Series{{Points: points(3, 4)}}},
	} {
		n := 0
		for _, e := range written(t, p).find("path", "text") {
			if e.attr("stroke-dasharray") != "" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%+v: got %d dashed lines, want one", p, n)
		}
	}
}
