package jpegdec_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/jpegdec"
	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/internal/testkit/oddjpeg"
)

// samplings are all that image/jpeg decodes, by the name that Header gives them.
var samplings = []struct {
	name  string
	bytes []byte
}{
	{"", []byte{0x11}},
	{"", []byte{0x22}}, // a single component is never subsampled
	{"4:4:4", []byte{0x11, 0x11, 0x11}},
	{"4:4:4", []byte{0x22, 0x22, 0x22}},
	{"4:4:0", []byte{0x12, 0x11, 0x11}},
	{"4:2:2", []byte{0x21, 0x11, 0x11}},
	{"4:2:0", []byte{0x22, 0x11, 0x11}},
	{"4:1:1", []byte{0x41, 0x11, 0x11}},
	{"4:1:0", []byte{0x42, 0x11, 0x11}},
	{"4:4:4", []byte{0x11, 0x11, 0x11, 0x11}},
	{"4:2:0", []byte{0x22, 0x11, 0x11, 0x22}},
}

// TestMemoryBytes: decoding allocates no more than Header says, and that is not much more than it allocates.
func TestMemoryBytes(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector makes it ten times slower, and has nothing to find")
	}
	for _, s := range samplings {
		for _, size := range [][2]int{{1, 1}, {401, 303}} {
			for _, kind := range []string{"baseline", "extended", "progressive"} {
				for _, adobe := range []int{0, 1, 3} {
					for _, orientation := range []int{0, 3, 6} {
						m := oddjpeg.Image{
							Width: size[0], Height: size[1], Sampling: s.bytes, Orientation: orientation, Adobe: adobe,
							Extended: kind == "extended", Progressive: kind == "progressive",
							Separate: bytes.Equal(s.bytes, []byte{0x22, 0x22, 0x22}), // too many blocks for one MCU
						}
						if len(s.bytes) == 4 && adobe == 0 || len(s.bytes) == 1 && adobe != 0 {
							continue // Of four components image/jpeg does not know the colors then.
						}
						checkMemory(t, fmt.Sprintf("%s %x %v adobe=%d orientation=%d", kind, s.bytes, size, adobe, orientation), m, s.name)
					}
				}
			}
		}
	}
}

func checkMemory(t *testing.T, name string, m oddjpeg.Image, sampling string) {
	t.Helper()
	data := m.Bytes()
	info, err := jpegdec.Header(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	scans := 1
	if m.Separate {
		scans = len(m.Sampling)
	}
	if info.Width != m.Width || info.Height != m.Height || info.Components != len(m.Sampling) || info.Subsampling != sampling ||
		info.Progressive != m.Progressive || info.Scans != scans || info.Bytes != len(data) || int(info.Orientation) != max(1, m.Orientation) {
		t.Errorf("%s: got %+v", name, info)
	}
	var f frame.Frame
	got := int64(math.MaxInt64)
	for try := 0; try < 5 && got > info.MemoryBytes; try++ { // The runtime allocates, too, if rarely.
		var d jpegdec.Decoder
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err = d.Decode(t.Context(), data)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got = min(got, int64(after.TotalAlloc-before.TotalAlloc))
	}
	if got > info.MemoryBytes || info.MemoryBytes > got+got/16+96<<10 {
		t.Errorf("%s: got %d bytes allocated, want at most the %d of the header, and about as many", name, got, info.MemoryBytes)
	}
	if w, h := info.Size(); f.Desc.Width != w || f.Desc.Height != h {
		t.Errorf("%s: got a frame of %dx%d, want %dx%d", name, f.Desc.Width, f.Desc.Height, w, h)
	}
	want := color.RGBA{R: 128, G: 128, B: 128, A: 255}
	if len(m.Sampling) < 4 && at(f, 0, 0) != want {
		t.Errorf("%s: got color %v, want %v", name, at(f, 0, 0), want)
	}
}

// at returns the color of a pixel.
func at(f frame.Frame, x, y int) color.RGBA {
	switch f.Desc.Format {
	case frame.Gray8:
		v := f.Row(0, y)[x]
		return color.RGBA{v, v, v, 255}
	case frame.I420:
		r, g, b := color.YCbCrToRGB(f.Row(0, y)[x], f.Row(1, y/2)[x/2], f.Row(2, y/2)[x/2])
		return color.RGBA{r, g, b, 255}
	}
	p := f.Row(0, y)[4*x:]
	return color.RGBA{p[0], p[1], p[2], p[3]}
}

// testImage is one whose pixels all differ from their mirror images.
func testImage(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(40 + 160*x/w), uint8(30 + 190*y/h), uint8(60 + 90*((x/16+y/8)%2)), 255})
		}
	}
	return img
}

