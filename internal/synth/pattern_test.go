package synth_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
)

// TestFillColorBars holds conversions to what ffmpeg makes of the colors of 100 % color bars (its "lime" is green
// here):
//
//	ffmpeg -f lavfi -i color=c=red:s=16x16,format=rgb24,scale=out_color_matrix=bt709:flags=accurate_rnd,format=yuv444p \
//		-frames:v 1 -f rawvideo - | od -An -tu1
func TestFillColorBars(t *testing.T) {
	tests := []struct {
		name    string
		r, g, b uint8
		bt601   [3]byte
		bt709   [3]byte
	}{
		{"white", 255, 255, 255, [3]byte{235, 128, 128}, [3]byte{235, 128, 128}},
		{"yellow", 255, 255, 0, [3]byte{210, 16, 146}, [3]byte{219, 16, 138}},
		{"cyan", 0, 255, 255, [3]byte{170, 166, 16}, [3]byte{188, 154, 16}},
		{"green", 0, 255, 0, [3]byte{145, 54, 34}, [3]byte{173, 42, 26}},
		{"magenta", 255, 0, 255, [3]byte{106, 202, 222}, [3]byte{78, 214, 230}},
		{"red", 255, 0, 0, [3]byte{81, 90, 240}, [3]byte{63, 102, 240}},
		{"blue", 0, 0, 255, [3]byte{41, 240, 110}, [3]byte{32, 240, 118}},
		{"black", 0, 0, 0, [3]byte{16, 128, 128}, [3]byte{16, 128, 128}},
	}
	for _, tt := range tests {
		for _, space := range []frame.ColorSpace{frame.BT601, frame.BT709} {
			want := tt.bt601
			if space == frame.BT709 {
				want = tt.bt709
			}
			i420, data := newFrame(t, frame.Desc{Format: frame.I420, Width: 1, Height: 1, Color: space})
			synth.Fill(&i420, flat(tt.r, tt.g, tt.b))
			if !bytes.Equal(data, want[:]) {
				t.Errorf("%s in %s: got %v, want %v", tt.name, i420.Desc, data, want)
			}
			nv12, data := newFrame(t, frame.Desc{Format: frame.NV12, Width: 1, Height: 1, Color: space})
			synth.Fill(&nv12, flat(tt.r, tt.g, tt.b))
			if !bytes.Equal(data, want[:]) {
				t.Errorf("%s in %s: got %v, want %v", tt.name, nv12.Desc, data, want)
			}
		}
		// Full-range BT.601 is JFIF's, and image/color's.
		full, data := newFrame(t, frame.Desc{Format: frame.I420, Width: 1, Height: 1, Range: frame.RangeFull})
		synth.Fill(&full, flat(tt.r, tt.g, tt.b))
		y, cb, cr := color.RGBToYCbCr(tt.r, tt.g, tt.b)
		if want := []byte{y, cb, cr}; !bytes.Equal(data, want) {
			t.Errorf("%s in %s: got %v, want %v", tt.name, full.Desc, data, want)
		}
	}
}

// TestFillPacked: the order of samples of all other formats.
func TestFillPacked(t *testing.T) {
	tests := []struct {
		format frame.PixelFormat
		rng    frame.ValueRange
		want   []byte
	}{
		{frame.BGR24, 0, []byte{30, 20, 10}},
		{frame.RGB24, 0, []byte{10, 20, 30}},
		{frame.BGRA, 0, []byte{30, 20, 10, 255}},
		{frame.RGBA, 0, []byte{10, 20, 30, 255}},
		{frame.Gray8, 0, []byte{18}},                  // 0.299*10 + 0.587*20 + 0.114*30 = 18.15
		{frame.Gray8, frame.RangeLimited, []byte{32}}, // 16 + 18.15*219/255 = 31.59
		{frame.BGRF32P, 0, floats(30.0/255, 20.0/255, 10.0/255)},
		{frame.RGBF32P, frame.RangeByte, floats(10, 20, 30)},
		{frame.RGBF32P, frame.RangeSigned, floats(20.0/255-1, 40.0/255-1, 60.0/255-1)},
		{frame.BGR24P, 0, []byte{30, 20, 10}},
		{frame.RGB24P, 0, []byte{10, 20, 30}},
		{frame.BGRF32, 0, floats(30.0/255, 20.0/255, 10.0/255)},
		{frame.RGBF32, frame.RangeSigned, floats(20.0/255-1, 40.0/255-1, 60.0/255-1)},
		{frame.BGRF16P, 0, halves(30.0/255, 20.0/255, 10.0/255)},
		{frame.RGBF16P, frame.RangeByte, halves(10, 20, 30)},
		{frame.BGRF16, frame.RangeSigned, halves(60.0/255-1, 40.0/255-1, 20.0/255-1)},
		{frame.RGBF16, 0, halves(10.0/255, 20.0/255, 30.0/255)},
	}
	for _, tt := range tests {
		f, data := newFrame(t, frame.Desc{Format: tt.format, Width: 1, Height: 1, Range: tt.rng})
		synth.Fill(&f, flat(10, 20, 30))
		if !bytes.Equal(data, tt.want) {
			t.Errorf("%s: got % x, want % x", f.Desc, data, tt.want)
		}
	}
}

func floats(values ...float64) []byte {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(v)))
	}
	return data
}

func halves(values ...float64) []byte {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint16(data, oracle.ToHalf(v))
	}
	return data
}

