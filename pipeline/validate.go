package pipeline

import (
	"errors"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pool"
)

// maxRestart is the largest restart interval: DRI has 16 bits for it (ITU-T T.81, B.2.4.4).
const maxRestart = 65535

// Validate returns nil when s can be compiled, or is one of a scene, else a *SpecError about the first wrong field. It
// allocates nothing for what s declares.
func (s Spec) Validate() error {
	if s.Scene != "" {
		return s.checkScene()
	}
	if err := s.Input.Validate(); err != nil {
		return descSpecError("input", err)
	}
	if err := s.checkCrop(); err != nil {
		return err
	}
	if err := s.checkResize(); err != nil {
		return err
	}
	return s.checkOutput()
}

// checkScene checks a Spec of a scene. Whether there is one of that name, the server says.
func (s Spec) checkScene() error {
	switch {
	case len(s.Scene) > maxSceneName:
		return specErrorf("scene", "got a name of %d bytes, want at most %d", len(s.Scene), maxSceneName)
	case !isSceneName(s.Scene):
		return specErrorf("scene", "got %.80q, want A-Z a-z 0-9 . _ - and no dot at the beginning", s.Scene)
	case s.Crop != Rect{}:
		return specErrorf("crop", "got %s, want none with scene: regions are whole frames", s.Crop)
	case s.Resize != Resize{}:
		return specErrorf("resize", "got one, want none with scene: its places say how large regions are")
	case s.Output != Output{}:
		return specErrorf("output", "got one, want none with scene, whose images are coded as it was loaded")
	case s.Input == frame.Desc{}:
		return nil
	}
	if err := s.Input.Validate(); err != nil {
		return descSpecError("input", err)
	}
	return nil
}

// maxSceneName is the longest name of a scene, as of a live stream.
const maxSceneName = 64

func isSceneName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.' && i > 0:
		default:
			return false
		}
	}
	return true
}

// descSpecError turns a *frame.DescError about the Desc called prefix into a *SpecError.
func descSpecError(prefix string, err error) error {
	var de *frame.DescError
	if errors.As(err, &de) {
		return &SpecError{Field: prefix + "." + de.Field, Reason: de.Reason}
	}
	return &SpecError{Field: prefix, Reason: err.Error()}
}

func (s Spec) checkCrop() error {
	c, in := s.Crop, s.Input
	if c == (Rect{}) {
		return nil
	}
	// Differences, not sums: the offsets may be anything.
	if c.Width < 1 || c.Height < 1 || c.X < 0 || c.Y < 0 || c.X > in.Width-c.Width || c.Y > in.Height-c.Height {
		return specErrorf("crop", "got %s, want a part of %dx%d", c, in.Width, in.Height)
	}
	return nil
}

func (s Spec) checkResize() error {
	r := s.Resize
	switch {
	case r.Width < 0 || r.Width > frame.MaxSide:
		return specErrorf("resize.width", "got %d, want 0..%d", r.Width, frame.MaxSide)
	case r.Height < 0 || r.Height > frame.MaxSide:
		return specErrorf("resize.height", "got %d, want 0..%d", r.Height, frame.MaxSide)
	case int(r.Mode) >= len(modeNames):
		return specErrorf("resize.mode", "got %d, want 0..%d", r.Mode, len(modeNames)-1)
	case int(r.Filter) >= len(filterNames):
		return specErrorf("resize.filter", "got %d, want 0..%d", r.Filter, len(filterNames)-1)
	}
	if r.Width == 0 && r.Height == 0 {
		switch {
		case r.Mode != Stretch:
			return specErrorf("resize.mode", "got %s, want none without resize.width or resize.height", r.Mode)
		case r.Filter != Bilinear:
			return specErrorf("resize.filter", "got %s, want none without resize.width or resize.height", r.Filter)
		}
	}
	if r.Background != (Color{}) && r.Mode != Fit {
		return specErrorf("resize.background", "got %s, want none unless resize.mode is fit", r.Background)
	}
	// The side that keeps the aspect can be out of bounds where the given one is not.
	if w, h := s.OutputSize(); w > frame.MaxSide {
		return specErrorf("resize.width", "got %d from the aspect, want <= %d", w, frame.MaxSide)
	} else if h > frame.MaxSide {
		return specErrorf("resize.height", "got %d from the aspect, want <= %d", h, frame.MaxSide)
	}
	return nil
}

func (s Spec) checkOutput() error {
	o := s.Output
	switch {
	case int(o.Format) >= len(outputNames):
		return specErrorf("output.format", "got %d, want 0..%d", o.Format, len(outputNames)-1)
	case o.Quality < 0 || o.Quality > 100:
		return specErrorf("output.quality", "got %d, want 1..100, or 0 for 75", o.Quality)
	case o.Subsampling > jpeg.Gray:
		return specErrorf("output.subsampling", "got %d, want 0..%d", o.Subsampling, jpeg.Gray)
	case o.Restart < RestartRow || o.Restart > maxRestart:
		return specErrorf("output.restart", "got %d, want -1..%d", int(o.Restart), maxRestart)
	case int(o.Reuse) >= len(reuseNames):
		return specErrorf("output.reuse", "got %d, want 0..%d", o.Reuse, len(reuseNames)-1)
	case o.Noise < 0 || o.Noise > 255:
		return specErrorf("output.noise", "got %d, want 0..255", o.Noise)
	case o.Noise != 0 && o.Reuse == ReuseNone:
		return specErrorf("output.noise", "got %d, want none without output.reuse", o.Noise)
	}
	if o.Format == JPEG {
		return nil
	}
	switch {
	case o.Quality != 0:
		return specErrorf("output.quality", "got %d, want none for %s", o.Quality, o.Format)
	case o.Subsampling != 0:
		return specErrorf("output.subsampling", "got %s, want none for %s", o.Subsampling, o.Format)
	case o.Restart != 0:
		return specErrorf("output.restart", "got %s, want none for %s", o.Restart, o.Format)
	case o.Reuse != 0:
		return specErrorf("output.reuse", "got %s, want none for %s", o.Reuse, o.Format)
	}
	size, err := s.rawDesc().Size()
	if err != nil {
		return descSpecError("output", err)
	}
	if size > pool.MaxSize {
		return specErrorf("output.format", "got %s of %d bytes, want <= %d", s.Output.Format, size, pool.MaxSize)
	}
	return nil
}
