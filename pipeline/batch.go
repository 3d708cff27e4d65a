package pipeline

import (
	"slices"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

// Batch is frames in, results out. Keep it from run to run: its slices are then allocated once.
type Batch struct {
	In  []frame.Frame // the caller's; Run borrows them
	Out []Result      // set by Run: one result for each frame of In, in order

	// History, if it is not nil, is the stream's whose frames these are. It counts with a Spec that has Output.Reuse: then the
	// frames are encoded one after the other, each by as many goroutines as its size allows.
	History *History

	// Yield, if it is not nil, is called before each band, by all goroutines that work on the run. It may wait, so that
	// other work goes first. Where Run's context has ended meanwhile, so does the run.
	Yield func()

	// Rows, if it is not nil, says that the one frame of In is still being filled, from the top. It is called before each band with the
	// number of rows that this band and those above are made of, for the last with all, and returns once they are there, or an error,
	// which becomes the frame's. One goroutine encodes such a frame; History must be nil.
	Rows func(n int) error
}

// Result is one JPEG or raw image, or the error that prevented it. The holder of the Batch owns Buf.
type Result struct {
	Buf pool.Buf // the JPEG or raw image; zero when Err is set
	Err error    // *FrameError, *frame.DescError, *PanicError, the pool's; or the error that the whole Run returned
}

// Bytes returns the bytes of Buf, nil when it is zero. They are borrowed until Buf is released.
func (r *Result) Bytes() []byte {
	if r.Buf.IsZero() {
		return nil
	}
	return r.Buf.Bytes()
}

// Release releases all results and empties Out, keeping its memory. The next Run does so too; after the last, the holder
// of the Batch calls it. To keep a result, take its Buf out of Out and leave a zero one. The frames in In stay the
// caller's. A second call does nothing.
func (b *Batch) Release() {
	for i := range b.Out {
		b.Out[i].Buf.Release()
	}
	clear(b.Out)
	b.Out = b.Out[:0]
}

// reset releases the last results and makes b.Out as long as b.In, without results.
func (b *Batch) reset() {
	b.Release()
	b.Out = slices.Grow(b.Out, len(b.In))[:len(b.In)]
	clear(b.Out)
}

// fail releases all results and leaves err in their place.
func (b *Batch) fail(err error) {
	for i := range b.Out {
		b.Out[i].Buf.Release()
		b.Out[i] = Result{Err: err}
	}
}