// encode returns img as a JPEG, made by cjpeg with those options.
func encode(t *testing.T, img *image.RGBA, options ...string) []byte {
	t.Helper()
	size := img.Bounds().Size()
	var ppm bytes.Buffer
	fmt.Fprintf(&ppm, "P6\n%d %d\n255\n", size.X, size.Y)
	for i := 0; i < len(img.Pix); i += 4 {
		ppm.Write(img.Pix[i : i+3])
	}
	cmd := exec.Command(exttool.Require(t, "cjpeg", "libjpeg-turbo-progs"), append(options, "-quality", "90")...)
	cmd.Stdin = &ppm
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDecode compares with image/jpeg, over what libjpeg-turbo writes.
func TestDecode(t *testing.T) {
	var d jpegdec.Decoder // The same for all, so that it uses its memory again.
	for _, size := range [][2]int{{64, 48}, {65, 47}, {16, 200}, {64, 48}} {
		img := testImage(size[0], size[1])
		for _, options := range [][]string{
			{"-sample", "2x2"}, {"-sample", "1x1"}, {"-sample", "2x1"}, {"-sample", "1x2"}, {"-sample", "4x1"}, {"-grayscale"},
			{"-progressive"}, {"-progressive", "-sample", "1x1"}, {"-progressive", "-grayscale"}, {"-restart", "1"}, {"-rgb"}, {"-optimize"},
		} {
			name := fmt.Sprint(size, options)
			data := encode(t, img, options...)
			want, err := jpeg.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			f, err := d.Decode(t.Context(), append(data[:len(data):len(data)], "and more"...))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			compare(t, name, f, want, 0)
			info, err := jpegdec.Header(data)
			if err != nil || info.Bytes != len(data) {
				t.Errorf("%s: got %+v, %v, want the end at %d", name, info, err, len(data))
			}
		}
	}
}

// compare looks at every pixel. They may differ by tolerance.
func compare(t *testing.T, name string, f frame.Frame, want image.Image, tolerance int) {
	t.Helper()
	size := want.Bounds().Size()
	if f.Desc.Width != size.X || f.Desc.Height != size.Y {
		t.Fatalf("%s: got %dx%d, want %dx%d", name, f.Desc.Width, f.Desc.Height, size.X, size.Y)
	}
	for y := range size.Y {
		for x := range size.X {
			w, g := color.RGBAModel.Convert(want.At(x, y)).(color.RGBA), at(f, x, y)
			for _, d := range []int{int(g.R) - int(w.R), int(g.G) - int(w.G), int(g.B) - int(w.B)} {
				if d > tolerance || d < -tolerance {
					t.Fatalf("%s: pixel %d,%d: got %v, want %v", name, x, y, g, w)
				}
			}
		}
	}
}

// TestOrientation compares with jpegtran, which turns JPEGs without decoding them, as exifautotran calls it for each
// orientation.
func TestOrientation(t *testing.T) {
	jpegtran := exttool.Require(t, "jpegtran", "libjpeg-turbo-progs")
	turns := []string{"", "-flip horizontal", "-rotate 180", "-flip vertical", "-transpose", "-rotate 90", "-transverse", "-rotate 270"}
	for _, options := range [][]string{{"-sample", "2x2"}, {"-sample", "1x1"}, {"-sample", "2x1"}, {"-grayscale"}, {"-progressive"}} {
		plain := encode(t, testImage(96, 64), options...) // whole MCUs: jpegtran turns no others exactly
		file := filepath.Join(t.TempDir(), "plain.jpg")
		if err := os.WriteFile(file, plain, 0o600); err != nil {
			t.Fatal(err)
		}
		for i, turn := range turns {
			name := fmt.Sprint(options, " orientation ", i+1)
			turned, err := exec.Command(jpegtran, append(strings.Fields(turn), file)...).Output()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want, err := jpeg.Decode(bytes.NewReader(turned))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var d jpegdec.Decoder
			f, err := d.Decode(t.Context(), oddjpeg.WithOrientation(plain, i+1))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			compare(t, name, f, want, 4) // The inverse transform rounds rows and columns differently.
		}
	}
}

// TestOrientationOfOddSizes: the turned image is the upright image, pixel by pixel.
func TestOrientationOfOddSizes(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 7}, {33, 1}, {35, 67}, {64, 31}} {
		w, h := size[0], size[1]
		for _, options := range [][]string{{"-sample", "2x2"}, {"-grayscale"}, {"-rgb"}} {
			plain := encode(t, testImage(w, h), options...)
			stored, err := jpeg.Decode(bytes.NewReader(plain))
			if err != nil {
				t.Fatal(err)
			}
			for o := 1; o <= 8; o++ {
				name := fmt.Sprint(size, options, o)
				want := image.NewRGBA(image.Rect(0, 0, w, h))
				if o >= 5 {
					want = image.NewRGBA(image.Rect(0, 0, h, w))
				}
				for y := range want.Rect.Dy() {
					for x := range want.Rect.Dx() {
						sx, sy := x, y
						switch o { // CIPA DC-008, 4.6.5: where the visual top and left are stored
						case 2:
							sx = w - 1 - x
						case 3:
							sx, sy = w-1-x, h-1-y
						case 4:
							sy = h - 1 - y
						case 5:
							sx, sy = y, x
						case 6:
							sx, sy = y, h-1-x
						case 7:
							sx, sy = w-1-y, h-1-x
						case 8:
							sx, sy = w-1-y, x
						}
						want.Set(x, y, stored.At(sx, sy))
					}
				}
				var d jpegdec.Decoder
				f, err := d.Decode(t.Context(), oddjpeg.WithOrientation(plain, o))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				compare(t, name, f, want, 0)
			}
		}
	}
}

