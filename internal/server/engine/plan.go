package engine

import (
	"context"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// Plan is what a caller asked for, checked against the limits. A request makes one, as soon as it knows its Spec, and
// keeps it until Release: a Plan costs next to nothing and holds no memory. Its pipeline is compiled when frames are there and
// have their turn, in Run. A Plan of a scene is a user of it, and is for Compose in place of Run. It is immutable.
type Plan struct {
	scenes        *scenes
	scene         *loadedScene // nil: none
	holders       atomic.Int32 // of a Plan of a scene
	spec          pipeline.Spec
	frameBytes    int // of the input
	width, height int // of the output
	rawBytes      int // of a raw output; 0 for a JPEG
}

// Plan checks s. It refuses a wrong Spec with Invalid, and with TooLarge one of more pixels than limits.max_pixels, in or
// out.
func (e *Engine) Plan(s pipeline.Spec) (*Plan, error) {
	if err := s.Validate(); err != nil {
		return nil, fault.From(err)
	}
	if s.Scene != "" {
		return e.planScene(s)
	}
	p := &Plan{spec: s}
	p.width, p.height = s.OutputSize()
	for _, v := range []struct {
		what          string
		width, height int
	}{{"the input", s.Input.Width, s.Input.Height}, {"the output", p.width, p.height}} {
		if err := e.checkPixels(v.what, v.width, v.height); err != nil {
			return nil, err
		}
	}
	if err := p.measure(); err != nil {
		return nil, err
	}
	p.rawBytes = s.RawBytes()
	return p, nil
}

func (e *Engine) checkPixels(what string, width, height int) error {
	pixels, most := int64(width)*int64(height), int64(e.Config.Limits.MaxPixels)
	if pixels > most {
		return fault.LimitOf("limits.max_pixels", pixels, most, what+" has too many pixels")
	}
	return nil
}

// measure sets the size of a frame.
func (p *Plan) measure() error {
	size, err := p.spec.Input.Size()
	if err != nil {
		return fault.From(err)
	}
	if size > pool.MaxSize {
		return fault.From(&pool.SizeError{Got: int64(size), Max: pool.MaxSize})
	}
	p.frameBytes = size
	return nil
}

// planScene is Plan for a Spec of a scene, which is valid. It refuses an unknown one with NotFound.
func (e *Engine) planScene(s pipeline.Spec) (*Plan, error) {
	p := &Plan{spec: s, scenes: e.scenes}
	if s.Input != (frame.Desc{}) {
		if err := e.checkPixels("the input", s.Input.Width, s.Input.Height); err != nil {
			return nil, err
		}
		if err := p.measure(); err != nil {
			return nil, err
		}
	}
	var err error
	if p.scene, err = e.scenes.use(s.Scene); err != nil {
		return nil, err
	}
	p.holders.Store(1)
	p.width, p.height = p.scene.Size()
	return p, nil
}

// Retain returns p with one more holder, who calls Release. Only a Plan of a scene has holders.
func (p *Plan) Retain() *Plan {
	if p.scene != nil {
		p.holders.Add(1)
	}
	return p
}

// Release ends a holder of p. With the last one a Plan of a scene is no longer a user of it. A nil Plan has none.
func (p *Plan) Release() {
	if p != nil && p.scene != nil && p.holders.Add(-1) == 0 {
		p.scenes.leave(p.scene)
	}
}

// Stale reports whether p's scene was unloaded, or another has taken its place. p can be used all the same. A nil Plan has none.
func (p *Plan) Stale() bool {
	if p == nil || p.scene == nil {
		return false
	}
	p.scenes.mu.Lock()
	defer p.scenes.mu.Unlock()
	return p.scene.unloaded
}

// OfScene reports whether p is for Compose.
func (p *Plan) OfScene() bool { return p.scene != nil }

// Places returns how many regions an image of p's scene may have, at least 1.
func (p *Plan) Places() int {
	if p.scene.Options().Movable {
		return scene.MaxRegions
	}
	return max(1, p.scene.places)
}

// Transparent reports whether images have alpha.
func (p *Plan) Transparent() bool { return p.scene != nil && p.scene.Options().Transparent }

// Spec returns what the plan is for.
func (p *Plan) Spec() pipeline.Spec { return p.spec }

// FrameBytes returns the size of an input frame; 0 when there are none, of a scene.
func (p *Plan) FrameBytes() int { return p.frameBytes }

// Cost returns the bytes that a batch of n frames may lease, whose inputs have in bytes together: a buffer is up to a
// quarter larger than asked for, and 4 KiB at least.
func (p *Plan) Cost(in int64, n int) int64 {
	if p.scene != nil && p.scene.affine && p.frameBytes > 0 { // Such regions are unfolded.
		frames := in/int64(p.frameBytes) + 1
		in += frames * int64(pool.ClassSize(min(3*p.spec.Input.Width*p.spec.Input.Height, pool.MaxSize)))
	}
	return in + in/4 + int64(n)*int64(pool.ClassSize(0)+pool.ClassSize(min(p.ImageBytes(), pool.MaxSize)))
}

// ImageBytes returns the bytes that an image hardly ever exceeds: of a JPEG, 4 bits a pixel, twice what natural images take
// at quality 75.
func (p *Plan) ImageBytes() int {
	if p.scene != nil {
		return int(p.scene.expected)
	}
	if p.rawBytes > 0 {
		return p.rawBytes
	}
	return 4096 + p.width*p.height/2
}

// OutputSize returns the width and height of the images.
func (p *Plan) OutputSize() (width, height int) { return p.width, p.height }

// run runs the pipeline of p on b, compiling it first where it must. ctx bounds the wait for memory and the run. turn is
// held, or nil for a run without one.
func (e *Engine) run(ctx context.Context, p *Plan, b *pipeline.Batch, turn *turn) error {
	use, err := e.pipelines.acquire(ctx, p.spec, len(b.In), turn)
	if err != nil {
		return err
	}
	defer e.pipelines.release(use)
	if turn != nil {
		b.Yield = turn.give
		defer func() { b.Yield = nil }()
	}
	return use.entry.pipeline.Run(ctx, b)
}

// RunAtOnce runs p on b without waiting for a turn, and counts nothing. It is for the few small frames that the server
// makes itself, and that are needed when everything else waits.
func (e *Engine) RunAtOnce(ctx context.Context, p *Plan, b *pipeline.Batch) error {
	return e.run(ctx, p, b, nil)
}
