package frame_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// wantDescError fails t unless err is a *frame.DescError about field whose text contains reason.
func wantDescError(t *testing.T, err error, field, reason string) {
	t.Helper()
	var de *frame.DescError
	if !errors.As(err, &de) {
		t.Fatalf("got error %v (%T), want a *frame.DescError about %s", err, err, field)
	}
	if de.Field != field || !strings.Contains(de.Reason, reason) {
		t.Errorf("got field %q, reason %q, want %q, %q", de.Field, de.Reason, field, reason)
	}
	if want := "frame: " + field + ": "; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got text %q, want it to begin with %q", err, want)
	}
}

func TestSize(t *testing.T) {
	tests := []struct {
		desc frame.Desc
		want int
	}{
		{frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, 691200},
		{frame.Desc{Format: frame.RGB24, Width: 1, Height: 1}, 3},
		{frame.Desc{Format: frame.BGRA, Width: 3, Height: 5}, 60},
		{frame.Desc{Format: frame.RGBA, Width: 640, Height: 360, Range: frame.RangeFull}, 921600},
		{frame.Desc{Format: frame.Gray8, Width: 7, Height: 3, Range: frame.RangeLimited}, 21},
		{frame.Desc{Format: frame.I420, Width: 1920, Height: 1080, Color: frame.BT709}, 3110400},
		{frame.Desc{Format: frame.I420, Width: 1, Height: 1}, 3},
		{frame.Desc{Format: frame.I420, Width: 5, Height: 3}, 15 + 6 + 6},
		{frame.Desc{Format: frame.NV12, Width: 5, Height: 3, Range: frame.RangeFull}, 15 + 12},
		{frame.Desc{Format: frame.NV12, Width: 4, Height: 2}, 12},
		{frame.Desc{Format: frame.BGRF32P, Width: 320, Height: 320, Range: frame.RangeSigned}, 1228800},
		{frame.Desc{Format: frame.RGBF32P, Width: 2, Height: 1, Range: frame.RangeByte}, 24},
		{frame.Desc{Format: frame.BGR24P, Width: 5, Height: 3}, 45},
		{frame.Desc{Format: frame.RGBF32, Width: 5, Height: 3, Range: frame.RangeSigned}, 180},
		{frame.Desc{Format: frame.BGRF16P, Width: 5, Height: 3, Range: frame.RangeUnit}, 90},
		{frame.Desc{Format: frame.RGBF16, Width: 5, Height: 3, Range: frame.RangeByte}, 90},
		{frame.Desc{Format: frame.Gray8, Width: frame.MaxSide, Height: 1}, 65535},
	}
	for _, tt := range tests {
		got, err := tt.desc.Size()
		if got != tt.want || err != nil {
			t.Errorf("%s: got %d, %v, want %d", tt.desc, got, err, tt.want)
		}
		if err := tt.desc.Validate(); err != nil {
			t.Errorf("%s: Validate gave %v", tt.desc, err)
		}
	}
}

// TestSizeOfTheLargest: the largest sides overflow nothing: with 64 bits the size is right, with 32 it is refused.
func TestSizeOfTheLargest(t *testing.T) {
	d := frame.Desc{Format: frame.BGRF32P, Width: frame.MaxSide, Height: frame.MaxSide}
	want := int64(65535) * 65535 * 12
	got, err := d.Size()
	if want > math.MaxInt {
		wantDescError(t, err, "size", "51538034700")
		return
	}
	if int64(got) != want || err != nil {
		t.Errorf("got %d, %v, want %d", got, err, want)
	}
}

func TestValidateRefuses(t *testing.T) {
	const w, h = 640, 360
	tests := []struct {
		name          string
		desc          frame.Desc
		field, reason string
	}{
		{"zero", frame.Desc{}, "format", "got 0, want one of bgr24, rgb24"},
		{"format", frame.Desc{Format: 200, Width: w, Height: h}, "format", "got 200"},
		{"no-width", frame.Desc{Format: frame.BGR24, Height: h}, "width", "got 0, want 1..65535"},
		{"no-height", frame.Desc{Format: frame.BGR24, Width: w}, "height", "got 0, want 1..65535"},
		{"negative", frame.Desc{Format: frame.BGR24, Width: -w, Height: h}, "width", "got -640"},
		{"65536x65536", frame.Desc{Format: frame.BGR24, Width: 65536, Height: 65536}, "width", "got 65536"},
		{"height-65536", frame.Desc{Format: frame.BGR24, Width: 1, Height: 65536}, "height", "got 65536"},
		{"max-int", frame.Desc{Format: frame.I420, Width: math.MaxInt, Height: math.MaxInt}, "width", "want 1..65535"},
		{"min-int", frame.Desc{Format: frame.I420, Width: 1, Height: math.MinInt}, "height", "want 1..65535"},
		{"limited-rgb", frame.Desc{Format: frame.RGB24, Width: w, Height: h, Range: frame.RangeLimited}, "range",
			"got limited, want full for rgb24"},
		{"unit-yuv", frame.Desc{Format: frame.I420, Width: w, Height: h, Range: frame.RangeUnit}, "range",
			"got 0..1, want full or limited for yuv420p"},
		{"signed-gray", frame.Desc{Format: frame.Gray8, Width: w, Height: h, Range: frame.RangeSigned}, "range", "got -1..1"},
		{"full-float", frame.Desc{Format: frame.BGRF32P, Width: w, Height: h, Range: frame.RangeFull}, "range",
			"got full, want 0..1, 0..255 or -1..1 for bgrf32p"},
		{"limited-planes", frame.Desc{Format: frame.RGB24P, Width: w, Height: h, Range: frame.RangeLimited}, "range",
			"got limited, want full for rgb24p"},
		{"full-half", frame.Desc{Format: frame.RGBF16, Width: w, Height: h, Range: frame.RangeFull}, "range",
			"got full, want 0..1, 0..255 or -1..1 for rgbf16"},
		{"range", frame.Desc{Format: frame.NV12, Width: w, Height: h, Range: 77}, "range", "got ValueRange(77)"},
		{"bt709-rgb", frame.Desc{Format: frame.BGR24, Width: w, Height: h, Color: frame.BT709}, "color", "got bt709"},
		{"color", frame.Desc{Format: frame.NV12, Width: w, Height: h, Color: 9}, "color", "got ColorSpace(9)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantDescError(t, tt.desc.Validate(), tt.field, tt.reason)
			if size, err := tt.desc.Size(); size != 0 || err == nil {
				t.Errorf("Size gave %d, %v, want 0 and an error", size, err)
			}
		})
	}
}

