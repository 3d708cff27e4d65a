package scene

import (
	"image"
	"math"

	"github.com/steadyframe/steadyframe/pipeline"
)

// Place is where a region goes on a background.
type Place struct {
	// Rect is what the region is resized to, in pixels of the background. Its part outside is cut off; one that is empty, or
	// all outside, shows nothing.
	Rect   pipeline.Rect
	Mask   *Mask   // nil: the whole rectangle
	Affine *Affine // nil: none; else Rect is zero
}

// Affine takes the pixels of a region to those of the background, as in OpenCV's warpAffine: a pixel's center has whole
// coordinates, and
//
//	x = M[0]*u + M[1]*v + M[2]
//	y = M[3]*u + M[4]*v + M[5]
//
// The region is sampled bilinearly. Outside of it nothing is drawn.
type Affine struct {
	M             [6]float64
	Width, Height int // of the regions that M is for; others are taken as resized to that
}

// maxRegionSide bounds the sides of rectangles, by those of the background, so that nothing large is made for what is cut off.
func maxRegionSide(background int) int { return max(4*background, 4096) }

// maxOffset bounds the offsets of rectangles.
const maxOffset = 1 << 20

// checkRect returns an *OptionError for a rectangle that is out of bounds for images of that size.
func checkRect(field string, r pipeline.Rect, width, height int) error {
	w, h := maxRegionSide(width), maxRegionSide(height)
	if r.Width < 0 || r.Width > w || r.Height < 0 || r.Height > h || r.X < -maxOffset || r.X > maxOffset || r.Y < -maxOffset || r.Y > maxOffset {
		return optionErrorf(field, "got %s, want sides up to %dx%d and offsets within %d", r, w, h, maxOffset)
	}
	return nil
}

// rectangle returns r as package image has it.
func rectangle(r pipeline.Rect) image.Rectangle {
	return image.Rect(r.X, r.Y, r.X+r.Width, r.Y+r.Height)
}

// place is a Place, compiled.
type place struct {
	rect   image.Rectangle // of the region; of an affine, what it touches of the background
	clip   image.Rectangle // what is drawn: within rect, the background, and what the mask leaves
	mask   *alphaMask      // nil: none
	affine *inverse        // nil: none
}

// inverse takes pixels of the background to those of a region: u = A*x + B*y + C, v = D*x + E*y + F.
type inverse struct {
	m             [6]float64
	width, height int
}

// invert returns the inverse of a, and the part of the background that a region may touch.
func (a *Affine) invert(field string, width, height int) (*inverse, image.Rectangle, error) {
	for _, v := range a.M {
		if math.IsNaN(v) || math.Abs(v) > maxOffset {
			return nil, image.Rectangle{}, optionErrorf(field, "got %v, want numbers within %d", a.M, maxOffset)
		}
	}
	if a.Width < 1 || a.Width > maxRegionSide(width) || a.Height < 1 || a.Height > maxRegionSide(height) {
		return nil, image.Rectangle{}, optionErrorf(field, "got a region of %dx%d, want sides of 1..%dx%d", a.Width, a.Height,
			maxRegionSide(width), maxRegionSide(height))
	}
	m := a.M
	det := m[0]*m[4] - m[1]*m[3]
	if math.Abs(det) < 1e-9 {
		return nil, image.Rectangle{}, optionErrorf(field, "got %v, which has no inverse, want one", a.M)
	}
	inv := &inverse{width: a.Width, height: a.Height, m: [6]float64{
		m[4] / det, -m[1] / det, (m[1]*m[5] - m[4]*m[2]) / det,
		-m[3] / det, m[0] / det, (m[3]*m[2] - m[0]*m[5]) / det,
	}}
	minX, minY, maxX, maxY := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for i := range 4 {
		u, v := float64(i%2*a.Width)-0.5, float64(i/2*a.Height)-0.5
		x, y := m[0]*u+m[1]*v+m[2], m[3]*u+m[4]*v+m[5]
		minX, maxX, minY, maxY = min(minX, x), max(maxX, x), min(minY, y), max(maxY, y)
	}
	side := func(v float64, most int) int { return int(min(max(v, -1), float64(most+1))) }
	box := image.Rect(side(math.Floor(minX), width), side(math.Floor(minY), height),
		side(math.Ceil(maxX), width)+1, side(math.Ceil(maxY), height)+1)
	return inv, box.Intersect(image.Rect(0, 0, width, height)), nil
}

// at returns the place in the region that a pixel of the background is, whether or not it is inside.
func (inv *inverse) at(x, y int) (u, v float64) {
	fx, fy := float64(x), float64(y)
	return inv.m[0]*fx + inv.m[1]*fy + inv.m[2], inv.m[3]*fx + inv.m[4]*fy + inv.m[5]
}
