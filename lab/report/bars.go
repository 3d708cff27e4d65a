package report

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bar is a row of an image of Bars: a bar, or the name of a group above its bars.
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

// bars draws bars from the left to the right, each with its name and its value before it. They need no legend, names of
// any length do not turn or cover anything, and a value behind a long spread would be taken for the spread's end.
func (p *drawing) bars() {
	rows := p.rows()
	a, names := p.barArea(rows)
	n := max(int((a.right-a.left)/90), 2)
	y := scaleOf(p.Y, p.barValues(rows), based, n)
	ticks := y.ticks(n)
	for _, t := range ticks {
		x := a.left + vg.Length(t.at)*(a.right-a.left)
		p.stroke("line", 1, nil, down(x, a.top), down(x, a.bottom))
	}
	p.eachRow(a, rows, func(r bar) { p.span(r, a, &y) })
	p.upright(a, &y)
	p.eachRow(a, rows, func(r bar) { p.rowText(r, a, names) }) // above the lines, which it is not to be crossed by
	if len(rows) == 0 {
		p.text("muted middle over", (a.left+a.right)/2, a.bottom-20, "no points")
	}
	p.columnLabels(a, ticks)
}

// barArea returns where bars are, and how much of the room before them is for names.
func (p *drawing) barArea(rows []bar) (a area, names vg.Length) {
	var numbers vg.Length
	a = area{top: p.below, right: p.width - 20, bottom: p.below + 4}
	p.eachRow(a, rows, func(r bar) {
		a.bottom = p.below + barRow + 4
		if !r.header {
			names = max(names, nameWidth(r.name, r.look)+1)
			numbers = max(numbers, textWidth(valueLabel(r.Y), labelSize))
		}
	})
	if len(rows) == 0 {
		a.bottom += 40 // for saying so
	}
	names = min(names, p.width*0.4)
	a.left = names + numbers + 20
	return a, names
}

// barValues returns what the axis of bars has to have room for.
func (p *drawing) barValues(rows []bar) []float64 {
	var values []float64
	if p.Y.Mark != 0 {
		values = append(values, p.Y.Mark)
	}
	for _, r := range rows {
		if r.header {
			continue
		}
		values = append(values, r.Y)
		if r.Low != r.High {
			values = append(values, r.Low, r.High)
		}
	}
	return values
}

// eachRow calls f for each row, with the image at its upper edge.
func (p *drawing) eachRow(a area, rows []bar, f func(r bar)) {
	p.below = a.top
	for i, r := range rows {
		if r.header && i > 0 {
			p.below += groupGap
		}
		f(r)
		p.below += barRow
	}
}

// rows returns the rows, group by group. Of a single series the bars have the names of the groups.
func (p *drawing) rows() []bar {
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

// rowText draws the name and the value of a row. Names have so much room.
func (p *drawing) rowText(r bar, a area, room vg.Length) {
	base := p.below + barRow/2 + 4
	if r.header {
		p.text("muted over", 0, base, shorten(r.name, labelSize, p.width))
		return
	}
	class := ink("text end")
	if r.look == 0 {
		class = "text ours end"
	}
	p.text(class, room, base, fit(r.name, r.look, room))
	p.text("text value end", a.left-8, base, valueLabel(r.Y))
}

// span draws the bar of a row, and its spread.
func (p *drawing) span(r bar, a area, y *scale) {
	at, ok := y.at(r.Y)
	if r.header || !ok {
		return
	}
	zero := 0.0
	if !y.Log && !y.Nines {
		zero, _ = y.at(0)
	}
	x := func(at float64) vg.Length { return a.left + vg.Length(at)*(a.right-a.left) }
	top, bottom := p.below+(barRow-barHeight)/2, p.below+(barRow+barHeight)/2
	c := draw.Canvas{Canvas: &p.canvas}
	c.FillPolygon(r.look.ink(), []vg.Point{down(x(zero), top), down(x(at), top), down(x(at), bottom), down(x(zero), bottom)})
	low, okLow := y.at(r.Low)
	high, okHigh := y.at(r.High)
	if r.Low == r.High || !okLow || !okHigh {
		return
	}
	middle := (top + bottom) / 2
	p.stroke("text", 1.2, nil, down(x(low), middle), down(x(high), middle))
	for _, end := range []vg.Length{x(low), x(high)} {
		p.stroke("text", 1.2, nil, down(end, middle-3), down(end, middle+3))
	}
}