// TestBrokenEXIF: without a stated orientation an image is upright.
func TestBrokenEXIF(t *testing.T) {
	plain := oddjpeg.Image{Width: 8, Height: 8}.Bytes()
	with := func(exif string) []byte {
		b := binary.BigEndian.AppendUint16([]byte{0xFF, 0xD8, 0xFF, 0xE1}, uint16(2+len(exif)))
		return append(append(b, exif...), plain[2:]...)
	}
	good := oddjpeg.TIFF(binary.BigEndian, 6)
	for _, tt := range []struct {
		name, exif string
		want       jpegdec.Orientation
	}{
		{"big-endian", "Exif\x00\x00" + good, jpegdec.RotateRight},
		{"little-endian", "Exif\x00\x00" + oddjpeg.TIFF(binary.LittleEndian, 8), jpegdec.RotateLeft},
		{"0", "Exif\x00\x00" + oddjpeg.TIFF(binary.LittleEndian, 0), jpegdec.Upright},
		{"9", "Exif\x00\x00" + oddjpeg.TIFF(binary.LittleEndian, 9), jpegdec.Upright},
		{"empty", "", jpegdec.Upright},
		{"XMP", "http://ns.adobe.com/xap/1.0/\x00<x/>", jpegdec.Upright},
		{"no TIFF", "Exif\x00\x00", jpegdec.Upright},
		{"other byte order", "Exif\x00\x00XX" + good[2:], jpegdec.Upright},
		{"cut in its entry", "Exif\x00\x00" + good[:28], jpegdec.Upright},
		{"directory outside", "Exif\x00\x00MM\x00*\xFF\xFF\xFF\xFF\x00\x02", jpegdec.Upright},
		{"directory at the end", "Exif\x00\x00MM\x00*\x00\x00\x00\x08", jpegdec.Upright},
		{"as a LONG", "Exif\x00\x00" + strings.Replace(good, "\x01\x12\x00\x03", "\x01\x12\x00\x04", 1), jpegdec.Upright},
	} {
		info, err := jpegdec.Header(with(tt.exif))
		if err != nil || info.Orientation != tt.want {
			t.Errorf("%s: got orientation %d, %v, want %d", tt.name, info.Orientation, err, tt.want)
		}
	}
	twice := with("Exif\x00\x00" + good)
	twice = append(twice[:len(twice)-len(plain)+2:len(twice)-len(plain)+2], with("Exif\x00\x00" + oddjpeg.TIFF(binary.BigEndian, 3))[2:]...)
	if info, err := jpegdec.Header(twice); err != nil || info.Orientation != jpegdec.RotateRight {
		t.Errorf("two EXIF segments: got %d, %v, want that of the first", info.Orientation, err)
	}
}

