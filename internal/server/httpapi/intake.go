package httpapi

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// maxBatch is how many frames are encoded and written at once, at most: those that have come in meanwhile.
const maxBatch = 32

// admitted is a frame with the grant for all that it needs until its image is written.
type admitted struct {
	frame  frame.Frame        // or, of a scene:
	image  *ingest.SceneImage //
	grant  pool.Grant
	coming *ingest.Coming // the rest of frame; nil: it is there
}

// there reports whether a is not zero.
func (a *admitted) there() bool { return a.image != nil || a.frame.Owned() }

func (a *admitted) release() {
	a.frame.Release()
	if a.image != nil {
		a.image.Release()
	}
	a.grant.Release()
	*a = admitted{}
}

// intake reads frames on a goroutine of its own while others are encoded. Each waits for its first bytes, then for
// memory, and is read then: a caller that sends nothing holds no memory, and TCP holds back one whose frame waits for memory.
type intake struct {
	frames    chan admitted // closed at the end
	second    chan struct{} // closed when a second frame begins to come in, perhaps long before there is memory for it
	begun     int           // frames that began to come in
	admission engine.Stream
	err       error // why it ended, io.EOF for all read; set before frames is closed
	done      chan struct{}
}

// startIntake starts reading. The caller ends it by reading frames to its end, or by ending ctx and stopping b, then
// waits for done and releases what is in frames.
func startIntake(ctx context.Context, e *engine.Engine, s *source, b *body) *intake {
	in := &intake{frames: make(chan admitted, maxBatch), second: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(in.frames)
		defer close(in.done) // before frames: a reader that has seen their end does not stop the body
		defer func() {
			if v := recover(); v != nil {
				in.err = &fault.Error{Kind: fault.Internal, Reason: fmt.Sprintf("httpapi: panic: %v", v), Err: &pipeline.PanicError{Value: v, Stack: debug.Stack()}}
			}
		}()
		for in.err == nil {
			in.err = in.next(ctx, e, s, b)
		}
	}()
	return in
}

// next reads one frame.
func (in *intake) next(ctx context.Context, e *engine.Engine, s *source, b *body) (err error) {
	b.nextFrame()
	if err := s.await(); err != nil {
		if err == io.EOF {
			return err
		}
		return fault.From(err)
	}
	if in.begun++; in.begun == 2 {
		close(in.second)
	}
	stream := &in.admission
	if !s.endless && in.begun == 1 { // A request that was begun is not refused.
		stream = nil
	}
	grant, err := e.Admit(ctx, s.cost(), stream)
	if err != nil {
		return err
	}
	a := admitted{grant: grant}
	defer func() { a.release() }() // does nothing once a is handed on; also when a Reader panics
	b.resume()
	switch {
	case s.images != nil:
		a.image, err = s.images.Next()
	case s.coming != nil && e.OpenOf(engine.Encode) == 1: // A server with more to do gets more done with whole frames.
		err = s.begin(&a)
	default:
		a.frame, err = s.frames.Next()
	}
	if err != nil {
		return fault.From(err)
	}
	if a.image == nil {
		a.frame.Desc = s.plan.Spec().Input // A Y4M stream's range and color may be set otherwise.
	}
	select {
	case in.frames <- a:
		coming := a.coming
		a = admitted{}
		if coming == nil {
			return nil
		}
		if err := coming.Rest(); err != nil {
			return fault.From(err)
		}
		return nil
	case <-ctx.Done():
		return fault.From(context.Cause(ctx))
	}
}

// cost is what one frame takes, or one image of a scene with its frames: the image, and the image once more in what is written
// together.
func (s *source) cost() int64 {
	frames := 1
	if s.images != nil {
		frames = s.images.Regions()
	}
	return s.plan.Cost(int64(frames)*int64(s.plan.FrameBytes()+pool.ClassSize(0)), 1) + s.plan.Cost(0, 1)
}
