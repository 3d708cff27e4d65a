package pipeline

import (
	"runtime"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/reuse"
	"github.com/steadyframe/steadyframe/pool"
)

// Options are the memory, workers and kernels of a Pipeline. The zero value is a pool of its own, without budget, and
// no helpers.
type Options struct {
	Pool    *pool.Pool // of results; nil: a new one, without budget. The pipeline retains it
	Workers *Workers   // nil: the goroutine that calls Run alone. They stay the caller's to close

	// MaxScratch bounds the bytes of scratch that a run uses, and that are kept between runs: where each goroutine needs
	// much, fewer work on a run. One always does. 0: no bound.
	MaxScratch int64

	// Kernels limits the level of the kernels used, as in jpeg.Options: "generic", "neon", "avx2" or "avx512". Empty
	// means the best that the processor has. The output is the same at every level.
	Kernels string
}

// Pipeline is a compiled Spec: immutable tables, and working memory that is kept from run to run. It may be used by any
// number of goroutines at once. It holds no goroutine and needs no closing.
type Pipeline struct {
	spec    Spec
	input   frame.Desc // spec.Input with its range spelled out
	inBytes int
	pixels  int // of the output
	most    int // goroutines that work on a run
	pool    *pool.Pool
	workers *Workers
	stages  []stage  // what is done with each band, in order
	out     sink     // the last of them
	changes *changes // with Output.Reuse, else nil
	scratch reuse.FreeList[scratch]
	runs    reuse.FreeList[run]
}

// Compile returns the pipeline of s; nil is the zero Options. The error, Validate's or about Options.Kernels, is a
// *SpecError. It borrows nothing and retains the Pool and the Workers.
func Compile(s Spec, options *Options) (*Pipeline, error) {
	var o Options
	if options != nil {
		o = *options
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.Scene != "" {
		return nil, specErrorf("scene", "got %q, want none: a server with that scene composes its images, or package scene", s.Scene)
	}
	p := &Pipeline{spec: s, input: explicit(s.Input), pool: o.Pool, workers: o.Workers}
	if p.pool == nil {
		p.pool = pool.New(nil)
	}
	w, h := s.OutputSize()
	p.pixels = w * h
	p.inBytes, _ = s.Input.Size() // valid: Validate has seen it
	limit, err := impl.ParseLevel(o.Kernels)
	if err != nil {
		return nil, &SpecError{Field: "kernels", Reason: err.Error()}
	}
	if p.stages, p.out, err = newStages(s, p.pool, limit); err != nil {
		return nil, &SpecError{Field: "output", Reason: err.Error()}
	}
	if s.Output.Reuse == ReuseSegments {
		p.changes = newChanges(p.stages[0].(*sampleStage), p.out.(*codeStage), s.Input, w, s.Output.Noise, limit)
	}
	// A run has Size-1 helpers, and more callers than processors do not run at the same time for long.
	keep := o.Workers.Size() + runtime.GOMAXPROCS(0)
	p.most = o.Workers.Size()
	if size := int64(p.scratchBytes()); o.MaxScratch > 0 && size > 0 {
		fits := int(max(1, min(o.MaxScratch/size, int64(keep))))
		keep, p.most = fits, min(p.most, fits)
	}
	p.scratch.Init(keep, p.newScratch)
	p.runs.Init(keep, func() *run {
		r := &run{p: p}
		r.help, r.most = r.work, p.most
		return r
	})
	return p, nil
}

// Spec returns what p was compiled from.
func (p *Pipeline) Spec() Spec { return p.spec }

// MaxOutput returns the most bytes that an output can take: for a JPEG, the worst case of its Huffman codes.
func (p *Pipeline) MaxOutput() int { return p.out.bound() }

// FrameBytes returns the memory that one frame will probably take, for admission: the input, and an output like the recent
// ones, each at the size of its class, as a pool counts it.
func (p *Pipeline) FrameBytes() int { return leased(p.inBytes) + leased(p.out.expected()) }

// Memory is what a Pipeline holds beside the buffers of its pool, in bytes.
type Memory struct {
	Tables  int // that Compile made; an estimate, rather too large
	Scratch int // that one goroutine needs while it works on a run
	Kept    int // scratch that is kept for the next runs
}

// Memory returns the memory of p. Kept excludes scratch that runs are using.
func (p *Pipeline) Memory() Memory {
	size := p.scratchBytes()
	return Memory{Tables: p.spec.tableBytes(), Scratch: size, Kept: size * p.scratch.Len()}
}

// Goroutines returns how many goroutines work on a run of n frames at most, each with scratch of its own.
func (p *Pipeline) Goroutines(n int) int { return max(1, min(p.most, n*p.parts(n))) }

// tableBytes bounds the memory of the compiled tables: so much a sample of each axis, before and after the resize.
// TestMemoryOfTables measures them.
func (s Spec) tableBytes() int {
	w, h := s.OutputSize()
	n := 24<<10 + 64*w + 24*h + 12*s.Input.Height
	if s.Resize.Filter == Area {
		n += 12*s.Input.Width + 72*h
	}
	if s.Output.Reuse != ReuseNone { // A window a column of MCUs and a list of rows a band, for three planes.
		n += 3 * (2*w + 8*s.Input.Height + 8*h)
	}
	return n
}

// leased returns the bytes of a buffer for n bytes.
func leased(n int) int { return max(n, pool.ClassSize(n)) }

// accept returns a frame over the planes of f, with the Desc that p was compiled for, or an error when f does not match
// it.
func (p *Pipeline) accept(f *frame.Frame) (frame.Frame, error) {
	if f.Desc != p.spec.Input && explicit(f.Desc) != p.input {
		return frame.Frame{}, &FrameError{Got: f.Desc, Want: p.spec.Input}
	}
	// Wrap checks the planes: a zero frame has none, and the holder of a frame can change them.
	return frame.Wrap(p.spec.Input, f.Planes()...)
}

// explicit returns d with the default range replaced by the range that it stands for.
func explicit(d frame.Desc) frame.Desc {
	d.Range = d.EffectiveRange()
	return d
}

// partPixels is the least output pixels worth a part of their own: some 50 microseconds of work with AVX-512, and half a
// millisecond in plain Go. On two processors, images of 100,000 pixels came no sooner in two parts than in one, and
// those of 150,000 did.
const partPixels = 1 << 16

// parts returns how many parts each of n frames is split into: one when the frames alone keep all workers busy, else
// enough for two parts a worker, as far as the output can be split.
func (p *Pipeline) parts(n int) int {
	workers := p.workers.Size()
	if n >= workers {
		return 1
	}
	total, unit := p.out.bands()
	units := (total + unit - 1) / unit
	return max(1, min((2*workers+n-1)/max(n, 1), units, p.pixels/partPixels))
}

// partBands returns the bands of part i of n: units as evenly as they divide.
func (p *Pipeline) partBands(i, n int) (first, last int) {
	total, unit := p.out.bands()
	units := (total + unit - 1) / unit
	return i * units / n * unit, min((i+1)*units/n*unit, total)
}