// TestErrors: the error says what is wrong with the headers, and where.
func TestErrors(t *testing.T) {
	good := oddjpeg.Image{Width: 16, Height: 16, Sampling: []byte{0x11, 0x11, 0x11}}.Bytes()
	sof := bytes.Index(good, []byte{0xFF, 0xC0})
	change := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "FF D8"},
		{"text", []byte("hello"), "FF D8"},
		{"SOI alone", good[:2], "before its frame header"},
		{"cut before the frame header", good[:sof+5], "before its frame header"},
		{"12 bits", change(sof+4, 12), "got 12 bits a sample, want 8"},
		{"no lines", change(sof+5, 0, 0), "got size 16x0"},
		{"two components", change(sof+9, 2), "got 2 components, want 1, 3 or 4"},
		{"wrong length", change(sof+9, 4), "want 18"},
		{"sampling of 0", change(sof+11, 0), "got sampling 0x0"},
		{"arithmetic", change(sof+1, 0xC9), "0xc9, lossless, hierarchical or arithmetic"},
		{"scan first", append(good[:2:2], "\xff\xda\x00\x02"...), "scan before the frame header"},
		{"short segment", append(good[:2:2], "\xff\xe0\x00\x01"...), "got length 1, want 2 or more"},
		{"second frame header", append(good[:len(good)-2:len(good)-2], good[sof:]...), "second one"},
		{"SOI inside", append(good[:len(good)-2:len(good)-2], "\xff\xd8\x00\x02"...), "marker 0xd8"},
	} {
		_, err := jpegdec.Header(tt.data)
		var wrong *jpegdec.FormatError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := jpegdec.Header(good[:sof+30]); err != nil {
		t.Errorf("cut after the frame header: got %v, want none", err)
	}
	var d jpegdec.Decoder
	for end := range len(good) {
		if _, err := d.Decode(t.Context(), good[:end]); err == nil {
			t.Errorf("got no error for the first %d bytes of %d", end, len(good))
		}
	}
}

// TestScans: an image that would take long for its size is refused before it is decoded.
func TestScans(t *testing.T) {
	var d jpegdec.Decoder
	for _, tt := range []struct {
		image oddjpeg.Image
		got   int // 0: it is decoded
	}{
		{oddjpeg.Image{Progressive: true, ACScans: 31}, 0},
		{oddjpeg.Image{Progressive: true, ACScans: 32}, 33},
		{oddjpeg.Image{Progressive: true, ACScans: 2000}, 2001},
	} {
		tt.image.Width, tt.image.Height = 256, 256
		_, err := d.Decode(t.Context(), tt.image.Bytes())
		var scans *jpegdec.ScansError
		switch {
		case tt.got == 0 && err != nil:
			t.Errorf("%d AC scans: %v", tt.image.ACScans, err)
		case tt.got != 0 && (!errors.As(err, &scans) || scans.Got != tt.got):
			t.Errorf("%d AC scans: got %v, want a *ScansError of %d", tt.image.ACScans, err, tt.got)
		}
	}
	// A sequential image of two scans of one component: image/jpeg would decode it twice.
	m := oddjpeg.Image{Width: 64, Height: 64, Sampling: []byte{0x11, 0x11, 0x11}, Separate: true}
	data := m.Bytes()
	if _, err := d.Decode(t.Context(), data); err != nil {
		t.Errorf("one scan a component: %v", err)
	}
	sos := bytes.LastIndex(data, []byte{0xFF, 0xDA})
	var scans *jpegdec.ScansError
	if _, err := d.Decode(t.Context(), append(data[:len(data)-2:len(data)-2], data[sos:]...)); !errors.As(err, &scans) || scans.Got != 2 || scans.Max != 1 {
		t.Errorf("a component twice: got %v, want a *ScansError of 2", err)
	}
}

// slowContext is a context that takes PauseAfter to say whether it has ended.
type slowContext struct{ context.Context }

func (c slowContext) Err() error {
	time.Sleep(jpegdec.PauseAfter)
	return c.Context.Err()
}

