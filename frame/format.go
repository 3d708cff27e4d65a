package frame

import (
	"fmt"
	"strings"
)

// PixelFormat is the layout of samples in memory. The zero value is invalid. Its text form is ffmpeg's name, or one like it; the
// text form of the zero value is empty.
type PixelFormat uint8

// The pixel formats, with ffmpeg's names where it has them. Floats are little-endian: float32 is IEEE 754's binary32, float16 its
// binary16. A float below the range, or NaN, counts as its lowest value, and one above as its highest; so do infinities.
const (
	BGR24   PixelFormat = iota + 1 // packed B,G,R, 3 bytes a pixel
	RGB24                          // packed R,G,B, 3 bytes a pixel
	BGRA                           // packed B,G,R,A, 4 bytes a pixel; alpha is ignored
	RGBA                           // packed R,G,B,A, 4 bytes a pixel; alpha is ignored
	Gray8                          // one luma byte a pixel
	I420                           // planes Y, Cb, Cr; chroma halved both ways, rounded up (ffmpeg's yuv420p)
	NV12                           // planes Y and interleaved CbCr; chroma halved both ways, rounded up
	BGRF32P                        // planes B, G, R of float32 (a tensor of shape 3, H, W)
	RGBF32P                        // planes R, G, B of float32 (a tensor of shape 3, H, W)
	BGR24P                         // planes B, G, R of bytes (a tensor of shape 3, H, W)
	RGB24P                         // planes R, G, B of bytes (a tensor of shape 3, H, W)
	BGRF32                         // packed B,G,R of float32, 12 bytes a pixel (a tensor of shape H, W, 3)
	RGBF32                         // packed R,G,B of float32, 12 bytes a pixel (a tensor of shape H, W, 3)
	BGRF16P                        // planes B, G, R of float16 (a tensor of shape 3, H, W)
	RGBF16P                        // planes R, G, B of float16 (a tensor of shape 3, H, W)
	BGRF16                         // packed B,G,R of float16, 6 bytes a pixel (a tensor of shape H, W, 3)
	RGBF16                         // packed R,G,B of float16, 6 bytes a pixel (a tensor of shape H, W, 3)

	numFormats = int(RGBF16)
)

// MaxPlanes is the most planes a format has.
const MaxPlanes = 3

// formatInfo is the geometry of a format: one entry a plane.
type formatInfo struct {
	name    string
	planes  int
	bytes   [MaxPlanes]int  // bytes from one sample to the next in a row of the plane
	halved  [MaxPlanes]bool // whether the plane has half the samples both ways, rounded up
	isFloat bool
	isHalf  bool // float16
	isYUV   bool
	isBGR   bool
}

var formats = [numFormats + 1]formatInfo{
	BGR24:   {name: "bgr24", planes: 1, bytes: [MaxPlanes]int{3}, isBGR: true},
	RGB24:   {name: "rgb24", planes: 1, bytes: [MaxPlanes]int{3}},
	BGRA:    {name: "bgra", planes: 1, bytes: [MaxPlanes]int{4}, isBGR: true},
	RGBA:    {name: "rgba", planes: 1, bytes: [MaxPlanes]int{4}},
	Gray8:   {name: "gray", planes: 1, bytes: [MaxPlanes]int{1}},
	I420:    {name: "yuv420p", planes: 3, bytes: [MaxPlanes]int{1, 1, 1}, halved: [MaxPlanes]bool{1: true, 2: true}, isYUV: true},
	NV12:    {name: "nv12", planes: 2, bytes: [MaxPlanes]int{1, 2}, halved: [MaxPlanes]bool{1: true}, isYUV: true},
	BGRF32P: {name: "bgrf32p", planes: 3, bytes: [MaxPlanes]int{4, 4, 4}, isFloat: true, isBGR: true},
	RGBF32P: {name: "rgbf32p", planes: 3, bytes: [MaxPlanes]int{4, 4, 4}, isFloat: true},
	BGR24P:  {name: "bgr24p", planes: 3, bytes: [MaxPlanes]int{1, 1, 1}, isBGR: true},
	RGB24P:  {name: "rgb24p", planes: 3, bytes: [MaxPlanes]int{1, 1, 1}},
	BGRF32:  {name: "bgrf32", planes: 1, bytes: [MaxPlanes]int{12}, isFloat: true, isBGR: true},
	RGBF32:  {name: "rgbf32", planes: 1, bytes: [MaxPlanes]int{12}, isFloat: true},
	BGRF16P: {name: "bgrf16p", planes: 3, bytes: [MaxPlanes]int{2, 2, 2}, isFloat: true, isHalf: true, isBGR: true},
	RGBF16P: {name: "rgbf16p", planes: 3, bytes: [MaxPlanes]int{2, 2, 2}, isFloat: true, isHalf: true},
	BGRF16:  {name: "bgrf16", planes: 1, bytes: [MaxPlanes]int{6}, isFloat: true, isHalf: true, isBGR: true},
	RGBF16:  {name: "rgbf16", planes: 1, bytes: [MaxPlanes]int{6}, isFloat: true, isHalf: true},
}

