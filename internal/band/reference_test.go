package band

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/kernel/blend"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
)

// reference returns what the planes of the whole canvas should be, in 8-bit units: R, G, B in 0..255, luma and chroma
// with 128 subtracted.
func reference(c Config, f *frame.Frame) [3]oracle.Plane {
	content := contentReference(c, f)
	subX, subY := c.subsampling()
	bg := backgroundReference(c)
	for i, p := range content {
		if c.Space == Luma && i > 0 {
			break
		}
		x, y := 1, 1
		if i > 0 {
			x, y = subX, subY
		}
		canvas := oracle.NewPlane((c.Width+x-1)/x, (c.Height+y-1)/y).Map(func(float64) float64 { return bg[i] })
		for n := range p.Height {
			copy(canvas.Pix[(c.Content.Y/y+n)*canvas.Width+c.Content.X/x:], p.Pix[n*p.Width:][:p.Width])
		}
		content[i] = canvas
	}
	return content
}

func backgroundReference(c Config) [3]float64 {
	r, g, b := float64(c.Background[0]), float64(c.Background[1]), float64(c.Background[2])
	if c.Space == RGB {
		return [3]float64{r, g, b}
	}
	y, cb, cr := oracle.BT601().YCC(r, g, b)
	return [3]float64{y - 128, cb, cr}
}

func contentReference(c Config, f *frame.Frame) [3]oracle.Plane {
	in := oracle.Planes(f)
	switch {
	case c.In.Format == frame.Gray8 || c.In.Format.IsYUV():
		return yuvReference(c, in)
	}
	subX, subY := c.subsampling()
	for i := range in {
		in[i] = resizeReference(c, in[i], 1, 1, 1, nil)
	}
	out := [3]oracle.Plane{in[0], in[1], in[2]}
	if c.Space == RGB {
		return out
	}
	convertYCC(oracle.BT601(), out)
	return [3]oracle.Plane{
		out[0].Map(func(v float64) float64 { return v - 128 }),
		shrink(out[1], subX, subY),
		shrink(out[2], subX, subY),
	}
}

// resizeReference resizes a plane whose samples are in pixels wide and high to one whose samples are outX by outY, with expand between
// the two directions, or, where both are means, behind them.
func resizeReference(c Config, p oracle.Plane, in, outX, outY int, expand func(float64) float64) oracle.Plane {
	filter := oracle.Filter(c.Filter)
	across := oracle.Axis{Origin: c.Crop.X, Length: c.Crop.Width, Out: c.Content.Width, InStep: in, OutStep: outX}
	down := oracle.Axis{Origin: c.Crop.Y, Length: c.Crop.Height, Out: c.Content.Height, InStep: in, OutStep: outY}
	shrinks := func(a oracle.Axis) bool { return a.Length*a.OutStep > a.Out*a.InStep }
	tall := down.Length*outY > blend.MaxWhole*in*down.Out // lines of so many rows are made of rows that are resized across
	behind := c.Filter == Area && shrinks(across) && shrinks(down) && !tall
	p = oracle.Across(p, across, filter)
	if expand != nil && !behind {
		p = p.Map(expand)
	}
	p = oracle.Down(p, down, filter)
	if expand != nil && behind {
		p = p.Map(expand)
	}
	return p
}

// convertYCC converts R, G, B in place.
func convertYCC(m oracle.Matrix, p [3]oracle.Plane) {
	for i := range p[0].Pix {
		p[0].Pix[i], p[1].Pix[i], p[2].Pix[i] = m.YCC(p[0].Pix[i], p[1].Pix[i], p[2].Pix[i])
	}
}

// shrink takes the mean of subX by subY samples; the last column and line stand in for what is beside the plane.
func shrink(p oracle.Plane, subX, subY int) oracle.Plane {
	q := oracle.NewPlane((p.Width+subX-1)/subX, (p.Height+subY-1)/subY)
	for y := range q.Height {
		for x := range q.Width {
			var sum float64
			for dy := range subY {
				for dx := range subX {
					sum += p.Pix[min(y*subY+dy, p.Height-1)*p.Width+min(x*subX+dx, p.Width-1)]
				}
			}
			q.Pix[y*q.Width+x] = sum / float64(subX*subY)
		}
	}
	return q
}

func yuvReference(c Config, in []oracle.Plane) [3]oracle.Plane {
	subX, subY := c.subsampling()
	var fullY, fullC func(float64) float64
	if c.In.EffectiveRange() == frame.RangeLimited {
		fullY, fullC = oracle.FullLuma, oracle.FullChroma
	}
	var out [3]oracle.Plane
	out[0] = resizeReference(c, in[0], 1, 1, 1, fullY)
	if c.Space == Luma {
		out[0] = out[0].Map(func(v float64) float64 { return v - 128 })
		return out
	}
	for i := 1; i < 3; i++ {
		if c.In.Format == frame.Gray8 {
			out[i] = oracle.NewPlane((c.Content.Width+subX-1)/subX, (c.Content.Height+subY-1)/subY)
		} else {
			out[i] = resizeReference(c, in[i], 2, subX, subY, fullC)
		}
	}
	m := oracle.BT601()
	if c.In.Color == frame.BT709 {
		m = oracle.BT709()
	}
	clamp := func(v, low, high float64) float64 { return min(max(v, low), high) }
	if c.Space == RGB {
		for i := range out[0].Pix {
			r, g, b := m.RGB(out[0].Pix[i], out[1].Pix[i], out[2].Pix[i])
			out[0].Pix[i], out[1].Pix[i], out[2].Pix[i] = clamp(r, 0, 255), clamp(g, 0, 255), clamp(b, 0, 255)
		}
		return out
	}
	if m != oracle.BT601() {
		for y := range out[0].Height { // luma takes the chroma sample that it lies in
			for x := range out[0].Width {
				i, k := y*out[0].Width+x, y/subY*out[1].Width+x/subX
				luma, _, _ := oracle.BT601().YCC(m.RGB(out[0].Pix[i], out[1].Pix[k], out[2].Pix[k]))
				out[0].Pix[i] = clamp(luma, 0, 255)
			}
		}
		for k := range out[1].Pix {
			_, cb, cr := oracle.BT601().YCC(m.RGB(128, out[1].Pix[k], out[2].Pix[k]))
			out[1].Pix[k], out[2].Pix[k] = clamp(cb, -127.5, 127.5), clamp(cr, -127.5, 127.5)
		}
	}
	out[0] = out[0].Map(func(v float64) float64 { return v - 128 })
	return out
}
