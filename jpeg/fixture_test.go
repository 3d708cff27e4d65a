package jpeg

import (
	"bytes"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
)

// The markers that tests look for (ITU-T T.81, table B.1).
const (
	markerRST0 = 0xD0
	markerSOS  = 0xDA
	markerDQT  = 0xDB
)

// testImage is an image in packed R, G, B.
type testImage struct {
	width, height int
	rgb           []byte
}

// newTestImage returns slow gradients, edges at all angles, and grain: what a camera sees, as far as a DCT can tell.
func newTestImage(width, height int, seed uint64) *testImage {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := &testImage{width, height, make([]byte, 3*width*height)}
	type disc struct{ x, y, r, luma, red, blue float64 }
	discs := make([]disc, 24)
	for i := range discs {
		discs[i] = disc{rng.Float64(), rng.Float64(), 0.02 + 0.2*rng.Float64()*rng.Float64(), 80 * rng.NormFloat64(), 12 * rng.NormFloat64(), 12 * rng.NormFloat64()}
	}
	side := float64(max(width, height))
	for y := range height {
		for x := range width {
			u, v := float64(x)/side, float64(y)/side
			red := 128 + 70*math.Sin(3*u+5*v) + 12*math.Sin(60*u*v)
			green := 120 + 60*math.Sin(4*v-2*u) + 12*math.Sin(55*u)
			blue := 110 + 60*math.Cos(5*u) + 8*math.Sin(90*v)
			for _, d := range discs {
				if math.Hypot(u-d.x, v-d.y) < d.r {
					red, green, blue = red+d.luma+d.red, green+d.luma, blue+d.luma+d.blue
				}
			}
			grain := 2.5 * rng.NormFloat64()
			for i, s := range []float64{red, green, blue} {
				p.rgb[3*(y*width+x)+i] = byte(min(max(s+grain, 0), 255))
			}
		}
	}
	return p
}

// newNoise returns samples of 0 and 255: the most bits that an image can cost.
func newNoise(width, height int, seed uint64) *testImage {
	rng := rand.New(rand.NewPCG(seed, 2))
	p := &testImage{width, height, make([]byte, 3*width*height)}
	for i := range p.rgb {
		p.rgb[i] = byte(-(rng.Uint32() & 1))
	}
	return p
}

// ycbcr returns p by the formulas of the standard library, chroma averaged.
func (p *testImage) ycbcr(r image.YCbCrSubsampleRatio) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, p.width, p.height), r)
	for y := range p.height {
		for x := range p.width {
			s := p.rgb[3*(y*p.width+x):]
			yy, cb, cr := color.RGBToYCbCr(s[0], s[1], s[2])
			m.Y[m.YOffset(x, y)] = yy
			m.Cb[m.COffset(x, y)] = cb
			m.Cr[m.COffset(x, y)] = cr
		}
	}
	return m
}

// frame returns p in a format of packed or planar bytes.
func (p *testImage) frame(t testing.TB, format frame.PixelFormat) frame.Frame {
	t.Helper()
	var data []byte
	switch format {
	case frame.RGB24:
		data = p.rgb
	case frame.BGR24:
		data = slices.Clone(p.rgb)
		for i := 0; i < len(data); i += 3 {
			data[i], data[i+2] = data[i+2], data[i]
		}
	case frame.I420:
		m := p.ycbcr(image.YCbCrSubsampleRatio420)
		data = slices.Concat(m.Y, m.Cb, m.Cr)
	case frame.Gray8:
		data = p.ycbcr(image.YCbCrSubsampleRatio444).Y
	default:
		t.Fatalf("no image in %v", format)
	}
	d := frame.Desc{Format: format, Width: p.width, Height: p.height}
	if format == frame.I420 {
		d.Range = frame.RangeFull
	}
	f, err := frame.WrapBytes(d, data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// bandsOf returns copies of all bands of f.
func bandsOf(e *Encoder, f frame.Frame) []band.Band {
	bands := make([]band.Band, e.coder.Bands())
	e.sampler.Begin(e.band)
	for i := range bands {
		e.sampler.Fill(e.band, &f, i)
		bands[i] = e.band.Band
		for j := range bands[i].Planes {
			p := &bands[i].Planes[j]
			p.Pix = slices.Clone(p.Pix)
		}
	}
	return bands
}

// encode encodes f with a new Encoder.
func encode(t testing.TB, f frame.Frame, o Options) []byte {
	t.Helper()
	e, err := NewEncoder(f.Desc, &o)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Append(nil, f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// decode decodes b with image/jpeg and fails t where the size or the kind of the image is not that of o.
func decode(t testing.TB, b []byte, width, height int, s Subsampling) image.Image {
	t.Helper()
	m, err := stdjpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%dx%d %v: image/jpeg: %v", width, height, s, err)
	}
	if got := m.Bounds().Size(); got != image.Pt(width, height) {
		t.Fatalf("got %v, want %dx%d", got, width, height)
	}
	ratios := map[Subsampling]image.YCbCrSubsampleRatio{
		Sub420: image.YCbCrSubsampleRatio420, Sub422: image.YCbCrSubsampleRatio422, Sub444: image.YCbCrSubsampleRatio444,
	}
	switch m := m.(type) {
	case *image.Gray:
		if s != Gray {
			t.Fatalf("got a gray image, want %v", s)
		}
	case *image.YCbCr:
		if s == Gray || m.SubsampleRatio != ratios[s] {
			t.Fatalf("got subsampling %v, want %v", m.SubsampleRatio, s)
		}
	default:
		t.Fatalf("got a %T, want luma and chroma", m)
	}
	return m
}

// psnr is that of m against p, over the samples of red, green and blue; a gray image is compared with p's luma, not
// rounded.
func (p *testImage) psnr(m image.Image) float64 {
	var sum float64
	for y := range p.height {
		for x := range p.width {
			s := p.rgb[3*(y*p.width+x):][:3]
			want := [3]float64{float64(s[0]), float64(s[1]), float64(s[2])}
			if _, ok := m.(*image.Gray); ok {
				luma := 0.299*want[0] + 0.587*want[1] + 0.114*want[2]
				want = [3]float64{luma, luma, luma}
			}
			r, g, b, _ := m.At(x, y).RGBA()
			for i, v := range []uint32{r, g, b} {
				d := float64(v>>8) - want[i]
				sum += d * d
			}
		}
	}
	return 10 * math.Log10(255*255*float64(len(p.rgb))/sum)
}
