package jpeg

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	stdjpeg "image/jpeg"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// ratios are all subsamplings of image.YCbCr.
var ratios = []image.YCbCrSubsampleRatio{
	image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
	image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
}

// pixelImage has nothing but what image.Image asks for.
type pixelImage struct{ m image.Image }

func (p pixelImage) ColorModel() color.Model { return p.m.ColorModel() }
func (p pixelImage) Bounds() image.Rectangle { return p.m.Bounds() }
func (p pixelImage) At(x, y int) color.Color { return p.m.At(x, y) }

// imageKinds makes images of all types of a rectangle, whose pixels come from random. Those of one type go by one name.
func imageKinds(r image.Rectangle, random func([]byte)) map[string]image.Image {
	kinds := map[string]image.Image{}
	for _, ratio := range ratios {
		if r.Min.X < 0 || r.Min.Y < 0 {
			break // image.NewYCbCr allocates too little, and At panics
		}
		m := image.NewYCbCr(r, ratio)
		random(m.Y)
		random(m.Cb)
		random(m.Cr)
		kinds[ratio.String()] = m
	}
	gray := image.NewGray(r)
	random(gray.Pix)
	kinds["Gray"] = gray
	nrgba := image.NewNRGBA(r)
	random(nrgba.Pix)
	kinds["NRGBA"] = nrgba
	opaque := image.NewNRGBA(r)
	random(opaque.Pix)
	rgba := image.NewRGBA(r)
	for i := 3; i < len(opaque.Pix); i += 4 {
		opaque.Pix[i] = 0xFF
	}
	copy(rgba.Pix, opaque.Pix)
	kinds["NRGBA-opaque"], kinds["RGBA"] = opaque, rgba
	paletted := image.NewPaletted(r, palette.Plan9[:200])
	random(paletted.Pix)
	for i := range paletted.Pix {
		paletted.Pix[i] %= 200
	}
	kinds["Paletted"] = paletted
	deep := image.NewRGBA64(r)
	random(deep.Pix)
	for i := 6; i < len(deep.Pix); i += 8 {
		deep.Pix[i], deep.Pix[i+1] = 0xFF, 0xFF
	}
	kinds["RGBA64"] = deep
	kinds["any"] = pixelImage{nrgba}
	return kinds
}

// noise returns random bytes: samples that have nothing to do with their neighbors.
func noise(rng *rand.Rand) func([]byte) {
	return func(pix []byte) {
		for i := range pix {
			pix[i] = byte(rng.Uint32())
		}
	}
}

