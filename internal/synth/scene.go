package synth

import (
	"context"

	"github.com/steadyframe/steadyframe/frame"
)

// Scene is an animated landscape: sky, mountains, hills, a forest and a meadow pass at their own speeds, as seen from a
// train, below balloons, in one of the moods that follow from the seed. It is for one goroutine at a time.
type Scene struct {
	w, h     int
	layers   []movingLayer // from the back to the front
	balloons []balloon
	grain    grain
	rows     [2][]byte // scratch of conversions
}

// movingLayer is a layer of the landscape with its place.
type movingLayer struct {
	*layer
	top   int    // row of the image where it begins
	speed uint64 // pixels a frame, times 1<<16
}

// New returns the scene of w x h pixels that follows from seed. It paints all layers at once, which takes as long as
// hundreds of frames do; they keep about 13 bytes a pixel. It panics unless both sides are within 1..frame.MaxSide.
func New(w, h int, seed uint64) *Scene {
	s, err := NewContext(context.Background(), w, h, seed)
	if err != nil {
		panic("synth: a context without end has ended")
	}
	return s
}

// NewContext is New for scenes that are so large that their painting may have to be given up, since it takes seconds. The
// error is context.Cause(ctx).
func NewContext(ctx context.Context, w, h int, seed uint64) (*Scene, error) {
	if w < 1 || w > frame.MaxSide || h < 1 || h > frame.MaxSide {
		panic("synth: size out of range")
	}
	s := &Scene{w: w, h: h, grain: newGrain(w, mix(seed, 0, 6)), balloons: newBalloons(ctx, w, h, seed)}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for i := range s.rows {
		s.rows[i] = make([]byte, w*3)
	}
	for i, part := range landscape {
		p := painter{ctx: ctx, mood: moodOf(seed), h: float64(h), period: w + w/2, top: int(part.top * float64(h)), seed: mix(seed, uint64(i), 1)}
		bottom := min(int(part.bottom*float64(h))+2, h) // 2: as far as rounding to pixels may shift a crest
		cv := newCanvas(p.period, bottom-p.top)
		part.paint(&p, cv)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s.layers = append(s.layers, movingLayer{layer: cv.layer(), top: p.top, speed: uint64(part.speed * float64(w) * (1 << 16))})
	}
	return s, nil
}

// Render makes dst frame n of the scene, from 0 on. dst has the scene's size, in any format, with any strides; Render
// panics when the size differs. It borrows dst, and allocates nothing. BGR24 is fast; other formats are converted from
// it in floating point.
func (s *Scene) Render(dst *frame.Frame, n int) {
	if dst.Desc.Width != s.w || dst.Desc.Height != s.h {
		panic("synth: Render into a frame of another size")
	}
	if dst.Desc.Format == frame.BGR24 {
		for y := range s.h {
			s.compose(dst.Row(0, y), y, uint64(n))
		}
		return
	}
	store(dst, s.rows, func(row []byte, y int) { s.compose(row, y, uint64(n)) })
}

// compose makes row y of frame n, as packed BGR: what lies behind an opaque row is skipped.
func (s *Scene) compose(row []byte, y int, n uint64) {
	first := len(s.layers) - 1
	for first > 0 && s.layers[first].kind(y-s.layers[first].top) != rowOpaque {
		first--
	}
	for i := first; i < len(s.layers); i++ {
		l := &s.layers[i]
		if l.kind(y-l.top) != rowEmpty {
			l.draw(row, int(n*l.speed>>16%uint64(l.w)), y-l.top)
		}
	}
	for i := range s.balloons {
		b := &s.balloons[i]
		x, top := b.at(n)
		from, to := max(x, 0), min(x+b.w, s.w)
		if from < to && b.kind(y-top) != rowEmpty {
			b.over(row[from*3:to*3], from-x, y-top)
		}
	}
	s.grain.add(row, n, y)
}
