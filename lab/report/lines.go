package report

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
)

// area is where lines are: lengths from the left and from the top.
type area struct{ left, right, top, bottom vg.Length }

// lines draws axes and lines, and a legend below.
func (p *drawing) lines() {
	if p.Y.Label != "" {
		p.text("muted", 0, p.below+11, shorten(p.Y.Label, labelSize, p.width))
		p.below += 20
	}
	x, y := p.scales()
	rows := y.ticks(int(p.height / 45))
	a := area{left: widest(rows) + 8, top: p.below + 6}
	columns := x.ticks(p.columns())
	a.right = p.width - 4
	if n := len(columns); n > 0 {
		a.right = min(a.right, p.width-textWidth(columns[n-1].label, labelSize)/2)
	}
	a.bottom = a.top + p.height
	p.below = a.bottom
	for _, r := range rows {
		level := a.bottom - vg.Length(r.at)*p.height
		p.stroke("line", 1, nil, down(a.left, level), down(a.right, level))
		p.text("muted end", a.left-8, level+4, r.label)
	}
	p.columnLabels(a, columns)
	p.upright(a, &x)
	p.level(a, &y)
	p.curves(a, &x, &y)
	p.legend()
}

// columns returns how many ticks the axis below has room for.
func (p *drawing) columns() int { return max(int(p.width/80), 4) }

// scales returns the axes, with room for all points and bounds.
func (p *drawing) scales() (x, y scale) {
	var xs, ys []float64
	for _, s := range p.Series {
		for _, pt := range s.Points {
			if p.shows(pt) {
				xs, ys = append(xs, pt.X), append(ys, pt.Y)
			}
		}
	}
	if p.X.Mark != 0 {
		xs = append(xs, p.X.Mark)
	}
	if p.Y.Mark != 0 {
		ys = append(ys, p.Y.Mark)
	}
	return scaleOf(p.X, xs, tight, p.columns()), scaleOf(p.Y, ys, rounded, int(p.height/45))
}

// columnLabels draws ticks below an area, those that do not run into the one after, and what the axis is.
func (p *drawing) columnLabels(a area, ticks []tick) {
	free := p.width * 2
	for _, t := range slices.Backward(ticks) { // of quantiles the high ones matter
		x := a.left + vg.Length(t.at)*(a.right-a.left)
		half := textWidth(t.label, labelSize) / 2
		if x+half > free {
			continue
		}
		free = x - half - 8
		p.stroke("line", 1, nil, down(x, a.bottom), down(x, a.bottom+4))
		p.text("muted middle", x, a.bottom+17, t.label)
	}
	p.below = a.bottom + 22
	label := p.X.Label
	if p.Kind == Bars {
		label = p.Y.Label
	}
	if label != "" {
		middle := (a.left + a.right) / 2
		p.text("muted middle", middle, p.below+13, shorten(label, labelSize, 2*min(middle, p.width-middle)))
		p.below += 20
	}
}

// upright draws the line at the mark of an axis that lies below.
func (p *drawing) upright(a area, axis *scale) {
	if at, ok := axis.at(axis.Mark); ok && axis.Mark != 0 {
		x := a.left + vg.Length(at)*(a.right-a.left)
		p.stroke("text", 1, dashed, down(x, a.top), down(x, a.bottom))
	}
}

// level draws the line at the mark of an axis that stands on the left.
func (p *drawing) level(a area, axis *scale) {
	if at, ok := axis.at(axis.Mark); ok && axis.Mark != 0 {
		y := a.bottom - vg.Length(at)*(a.bottom-a.top)
		p.stroke("text", 1, dashed, down(a.left, y), down(a.right, y))
	}
}

// curves draws the series, ours last: it lies on top.
func (p *drawing) curves(a area, x, y *scale) {
	any := false
	for _, ours := range []bool{false, true} {
		for i, s := range p.Series {
			if s.Ours != ours {
				continue
			}
			points := p.place(s.Points, a, x, y)
			any = any || len(points) > 0
			p.curve(a, points, i)
		}
	}
	if !any {
		p.text("muted middle", (a.left+a.right)/2, (a.top+a.bottom)/2, "no points")
	}
}