// TestFillArranges holds that each format has the same samples at each pixel, in planes and packed, of every value.
func TestFillArranges(t *testing.T) {
	every := synth.Pattern(func(x, y int) (r, g, b uint8) { return uint8(x + 16*y), uint8(x*17 + y), uint8(255 - x - 16*y) })
	for _, format := range frame.Formats() {
		if format.IsYUV() || format == frame.Gray8 {
			continue
		}
		for _, rng := range []frame.ValueRange{frame.RangeFull, frame.RangeUnit, frame.RangeByte, frame.RangeSigned} {
			d := frame.Desc{Format: format, Width: 16, Height: 16, Range: rng}
			if d.Validate() != nil {
				continue
			}
			f, _ := newFrame(t, d)
			synth.Fill(&f, every)
			for c, p := range oracle.Planes(&f) {
				for i, got := range p.Pix {
					r, g, b := every(i%16, i/16)
					if want := float64([]uint8{r, g, b}[c]); math.Abs(got-want) > 0.07 { // float16 is off by up to 255/4096
						t.Fatalf("%s: channel %d at %d: got %v, want %v", d, c, i, got, want)
					}
				}
			}
		}
	}
}

// TestFillChroma holds that halved chroma is that of the mean of its pixels, also of the two or the one at an odd edge.
func TestFillChroma(t *testing.T) {
	red := synth.Pattern(func(x, y int) (r, g, b uint8) { return uint8(x * 40), uint8(y * 40), 0 })
	f, _ := newFrame(t, frame.Desc{Format: frame.I420, Width: 3, Height: 3, Range: frame.RangeFull})
	synth.Fill(&f, red)
	means := [2][2][2]uint8{{{20, 20}, {80, 20}}, {{20, 80}, {80, 80}}} // red and green of each chroma sample
	for y := range 2 {
		for x := range 2 {
			_, cb, cr := color.RGBToYCbCr(means[y][x][0], means[y][x][1], 0)
			if f.Row(1, y)[x] != cb || f.Row(2, y)[x] != cr {
				t.Errorf("chroma %d, %d: got %d, %d, want %d, %d", x, y, f.Row(1, y)[x], f.Row(2, y)[x], cb, cr)
			}
		}
	}
}

// flat is one color.
func flat(r, g, b uint8) synth.Pattern {
	return func(int, int) (uint8, uint8, uint8) { return r, g, b }
}

// TestIndexSurvives: an index is read back from JPEGs of quality 50, at full size and halved.
func TestIndexSurvives(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	indexes := []int{0, 1, 2, 24, 25, synth.MaxIndex / 2, synth.MaxIndex - 1}
	for range 50 {
		indexes = append(indexes, rng.IntN(synth.MaxIndex))
	}
	for _, size := range []image.Point{{64, 32}, {67, 45}, {320, 320}, {640, 360}} {
		f, _ := newFrame(t, frame.Desc{Format: frame.BGR24, Width: size.X, Height: size.Y})
		for i, n := range indexes {
			if i > 10 && size.X > 100 {
				break
			}
			synth.Fill(&f, synth.Index(size.X, size.Y, n))
			img := toImage(&f)
			for _, img := range []image.Image{img, throughJPEG(t, img), throughJPEG(t, halved(img))} {
				if got, err := synth.ReadIndex(img); got != n || err != nil {
					t.Errorf("seed %d: %v of %v: got %d, %v, want %d", seed, img.Bounds(), size, got, err, n)
				}
			}
		}
	}
}

func throughJPEG(t *testing.T, img image.Image) image.Image {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 50}); err != nil {
		t.Fatal(err)
	}
	out, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// halved returns img at half the size, each pixel the mean of four.
func halved(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, img.Rect.Dx()/2, img.Rect.Dy()/2))
	for i := range out.Pix {
		x, y, part := i/4%out.Rect.Dx()*2, i/out.Stride*2, i%4
		sum := 0
		for _, o := range [4]int{0, 4, img.Stride, img.Stride + 4} {
			sum += int(img.Pix[y*img.Stride+x*4+part+o])
		}
		out.Pix[i] = uint8(sum / 4)
	}
	return out
}

// TestIndexRefuses: no index is read from images that carry none, or that were put together from two.
func TestIndexRefuses(t *testing.T) {
	draw := func(p synth.Pattern) *image.RGBA {
		f, _ := newFrame(t, frame.Desc{Format: frame.BGR24, Width: 64, Height: 32})
		synth.Fill(&f, p)
		return toImage(&f)
	}
	mixed := draw(synth.Index(64, 32, 1234))
	copy(mixed.Pix[:mixed.Stride*12], draw(synth.Index(64, 32, 5555)).Pix)
	tests := []struct {
		name string
		img  image.Image
	}{
		{"black", draw(flat(0, 0, 0))},
		{"white", draw(flat(255, 255, 255))},
		{"checkerboard", draw(func(x, y int) (r, g, b uint8) { v := uint8((x/8 + y/8) & 1 * 255); return v, v, v })},
		{"gradient", draw(func(x, y int) (r, g, b uint8) { return uint8(x * 4), uint8(y * 8), uint8(255 - x*4) })},
		{"parts-of-two", mixed},
		{"small", image.NewRGBA(image.Rect(0, 0, 31, 16))},
		{"empty", image.NewRGBA(image.Rectangle{})},
	}
	for _, tt := range tests {
		if n, err := synth.ReadIndex(tt.img); err == nil {
			t.Errorf("%s: got index %d, want an error", tt.name, n)
		}
	}
	// A part of a larger image has bounds that do not begin at 0, 0.
	img := draw(synth.Index(64, 32, 77))
	if n, err := synth.ReadIndex(&image.RGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect.Add(image.Pt(5, 9))}); n != 77 || err != nil {
		t.Errorf("moved bounds: got %d, %v, want 77", n, err)
	}
}
