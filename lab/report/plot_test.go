package report

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// points returns points of ys at 0, 1, 2 and so on.
func points(ys ...float64) []Point {
	var out []Point
	for i, y := range ys {
		out = append(out, Point{X: float64(i), Y: y})
	}
	return out
}

func many(n int, y func(i int) float64) []Point {
	var out []Point
	for i := range n {
		out = append(out, Point{X: float64(i), Y: y(i)})
	}
	return out
}

// eight returns so many series as the bench has options, ours first.
func eight(points func(series int) []Point) []Series {
	var out []Series
	for i := range 8 {
		out = append(out, Series{Name: fmt.Sprintf("option %d", i), Ours: i == 0, Points: points(i)})
	}
	return out
}

// TestOddPlots: whatever the points and names are, there is an image, small, the same each time, with all of it inside.
func TestOddPlots(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, for seconds under the race detector")
	}
	long := strings.Repeat("a name of many words ", 20)
	one := func(p ...Point) []Series { return []Series{{Name: "one", Points: p}} }
	tests := []struct {
		name   string
		series []Series
	}{
		{"no-series", nil},
		{"no-points", one()},
		{"one-point", one(Point{X: 3, Y: 4})},
		{"one-point-ours", []Series{{Name: "ours", Ours: true, Points: points(7)}}},
		{"zero", one(points(0, 0, 0)...)},
		{"equal", one(points(5, 5, 5)...)},
		{"equal-negative", one(points(-5, -5)...)},
		{"same-place", one(Point{X: 1, Y: 1}, Point{X: 1, Y: 2}, Point{X: 1, Y: 3})},
		{"nearly-equal", one(points(1, 1+1e-15, 1+3e-16)...)},
		{"negative", one(points(-3, 5, -1)...)},
		{"no-numbers", one(points(math.NaN(), math.Inf(1), math.Inf(-1))...)},
		{"some-numbers", one(points(1, math.NaN(), 3, math.Inf(1), 2)...)},
		{"magnitudes", one(points(1e-3, 1, 1e3, 1e6, 1e9)...)},
		{"extremes", one(points(math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 1e99, -1e99, 1e-99)...)},
		{"fractions", one(Point{X: 0, Y: 0.5}, Point{X: 0.5, Y: 0.9}, Point{X: 0.9999, Y: 1}, Point{X: 1, Y: 0.999})},
		{"backwards", one(Point{X: 3, Y: 1}, Point{X: 1, Y: 2}, Point{X: 2, Y: 3})},
		{"spread", one(Point{X: 0, Y: 4, Low: 3, High: 6}, Point{X: 1, Y: 4, Low: 6, High: 3}, Point{X: 1, Y: 4, Low: math.Inf(-1), High: math.NaN()})},
		{"no-marks", []Series{{Ours: true, Points: points(1)}, {Points: points(2)}}},
		{"names", []Series{{Name: long, Ours: true, Points: points(1, 2)}, {Name: strings.ReplaceAll(long, " ", "-"), Points: points(2, 3)}, {Points: points(4)}}},
		{"markup", []Series{{Name: "<script>&\"'\x00\xff]]>", Points: points(1, 2)}, {Name: "\n\t", Points: points(2)}}},
		{"many", slices.Concat(eight(func(i int) []Point { return points(1, float64(i)) }), eight(func(int) []Point { return points(2) }), eight(func(int) []Point { return points(3) }))},
	}
	axes := []Axis{{}, {Log: true, Label: "bytes"}, {Nines: true, Label: "quantile"}, {Mark: 1, Label: long}, {Log: true, Mark: 1e3}, {Labels: []string{"first <group>", "second", long}}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, kind := range []Kind{Lines, Steps, Bars} {
				for i, x := range axes {
					for j := range 2 { // y of the same sort, and of the next
						check(t, &Plot{Name: "plot", Title: "Title & " + tt.name, X: x, Y: axes[(i+j)%len(axes)], Kind: kind, Series: tt.series})
					}
				}
			}
		})
	}
}

// TestLargePlots: what is thinned out is an image as any other.
func TestLargePlots(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	series := eight(func(i int) []Point { return many(5_000, func(int) float64 { return random.Float64() * float64(i) }) })
	for _, kind := range []Kind{Lines, Steps} {
		for _, y := range []Axis{{}, {Log: true}} {
			check(t, &Plot{Name: "plot", Title: "Large", Y: y, Kind: kind, Series: series})
		}
	}
}

// check checks what holds for each plot.
func check(t testing.TB, p *Plot) {
	t.Helper()
	var a, b bytes.Buffer
	if err := p.WriteSVG(&a); err != nil {
		t.Fatal(err)
	}
	root := parsed(t, a.Bytes())
	if err := p.WriteSVG(&b); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("the same plot made other bytes (%v)", err)
	}
	if n := a.Len(); n > 60_000 {
		t.Errorf("got %d bytes, want less than 60,000", n)
	}
	if root.attr("role") != "img" || root.attr("aria-labelledby") != "title text" || len(root.find("title")) != 1 || len(root.find("desc")) != 1 {
		t.Error("got an image without a text alternative")
	}
	if texts := strings.Join(root.texts(), " "); strings.Contains(texts, "NaN") || strings.Contains(texts, "Inf") {
		t.Errorf("got %q, want no label that is not a number", texts)
	}
	for _, f := range []form{wide, narrow} {
		parsed(t, p.svg(f, looks{}))
	}
}

