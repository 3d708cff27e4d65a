package load

import (
	"context"
	"image"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
)

// numbered is a Source of frames that are rendered before the load begins, and are sent again and again. Each is a
// image of an animated scene, so that it costs what a camera's does, and carries its number in a corner.
//
// How many there are shares no divisor with the frames of a batch: the same frame comes in another place of each batch,
// and two batches in a row are never alike.
type numbered struct {
	ring  [][]byte // all frames, and then the first ones again, as many as a batch has
	n     int      // frames
	batch int
	mark  fraction // of an image's sides, from the corner 0, 0: where the number is

	sessions int     // of a scene: connections; 0: there is no scene
	silence  float64 // of a scene
}

// fraction is 1 over a number.
type fraction int

// of returns the part of an image of that size.
func (f fraction) of(width, height int) image.Rectangle {
	return image.Rect(0, 0, width/int(f), height/int(f))
}

const (
	mostNumbered  = 100       // frames
	numberedBytes = 128 << 20 // of them, at most, unless two need more
)

// howMany returns how many frames of so many bytes there are, for batches of batch.
func howMany(size, batch int) int {
	n := max(min(mostNumbered, numberedBytes/size), 2)
	for m := n; m >= 2; m-- {
		if gcd(m, batch) == 1 {
			return m
		}
	}
	return 3 // for two frames and an even batch
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Smallest sides of what carries a number: synth.Index makes none below the first, and synth.ReadIndex reads none below
// the second; a cell of the third has a whole block of the JPEG.
var (
	leastMark     = image.Pt(64, 32)
	leastReadable = image.Pt(32, 16)
	goodReadable  = image.Pt(64, 32)
)

// markOf returns where a number fits into a frame and the image of it, ok = false when they are too small.
func markOf(o *Options) (f fraction, ok bool) {
	fits := func(f fraction, readable image.Point) bool {
		in, out := f.of(o.Width, o.Height).Max, f.of(o.OutWidth, o.OutHeight).Max
		return in.X >= leastMark.X && in.Y >= leastMark.Y && out.X >= readable.X && out.Y >= readable.Y
	}
	for _, f := range []fraction{4, 2, 1} {
		if fits(f, goodReadable) {
			return f, true
		}
	}
	return 1, fits(1, leastReadable)
}

// newNumbered renders the frames of a load, until ctx ends.
func newNumbered(ctx context.Context, o *Options) (*numbered, error) {
	size, err := o.desc().Size()
	if err != nil {
		return nil, err
	}
	mark, marked := markOf(o) // Without Verify frames too small for a number have none.
	if o.Verify && !marked && o.Scene == "" {
		return nil, optionErrorf("verify", "a frame of %dx%d and an image of %dx%d are too small to carry a number: want at least %dx%d and %dx%d, or --verify off",
			o.Width, o.Height, o.OutWidth, o.OutHeight, leastMark.X, leastMark.Y, leastReadable.X, leastReadable.Y)
	}
	s := &numbered{n: howMany(size, o.Batch), batch: o.Batch, mark: mark, silence: o.Silence}
	if o.Scene != "" {
		s.sessions = o.Connections
	}
	scene, err := synth.NewContext(ctx, o.Width, o.Height, 1)
	if err != nil {
		return nil, err
	}
	memory := make([]byte, s.n*size)
	for i := range s.n {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f, err := frame.WrapBytes(o.desc(), memory[i*size:(i+1)*size])
		if err != nil {
			return nil, err
		}
		scene.Render(&f, i)
		if marked {
			if err := drawNumber(&f, mark, i); err != nil {
				return nil, err
			}
		}
		s.ring = append(s.ring, memory[i*size:(i+1)*size])
	}
	for i := range o.Batch {
		s.ring = append(s.ring, s.ring[i%s.n])
	}
	return s, nil
}

// drawNumber puts n into the corner of f.
func drawNumber(f *frame.Frame, mark fraction, n int) error {
	corner := mark.of(f.Desc.Width, f.Desc.Height).Max
	d := frame.Desc{Format: f.Desc.Format, Width: corner.X, Height: corner.Y}
	size, err := d.Size()
	if err != nil {
		return err
	}
	small, err := frame.WrapBytes(d, make([]byte, size))
	if err != nil {
		return err
	}
	synth.Fill(&small, synth.Index(corner.X, corner.Y, n))
	for y := range corner.Y {
		copy(f.Row(0, y), small.Row(0, y))
	}
	return nil
}

// first returns the number of the first frame of batch n. Of a scene it goes up in each session, whose first ones are not alike.
func (s *numbered) first(n int) int {
	if s.sessions > 0 {
		n = n/s.sessions + n%s.sessions
	}
	return n % s.n * (s.batch % s.n) % s.n
}

// warm returns the number of batches that have all frames, from the first on.
func (s *numbered) warm() int {
	batches := (s.n + s.batch - 1) / s.batch
	if s.sessions == 0 {
		return batches
	}
	return s.sessions * (max(0, batches-s.sessions) + 1)
}

// silent reports whether the image of a frame has no region, of a scene: those are spread evenly.
func (s *numbered) silent(number int) bool {
	return int(float64(number+1)*s.silence) > int(float64(number)*s.silence)
}

// number returns the number of frame i of batch n.
func (s *numbered) number(n, i int) int { return (s.first(n) + i) % s.n }

// Batch is part of Source. It allocates nothing.
func (s *numbered) Batch(_ context.Context, n int) ([][]byte, error) {
	first := s.first(n)
	return s.ring[first : first+s.batch], nil
}

// Done is part of Source.
func (*numbered) Done(int) {}
