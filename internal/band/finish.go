package band

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/kernel/color"
)

// finish does what is left to do on lines from..to of Content.
func (sc *Scratch) finish(from, to int) {
	s := sc.sampler
	if s.config.In.Format == frame.Gray8 {
		sc.clearChroma(from, to)
	}
	switch s.after {
	case from709:
		sc.convertTo601(from, to)
	case toRGB:
		sc.convertToRGB(from, to, color.BT601)
	case from709toRGB:
		sc.convertToRGB(from, to, color.BT709)
	}
}

// clearChroma makes Content gray.
func (sc *Scratch) clearChroma(from, to int) {
	for i := 1; i < sc.sampler.planeCount; i++ {
		subY := sc.sampler.planes[i].subY
		for y := from / subY; y < (to+subY-1)/subY; y++ {
			clear(sc.content(i, y))
		}
	}
}

func (sc *Scratch) convertTo601(from, to int) {
	k := &sc.sampler.kernels.color
	l := &sc.sampler.planes[1]
	for y := from; y < to; y++ {
		k.LumaTo601(sc.content(0, y), sc.content(1, y/l.subY), sc.content(2, y/l.subY), uint(l.subX-1))
	}
	for y := from / l.subY; y < (to+l.subY-1)/l.subY; y++ {
		k.ChromaTo601(sc.content(1, y), sc.content(2, y))
	}
}

func (sc *Scratch) convertToRGB(from, to int, m color.Matrix) {
	for y := from; y < to; y++ {
		sc.sampler.kernels.color.RGB([3][]int16{sc.content(0, y), sc.content(1, y), sc.content(2, y)}, m)
	}
}

// content returns the part of line y of plane i that lies in Content's columns.
func (sc *Scratch) content(i, y int) []int16 {
	s := sc.sampler
	subX := s.planes[i].subX
	r := s.config.Content
	from, to := r.X/subX, (r.X+r.Width+subX-1)/subX
	return sc.Band.Planes[i].line(from, y, to-from)
}

// surround fills what lies around Content, of which the band has lines from..to (none when from >= to), with the background.
func (sc *Scratch) surround(from, to int) {
	s := sc.sampler
	r := s.config.Content
	if r == (Rect{0, 0, s.config.Width, s.config.Height}) {
		return
	}
	for i := range s.planeCount {
		l := &s.planes[i]
		left, right := r.X/l.subX, (r.X+r.Width+l.subX-1)/l.subX
		for y := range (sc.Band.Lines + l.subY - 1) / l.subY {
			pix := sc.Band.Planes[i].line(0, y, l.width)
			if y*l.subY < from || y*l.subY >= to {
				fill(pix, s.background[i])
				continue
			}
			fill(pix[:left], s.background[i])
			fill(pix[right:], s.background[i])
		}
	}
}

// pad repeats the last sample of each line, and the last line, up to the size of whole blocks.
func (sc *Scratch) pad() {
	s := sc.sampler
	for i := range s.planeCount {
		l, p := &s.planes[i], &sc.Band.Planes[i]
		lines := (sc.Band.Lines + l.subY - 1) / l.subY
		if l.padded != l.width {
			for y := range lines {
				fill(p.line(l.width, y, l.padded-l.width), p.Pix[y*p.Stride+l.width-1])
			}
		}
		for y := lines; y < l.lines; y++ {
			copy(p.line(0, y, l.padded), p.line(0, lines-1, l.padded))
		}
	}
}

func fill(dst []int16, v int16) {
	for i := range dst {
		dst[i] = v
	}
}

// backgroundSamples returns the background as a band has it.
func (s *Sampler) backgroundSamples() [3]int16 {
	var row [3][]int16
	for i, v := range s.config.Background {
		row[i] = []int16{int16(v) << 7}
	}
	out := [3][]int16{{0}, {0}, {0}}
	switch s.config.Space {
	case RGB:
		out = row
	case Luma:
		s.kernels.color.Luma(out[0], row)
	case YCC:
		s.kernels.color.YCC(out, row)
	}
	var samples [3]int16
	for i := range out {
		s.kernels.blend.Line(samples[i:i+1], out[i])
	}
	return samples
}
