package pipeline

import (
	"encoding/binary"
	"math"
	"testing"

	"go.uber.org/goleak"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// w1 is benchmark W1: 640x360 BGR24 to 320x320 JPEG of quality 75.
var w1 = Spec{
	Input:  frame.Desc{Format: frame.BGR24, Width: 640, Height: 360},
	Resize: Resize{Width: 320, Height: 320},
	Output: Output{Quality: 75},
}

// batchOf returns n frames for s.
func batchOf(t testing.TB, s Spec, n int) *Batch {
	b := new(Batch)
	for i := range n {
		b.In = append(b.In, draw(t, s.Input, waves(i), 0))
	}
	return b
}

// w1Batch returns 25 different frames for w1, with the texture and grain that a camera's have.
func w1Batch(t testing.TB) *Batch {
	scene := synth.New(w1.Input.Width, w1.Input.Height, 1)
	b := batchOf(t, w1, 25)
	for i := range b.In {
		scene.Render(&b.In[i], 8*i)
	}
	return b
}

// outputs is every output format, JPEG in each subsampling and with each way to restart.
var outputs = []Output{
	{},
	{Subsampling: jpeg.Sub422, Quality: 90},
	{Subsampling: jpeg.Sub444, Quality: 30},
	{Subsampling: jpeg.Gray},
	{Restart: RestartRow},
	{Restart: 7},
	{Subsampling: jpeg.Sub444, Restart: RestartRow},
	{Format: RawRGBA},
	{Format: RawRGB24},
	{Format: RawBGR24},
	{Format: RawI420},
}

// inputs returns a Desc of each pixel format, and the further ranges and color spaces.
func inputs(width, height int) []frame.Desc {
	var ds []frame.Desc
	for _, f := range frame.Formats() {
		ds = append(ds, frame.Desc{Format: f, Width: width, Height: height})
	}
	return append(ds,
		frame.Desc{Format: frame.I420, Width: width, Height: height, Range: frame.RangeFull},
		frame.Desc{Format: frame.NV12, Width: width, Height: height, Color: frame.BT709},
		frame.Desc{Format: frame.BGRF32P, Width: width, Height: height, Range: frame.RangeSigned},
		frame.Desc{Format: frame.RGBF32P, Width: width, Height: height, Range: frame.RangeByte},
		frame.Desc{Format: frame.BGRF16, Width: width, Height: height, Range: frame.RangeSigned},
		frame.Desc{Format: frame.RGBF16P, Width: width, Height: height, Range: frame.RangeByte},
	)
}

// newWorkers returns workers that are closed, and seen to leave no goroutine, when the test ends.
func newWorkers(t testing.TB, n int) *Workers {
	t.Helper()
	before := goleak.IgnoreCurrent()
	w := NewWorkers(n)
	t.Cleanup(func() {
		w.Close()
		goleak.VerifyNone(t, before)
	})
	return w
}

// compile returns the pipeline of s, whose pool is seen to have everything back when the test ends.
func compile(t testing.TB, s Spec, w *Workers) *Pipeline {
	t.Helper()
	p, err := Compile(s, &Options{Pool: pooltest.New(t, nil), Workers: w})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// inUse returns the bytes leased from p's pool.
func inUse(p *Pipeline) int64 { return p.pool.Stats().InUse }

// scene is a color at each point, smooth enough for any subsampling.
type scene func(x, y float64) (r, g, b float64)

// waves is a scene that differs from seed to seed everywhere.
func waves(seed int) scene {
	phase := float64(seed)
	return func(x, y float64) (r, g, b float64) {
		return 128 + 100*math.Sin(x/29+phase)*math.Cos(y/31),
			128 + 100*math.Sin(y/37-phase),
			128 + 90*math.Cos((x+y)/41+2*phase)
	}
}

// noise is the scene that compresses worst.
func noise(x, y float64) (r, g, b float64) {
	n := uint32(x*7919+y*104729) * 2654435761
	return float64(n >> 24), float64(n >> 16 & 255), float64(n >> 8 & 255)
}

// draw returns a frame of d, in memory of its own, with rows apart when gap is not 0, that shows p.
func draw(t testing.TB, d frame.Desc, p scene, gap int) frame.Frame {
	t.Helper()
	planes := make([]frame.Plane, d.Format.Planes())
	for i := range planes {
		_, h, rowBytes := d.PlaneSize(i)
		planes[i] = frame.Plane{Pix: make([]byte, h*(rowBytes+gap)), Stride: rowBytes + gap}
	}
	f, err := frame.Wrap(d, planes...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range planes {
		w, h, _ := d.PlaneSize(i)
		for y := range h {
			row := f.Row(i, y)
			for x := range w {
				setSample(row, d, i, x, y, p)
			}
		}
	}
	return f
}

// setSample sets sample x of plane i, in its row y, to what p has at the sample's center.
func setSample(row []byte, d frame.Desc, i, x, y int, p scene) {
	if d.Format.IsYUV() && i > 0 { // In the middle of 2x2 pixels.
		_, cb, cr := yuv(d, p, 2*float64(x)+0.5, 2*float64(y)+0.5)
		switch {
		case d.Format == frame.NV12:
			row[2*x], row[2*x+1] = cb, cr
		case i == 1:
			row[x] = cb
		default:
			row[x] = cr
		}
		return
	}
	r, g, b := p(float64(x), float64(y))
	switch d.Format {
	case frame.BGR24:
		copy(row[3*x:], []byte{round(b), round(g), round(r)})
	case frame.RGB24:
		copy(row[3*x:], []byte{round(r), round(g), round(b)})
	case frame.BGRA:
		copy(row[4*x:], []byte{round(b), round(g), round(r), byte(x)})
	case frame.RGBA:
		copy(row[4*x:], []byte{round(r), round(g), round(b), byte(x)})
	case frame.BGR24P:
		row[x] = round([3]float64{b, g, r}[i])
	case frame.RGB24P:
		row[x] = round([3]float64{r, g, b}[i])
	case frame.BGRF32P, frame.BGRF16P:
		setFloat(row, d, x, [3]float64{b, g, r}[i])
	case frame.RGBF32P, frame.RGBF16P:
		setFloat(row, d, x, [3]float64{r, g, b}[i])
	case frame.BGRF32, frame.BGRF16:
		setFloat(row, d, 3*x, b)
		setFloat(row, d, 3*x+1, g)
		setFloat(row, d, 3*x+2, r)
	case frame.RGBF32, frame.RGBF16:
		setFloat(row, d, 3*x, r)
		setFloat(row, d, 3*x+1, g)
		setFloat(row, d, 3*x+2, b)
	default: // Gray8, or luma
		row[x], _, _ = yuv(d, p, float64(x), float64(y))
	}
}

// setFloat sets float i of a row to v of 0..255, in the range of d.
func setFloat(row []byte, d frame.Desc, i int, v float64) {
	switch d.EffectiveRange() {
	case frame.RangeUnit:
		v /= 255
	case frame.RangeSigned:
		v = v/127.5 - 1
	}
	switch d.Format {
	case frame.BGRF16P, frame.RGBF16P, frame.BGRF16, frame.RGBF16:
		binary.LittleEndian.PutUint16(row[2*i:], oracle.ToHalf(v))
	default:
		binary.LittleEndian.PutUint32(row[4*i:], math.Float32bits(float32(v)))
	}
}

// yuv returns the samples of d for the color of p at x, y (Recommendations ITU-R BT.601 and BT.709).
func yuv(d frame.Desc, p scene, x, y float64) (luma, cb, cr byte) {
	kr, kb := 0.299, 0.114
	if d.Color == frame.BT709 {
		kr, kb = 0.2126, 0.0722
	}
	r, g, b := p(x, y)
	l := kr*r + (1-kr-kb)*g + kb*b
	u, v := (b-l)/(2*(1-kb)), (r-l)/(2*(1-kr))
	if d.EffectiveRange() == frame.RangeLimited {
		l, u, v = 16+l*219/255, u*224/255, v*224/255
	}
	return round(l), round(128 + u), round(128 + v)
}

func round(v float64) byte { return byte(max(0, min(math.Floor(v+0.5), 255))) }