// aliases are the further spellings that ParsePixelFormat takes: ROS's (sensor_msgs/image_encodings), GStreamer's in
// lower case, the formats whose fourth byte is unused, since alpha is ignored here, and ffmpeg's for floats.
var aliases = map[string]PixelFormat{
	"bgr8": BGR24, "rgb8": RGB24, "bgra8": BGRA, "rgba8": RGBA, "mono8": Gray8,
	"bgr": BGR24, "rgb": RGB24, "bgrx": BGRA, "rgbx": RGBA, "bgr0": BGRA, "rgb0": RGBA, "gray8": Gray8, "i420": I420,
	"bgrp": BGR24P, "rgbp": RGB24P, "rgbf32le": RGBF32, "rgbf16le": RGBF16,
}

// Formats returns all formats, in the order of their values.
func Formats() []PixelFormat {
	fs := make([]PixelFormat, numFormats)
	for i := range fs {
		fs[i] = PixelFormat(i + 1)
	}
	return fs
}

// ParsePixelFormat returns the format called s: ffmpeg's name, or ROS's or GStreamer's, in any case. An unknown name
// gives a *DescError that lists the known ones.
func ParsePixelFormat(s string) (PixelFormat, error) {
	name := strings.ToLower(s)
	for f := 1; f <= numFormats; f++ {
		if formats[f].name == name {
			return PixelFormat(f), nil
		}
	}
	if f, ok := aliases[name]; ok {
		return f, nil
	}
	if name == "yuvj420p" {
		return 0, descErrorf("format", "got %q, want yuv420p with range full", s)
	}
	return 0, descErrorf("format", "got %q, want one of %s", s, formatNames())
}

func formatNames() string {
	names := make([]string, numFormats)
	for i := range names {
		names[i] = formats[i+1].name
	}
	return strings.Join(names, ", ")
}

// Valid reports whether f is one of the formats above.
func (f PixelFormat) Valid() bool { return f != 0 && int(f) <= numFormats }

// Planes returns how many planes f has, 0 for an invalid format.
func (f PixelFormat) Planes() int { return f.info().planes }

// IsFloat reports whether the samples of f are floats: float32 or float16.
func (f PixelFormat) IsFloat() bool { return f.info().isFloat }

// IsFloat16 reports whether the samples of f are float16.
func (f PixelFormat) IsFloat16() bool { return f.info().isHalf }

// IsBGR reports whether the first channel of f is blue: pixels begin with it, or it is the first plane.
func (f PixelFormat) IsBGR() bool { return f.info().isBGR }

// IsYUV reports whether f holds luma and chroma rather than red, green and blue. Gray8 does not count: it has no
// color.
func (f PixelFormat) IsYUV() bool { return f.info().isYUV }

// SampleBytes returns the bytes from one sample to the next in a row of plane i: 3 for bgr24, 2 for the CbCr plane of
// nv12. It is 0 for an invalid format, and where f has no plane i.
func (f PixelFormat) SampleBytes(i int) int {
	if i < 0 || i >= MaxPlanes {
		return 0
	}
	return f.info().bytes[i]
}

// String returns the name of f.
func (f PixelFormat) String() string {
	if !f.Valid() {
		return fmt.Sprintf("PixelFormat(%d)", uint8(f))
	}
	return formats[f].name
}

// MarshalText returns the name of f, nothing for the zero value; any other invalid value is a *DescError.
func (f PixelFormat) MarshalText() ([]byte, error) {
	if f != 0 && !f.Valid() {
		return nil, descErrorf("format", "got %d, want 1..%d", uint8(f), numFormats)
	}
	return []byte(formats[f].name), nil
}

// UnmarshalText sets f as ParsePixelFormat does; an empty text gives the zero value, which Desc.Validate refuses.
func (f *PixelFormat) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*f = 0
		return nil
	}
	*f, err = ParsePixelFormat(string(text))
	return err
}

func (f PixelFormat) info() *formatInfo {
	if !f.Valid() {
		return &formats[0]
	}
	return &formats[f]
}