func TestDocument(t *testing.T) {
	p := &Plot{Name: "x", Title: "Heap", X: Axis{Label: "seconds"}, Y: Axis{Label: "bytes"}, Series: []Series{{Name: "pool", Ours: true, Points: points(2, 8, 4)}, {Name: "none"}}}
	root := written(t, p)
	style := root.find("style")
	if len(style) != 1 || !strings.Contains(style[0].Text, "prefers-color-scheme:dark") {
		t.Error("got no style for dark screens, want one: it is shown as an image")
	}
	if got, want := root.find("desc")[0].Text, "bytes by seconds. pool: from 2 to 8, at the end 4. none: no points."; got != want {
		t.Errorf("in words: got %q, want %q", got, want)
	}
	for _, text := range []string{"Heap", "bytes", "seconds", "pool", "none"} {
		if !slices.Contains(root.texts(), text) {
			t.Errorf("texts: got %q, want %q among them", root.texts(), text)
		}
	}
	inline := parsed(t, p.svg(wide, looks{}))
	if len(inline.find("style")) != 0 || slices.Contains(inline.texts(), "Heap") {
		t.Error("an element of a page brings a style or its title, want neither: the page has them")
	}
}

// curveOf returns the points of a line of that class, without its key in the legend.
func curveOf(t *testing.T, root element, class string) [][2]float64 {
	t.Helper()
	var longest [][2]float64
	for _, e := range root.find("path", class) {
		if pts := pathPoints(t, e.attr("d")); e.attr("fill") == "none" && len(pts) > len(longest) {
			longest = pts
		}
	}
	return longest
}

func TestLinesScale(t *testing.T) {
	line := func(kind Kind, x, y Axis, pts ...Point) [][2]float64 {
		return curveOf(t, written(t, &Plot{X: x, Y: y, Kind: kind, Series: []Series{{Ours: true, Points: pts}}}), "s0")
	}
	linear := line(Lines, Axis{}, Axis{}, points(0, 5, 10)...)
	if len(linear) != 3 || linear[0][1]-linear[1][1] != linear[1][1]-linear[2][1] || linear[0][1]-linear[2][1] != 260 {
		t.Errorf("linear: got %v, want equal steps from the bottom of the area to its top, 260 above", linear)
	}
	logarithmic := line(Lines, Axis{}, Axis{Log: true}, points(1, 1000, 1e6)...)
	if len(logarithmic) != 3 || logarithmic[0][1]-logarithmic[1][1] != logarithmic[1][1]-logarithmic[2][1] {
		t.Errorf("logarithmic: got %v, want equal steps", logarithmic)
	}
	nines := line(Lines, Axis{Nines: true}, Axis{}, Point{X: 0.9, Y: 1}, Point{X: 0.99, Y: 2}, Point{X: 0.999, Y: 3})
	if len(nines) != 3 || math.Abs(nines[1][0]-nines[0][0]-(nines[2][0]-nines[1][0])) > 0.2 {
		t.Errorf("nines: got %v, want equal steps to the right", nines)
	}
	stepped := line(Steps, Axis{}, Axis{}, points(0, 5)...)
	if len(stepped) != 3 || stepped[1][1] != stepped[0][1] || stepped[1][0] != stepped[2][0] {
		t.Errorf("steps: got %v, want a step to the right and one up", stepped)
	}
}

// TestSawTooth: of a line with more points than the image has, the teeth stay.
func TestSawTooth(t *testing.T) {
	const teeth, period = 20, 1000
	saw := many(teeth*period, func(i int) float64 { return float64(i % period) })
	p := &Plot{Series: []Series{{Name: "heap", Points: saw}}}
	line := curveOf(t, written(t, p), "s1")
	top, bottom := math.Inf(1), math.Inf(-1)
	for _, pt := range line {
		top, bottom = min(top, pt[1]), max(bottom, pt[1])
	}
	peaks := 0
	for i := 1; i+1 < len(line); i++ {
		if line[i][1] < top+1 && line[i+1][1] > bottom-20 {
			peaks++
		}
	}
	if peaks < teeth-1 || len(line) > 2000 {
		t.Errorf("got %d peaks in %d points, want %d in fewer than 2,000", peaks, len(line), teeth)
	}
}

func TestThin(t *testing.T) {
	var pts []vg.Point
	for i := range 1000 {
		pts = append(pts, vg.Point{X: vg.Length(i) / 10, Y: vg.Length(i % 7)})
	}
	pts[501].Y, pts[777].Y = 50, -50 // two outliers
	got := thin(pts, 50)
	if len(got) > 103 || got[0] != pts[0] || got[len(got)-1] != pts[999] {
		t.Errorf("got %d points from %v to %v, want 103 or less, and the ends of all", len(got), got[0], got[len(got)-1])
	}
	if !slices.Contains(got, pts[501]) || !slices.Contains(got, pts[777]) {
		t.Error("an outlier is gone")
	}
	if !slices.IsSortedFunc(got, func(a, b vg.Point) int { return int(10 * (a.X - b.X)) }) {
		t.Error("the points are not in their order")
	}
	if got := thin(pts[:100], 50); len(got) != 100 {
		t.Errorf("few points: got %d, want all 100", len(got))
	}
}

func TestMarks(t *testing.T) {
	root := written(t, &Plot{Series: eight(func(i int) []Point { return many(100, func(j int) float64 { return float64(i * j) }) })})
	for i := 1; i < 8; i++ {
		n := len(root.find("path", fmt.Sprintf("s%d", i), "mark"))
		if n < 5 || n > 18 { // crosses are of two lines
			t.Errorf("series %d: got %d marks, want about six and the legend's", i, n)
		}
	}
	alone := written(t, &Plot{Series: []Series{{Name: "ours", Ours: true, Points: points(7)}}})
	if n := len(alone.find("path", "s0")); n != 1 {
		t.Errorf("a point of ours alone: got %d paths, want a dot", n)
	}
	if n := len(root.find("path", "s0", "mark")); n != 0 {
		t.Errorf("ours: got %d marks, want none: it is the wide line", n)
	}
}