// curve draws a line, with marks along it.
func (p *drawing) curve(a area, points []vg.Point, series int) {
	l := p.looks[series]
	width := vg.Length(1.5)
	if l == 0 {
		width = 2.4
	}
	line := points
	if p.Kind == Steps {
		line = steps(points)
	}
	if len(line) > 1 {
		p.stroke(l.ink(), width, nil, line...)
	}
	if len(points) == 1 && l == 0 { // a line of one point is none
		p.dot(l, points[0])
		return
	}
	for _, at := range marked(a, points, vg.Length(series)/vg.Length(len(p.Series))) {
		p.glyph(l, at)
	}
}

// marked returns the points that get marks: all where they are few, else some, which begin at a part of their distance
// so that those of several series stand beside each other.
func marked(a area, points []vg.Point, begin vg.Length) []vg.Point {
	const few, many = 12, 6
	if len(points) <= few {
		return points
	}
	var out []vg.Point
	distance := (a.right - a.left) / many
	next := a.left + begin*distance
	for _, pt := range points {
		if pt.X >= next {
			out = append(out, pt)
			next += distance * vg.Length(math.Floor(float64((pt.X-next)/distance))+1)
		}
	}
	return out
}

// place returns where points are, thinned out to what can be seen.
func (p *drawing) place(points []Point, a area, x, y *scale) []vg.Point {
	var placed []vg.Point
	for _, pt := range points {
		px, okX := x.at(pt.X)
		py, okY := y.at(pt.Y)
		if okX && okY {
			placed = append(placed, down(a.left+vg.Length(px)*(a.right-a.left), a.bottom-vg.Length(py)*(a.bottom-a.top)))
		}
	}
	slices.SortStableFunc(placed, func(a, b vg.Point) int { return cmp.Compare(a.X, b.X) })
	const budget = 3600 // points of an image, at about ten bytes: 40 kB
	return thin(placed, max(min(int(a.right-a.left), budget/2/len(p.Series)), 8))
}

// thin returns points, which are in the order of X, so that no more than two of them are in a column: the highest and
// the lowest, in their order. So a saw-tooth stays one. The first and the last of all stay.
func thin(points []vg.Point, columns int) []vg.Point {
	if len(points) <= 2*columns {
		return points
	}
	first, last := points[0], points[len(points)-1]
	width := (last.X - first.X) / vg.Length(columns)
	out := []vg.Point{first}
	rest := points[1 : len(points)-1]
	for len(rest) > 0 {
		column := math.Floor(float64((rest[0].X - first.X) / width))
		n, low, high := 0, 0, 0
		for n < len(rest) && math.Floor(float64((rest[n].X-first.X)/width)) == column {
			if rest[n].Y < rest[low].Y {
				low = n
			}
			if rest[n].Y > rest[high].Y {
				high = n
			}
			n++
		}
		if n == 0 { // all are at one X
			n = len(rest)
		}
		out = append(out, rest[min(low, high)])
		if low != high {
			out = append(out, rest[max(low, high)])
		}
		rest = rest[n:]
	}
	return append(out, last)
}

// steps returns the corners of a line that stays at each point's height up to the next.
func steps(points []vg.Point) []vg.Point {
	var out []vg.Point
	for i, pt := range points {
		if i > 0 {
			out = append(out, vg.Point{X: pt.X, Y: points[i-1].Y})
		}
		out = append(out, pt)
	}
	return out
}

// legend draws the names of the series, where there are several.
func (p *drawing) legend() {
	if len(p.Series) < 2 {
		return
	}
	const key, gap, row = 22, 18, 20
	p.below += 6
	x := vg.Length(0)
	for i, s := range p.Series {
		class := ink("text")
		if s.Ours {
			class = "text ours"
		}
		name := fit(s.Name, p.looks[i], p.width-key-6)
		width := key + 6 + nameWidth(name, p.looks[i])
		if x > 0 && x+width > p.width {
			x = 0
			p.below += row
		}
		p.keyOf(p.looks[i], x, key)
		p.text(class, x+key+6, p.below+13, name)
		x += width + gap
	}
	p.below += row
}

// keyOf draws a piece of a series' line with its mark.
func (p *drawing) keyOf(l look, x, length vg.Length) {
	width := vg.Length(1.5)
	if l == 0 {
		width = 2.4
	}
	p.stroke(l.ink(), width, nil, down(x, p.below+9), down(x+length, p.below+9))
	p.glyph(l, down(x+length/2, p.below+9))
}

// widest returns the width of the widest label.
func widest(ticks []tick) vg.Length {
	w := vg.Length(0)
	for _, t := range ticks {
		w = max(w, textWidth(t.label, labelSize))
	}
	return w
}
