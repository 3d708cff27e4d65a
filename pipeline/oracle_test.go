package pipeline

import (
	"bytes"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
)

// runOne returns what p makes of f, as bytes of its own.
func runOne(t testing.TB, p *Pipeline, f frame.Frame) []byte {
	t.Helper()
	b := &Batch{In: []frame.Frame{f}}
	defer b.Release()
	if err := p.Run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if b.Out[0].Err != nil {
		t.Fatal(b.Out[0].Err)
	}
	return bytes.Clone(b.Out[0].Bytes())
}

// expectRGB returns R, G and B, 0..255, of the image that s makes of f, by the book: resized in the samples of the
// input, then converted.
func expectRGB(f *frame.Frame, s Spec) [3]oracle.Plane {
	c := s.geometry()
	planes := oracle.Planes(f)
	for i := range planes {
		step := 1
		if i > 0 && f.Desc.Format.IsYUV() {
			step = 2
		}
		across := oracle.Axis{Origin: c.Crop.X, Length: c.Crop.Width, Out: c.Content.Width, InStep: step, OutStep: 1}
		down := oracle.Axis{Origin: c.Crop.Y, Length: c.Crop.Height, Out: c.Content.Height, InStep: step, OutStep: 1}
		planes[i] = oracle.Resize(planes[i], across, down, oracle.Filter(c.Filter))
	}
	var rgb [3]oracle.Plane
	for i := range rgb {
		background := float64(c.Background[i])
		rgb[i] = oracle.NewPlane(c.Width, c.Height).Map(func(float64) float64 { return background })
	}
	for y := range c.Content.Height {
		for x := range c.Content.Width {
			at := y*c.Content.Width + x
			var v [3]float64
			for i := range v {
				v[i] = planes[min(i, len(planes)-1)].Pix[at]
			}
			if d := f.Desc; d.Format.IsYUV() {
				v[0], v[1], v[2] = rgbOf(d, v[0], v[1], v[2])
			}
			for i := range v {
				rgb[i].Pix[(c.Content.Y+y)*c.Width+c.Content.X+x] = v[i]
			}
		}
	}
	return rgb
}

// rgbOf converts a stored sample of d.
func rgbOf(d frame.Desc, y, cb, cr float64) (r, g, b float64) {
	if d.EffectiveRange() == frame.RangeLimited {
		y, cb, cr = oracle.FullLuma(y), oracle.FullChroma(cb), oracle.FullChroma(cr)
	}
	r, g, b = matrix(d.Color).RGB(y, cb, cr)
	return min(max(r, 0), 255), min(max(g, 0), 255), min(max(b, 0), 255)
}

func matrix(c frame.ColorSpace) oracle.Matrix {
	if c == frame.BT709 {
		return oracle.BT709()
	}
	return oracle.BT601()
}

// unpack returns R, G and B of a raw image of an RGB format.
func unpack(pix []byte, format OutputFormat, w, h int) []oracle.Plane {
	step, order := 3, [3]int{0, 1, 2}
	switch format {
	case RawRGBA:
		step = 4
	case RawBGR24:
		order = [3]int{2, 1, 0}
	}
	rgb := make([]oracle.Plane, 3)
	for i := range rgb {
		rgb[i] = oracle.NewPlane(w, h)
		for at := range rgb[i].Pix {
			rgb[i].Pix[at] = float64(pix[at*step+order[i]])
		}
	}
	return rgb
}

// maxDiff returns the largest difference of a sample.
func maxDiff(got, want oracle.Plane) float64 {
	worst := 0.0
	for i := range got.Pix {
		worst = max(worst, math.Abs(got.Pix[i]-want.Pix[i]))
	}
	return worst
}

// psnr returns the peak signal-to-noise ratio over all planes, in dB.
func psnr(got, want []oracle.Plane) float64 {
	var sum, n float64
	for i := range got {
		for at := range got[i].Pix {
			d := got[i].Pix[at] - want[i].Pix[at]
			sum += d * d
			n++
		}
	}
	return 10 * math.Log10(255*255/(sum/n+1e-9))
}

