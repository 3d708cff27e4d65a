package ffmpeg

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
	"github.com/steadyframe/steadyframe/internal/testkit/patches"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// shown is a frame as a viewer sees it, by the slow arithmetic of package oracle.
type shown struct{ f *frame.Frame }

func (s shown) ColorModel() color.Model { return color.RGBAModel }
func (s shown) Bounds() image.Rectangle { return image.Rect(0, 0, s.f.Desc.Width, s.f.Desc.Height) }

func (s shown) At(x, y int) color.Color {
	d := s.f.Desc
	sample := func(i, x, y int) float64 { return float64(s.f.Row(i, y)[x]) }
	if d.Format == frame.RGB24 {
		return color.RGBA{s.f.Row(0, y)[3*x], s.f.Row(0, y)[3*x+1], s.f.Row(0, y)[3*x+2], 255}
	}
	luma, cb, cr := sample(0, x, y), 0.0, 0.0
	if d.Format == frame.I420 {
		cb, cr = sample(1, x/2, y/2)-128, sample(2, x/2, y/2)-128
	}
	if d.EffectiveRange() == frame.RangeLimited {
		luma, cb, cr = oracle.FullLuma(luma), oracle.FullChroma(cb), oracle.FullChroma(cr)
	}
	m := oracle.BT601()
	if d.Color == frame.BT709 {
		m = oracle.BT709()
	}
	r, g, b := m.RGB(luma, cb, cr)
	level := func(v float64) uint8 { return uint8(min(max(math.Round(v), 0), 255)) }
	return color.RGBA{level(r), level(g), level(b), 255}
}

// colorError returns how far the first frame of an input is from the stripes.
func colorError(t *testing.T, o Options) (worst float64, got any, d frame.Desc) {
	t.Helper()
	r, err := Open(t.Context(), o, pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	worst, got = patches.Error(shown{&f})
	return worst, got, f.Desc
}

// TestColors: stripes have their colors within 3 levels, whatever matrix, range, depth and sampling they were coded
// with, read by name and through a pipe.
func TestColors(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	tags := map[string]string{"bt709": "bt709", "bt601": "smpte170m", "bt2020": "bt2020nc", "fcc": "fcc", "smpte240m": "smpte240m"}
	type test struct {
		name string
		v    patches.Video
		o    Options
	}
	var tests []test
	add := func(name string, v patches.Video, o Options) {
		if v.Width == 0 {
			v.Width, v.Height = 320, 180
		}
		tests = append(tests, test{name, v, o})
	}
	for matrix, tag := range tags {
		for _, pixFmt := range []string{"yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le"} {
			for _, full := range []bool{false, true} {
				if pixFmt != "yuv420p" && full && matrix != "bt709" {
					continue
				}
				tagged := "-colorspace " + tag + " -color_range tv"
				if full {
					tagged = "-colorspace " + tag + " -color_range pc"
				}
				add(fmt.Sprintf("tagged/%s/%s/full=%v", matrix, pixFmt, full), patches.Video{Matrix: matrix, PixFmt: pixFmt, Full: full, Tags: tagged}, Options{})
			}
		}
	}
	bt601, bt709 := frame.BT601, frame.BT709
	for _, pixFmt := range []string{"yuv420p", "yuv422p", "yuv444p", "yuv420p10le"} {
		add("untagged-sd/"+pixFmt, patches.Video{Matrix: "bt601", PixFmt: pixFmt}, Options{})
		add("untagged-hd/"+pixFmt, patches.Video{Matrix: "bt709", PixFmt: pixFmt, Width: 1280, Height: 720}, Options{})
		add("color-bt709/"+pixFmt, patches.Video{Matrix: "bt709", PixFmt: pixFmt, Tags: "-colorspace smpte170m"}, Options{Color: &bt709})
		add("color-bt601/"+pixFmt, patches.Video{Matrix: "bt601", PixFmt: pixFmt, Tags: "-colorspace bt709"}, Options{Color: &bt601})
		add("range-full/"+pixFmt, patches.Video{Matrix: "bt601", PixFmt: pixFmt, Full: true}, Options{Range: frame.RangeFull})
		add("range-limited/"+pixFmt, patches.Video{Matrix: "bt601", PixFmt: pixFmt, Tags: "-color_range pc"}, Options{Range: frame.RangeLimited})
	}
	for _, pixFmt := range []string{"bgr0", "gbrp", "gbrp10le", "gbrp12le", "bgra"} {
		add("rgb/"+pixFmt, patches.Video{Matrix: "rgb", PixFmt: pixFmt}, Options{})
		add("rgb-with-flags/"+pixFmt, patches.Video{Matrix: "rgb", PixFmt: pixFmt}, Options{Color: &bt709, Range: frame.RangeLimited})
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := patches.Make(t, "x.mkv", tt.v)
			byName := tt.o
			byName.Path = path
			if worst, got, d := colorError(t, byName); worst > 3 {
				t.Errorf("by name, %s: %.1f levels off: got %.0f", d, worst, got)
			}
			if i%3 != 0 {
				return // Some of each kind will do for pipes.
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			piped := tt.o
			piped.Stdin = file
			if worst, got, d := colorError(t, piped); worst > 3 {
				t.Errorf("through a pipe, %s: %.1f levels off: got %.0f", d, worst, got)
			}
		})
	}
}

// TestHDR: HDR that was made from SDR colors with the white of graphics has these colors again, by name and through a
// pipe.
func TestHDR(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	for name, v := range map[string]patches.Video{
		"pq":          {HDR: "pq", Tags: "-colorspace bt2020nc -color_primaries bt2020 -color_trc smpte2084 -color_range tv"},
		"pq-unsaid":   {HDR: "pq", Tags: "-color_trc smpte2084"},
		"hlg":         {HDR: "hlg", Tags: "-colorspace bt2020nc -color_primaries bt2020 -color_trc arib-std-b67 -color_range tv"},
		"pq-of-phone": {HDR: "pq", Tags: "-colorspace bt2020nc -color_primaries bt2020 -color_trc smpte2084 -color_range tv", Codec: "-c:v libx265 -x265-params log-level=error:lossless=1"},
	} {
		t.Run(name, func(t *testing.T) {
			v.Width, v.Height, v.Matrix, v.PixFmt = 320, 180, "bt2020", "yuv420p10le"
			path := patches.Make(t, "x.mkv", v)
			worst, got, d := colorError(t, Options{Path: path})
			t.Logf("%s: %.1f levels off: got %.0f", d, worst, got)
			if worst > 20 {
				t.Errorf("%s: %.1f levels off: got %.0f", d, worst, got)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, piped, _ := colorError(t, Options{Stdin: file}); piped != got {
				t.Errorf("through a pipe: got %.0f, want %.0f", piped, got)
			}
		})
	}
}
