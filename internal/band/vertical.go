package band

import "github.com/steadyframe/steadyframe/internal/kernel/blend"

// between is a line of the output before it is rounded: at weight 32768ths of the way from rows a to rows b. With weight 0, b is a.
type between struct {
	a, b   *[3][]int16
	weight int16
}

// line returns line n of Content. Of two lines that share their chroma, the lower has part 1.
func (sc *Scratch) line(src *source, c *cache, n, part int) between {
	if src.down.method == Area {
		mean := &c.lines[part]
		if src.stacks {
			sc.stack(src, c, n, mean)
		} else {
			sc.mean(src, c, n, mean)
		}
		return between{a: mean, b: mean}
	}
	l := src.down.lines[n]
	v := between{a: sc.row(src, c, int(l.row)), weight: l.weight}
	v.b = v.a
	if l.weight != 0 {
		v.b = sc.row(src, c, int(l.row)+1)
	}
	return v
}

// mean sets dst to the mean of the rows that line n covers.
func (sc *Scratch) mean(src *source, c *cache, n int, dst *[3][]int16) {
	k := &sc.sampler.kernels.blend
	span := src.down.cover[n]
	for i, w := range span.weights {
		rows := sc.row(src, c, span.row+i)
		for p := range src.count {
			k.Accumulate(c.sums[p], rows[p], w)
		}
	}
	for p := range src.count {
		k.Resolve(dst[p], c.sums[p])
	}
}

// blend makes Content's part of line y of the source's plane p.
func (sc *Scratch) blend(src *source, p, y int, v between) {
	k := &sc.sampler.kernels.blend
	dst := sc.content(src.first+p, y)
	if v.weight == 0 {
		k.Line(dst, v.a[p])
	} else {
		k.Lerp(dst, v.a[p], v.b[p], v.weight)
	}
}

// blendMean is blend for chroma that two lines share.
func (sc *Scratch) blendMean(src *source, p, y int, upper, lower between) {
	k := &sc.sampler.kernels.blend
	dst := sc.content(src.first+p, y)
	if upper.weight == 0 && lower.weight == 0 {
		k.Mean(dst, upper.a[p], lower.a[p])
		return
	}
	k.LerpMean(dst, blend.Between{A: upper.a[p], B: upper.b[p], W: upper.weight}, blend.Between{A: lower.a[p], B: lower.b[p], W: lower.weight})
}
