package pipeline

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
)

// Spec describes the frames and the images to make of them. It is pure, comparable data; only Input has no default. In
// JSON and YAML:
//
//	input:  {format: bgr24, width: 640, height: 360}
//	crop:   480x270+80+45
//	resize: {width: 320, height: 320, mode: fit, filter: area, background: "#102030"}
//	output: {format: jpeg, quality: 80, subsampling: "420", restart: row, reuse: segments}
type Spec struct {
	Input  frame.Desc `json:"input" yaml:"input"`                      // what every frame must be
	Crop   Rect       `json:"crop,omitzero" yaml:"crop,omitempty"`     // of the input, before the resize; zero: all
	Resize Resize     `json:"resize,omitzero" yaml:"resize,omitempty"` // zero: none
	Output Output     `json:"output,omitzero" yaml:"output,omitempty"` // zero: JPEG of quality 75, 4:2:0

	// Scene is the name of a scene of a server: frames are regions, which are laid on its backgrounds (package scene). Crop,
	// Resize and Output are then the scene's own, and zero here. Without Input there are no regions. Compile refuses it.
	Scene string `json:"scene,omitempty" yaml:"scene,omitempty"`
}

// Resize is the size of the output and how the image is fitted to it. When one of Width and Height is zero the other
// keeps the aspect; when both are, nothing is resized and the other fields must be zero.
type Resize struct {
	Width      int    `json:"width,omitzero" yaml:"width,omitempty"`   // pixels
	Height     int    `json:"height,omitzero" yaml:"height,omitempty"` // pixels
	Mode       Mode   `json:"mode,omitzero" yaml:"mode,omitempty"`
	Filter     Filter `json:"filter,omitzero" yaml:"filter,omitempty"`
	Background Color  `json:"background,omitzero" yaml:"background,omitempty"` // around the image in mode Fit
}

// Mode says how the image is fitted when its aspect differs from the output's.
type Mode uint8

// The modes.
const (
	Stretch Mode = iota // "stretch": the aspect changes
	Fit                 // "fit": the whole image, centered, with Background around it
	Fill                // "fill": the center of the image that fills the output
)

// Filter is how samples of the output are computed from samples of the input. Pixel centers are at halves.
type Filter uint8

// The filters.
const (
	Bilinear Filter = iota // "bilinear": from the four nearest samples
	Area                   // "area": the mean of what an output pixel covers; along an axis that grows, bilinear
	Nearest                // "nearest": the nearest sample
)

// Output is the form of the results. All but Format is JPEG's alone.
type Output struct {
	Format      OutputFormat     `json:"format,omitzero" yaml:"format,omitempty"`
	Quality     int              `json:"quality,omitzero" yaml:"quality,omitempty"` // 1..100; 0 means 75
	Subsampling jpeg.Subsampling `json:"subsampling,omitzero" yaml:"subsampling,omitempty"`
	Restart     Restart          `json:"restart,omitzero" yaml:"restart,omitempty"`
	Reuse       Reuse            `json:"reuse,omitzero" yaml:"reuse,omitempty"` // of unchanged parts, in runs with a History
	Noise       int              `json:"noise,omitzero" yaml:"noise,omitempty"` // with Reuse, 0..255: by how many levels of 8 bits a sample of the source may differ and count as unchanged
}

// OutputFormat is a JPEG, or raw pixels: planes one after the other, rows without gaps.
type OutputFormat uint8

// The output formats.
const (
	JPEG     OutputFormat = iota // "jpeg": baseline JFIF
	RawRGBA                      // "rgba": alpha is 255
	RawRGB24                     // "rgb24"
	RawBGR24                     // "bgr24"
	RawI420                      // "yuv420p", also "i420": BT.601, limited range, as ffmpeg means it
)

// PixelFormat returns the pixel format of a raw output, and false for JPEG.
func (f OutputFormat) PixelFormat() (frame.PixelFormat, bool) {
	switch f {
	case RawRGBA:
		return frame.RGBA, true
	case RawRGB24:
		return frame.RGB24, true
	case RawBGR24:
		return frame.BGR24, true
	case RawI420:
		return frame.I420, true
	}
	return 0, false
}

// Restart is a JPEG's restart interval in MCUs, the blocks of 16x16 pixels (4:2:0), 16x8 (4:2:2) or 8x8 that are coded
// together. Its text is "none", "row" or the number. Where markers fall on the ends of MCU rows one image can be
// split among workers: always with RestartRow.
type Restart int

// Reuse is what becomes of the parts of an image whose source is as it was in the stream's frame before. It has an effect in
// runs with a Batch.History alone.
type Reuse uint8

// The ways to reuse. With ReuseSegments the restart interval is 12 MCUs of 16x16 pixels, or the same area of smaller ones,
// unless Restart says otherwise; each segment is compared, and those that are unchanged keep their bytes. Without Noise the
// image is byte for byte the one that encoding all of it gives.
const (
	ReuseNone     Reuse = iota // "none"
	ReuseSegments              // "segments": restart segments keep their bytes
)

// The restart intervals with names.
const (
	RestartNone Restart = 0
	RestartRow  Restart = jpeg.RestartRow // a marker after each row of MCUs
)
