// Package oracle holds slow references in float64: what images should be, written for its plainness, to hold fast code to. It shares no
// code and no tables with what it is an oracle of. Samples are in 8-bit units: 0..255.
package oracle

import "math"

// Plane is samples in rows, without gaps.
type Plane struct {
	Width, Height int
	Pix           []float64
}

// NewPlane returns a plane of zeros.
func NewPlane(width, height int) Plane { return Plane{width, height, make([]float64, width*height)} }

// Map returns a plane of the same size with f of every sample.
func (p Plane) Map(f func(float64) float64) Plane {
	q := NewPlane(p.Width, p.Height)
	for i, v := range p.Pix {
		q.Pix[i] = f(v)
	}
	return q
}

// transpose returns p with rows and columns exchanged.
func (p Plane) transpose() Plane {
	q := NewPlane(p.Height, p.Width)
	for y := range p.Height {
		for x := range p.Width {
			q.Pix[x*q.Width+y] = p.Pix[y*p.Width+x]
		}
	}
	return q
}

// Filter is a way to resize.
type Filter int

// The filters.
const (
	Bilinear Filter = iota // half-pixel centers, two neighbors
	Area                   // the mean over what an output sample covers; Bilinear where the axis does not shrink
	Nearest                // the sample that the center lies in
)

// Axis is a resize along one direction: Length pixels from Origin on become Out pixels. A sample of the input plane is InStep pixels wide,
// one of the output OutStep. Nothing beside the input samples that the crop touches has a part in the output.
type Axis struct{ Origin, Length, Out, InStep, OutStep int }

// Whole is the axis that makes out samples of n.
func Whole(n, out int) Axis { return Axis{0, n, out, 1, 1} }

// Resize returns p resized across, then down.
func Resize(p Plane, across, down Axis, f Filter) Plane { return Down(Across(p, across, f), down, f) }

// Across returns p resized along its rows.
func Across(p Plane, a Axis, f Filter) Plane {
	n := (a.Out + a.OutStep - 1) / a.OutStep
	q := NewPlane(n, p.Height)
	for y := range p.Height {
		row := p.Pix[y*p.Width:][:p.Width]
		for k := range n {
			q.Pix[y*n+k] = a.sample(row, k, f)
		}
	}
	return q
}

// Down returns p resized along its columns.
func Down(p Plane, a Axis, f Filter) Plane { return Across(p.transpose(), a, f).transpose() }

// edge is where output pixel edge x lies, in input samples. x may be half a pixel.
func (a Axis) edge(x float64) float64 {
	// x times 2 is whole, so that numerator and denominator are exact and the quotient is as near as it can be.
	return (float64(a.Origin*a.Out) + x*float64(a.Length)) / float64(a.Out*a.InStep)
}

func (a Axis) sample(row []float64, k int, f Filter) float64 {
	first, last := a.Origin/a.InStep, (a.Origin+a.Length-1)/a.InStep
	start, end := float64(k*a.OutStep), float64((k+1)*a.OutStep)
	center := a.edge((start + end) / 2)
	clamp := func(i float64) float64 { return min(max(i, float64(first)), float64(last)) }
	switch {
	case f == Nearest:
		return row[int(clamp(math.Floor(center)))]
	case f == Area && a.OutStep*a.Length > a.InStep*a.Out:
		return mean(row, a.edge(start), min(a.edge(end), a.edge(float64(a.Out))))
	}
	pos := clamp(center - 0.5)
	i := math.Floor(pos)
	return row[int(i)]*(1-(pos-i)) + row[int(clamp(i+1))]*(pos-i)
}

// mean is the mean of row from edge start to edge end.
func mean(row []float64, start, end float64) float64 {
	var sum float64
	for i := int(start); float64(i) < end && i < len(row); i++ {
		sum += row[i] * (min(end, float64(i+1)) - max(start, float64(i)))
	}
	return sum / (end - start)
}