// wantLikeStandard encodes m with both encoders at the best quality, decodes both with image/jpeg, and compares sample by
// sample. What remains is rounding: of quantization in both, and of means of chroma in theirs.
func wantLikeStandard(t *testing.T, m image.Image) {
	t.Helper()
	var ours, theirs bytes.Buffer
	if err := Encode(&ours, m, &Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	if err := stdjpeg.Encode(&theirs, m, &stdjpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	got, err := stdjpeg.Decode(&ours)
	if err != nil {
		t.Fatal(err)
	}
	want, err := stdjpeg.Decode(&theirs)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Bounds() {
		t.Fatalf("got %v, want %v", got.Bounds(), want.Bounds())
	}
	switch want := want.(type) {
	case *image.Gray:
		g, ok := got.(*image.Gray)
		if !ok {
			t.Fatalf("got %T, want *image.Gray", got)
		}
		wantSamples(t, "luma", g.Pix, want.Pix, g.Stride, g.Rect.Dx(), g.Rect.Dy())
	case *image.YCbCr:
		g, ok := got.(*image.YCbCr)
		if !ok || g.SubsampleRatio != want.SubsampleRatio {
			t.Fatalf("got %T %v, want %v", got, g.SubsampleRatio, want.SubsampleRatio)
		}
		w, h := g.Rect.Dx(), g.Rect.Dy()
		wantSamples(t, "luma", g.Y, want.Y, g.YStride, w, h)
		wantSamples(t, "cb", g.Cb, want.Cb, g.CStride, (w+1)/2, (h+1)/2)
		wantSamples(t, "cr", g.Cr, want.Cr, g.CStride, (w+1)/2, (h+1)/2)
	}
}

func wantSamples(t *testing.T, name string, got, want []byte, stride, width, height int) {
	t.Helper()
	const most, mean = 5, 1.25
	sum := 0
	for y := range height {
		for x := range width {
			d := int(got[y*stride+x]) - int(want[y*stride+x])
			if d < 0 {
				d = -d
			}
			if d > most {
				t.Errorf("%s at %d,%d: got %d, image/jpeg %d", name, x, y, got[y*stride+x], want[y*stride+x])
				return
			}
			sum += d
		}
	}
	if off := float64(sum) / float64(width*height); off > mean && width*height > 16 {
		t.Errorf("%s: off by %.2f in the mean, want at most %v", name, off, mean)
	}
}

// TestEncodeLikeStandard compares with image/jpeg: all types of images, at all phases of their chroma, of sizes around
// those of blocks, and parts of larger images.
func TestEncodeLikeStandard(t *testing.T) {
	sizes := []image.Point{{1, 1}, {2, 3}, {7, 16}, {16, 16}, {17, 33}, {65, 31}, {200, 50}}
	origins := []image.Point{{0, 0}, {3, 2}, {4, 3}, {5, 5}, {10, 4}, {-3, -1}}
	if testing.Short() {
		sizes, origins = sizes[2:5], origins[:4]
	}
	for i, size := range sizes {
		for j, origin := range origins {
			rng := rand.New(rand.NewPCG(uint64(i), uint64(j)))
			r := image.Rectangle{origin, origin.Add(size)}
			for name, m := range imageKinds(r, noise(rng)) {
				t.Run(fmt.Sprintf("%s/%v", name, r), func(t *testing.T) { wantLikeStandard(t, m) })
			}
			whole := image.Rectangle{r.Min.Sub(image.Pt(3, 2)), r.Max.Add(image.Pt(5, 1))}
			for name, m := range imageKinds(whole, noise(rng)) {
				if sub, ok := m.(interface {
					SubImage(image.Rectangle) image.Image
				}); ok {
					t.Run(fmt.Sprintf("%s/part %v", name, r), func(t *testing.T) { wantLikeStandard(t, sub.SubImage(r)) })
				}
			}
		}
	}
}

// TestEncodeSubsampling wants the chroma that Options ask for, whatever the image has, and the same bytes as an Encoder
// where that takes the same samples.
func TestEncodeSubsampling(t *testing.T) {
	p := newTestImage(150, 83, 3)
	rgba := image.NewRGBA(image.Rect(0, 0, p.width, p.height))
	for i := range p.width * p.height {
		copy(rgba.Pix[4*i:], p.rgb[3*i:3*i+3])
		rgba.Pix[4*i+3] = 0xFF
	}
	for _, s := range subsamplings {
		o := Options{Quality: 85, Subsampling: s, RestartInterval: 3}
		var got bytes.Buffer
		if err := Encode(&got, rgba, &o); err != nil {
			t.Fatal(err)
		}
		if want := encode(t, p.frame(t, frame.RGB24), o); !bytes.Equal(got.Bytes(), want) {
			t.Errorf("RGBA as %v: differs from an Encoder's JPEG of rgb24", s)
		}
		for _, ratio := range ratios {
			got.Reset()
			if err := Encode(&got, p.ycbcr(ratio), &o); err != nil {
				t.Fatal(err)
			}
			m := decode(t, got.Bytes(), p.width, p.height, s)
			if db := p.psnr(m); db < 30 {
				t.Errorf("%v as %v: got %.1f dB, want >= 30", ratio, s, db)
			}
		}
	}
	var got bytes.Buffer
	if err := Encode(&got, p.ycbcr(image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	if want := encode(t, p.frame(t, frame.I420), Options{}); !bytes.Equal(got.Bytes(), want) {
		t.Error("YCbCr 4:2:0: differs from an Encoder's JPEG of yuv420p")
	}
}

// TestEncodeOptions: no options are those of image/jpeg, and qualities out of range stand for the nearest.
func TestEncodeOptions(t *testing.T) {
	m := newTestImage(40, 40, 1).ycbcr(image.YCbCrSubsampleRatio420)
	of := func(o *Options) string {
		var out bytes.Buffer
		if err := Encode(&out, m, o); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if of(nil) != of(&Options{Quality: stdjpeg.DefaultQuality}) || of(&Options{}) != of(nil) {
		t.Error("the default is not quality 75")
	}
	if of(&Options{Quality: -3}) != of(&Options{Quality: 1}) || of(&Options{Quality: 300}) != of(&Options{Quality: 100}) {
		t.Error("qualities out of range do not stand for 1 and 100")
	}
}

// failingWriter fails at the n-th write, or takes only a part of it.
type failingWriter struct {
	n     int
	err   error
	short bool
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.n--; w.n > 0 {
		return len(p), nil
	}
	if w.short {
		return len(p) - 1, nil
	}
	return 0, w.err
}

func TestEncodeErrors(t *testing.T) {
	large := newNoise(600, 400, 1).ycbcr(image.YCbCrSubsampleRatio444)
	full := errors.New("disk full")
	for n := 1; n <= 3; n++ {
		if err := Encode(&failingWriter{n: n, err: full}, large, nil); err != full {
			t.Errorf("write %d: got %v, want the writer's error as it is", n, err)
		}
		if err := Encode(&failingWriter{n: n, short: true}, large, nil); err != io.ErrShortWrite {
			t.Errorf("write %d: got %v, want io.ErrShortWrite", n, err)
		}
	}
	tests := []struct {
		m    image.Image
		o    *Options
		want string
	}{
		{image.NewRGBA(image.Rect(3, 3, 3, 9)), nil, "jpeg: width: got 0, want 1..65535"},
		{image.NewGray(image.Rect(0, 0, 4, 0)), nil, "jpeg: height: got 0, want 1..65535"},
		{image.NewUniform(color.Black), nil, "jpeg: width: got 2000000000, want 1..65535"},
		{image.NewAlpha(image.Rect(0, 0, 1, 65536)), nil, "jpeg: height: got 65536, want 1..65535"},
		{image.NewGray(image.Rect(0, 0, 4, 4)), &Options{Subsampling: 9}, "jpeg: subsampling: got Subsampling(9), want 420, 422, 444 or gray"},
		{image.NewGray(image.Rect(0, 0, 4, 4)), &Options{RestartInterval: -7}, "jpeg: restart interval: got -7, want 0..65535 or -1"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		err := Encode(&out, tt.m, tt.o)
		if _, ok := errors.AsType[*OptionsError](err); !ok || err.Error() != tt.want {
			t.Errorf("got %T %v, want *OptionsError %s", err, err, tt.want)
		}
		if out.Len() > 0 {
			t.Errorf("%v: %d bytes were written", err, out.Len())
		}
	}
}

// TestEncodeAllocates: nothing, for the types that its documentation names.
func TestEncodeAllocates(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, m := range imageKinds(image.Rect(0, 0, 333, 111), noise(rng)) {
		if name == "RGBA64" || name == "any" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			o := &Options{Quality: 80}
			alloctest.Zero(t, 20, func() {
				if err := Encode(io.Discard, m, o); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestEncodeAtOnce encodes images of several sizes and types from several goroutines, which share what is kept.
func TestEncodeAtOnce(t *testing.T) {
	type job struct {
		m    image.Image
		want []byte
	}
	var jobs []job
	rng := rand.New(rand.NewPCG(5, 6))
	for _, size := range []image.Point{{40, 30}, {41, 30}, {64, 64}} {
		for _, m := range imageKinds(image.Rectangle{Max: size}, noise(rng)) {
			var out bytes.Buffer
			if err := Encode(&out, m, nil); err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, job{m, out.Bytes()})
		}
	}
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 7))
			for range 100 {
				j := jobs[rng.IntN(len(jobs))]
				var out bytes.Buffer
				if err := Encode(&out, j.m, nil); err != nil || !bytes.Equal(out.Bytes(), j.want) {
					t.Errorf("%T: got other bytes than alone, %v", j.m, err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzEncodeImage compares with image/jpeg: images of any type, size and origin.
func FuzzEncodeImage(f *testing.F) {
	f.Add(uint8(0), uint8(16), uint8(16), int8(0), int8(0), uint8(0), []byte("gradient"))
	f.Add(uint8(2), uint8(17), uint8(3), int8(1), int8(3), uint8(2), []byte{0, 255})
	f.Add(uint8(5), uint8(40), uint8(35), int8(-1), int8(2), uint8(1), []byte{1, 2, 3, 250})
	f.Add(uint8(8), uint8(9), uint8(70), int8(7), int8(-5), uint8(3), []byte{255, 128, 0, 64, 9})
	names := []string{
		"YCbCrSubsampleRatio444", "YCbCrSubsampleRatio422", "YCbCrSubsampleRatio420", "YCbCrSubsampleRatio440",
		"YCbCrSubsampleRatio411", "YCbCrSubsampleRatio410", "Gray", "NRGBA", "NRGBA-opaque", "RGBA", "Paletted", "RGBA64", "any",
	}
	f.Fuzz(func(t *testing.T, kind, width, height uint8, x, y int8, margin uint8, pixels []byte) {
		if len(pixels) == 0 {
			pixels = []byte{0}
		}
		fill := func(pix []byte) {
			for n := 0; n < len(pix); {
				n += copy(pix[n:], pixels)
			}
		}
		r := image.Rect(int(x), int(y), int(x)+max(int(width), 1), int(y)+max(int(height), 1))
		whole := r.Inset(-int(margin % 4))
		m, ok := imageKinds(whole, fill)[names[int(kind)%len(names)]]
		if !ok && whole.Min.X >= 0 && whole.Min.Y >= 0 {
			t.Fatalf("no image of kind %q", names[int(kind)%len(names)])
		}
		if !ok {
			return
		}
		if sub, ok := m.(interface {
			SubImage(image.Rectangle) image.Image
		}); ok {
			m = sub.SubImage(r)
		}
		wantLikeStandard(t, m)
	})
}