// randomSpec returns a valid Spec for input d: any crop, size, mode and filter.
func randomSpec(rng *rand.Rand, d frame.Desc, o Output) Spec {
	s := Spec{Input: d, Output: o}
	if rng.IntN(2) == 0 {
		w, h := 1+rng.IntN(d.Width), 1+rng.IntN(d.Height)
		s.Crop = Rect{X: rng.IntN(d.Width - w + 1), Y: rng.IntN(d.Height - h + 1), Width: w, Height: h}
	}
	if rng.IntN(4) > 0 {
		s.Resize = Resize{Width: 1 + rng.IntN(90), Height: 1 + rng.IntN(90), Mode: Mode(rng.IntN(3)), Filter: Filter(rng.IntN(3))}
		if s.Resize.Mode == Fit {
			s.Resize.Background = Color{R: uint8(rng.IntN(256)), G: uint8(rng.IntN(256)), B: uint8(rng.IntN(256))}
		}
	}
	return s
}

// Raw RGB images of any geometry are within rounding of the reference: one step for RGB input, two where color is
// converted.
func TestRawRGBAgainstOracle(t *testing.T) {
	race.SkipSequential(t)
	const seed = 23
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 30 {
		for _, d := range inputs(1+rng.IntN(80), 1+rng.IntN(80)) {
			s := randomSpec(rng, d, Output{Format: []OutputFormat{RawRGBA, RawRGB24, RawBGR24}[rng.IntN(3)]})
			f := draw(t, d, waves(round), rng.IntN(2)*13)
			w, h := s.OutputSize()
			got, want := unpack(runOne(t, compile(t, s, nil), f), s.Output.Format, w, h), expectRGB(&f, s)
			tolerance := 1.0
			if d.Format.IsYUV() {
				tolerance = 2
			}
			for i := range got {
				if diff := maxDiff(got[i], want[i]); diff > tolerance {
					t.Fatalf("seed %d: %+v: %c differs by %.2f, want <= %.0f", seed, s, "RGB"[i], diff, tolerance)
				}
			}
		}
	}
}

// yuv420p images are within rounding of the reference converted by the book, chroma from the mean of its 2x2 pixels.
func TestRawI420AgainstOracle(t *testing.T) {
	race.SkipSequential(t)
	const seed = 29
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 30 {
		for _, format := range []frame.PixelFormat{frame.BGR24, frame.RGBA, frame.RGBF32P, frame.BGR24P, frame.BGRF16} {
			d := frame.Desc{Format: format, Width: 1 + rng.IntN(80), Height: 1 + rng.IntN(80)}
			s := randomSpec(rng, d, Output{Format: RawI420})
			f := draw(t, d, waves(round), 0)
			got, err := frame.WrapBytes(s.rawDesc(), runOne(t, compile(t, s, nil), f))
			if err != nil {
				t.Fatal(err)
			}
			for i, g := range oracle.Planes(&got) {
				if diff := maxDiff(g, expectYUV(expectRGB(&f, s), i)); diff > 1 {
					t.Fatalf("seed %d: %+v: plane %d differs by %.2f, want <= 1", seed, s, i, diff)
				}
			}
		}
	}
}

// expectYUV returns plane i of limited-range yuv420p: luma, or centered chroma of the means of 2x2 pixels, where the
// last row and column repeat.
func expectYUV(rgb [3]oracle.Plane, i int) oracle.Plane {
	w, h, step := rgb[0].Width, rgb[0].Height, 1
	if i > 0 {
		w, h, step = frame.ChromaSize(w), frame.ChromaSize(h), 2
	}
	p := oracle.NewPlane(w, h)
	for at := range p.Pix {
		var mean [3]float64
		for c := range mean {
			mean[c] = blockMean(rgb[c], at%w*step, at/w*step, step)
		}
		y, cb, cr := oracle.BT601().YCC(mean[0], mean[1], mean[2])
		p.Pix[at] = [3]float64{16 + y*219/255, cb * 224 / 255, cr * 224 / 255}[i]
	}
	return p
}