// TestStops: a decoder gives up soon after its context has ended, and after an error of Pause, wherever it is: also where
// it has read everything.
func TestStops(t *testing.T) { synctest.Test(t, testStops) }

func testStops(t *testing.T) {
	reason := errors.New("the publisher disconnected")
	data := oddjpeg.Image{Width: 256, Height: 256, Progressive: true, ACScans: 20}.Bytes()
	pauses := 0 // one in each read
	d := jpegdec.Decoder{Pause: func() error { pauses++; return nil }}
	if _, err := d.Decode(slowContext{t.Context()}, data); err != nil || pauses < 20 {
		t.Fatalf("got %v after %d pauses, want none after 20 or more", err, pauses)
	}
	for at := 1; at <= pauses; at++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		n := 0
		d.Pause = func() error {
			if n++; n == at {
				cancel(reason)
			}
			return nil
		}
		if _, err := d.Decode(slowContext{ctx}, data); err != reason || n != at {
			t.Errorf("ended at pause %d of %d: got %v after %d pauses, want the cause", at, pauses, err, n)
		}
		cancel(nil)
	}
	d.Pause = func() error { return reason }
	if _, err := d.Decode(slowContext{t.Context()}, data); err != reason {
		t.Errorf("Pause failed: got %v, want its error", err)
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if _, err := d.Decode(ended, data); err != reason {
		t.Errorf("ended before: got %v, want the cause", err)
	}
}

// FuzzDecode: whatever comes, Header and Decode agree, the frame has the size that was said, and image/jpeg is not given
// more scans than were counted.
func FuzzDecode(f *testing.F) {
	for _, s := range samplings {
		for _, progressive := range []bool{false, true} {
			f.Add(oddjpeg.Image{Width: 17, Height: 9, Sampling: s.bytes, Progressive: progressive, Orientation: 6, Adobe: 1}.Bytes())
		}
	}
	f.Add(oddjpeg.Image{Width: 40, Height: 30, Progressive: true, ACScans: 3, JFIF: true}.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := jpegdec.Header(data)
		var d jpegdec.Decoder
		if err != nil {
			if _, again := d.Decode(t.Context(), data); again == nil {
				t.Errorf("Header: %v, and Decode has no error", err)
			}
			return
		}
		if info.Orientation < jpegdec.Upright || info.Orientation > jpegdec.RotateLeft || info.Bytes > len(data) {
			t.Errorf("got %+v of %d bytes", info, len(data))
		}
		if info.Width*info.Height > 1<<20 || info.MemoryBytes > 64<<20 {
			return
		}
		f, err := d.Decode(t.Context(), data)
		if err != nil {
			return
		}
		if w, h := info.Size(); f.Desc.Width != w || f.Desc.Height != h {
			t.Errorf("got a frame of %dx%d, want %dx%d", f.Desc.Width, f.Desc.Height, w, h)
		}
	})
}

// FuzzEXIF: whatever an APP1 segment has, the image has one of the eight orientations.
func FuzzEXIF(f *testing.F) {
	f.Add([]byte("Exif\x00\x00" + oddjpeg.TIFF(binary.BigEndian, 6)))
	f.Add([]byte("Exif\x00\x00" + oddjpeg.TIFF(binary.LittleEndian, 3)))
	f.Add([]byte("Exif\x00\x00MM\x00*\xFF\xFF\xFF\xFF"))
	plain := oddjpeg.Image{Width: 8, Height: 8}.Bytes()
	f.Fuzz(func(t *testing.T, exif []byte) {
		exif = exif[:min(len(exif), 65533)]
		b := binary.BigEndian.AppendUint16([]byte{0xFF, 0xD8, 0xFF, 0xE1}, uint16(2+len(exif)))
		info, err := jpegdec.Header(append(append(b, exif...), plain[2:]...))
		if err != nil || info.Orientation < jpegdec.Upright || info.Orientation > jpegdec.RotateLeft {
			t.Errorf("got orientation %d, %v", info.Orientation, err)
		}
	})
}

// TestHeaderAllocatesNothing: it is called for every JPEG that is passed on.
func TestHeaderAllocatesNothing(t *testing.T) {
	data := oddjpeg.Image{Width: 640, Height: 360, Sampling: []byte{0x22, 0x11, 0x11}, Orientation: 6}.Bytes()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := jpegdec.Header(data); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}
