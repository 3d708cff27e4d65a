package pooling

import (
	"fmt"

	"github.com/steadyframe/steadyframe/frame"
)

// Size is a workload, by the size of its frames.
type Size string

// The workloads.
const (
	W1 Size = "w1" // 640x360 bgr24, resized to 320x320
	W3 Size = "w3" // 1920x1080 bgr24, as it is
)

// UnmarshalText sets s to what text says.
func (s *Size) UnmarshalText(text []byte) error {
	switch size := Size(text); size {
	case W1, W3:
		*s = size
		return nil
	}
	return fmt.Errorf("got %q, want w1 (640x360 resized to 320x320) or w3 (1920x1080 as it is)", text)
}

// String returns what the workload is, for a reader.
func (s Size) String() string {
	w := s.workload()
	if w.resizes() {
		return fmt.Sprintf("%dx%d bgr24, resized to %dx%d rgba, as JPEGs", w.input.Width, w.input.Height, w.image.Width, w.image.Height)
	}
	return fmt.Sprintf("%dx%d bgr24, as JPEGs", w.input.Width, w.input.Height)
}

// kind is what a buffer is for.
type kind uint8

// The kinds of buffers: of one size each.
const (
	inputBuffer kind = iota // a frame as it is received; held until its batch is answered
	imageBuffer             // the resized image; held while its frame is worked on
	jpegBuffer              // the response; held until its batch is answered
	kinds
)

// workload is what is done to a frame.
type workload struct {
	input  frame.Desc
	image  frame.Desc // what is encoded: the input's geometry where it is not resized
	sizes  [kinds]int // bytes of a buffer; 0: the workload has none
	frames int        // how many frames, all different, are received again and again
}

// workload returns what s stands for. The JPEG buffers are of the size that a server sets aside before it knows better: no
// image of the scene needs half of it.
func (s Size) workload() workload {
	if s == W3 {
		d := frame.Desc{Format: frame.BGR24, Width: 1920, Height: 1080}
		return workload{input: d, image: d, sizes: [kinds]int{inputBuffer: sizeOf(d), jpegBuffer: 1 << 20}, frames: 26}
	}
	in := frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}
	image := frame.Desc{Format: frame.RGBA, Width: 320, Height: 320}
	return workload{input: in, image: image, frames: 50,
		sizes: [kinds]int{inputBuffer: sizeOf(in), imageBuffer: sizeOf(image), jpegBuffer: 64 << 10}}
}

// resizes reports whether an image is made between the input and the JPEG.
func (w *workload) resizes() bool { return w.image != w.input }

// frameBytes returns the bytes of all buffers that a frame needs.
func (w *workload) frameBytes() (sum int) {
	for _, n := range w.sizes {
		sum += n
	}
	return sum
}

// sizeOf returns the bytes of a frame of a geometry that is valid.
func sizeOf(d frame.Desc) int {
	n, err := d.Size()
	if err != nil {
		panic("pooling: a workload of no size")
	}
	return n
}