// blockMean returns the mean of the step x step samples at x, y.
func blockMean(p oracle.Plane, x, y, step int) float64 {
	sum := 0.0
	for dy := range step {
		for dx := range step {
			sum += p.Pix[min(y+dy, p.Height-1)*p.Width+min(x+dx, p.Width-1)]
		}
	}
	return sum / float64(step*step)
}

// JPEGs decode to the image that the reference says, for every input format and subsampling, also by a decoder that
// is not ours.
func TestJPEGAgainstOracle(t *testing.T) {
	race.SkipSequential(t)
	for _, d := range inputs(130, 70) {
		for _, o := range outputs {
			if o.Format != JPEG {
				continue
			}
			o.Quality = 92
			s := Spec{Input: d, Resize: Resize{Width: 101, Height: 77, Mode: Fit, Background: Color{R: 40, G: 80, B: 120}}, Output: o}
			t.Run(fmt.Sprintf("%s/%s/restart=%s", d, o.Subsampling, o.Restart), func(t *testing.T) {
				f := draw(t, d, waves(3), 5)
				img, err := stdjpeg.Decode(bytes.NewReader(runOne(t, compile(t, s, nil), f)))
				if err != nil {
					t.Fatal(err)
				}
				want := expectRGB(&f, s)
				if got := img.Bounds(); got != image.Rect(0, 0, 101, 77) {
					t.Fatalf("got %v, want 101x77", got)
				}
				if db := psnr(decoded(img, want, d.Color)); db < 33 {
					t.Errorf("got %.1f dB, want >= 33", db)
				}
			})
		}
	}
}

// decoded returns the planes of img and those of the image to compare it with: R, G and B, or for a gray image luma
// alone, which stays in the color space of the input.
func decoded(img image.Image, rgb [3]oracle.Plane, space frame.ColorSpace) (got, want []oracle.Plane) {
	w, h := rgb[0].Width, rgb[0].Height
	if gray, ok := img.(*image.Gray); ok {
		m := matrix(space)
		got, want = []oracle.Plane{oracle.NewPlane(w, h)}, []oracle.Plane{oracle.NewPlane(w, h)}
		for at := range got[0].Pix {
			got[0].Pix[at] = float64(gray.GrayAt(at%w, at/w).Y)
			want[0].Pix[at], _, _ = m.YCC(rgb[0].Pix[at], rgb[1].Pix[at], rgb[2].Pix[at])
		}
		return got, want
	}
	return colors(img), rgb[:]
}

// colors returns R, G and B of img.
func colors(img image.Image) []oracle.Plane {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	rgb := []oracle.Plane{oracle.NewPlane(w, h), oracle.NewPlane(w, h), oracle.NewPlane(w, h)}
	for at := range rgb[0].Pix {
		r, g, b, _ := img.At(at%w, at/w).RGBA()
		rgb[0].Pix[at], rgb[1].Pix[at], rgb[2].Pix[at] = float64(r>>8), float64(g>>8), float64(b>>8)
	}
	return rgb
}

// A crop without a resize moves bytes and changes none.
func TestCropIsExact(t *testing.T) {
	d := frame.Desc{Format: frame.RGB24, Width: 50, Height: 40}
	f := draw(t, d, waves(1), 7)
	crop := Rect{X: 11, Y: 5, Width: 23, Height: 31}
	for _, format := range []OutputFormat{RawRGB24, RawBGR24, RawRGBA} {
		pix := runOne(t, compile(t, Spec{Input: d, Crop: crop, Output: Output{Format: format}}, nil), f)
		got := unpack(pix, format, crop.Width, crop.Height)
		for i := range got {
			for at, v := range got[i].Pix {
				x, y := crop.X+at%crop.Width, crop.Y+at/crop.Width
				if want := float64(f.Row(0, y)[3*x+i]); v != want {
					t.Fatalf("%s: %c at %d,%d: got %v, want %v", format, "RGB"[i], x, y, v, want)
				}
			}
		}
		if format == RawRGBA && pix[3] != 255 {
			t.Errorf("alpha: got %d, want 255", pix[3])
		}
	}
}

