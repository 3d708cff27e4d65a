package engine

import (
	"context"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// Plan is what a caller asked for, checked against the limits. A request makes one, as soon as it knows its Spec, and
// keeps it: a Plan costs next to nothing and holds no memory. Its pipeline is compiled when frames are there and have
// their turn, in Run. It is immutable.
type Plan struct {
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
		return nil, &fault.Error{Kind: fault.NotFound, Field: "scene", Reason: "there is no scene " + s.Scene}
	}
	p := &Plan{spec: s}
	p.width, p.height = s.OutputSize()
	for _, v := range []struct {
		what          string
		width, height int
	}{{"the input", s.Input.Width, s.Input.Height}, {"the output", p.width, p.height}} {
		pixels, most := int64(v.width)*int64(v.height), int64(e.Config.Limits.MaxPixels)
		if pixels > most {
			return nil, fault.LimitOf("limits.max_pixels", pixels, most, v.what+" has too many pixels")
		}
	}
	var err error
	if p.frameBytes, err = s.Input.Size(); err != nil {
		return nil, fault.From(err)
	}
	if p.frameBytes > pool.MaxSize {
		return nil, fault.From(&pool.SizeError{Got: int64(p.frameBytes), Max: pool.MaxSize})
	}
	p.rawBytes = s.RawBytes()
	return p, nil
}

// Spec returns what the plan is for.
func (p *Plan) Spec() pipeline.Spec { return p.spec }

// FrameBytes returns the size of an input frame.
func (p *Plan) FrameBytes() int { return p.frameBytes }

// Cost returns the bytes that a batch of n frames may lease, whose inputs have in bytes together: a buffer is up to a
// quarter larger than asked for, and 4 KiB at least.
func (p *Plan) Cost(in int64, n int) int64 {
	return in + in/4 + int64(n)*int64(pool.ClassSize(0)+pool.ClassSize(min(p.ImageBytes(), pool.MaxSize)))
}

// ImageBytes returns the bytes that an image hardly ever exceeds: of a JPEG, 4 bits a pixel, twice what natural images take
// at quality 75.
func (p *Plan) ImageBytes() int {
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
