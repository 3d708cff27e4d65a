package scene

import (
	"fmt"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// MaxRegions is how many places a background, and how many regions an image, can have.
const MaxRegions = 16

// Options says what a scene's images are and where its memory comes from. The zero value is JPEGs of quality 75, 4:2:0, of
// the size of the first background, with memory of a pool of its own without budget.
type Options struct {
	Width, Height int // of the images, pixels; 0: those of the first background frame

	Quality     int              // 1..100; 0 means 75
	Subsampling jpeg.Subsampling // 4:2:0 by default
	// Restart is the restart interval in MCUs, 1..65535. Fewer MCUs mean that less is coded around a region, and more
	// bytes: about four a segment. 0 is 12 MCUs of 16x16 pixels, or as many of a smaller size as have the same area.
	Restart int

	Filter pipeline.Filter // how regions are resized; with Place.Affine it is always bilinear
	Walk   Walk            // the order of the backgrounds

	// Movable lets each Region say where it goes. All pixels of the backgrounds are kept for that.
	Movable bool

	// Transparent makes images of two JPEGs: color, multiplied by alpha, and alpha. Backgrounds are then empty.
	Transparent bool

	Pool     *pool.Pool // nil: a new one without budget
	MaxBytes int64      // that the scene may hold, at the sizes of the pool's classes; 0: the pool's budget alone
	Kernels  string     // as pipeline.Options.Kernels

	// Pause, if it is not nil, is called again and again while a background is added, after each row of MCUs and of a mask. It
	// may wait, so that other work goes first. Its error ends Add.
	Pause func() error
}

// OptionError says which field of Options, a Background or an Image is wrong.
type OptionError struct {
	Field  string // such as "quality" or "places[0].rect"
	Reason string // "got 0, want 1..100"
}

func (e *OptionError) Error() string { return "scene: " + e.Field + ": " + e.Reason }

func optionErrorf(field, format string, args ...any) *OptionError {
	return &OptionError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// MemoryError says that a background does not fit the memory that a scene may take. It is a pool.ErrBudget.
type MemoryError struct {
	Background int   // its number
	Want       int64 // bytes that it needs beside Held
	Held       int64 // bytes that the scene holds already
	Max        int64 // Options.MaxBytes; 0: it is the pool that has no more
}

func (e *MemoryError) Error() string {
	if e.Max > 0 {
		return fmt.Sprintf("scene: background %d does not fit: got %d bytes beside %d, want at most %d together", e.Background, e.Want, e.Held, e.Max)
	}
	return fmt.Sprintf("scene: background %d does not fit the pool's budget: got %d bytes beside %d that the scene holds", e.Background, e.Want, e.Held)
}

// Unwrap returns pool.ErrBudget.
func (e *MemoryError) Unwrap() error { return pool.ErrBudget }

// check returns an *OptionError for the first wrong field but the sides, which may come from the first background.
func (o *Options) check() error {
	switch {
	case o.Width < 0 || o.Width > frame.MaxSide:
		return optionErrorf("width", "got %d, want 1..%d, or 0 for that of the first background", o.Width, frame.MaxSide)
	case o.Height < 0 || o.Height > frame.MaxSide:
		return optionErrorf("height", "got %d, want 1..%d, or 0 for that of the first background", o.Height, frame.MaxSide)
	case (o.Width == 0) != (o.Height == 0):
		return optionErrorf("width", "got %dx%d, want both sides or none", o.Width, o.Height)
	case o.Quality < 0 || o.Quality > 100:
		return optionErrorf("quality", "got %d, want 1..100, or 0 for %d", o.Quality, jpeg.DefaultQuality)
	case o.Subsampling > jpeg.Gray:
		return optionErrorf("subsampling", "got %d, want 0..%d", o.Subsampling, jpeg.Gray)
	case o.Restart < 0 || o.Restart > jpegcore.MaxRestartInterval:
		return optionErrorf("restart", "got %d, want 1..%d MCUs, or 0 for the default", o.Restart, jpegcore.MaxRestartInterval)
	case o.Filter > pipeline.Nearest:
		return optionErrorf("filter", "got %d, want 0..%d", o.Filter, pipeline.Nearest)
	case int(o.Walk) >= len(walkNames):
		return optionErrorf("walk", "got %d, want 0..%d", o.Walk, len(walkNames)-1)
	case o.MaxBytes < 0:
		return optionErrorf("max bytes", "got %d, want 0 or more", o.MaxBytes)
	case o.Transparent && o.Subsampling == jpeg.Gray:
		return optionErrorf("subsampling", "got gray, want color for a transparent scene")
	}
	return nil
}

// subsampling returns the pixels that a chroma sample spans.
func subsampling(s jpeg.Subsampling) (x, y int) {
	switch s {
	case jpeg.Sub420:
		return 2, 2
	case jpeg.Sub422:
		return 2, 1
	}
	return 1, 1
}