func TestPlaneSize(t *testing.T) {
	tests := []struct {
		format frame.PixelFormat
		want   [frame.MaxPlanes + 1][3]int // width, height, row bytes of each plane, of a frame of 5x3
	}{
		{frame.BGR24, [4][3]int{{5, 3, 15}}},
		{frame.RGBA, [4][3]int{{5, 3, 20}}},
		{frame.Gray8, [4][3]int{{5, 3, 5}}},
		{frame.I420, [4][3]int{{5, 3, 5}, {3, 2, 3}, {3, 2, 3}}},
		{frame.NV12, [4][3]int{{5, 3, 5}, {3, 2, 6}}},
		{frame.BGRF32P, [4][3]int{{5, 3, 20}, {5, 3, 20}, {5, 3, 20}}},
		{frame.RGB24P, [4][3]int{{5, 3, 5}, {5, 3, 5}, {5, 3, 5}}},
		{frame.RGBF32, [4][3]int{{5, 3, 60}}},
		{frame.RGBF16P, [4][3]int{{5, 3, 10}, {5, 3, 10}, {5, 3, 10}}},
		{frame.BGRF16, [4][3]int{{5, 3, 30}}},
		{0, [4][3]int{}},
	}
	for _, tt := range tests {
		d := frame.Desc{Format: tt.format, Width: 5, Height: 3}
		for i, want := range tt.want {
			w, h, rowBytes := d.PlaneSize(i)
			if got := [3]int{w, h, rowBytes}; got != want {
				t.Errorf("%s plane %d: got %v, want %v", d, i, got, want)
			}
		}
		if w, h, rowBytes := d.PlaneSize(-1); w != 0 || h != 0 || rowBytes != 0 {
			t.Errorf("%s plane -1: got %d, %d, %d, want zeros", d, w, h, rowBytes)
		}
	}
}

func TestEffectiveRange(t *testing.T) {
	tests := []struct {
		format  frame.PixelFormat
		in, out frame.ValueRange
	}{
		{frame.BGR24, frame.RangeDefault, frame.RangeFull},
		{frame.Gray8, frame.RangeDefault, frame.RangeFull},
		{frame.Gray8, frame.RangeLimited, frame.RangeLimited},
		{frame.I420, frame.RangeDefault, frame.RangeLimited},
		{frame.NV12, frame.RangeDefault, frame.RangeLimited},
		{frame.NV12, frame.RangeFull, frame.RangeFull},
		{frame.RGBF32P, frame.RangeDefault, frame.RangeUnit},
		{frame.BGRF32P, frame.RangeSigned, frame.RangeSigned},
	}
	for _, tt := range tests {
		d := frame.Desc{Format: tt.format, Width: 2, Height: 2, Range: tt.in}
		if got := d.EffectiveRange(); got != tt.out {
			t.Errorf("%s: got %s, want %s", d, got, tt.out)
		}
	}
}

func TestDescString(t *testing.T) {
	tests := []struct {
		desc frame.Desc
		want string
	}{
		{frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, "bgr24 640x360"},
		{frame.Desc{Format: frame.NV12, Width: 1920, Height: 1080, Range: frame.RangeFull, Color: frame.BT709}, "nv12 1920x1080 full bt709"},
		{frame.Desc{}, "PixelFormat(0) 0x0"},
	}
	for _, tt := range tests {
		if got := tt.desc.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for _, s := range []string{"640x360", "640X360"} {
		if w, h, err := frame.ParseSize(s); w != 640 || h != 360 || err != nil {
			t.Errorf("%q: got %d, %d, %v, want 640, 360", s, w, h, err)
		}
	}
	if w, h, err := frame.ParseSize("65535x1"); w != 65535 || h != 1 || err != nil {
		t.Errorf("got %d, %d, %v, want 65535, 1", w, h, err)
	}
	bad := []string{"", "x", "640", "640x", "x360", "0x1", "1x0", "-1x2", "+1x2", " 1x2", "1x2 ", "1x2x3", "65536x1", "1x65536",
		"99999999999999999999x1", "640*360", "1e3x2", "0x10x2"}
	for _, s := range bad {
		w, h, err := frame.ParseSize(s)
		if w != 0 || h != 0 {
			t.Errorf("%q: got %d, %d with an error, want zeros", s, w, h)
		}
		wantDescError(t, err, "size", "want WIDTHxHEIGHT")
	}
}
