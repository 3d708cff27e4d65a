package report

import (
	"gonum.org/v1/plot/vg"
)

// bar is a row of a picture of Bars: a bar, or the name of a group above its bars.
type bar struct {
	name   string
	header bool
	look   look
	Point
}

// Heights of rows, and of the space above a group.
const (
	barRow    vg.Length = 19
	barHeight vg.Length = 13
	groupGap  vg.Length = 8
)

// bars draws bars from the left to the right, each with its name before it and its value behind it. They need no legend,
// and names of any length do not turn or cover anything.
func (p *picture) bars() {
	rows := p.rows()
	a := area{top: p.below}
	var values []float64
	var names, numbers vg.Length
	height := vg.Length(0)
	for i, r := range rows {
		height += barRow
		if r.header {
			if i > 0 {
				height += groupGap
			}
			continue
		}
		values = append(values, r.Y)
		if r.Low != r.High {
			values = append(values, r.Low, r.High)
		}
		names = max(names, nameWidth(r.name, r.look))
		numbers = max(numbers, measure(valueLabel(r.Y), labelSize))
	}
	if p.Y.Mark != 0 {
		values = append(values, p.Y.Mark)
	}
	names = min(names+1, p.width*0.4)
	a.left, a.right, a.bottom = names+8, p.width-numbers-8, a.top+height+4
	n := max(int((a.right-a.left)/90), 2)
	y := scaleOf(p.Y, values, based, n)
	ticks := y.ticks(n)
	if len(rows) == 0 {
		a.bottom += 40
		p.text("muted middle", (a.left+a.right)/2, a.bottom-20, "no points")
	}
	for _, t := range ticks {
		x := a.left + vg.Length(t.at)*(a.right-a.left)
		p.stroke("line", 1, nil, down(x, a.top), down(x, a.bottom))
	}
	ends := make([]vg.Length, len(rows))
	p.eachRow(a, rows, func(i int, r bar) { ends[i] = p.span(r, a, &y) })
	p.upright(a, &y)
	p.eachRow(a, rows, func(i int, r bar) { p.rowText(r, a, ends[i]) }) // above the lines, which it is not to be crossed by
	p.columnLabels(a, ticks)
}

// eachRow calls f for each row, with the picture at its upper edge.
func (p *picture) eachRow(a area, rows []bar, f func(i int, r bar)) {
	p.below = a.top
	for i, r := range rows {
		if r.header && i > 0 {
			p.below += groupGap
		}
		f(i, r)
		p.below += barRow
	}
}

// rows returns the rows, group by group. Of a single series the bars have the names of the groups.
func (p *picture) rows() []bar {
	var out []bar
	for g := range max(len(p.X.Labels), 1) {
		var bars []bar
		name := ""
		for i, s := range p.Series {
			for _, pt := range s.Points {
				group, ok := p.group(pt)
				if !ok || pt.X != float64(g) {
					continue
				}
				name = group
				bars = append(bars, bar{name: s.Name, look: p.looks[i], Point: pt})
			}
		}
		if len(p.Series) == 1 && name != "" {
			for i := range bars {
				bars[i].name = name
			}
		} else if name != "" && len(bars) > 0 {
			out = append(out, bar{name: name, header: true})
		}
		out = append(out, bars...)
	}
	return out
}

// rowText draws the name and the value of a row whose bar ends there.
func (p *picture) rowText(r bar, a area, end vg.Length) {
	base := p.below + barRow/2 + 4
	if r.header {
		p.text("muted over", 0, base, shorten(r.name, labelSize, p.width))
		return
	}
	class := ink("text end")
	if r.look == 0 {
		class = "text ours end"
	}
	p.text(class, a.left-8, base, fit(r.name, r.look, a.left-8))
	p.text("text over", end+5, base, valueLabel(r.Y))
}

// span draws a bar and its spread, and returns where they end on the right.
func (p *picture) span(r bar, a area, y *scale) (end vg.Length) {
	if r.header {
		return 0
	}
	x := func(at float64) vg.Length { return a.left + vg.Length(at)*(a.right-a.left) }
	zero := 0.0
	if !y.Log && !y.Nines {
		zero, _ = y.at(0)
	}
	end = x(zero)
	at, ok := y.at(r.Y)
	if !ok {
		return end
	}
	top, bottom := p.below+(barRow-barHeight)/2, p.below+(barRow+barHeight)/2
	p.canvas.SetColor(r.look.ink())
	var path vg.Path
	path.Move(down(x(zero), top))
	path.Line(down(x(at), top))
	path.Line(down(x(at), bottom))
	path.Line(down(x(zero), bottom))
	path.Close()
	p.canvas.Fill(path)
	end = max(end, x(at))
	low, okLow := y.at(r.Low)
	high, okHigh := y.at(r.High)
	if r.Low == r.High || !okLow || !okHigh {
		return end
	}
	middle := (top + bottom) / 2
	p.stroke("text", 1.2, nil, down(x(low), middle), down(x(high), middle))
	for _, cap := range []vg.Length{x(low), x(high)} {
		p.stroke("text", 1.2, nil, down(cap, middle-3), down(cap, middle+3))
	}
	return max(end, x(high))
}
