package scene

import (
	"bytes"
	"encoding/binary"
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// rgb24 returns a frame of an image with texture: waves, and some noise.
func rgb24(t testing.TB, width, height, seed int) frame.Frame {
	t.Helper()
	d := frame.Desc{Format: frame.RGB24, Width: width, Height: height}
	f, err := frame.WrapBytes(d, make([]byte, 3*width*height))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	pix := f.Plane(0).Pix
	var across [3][]float64
	for c := range across {
		across[c] = make([]float64, width)
		for x := range across[c] {
			across[c][x] = 60 * math.Sin(float64(x)/float64(19+7*c)+float64(seed))
		}
	}
	for y := range height {
		down := 60 * math.Cos(float64(y)/23+float64(seed))
		for x := range width {
			noise := float64(r.Uint32() % 8)
			for c := range 3 {
				pix[3*(y*width+x)+c] = byte(128 + across[c][x] + down*float64(c-1) + noise)
			}
		}
	}
	return f
}

// floatFrame returns a planar float BGR frame of 0..255, smooth with some texture, as models make it.
func floatFrame(t testing.TB, width, height, seed int) frame.Frame {
	t.Helper()
	src := rgb24(t, width, height, seed)
	d := frame.Desc{Format: frame.BGRF32P, Width: width, Height: height, Range: frame.RangeByte}
	data := make([]byte, 12*width*height)
	for i := range width * height {
		for c := range 3 {
			v := float32(src.Plane(0).Pix[3*i+2-c])
			binary.LittleEndian.PutUint32(data[4*(c*width*height+i):], math.Float32bits(v))
		}
	}
	f, err := frame.WrapBytes(d, data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// noiseFrame returns random samples in any format.
func noiseFrame(t testing.TB, r *rand.Rand, d frame.Desc) frame.Frame {
	t.Helper()
	size, err := d.Size()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size)
	switch {
	case d.Format.IsFloat16():
		for i := 0; i < size; i += 2 {
			binary.LittleEndian.PutUint16(data[i:], uint16(r.IntN(0x3c00))) // 0..1, with as many small ones as large
		}
	case d.Format.IsFloat():
		for i := 0; i < size; i += 4 {
			v := r.Float32()
			switch d.EffectiveRange() {
			case frame.RangeByte:
				v *= 255
			case frame.RangeSigned:
				v = 2*v - 1
			}
			binary.LittleEndian.PutUint32(data[i:], math.Float32bits(v))
		}
	default:
		for i := range data {
			data[i] = byte(r.Uint32())
		}
	}
	f, err := frame.WrapBytes(d, data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// build returns the scene of backgrounds, whose pool is seen to have everything back when the test ends.
func build(t testing.TB, o Options, backgrounds ...Background) *Scene {
	t.Helper()
	if o.Pool == nil {
		o.Pool = pooltest.New(t, nil)
	}
	b, err := NewBuilder(&o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Discard()
	for _, bg := range backgrounds {
		if err := b.Add(bg); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Scene()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// compose returns the bytes of an image.
func compose(t testing.TB, s *Scene, m Image) (jpeg, alpha []byte) {
	t.Helper()
	c, err := s.Compose(&m)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	return bytes.Clone(c.JPEG()), bytes.Clone(c.Alpha())
}

// run returns what package pipeline makes of a frame.
func run(t testing.TB, f frame.Frame, s pipeline.Spec) []byte {
	t.Helper()
	s.Input = f.Desc
	p, err := pipeline.Compile(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := pipeline.Batch{In: []frame.Frame{f}}
	defer b.Release()
	if err := p.Run(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if b.Out[0].Err != nil {
		t.Fatal(b.Out[0].Err)
	}
	return bytes.Clone(b.Out[0].Bytes())
}

// canvas is a composed image, made the slow way: whole, in rgb24, or gray for alpha.
type canvas struct {
	pix           []byte
	width, height int
	size          int
}

func newCanvas(t testing.TB, f frame.Frame) *canvas {
	pix := run(t, f, pipeline.Spec{Output: pipeline.Output{Format: pipeline.RawRGB24}})
	return &canvas{pix, f.Desc.Width, f.Desc.Height, 3}
}

// paste lays a region on c: resized by package pipeline, under a mask of the rectangle's size; nil: none.
func (c *canvas) paste(t testing.TB, f frame.Frame, r pipeline.Rect, filter pipeline.Filter, mask []byte) {
	t.Helper()
	if r.Width < 1 || r.Height < 1 {
		return
	}
	resize := pipeline.Resize{Width: r.Width, Height: r.Height, Filter: filter}
	over := run(t, f, pipeline.Spec{Resize: resize, Output: pipeline.Output{Format: pipeline.RawRGB24}})
	c.lay(over, r, mask)
}

// lay lays bytes on c.
func (c *canvas) lay(over []byte, r pipeline.Rect, mask []byte) {
	for y := range r.Height {
		for x := range r.Width {
			cx, cy := r.X+x, r.Y+y
			if cx < 0 || cy < 0 || cx >= c.width || cy >= c.height {
				continue
			}
			m := 255.0
			if mask != nil {
				m = float64(mask[y*r.Width+x])
			}
			for i := range c.size {
				at := (cy*c.width+cx)*c.size + i
				o := 255.0
				if over != nil {
					o = float64(over[(y*r.Width+x)*c.size+i])
				}
				c.pix[at] = byte(math.Floor((m*o+(255-m)*float64(c.pix[at]))/255 + 0.5 + 1e-9))
			}
		}
	}
}

// encode returns the JPEG of c with restart markers as s has them.
func (c *canvas) encode(t testing.TB, s *Scene) []byte {
	t.Helper()
	d := frame.Desc{Format: frame.RGB24, Width: c.width, Height: c.height}
	l, o := s.color, s.Options()
	out := pipeline.Output{Quality: o.Quality, Subsampling: o.Subsampling, Restart: pipeline.Restart(l.interval)}
	if c.size == 1 {
		d.Format, l = frame.Gray8, s.alpha
		out.Subsampling, out.Restart = jpeg.Gray, pipeline.Restart(l.interval)
	}
	f, err := frame.WrapBytes(d, c.pix)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, f, pipeline.Spec{Output: out})
}

// maskBytes returns m drawn for a rectangle of that size.
func maskBytes(m *Mask, width, height int) []byte {
	pix := make([]byte, width*height)
	for i := range pix {
		v := m.at(float64(i%width)+0.5, float64(i/width)+0.5, float64(width), float64(height))
		pix[i] = byte(math.Floor(v + 0.5))
	}
	return pix
}

// randomMask returns a mask of any kind; nil one time in four.
func randomMask(r *rand.Rand) *Mask {
	switch r.IntN(4) {
	case 0:
		return nil
	case 1:
		return &Mask{Feather: float64(r.IntN(20))}
	case 2:
		return &Mask{Shape: Ellipse, Feather: float64(r.IntN(10))}
	}
	a := image.NewAlpha(image.Rect(0, 0, 1+r.IntN(40), 1+r.IntN(40)))
	for i := range a.Pix {
		a.Pix[i] = byte(r.IntN(3) * 127)
	}
	return &Mask{Shape: Given, Alpha: a}
}

// randomRect returns a rectangle inside, partly outside, or outside of width x height; rarely an empty or a large one.
func randomRect(r *rand.Rand, width, height int) pipeline.Rect {
	switch r.IntN(10) {
	case 0:
		return pipeline.Rect{X: r.IntN(width), Y: r.IntN(height)}
	case 1:
		return pipeline.Rect{X: -r.IntN(width), Y: -r.IntN(height), Width: 3 * width, Height: 3 * height}
	case 2:
		return pipeline.Rect{X: width + r.IntN(10), Y: r.IntN(height), Width: 20, Height: 20}
	}
	return pipeline.Rect{X: r.IntN(width+20) - 20, Y: r.IntN(height+20) - 20, Width: 1 + r.IntN(width), Height: 1 + r.IntN(height)}
}

// lowerHalf returns a mask as MuseTalk makes it: the lower half, blurred so many pixels wide.
func lowerHalf(side, blur int) *Mask {
	a := image.NewAlpha(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			edge := min(x, side-1-x, side-1-y, y-side/2)
			a.Pix[y*side+x] = byte(255 * min(max(edge, 0), blur) / blur)
		}
	}
	return &Mask{Shape: Given, Alpha: a}
}
