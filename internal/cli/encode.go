package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// Job is one run from an input to an output.
type Job struct {
	Source   *Source
	Spec     pipeline.Spec // Input is the Source's; of frames of another geometry it is that
	Scene    *scene.Scene  // not nil: frames are regions, one an image of the scene, and Spec is its Input alone
	Index    int           // of the first image of a scene
	Sink     Sink          // Run does not close it
	Pool     *pool.Pool    // the Source's
	Workers  int           // 0: as many as GOMAXPROCS
	Batch    int           // frames; 0: see autoBatch
	FPS      float64       // frames are read at this pace; 0: as fast as it goes
	Frames   int           // frames to encode; 0: all
	Progress func(n int)   // called after each batch, with its images written; may be nil
}

// rotation is how many batches exist: one is read, one encoded and one written at a time. Memory is bounded by that.
const rotation = 3

// Limits of a batch of a size that was not given. 25 frames amortize what a batch costs; 64 MiB keep 4K frames from taking gigabytes; 100 ms
// keep images of a live input from waiting for a batch to fill.
const (
	autoBatchFrames = 25
	autoBatchBytes  = 64 << 20
	autoBatchWait   = 100 * time.Millisecond
)

// autoBatch returns the frames of a batch where none were asked for: enough for all workers.
func autoBatch(frameBytes, workers int) int {
	return max(min(autoBatchFrames, autoBatchBytes/max(frameBytes, 1)), workers, 1)
}

// Limits of a batch of a size that was given: far beyond what makes it faster, and less than what takes a machine down.
const (
	maxBatchFrames = 4096
	maxBatchBytes  = 1 << 30
)

// checkBatch returns a *UsageError when n frames of so many bytes are too many for a batch.
func checkBatch(n, frameBytes int) error {
	if most := min(max(maxBatchBytes/frameBytes, 1), maxBatchFrames); n > most {
		return usagef("a batch of %d frames of %d bytes is too large: want at most %s", n, frameBytes, count(most, "frame"))
	}
	return nil
}

// work is a batch on its way from the reader to the writer and back.
type work struct {
	batch pipeline.Batch // of frames of one geometry
	ran   time.Duration  // that its encoding took
	err   error          // why reading ended after these frames, or encoding failed
}

// encode is a Job that runs.
type encode struct {
	*Job
	compiled  map[frame.Desc]*pipeline.Pipeline // of the encoder: one for each geometry that came
	history   pipeline.History                  // of the encoder
	options   pipeline.Options
	composed  int             // images of a scene so far
	composing *pipeline.Batch // of a scene
	compose   func(i int)
	batch     int
	held      frame.Frame   // of the reader: it was read, and is of another geometry than the batch before it
	maxWait   time.Duration // after which a batch that is not full goes on; 0: it waits
	frames    int           // frames read
	tally     *tally
	images    int  // images written
	cut       bool // the input failed
	free      chan *work
	read      chan *work
	encoded   chan *work
	interrupt <-chan struct{} // closed when no more is to be read
	working   context.Context // ends when what was read is not wanted any more
	abandon   context.CancelFunc
}