// fillRandom sets all samples to bytes from low to high.
func fillRandom(f *frame.Frame, rng *rand.Rand, low, high int) {
	for i := range f.Planes() {
		for y := range f.Plane(i).Height {
			for x, row := 0, f.Row(i, y); x < len(row); x++ {
				row[x] = byte(low + rng.IntN(high-low+1))
			}
		}
	}
}

// yuv420p that stays what it is comes out byte for byte: all 256 values, odd sizes, even crops.
func TestI420CopyIsExact(t *testing.T) {
	const seed = 31
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, tt := range []struct {
		width, height int
		crop          Rect
	}{
		{16, 16, Rect{}},
		{33, 17, Rect{}},
		{33, 17, Rect{X: 4, Y: 2, Width: 29, Height: 15}},
		{640, 360, Rect{X: 100, Y: 50, Width: 101, Height: 103}},
	} {
		d := frame.Desc{Format: frame.I420, Width: tt.width, Height: tt.height}
		f := draw(t, d, waves(0), 9)
		fillRandom(&f, rng, 0, 255)
		s := Spec{Input: d, Crop: tt.crop, Output: Output{Format: RawI420}}
		p := compile(t, s, nil)
		if _, ok := p.out.(*copyStage); !ok {
			t.Errorf("%+v: got %T, want a copy", s, p.out)
		}
		got, err := frame.WrapBytes(s.rawDesc(), runOne(t, p, f))
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.Planes() {
			x, y := tt.crop.X, tt.crop.Y
			if i > 0 {
				x, y = x/2, y/2
			}
			for row := range got.Plane(i).Height {
				if g := got.Row(i, row); !bytes.Equal(g, f.Row(i, y+row)[x:x+len(g)]) {
					t.Fatalf("seed %d: %+v: plane %d row %d differs", seed, s, i, row)
				}
			}
		}
	}
}

// Samples of limited range that go through bands, here since nv12 becomes yuv420p, come back as they were.
func TestLimitedRangeIsExact(t *testing.T) {
	const seed = 37
	rng := rand.New(rand.NewPCG(seed, 0))
	in := frame.Desc{Format: frame.NV12, Width: 65, Height: 51}
	f := draw(t, in, waves(0), 0)
	fillRandom(&f, rng, 16, 235)
	got, err := frame.WrapBytes(frame.Desc{Format: frame.I420, Width: 65, Height: 51},
		runOne(t, compile(t, Spec{Input: in, Output: Output{Format: RawI420}}, nil), f))
	if err != nil {
		t.Fatal(err)
	}
	want := oracle.Planes(&f)
	for i, g := range oracle.Planes(&got) {
		if diff := maxDiff(g, want[i]); diff != 0 {
			t.Errorf("seed %d: plane %d differs by %v, want 0", seed, i, diff)
		}
	}
}

// The filters are the sampler's and the oracle's, in one order.
func TestFilterOrder(t *testing.T) {
	for _, tt := range []struct {
		filter Filter
		band   band.Filter
		oracle oracle.Filter
	}{{Bilinear, band.Bilinear, oracle.Bilinear}, {Area, band.Area, oracle.Area}, {Nearest, band.Nearest, oracle.Nearest}} {
		if tt.filter.sampler() != tt.band || oracle.Filter(tt.band) != tt.oracle {
			t.Errorf("%s: got %d and %d, want %d and %d", tt.filter, tt.filter.sampler(), tt.band, tt.band, tt.oracle)
		}
	}
}
