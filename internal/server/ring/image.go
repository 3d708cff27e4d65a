//go:build linux

package ring

import (
	"math"

	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

// checkImage refuses a SUBMIT that cannot be an image of a scene.
func (c *connection) checkImage(submit *ring.Submit) error {
	switch n := submit.Frames; {
	case n > uint32(c.layout.Batch):
		return fault.Errorf(fault.Invalid, "ring: got %d regions, want 0..%d", n, c.layout.Batch)
	case n > 0 && c.layout.FrameBytes == 0:
		return fault.Errorf(fault.Invalid, "ring: got %d regions, want 0: the hello says nothing of them in spec.input", n)
	case submit.Bytes != 0:
		return fault.Errorf(fault.Invalid, "ring: got %d bytes, which are for JPEGs, want 0", submit.Bytes)
	case submit.Flags&ring.FlagIndex != 0 && submit.Index > math.MaxInt:
		return fault.Errorf(fault.Invalid, "ring: got index %d, want at most %d", submit.Index, math.MaxInt)
	}
	return nil
}

// region returns region i of the image that was submitted in s. What shared memory says of it is read once.
func (c *connection) region(s *slot, submit *ring.Submit, i int) (r scene.Region) {
	if submit.Without&(1<<i) != 0 {
		return r
	}
	r.Frame = s.frames[i]
	if submit.Flags&ring.FlagRects != 0 {
		at := ring.ParseRect(c.layout.Rects(s.pixels), i)
		r.Rect = pipeline.Rect{X: int(at.X), Y: int(at.Y), Width: int(at.Width), Height: int(at.Height)}
	}
	return r
}