// Run encodes until the input ends, Frames are done, ctx ends, or something fails. Reading, encoding and writing overlap. Whatever the error,
// every image that was written is whole, the Summary is about those, and when ctx ends what was read goes to the output first. The error is
// for the user as it is. A reader that waits for its input when Run returns is left behind until the caller closes the Source.
func (j *Job) Run(ctx context.Context) (Summary, error) {
	workers := pipeline.NewWorkers(j.Workers)
	defer workers.Close()
	e := &encode{
		Job: j, batch: j.Batch, tally: newTally(), compiled: map[frame.Desc]*pipeline.Pipeline{},
		options: pipeline.Options{Pool: j.Pool, Workers: workers},
		free:    make(chan *work, rotation), read: make(chan *work, rotation), encoded: make(chan *work, rotation),
	}
	defer e.tally.close()
	if j.Scene == nil {
		if _, err := e.pipeline(j.Spec.Input); err != nil {
			return Summary{}, err
		}
	}
	e.compose = e.composeOne
	if err := e.setBatch(workers.Size()); err != nil {
		return Summary{}, err
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	e.interrupt = reading.Done()
	e.working, e.abandon = context.WithCancel(context.WithoutCancel(ctx))
	defer e.abandon()
	for range rotation {
		e.free <- &work{batch: pipeline.Batch{In: make([]frame.Frame, 0, e.batch), Out: make([]pipeline.Result, 0, e.batch)}}
	}
	readerDone := make(chan struct{})
	go func() {
		defer close(readerDone)
		e.readAll()
	}()
	go e.encodeAll()
	err := e.writeAll(stop)
	s := e.tally.summary()
	s.Batch, s.Workers = e.batch, workers.Size()
	e.leave(readerDone)
	if e.interrupted(ctx, err) {
		err = context.Cause(ctx)
	}
	return s, err
}

// interrupted reports whether the end of ctx is why a run ended with err. A terminal's SIGINT may also end the child that decodes, whose error
// may come first.
func (e *encode) interrupted(ctx context.Context, err error) bool {
	if err != nil && !e.cut {
		return false
	}
	if e.cut {
		select {
		case <-ctx.Done():
		case <-time.After(readerGrace):
		}
	}
	return ctx.Err() != nil
}

// setBatch settles the frames of a batch, and makes the buffers of all that will be under way, so that none is made in the middle of a run.
// They take memory when they are first used.
func (e *encode) setBatch(workers int) error {
	size, err := e.Spec.Input.Size()
	if err != nil {
		return err
	}
	if e.batch <= 0 {
		e.batch, e.maxWait = autoBatch(size, workers), autoBatchWait
	}
	if err := checkBatch(e.batch, size); err != nil {
		return err
	}
	n := rotation * e.batch
	for _, total := range [...]int{e.Frames, e.Source.Total} {
		if total > 0 {
			n = min(n, total)
		}
	}
	return e.Pool.Prewarm(size, n)
}

// pipeline returns the pipeline for frames of geometry d.
func (e *encode) pipeline(d frame.Desc) (*pipeline.Pipeline, error) {
	if p := e.compiled[d]; p != nil {
		return p, nil
	}
	spec := e.Spec
	spec.Input = d
	if err := CheckOutput(spec); err != nil {
		return nil, err
	}
	p, err := pipeline.Compile(spec, &e.options)
	if err == nil {
		if len(e.compiled) >= maxCompiled {
			clear(e.compiled)
		}
		e.compiled[d] = p
	}
	return p, err
}

// maxCompiled bounds the pipelines that are kept: a folder may have images of as many sizes as files.
const maxCompiled = 32

// maxJPEGSide is the largest side that libjpeg reads (JPEG_MAX_DIMENSION in jmorecfg.h), and with it most programs.
const maxJPEGSide = 65500

// CheckOutput returns an error when the JPEGs that s asks for are too large for programs to read.
func CheckOutput(s pipeline.Spec) error {
	if w, h := s.OutputSize(); s.Output.Format == pipeline.JPEG && max(w, h) > maxJPEGSide {
		return usagef("a JPEG of %dx%d pixels could not be opened by most programs, whose limit is %d along a side: add --resize", w, h, maxJPEGSide)
	}
	return nil
}

// readerGrace is how long a reader gets to end after nothing more is wanted of it.
const readerGrace = 100 * time.Millisecond

// leave waits for the reader and releases what it read in vain. A reader that waits for its input is left behind, until the
// Source is closed.
func (e *encode) leave(readerDone <-chan struct{}) {
	released := make(chan struct{})
	go func() {
		defer close(released)
		<-readerDone
		for w := range e.read {
			w.release()
		}
	}()
	select {
	case <-released:
	case <-time.After(readerGrace):
	}
}

// release gives back the frames and images of w.
func (w *work) release() {
	w.batch.Release()
	for i := range w.batch.In {
		w.batch.In[i].Release()
	}
	w.batch.In = w.batch.In[:0]
}

// readAll fills batches until the input ends. It closes e.read.
func (e *encode) readAll() {
	defer close(e.read)
	defer func() { e.held.Release() }()
	pace := newPacer(e.FPS)
	for {
		select {
		case w := <-e.free:
			err := e.fill(w, pace)
			w.err = err
			e.read <- w // w is the encoder's now
			if err != nil {
				return
			}
		case <-e.interrupt:
			return
		}
	}
}

// fill reads a batch. The error, such as io.EOF, says why no batch follows; the frames before the error are in w.
func (e *encode) fill(w *work, pace *pacer) error {
	var deadline time.Time
	for most := e.batch; len(w.batch.In) < most; {
		if e.Frames > 0 && e.frames == e.Frames {
			return io.EOF
		}
		f, err := e.next()
		if err != nil {
			return err
		}
		switch {
		case len(w.batch.In) == 0:
			most = e.most(f.Desc)
		case f.Desc != w.batch.In[0].Desc:
			e.held = f
			return nil
		}
		w.batch.In = append(w.batch.In, f)
		e.frames++
		if !pace.wait(e.interrupt) {
			return io.EOF
		}
		if e.maxWait == 0 {
			continue
		}
		if now := time.Now(); deadline.IsZero() {
			deadline = now.Add(e.maxWait)
		} else if now.After(deadline) {
			break
		}
	}
	return nil
}

// next returns the frame that was held, or the next one of the Source.
func (e *encode) next() (frame.Frame, error) {
	if f := e.held; f.Owned() {
		e.held = frame.Frame{}
		return f, nil
	}
	return e.Source.Next()
}

// most returns the frames of a batch of geometry d, which may be larger than that of the first batch.
func (e *encode) most(d frame.Desc) int {
	size, err := d.Size()
	if err != nil || e.maxWait == 0 || d == e.Spec.Input {
		return e.batch
	}
	return min(e.batch, autoBatch(size, e.options.Workers.Size()))
}

// encodeAll encodes batches until there are none, or reading was interrupted and what was read is done. It closes e.encoded.
func (e *encode) encodeAll() {
	defer close(e.encoded)
	defer e.history.Release()
	for w := range e.toEncode {
		start := time.Now()
		if len(w.batch.In) > 0 {
			if err := e.run(&w.batch); err != nil {
				w.err = err
			}
		}
		w.ran = time.Since(start)
		e.encoded <- w
	}
}

// run encodes a batch.
func (e *encode) run(b *pipeline.Batch) error {
	if e.Scene != nil {
		return e.composeAll(b)
	}
	p, err := e.pipeline(b.In[0].Desc)
	if err != nil {
		return fmt.Errorf("frames of %s: %w", b.In[0].Desc, err)
	}
	b.History = &e.history
	return p.Run(e.working, b)
}

// composeAll composes an image of the scene with each frame of a batch.
func (e *encode) composeAll(b *pipeline.Batch) error {
	b.Release()
	b.Out = append(b.Out, make([]pipeline.Result, len(b.In))...)
	e.composing = b
	if err := e.options.Workers.Do(len(b.In), e.compose); err != nil {
		return err
	}
	e.composed += len(b.In)
	return context.Cause(e.working)
}

// composeOne composes image i of the batch.
func (e *encode) composeOne(i int) {
	if e.working.Err() != nil {
		return
	}
	b := e.composing
	region := [1]scene.Region{{Frame: b.In[i]}}
	image, err := e.Scene.Compose(&scene.Image{Index: e.Index + e.composed + i, Regions: region[:]})
	b.Out[i] = pipeline.Result{Buf: image.Buf, Err: err}
}

// toEncode yields the batches that were read. It does not wait for a reader that was interrupted: that may sit in a Read for ever.
func (e *encode) toEncode(yield func(*work) bool) {
	for {
		var w *work
		select {
		case w = <-e.read:
		case <-e.interrupt:
			select {
			case w = <-e.read:
			default:
			}
		}
		if w == nil || !yield(w) {
			return
		}
	}
}

// writeAll writes images until there are no more, or one cannot be written; stop then ends the reader. It returns why there are no more,
// nil when the input came to its end.
func (e *encode) writeAll(stop func()) error {
	var failed error
	for w := range e.encoded {
		if failed == nil {
			if failed = e.write(w); failed != nil {
				stop()
				e.abandon()
			}
		}
		w.release()
		if failed == nil {
			e.free <- w
		}
	}
	if failed == io.EOF {
		return nil
	}
	return failed
}

// write writes the images of a batch.
func (e *encode) write(w *work) error {
	n, err := e.writeImages(w.batch.Out)
	if n > 0 {
		e.tally.add(n, w.ran)
		if e.Progress != nil {
			e.Progress(n)
		}
	}
	switch {
	case err != nil:
		return err
	case w.err != nil:
		e.cut = w.err != io.EOF
		return inputError(w.err)
	}
	return nil
}

// writeImages writes images up to the first that failed or cannot be written, and returns how many it wrote.
func (e *encode) writeImages(results []pipeline.Result) (n int, err error) {
	for i := range results {
		r := &results[i]
		if r.Err != nil {
			return n, fmt.Errorf("frame %d: %w", e.images+1, r.Err)
		}
		jpeg := r.Bytes()
		if err := e.Sink.Write(e.images+1, jpeg); err != nil {
			return n, err
		}
		n++
		e.images++
		e.tally.bytes += int64(len(jpeg))
	}
	return n, nil
}
