package mel

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/fft"
	kernel "github.com/steadyframe/steadyframe/internal/kernel/mel"
)

// Options describes the input and names the workers. The zero value is for sound of the Spec's rate, without workers.
type Options struct {
	InputRate int     // samples a second, 8000..48000; 0: Spec.Rate. Compile makes a resampler for other rates
	Workers   Workers // share the work of Append; nil: the calling goroutine works alone. Mel retains them, the caller closes them

	// Kernels limits the level of the kernels used: "generic", "neon", "avx2" or "avx512". Empty means the best that the
	// processor has. Features are the same at every level.
	Kernels string
}

// Workers share tasks among goroutines. *pipeline.Workers implements it.
type Workers interface {
	// Do calls task once with each of 0..n-1, on any goroutines, and returns when all calls have returned. It may return an
	// error instead when it has called none.
	Do(n int, task func(i int)) error
}

// Mel computes the features of one Spec. It has immutable tables, and working memory that is kept from call to call. Any
// number of goroutines may use it at once. It holds no goroutine and needs no closing.
type Mel struct {
	spec      Spec
	inputRate int
	workers   Workers
	plan      *fft.Plan
	k         kernel.Kernels
	lanes     int // frames of a block
	lead      int // samples from the beginning of a frame's transform to the sample at its index
	begins    int // samples from there to the beginning of the window
	window    []float32
	anew      bool      // pre-emphasis begins anew in each frame
	ones      []float32 // as many as the window has samples, and zeros to a whole vector
	bank      *kernel.Bank
	log       kernel.Log
	limits    limits
	resampler *resampler // nil: rates are the same

	conditioning conditioning

	sounds  atomic.Uint64 // so far
	scratch freeList[scratch]
	runs    freeList[run]
	streams freeList[streamMemory]
}

// Compile validates s and returns a Mel that computes its features. nil is the zero Options. The error is a *SpecError. It
// retains options.Workers.
func Compile(s Spec, options *Options) (*Mel, error) {
	var o Options
	if options != nil {
		o = *options
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	limit, err := impl.ParseLevel(o.Kernels)
	if err != nil {
		return nil, &SpecError{"kernels", err.Error()}
	}
	m := &Mel{spec: s, inputRate: o.InputRate, workers: o.Workers, plan: fft.NewPlan(s.FFT, limit)}
	if m.inputRate == 0 {
		m.inputRate = s.Rate
	}
	if m.inputRate < minRate || m.inputRate > maxRate {
		return nil, &SpecError{"input_rate", fmt.Sprintf("got %d, want %d..%d", m.inputRate, minRate, maxRate)}
	}
	if m.resampler, err = newResampler(m.inputRate, s.Rate); err != nil {
		return nil, err
	}
	m.k = kernel.Implementations.Best(limit).Kernels
	m.lanes = m.plan.Lanes()
	if s.Frames != Inside {
		m.lead, m.begins = s.FFT/2, (s.FFT-s.Window)/2
	}
	m.window = narrow(s.window(), 1)
	m.conditioning = conditioning{float32(s.Gain), float32(s.Preemphasis)}
	m.anew = s.PerFrame && s.Preemphasis != 0
	m.ones = make([]float32, (s.Window+15)/16*16)
	for i := range s.Window {
		m.ones[i] = 1
	}
	m.compileBank()
	m.compileLog()
	// What a burst of callers needs beyond is made, and left to the collector.
	keep := 2 * runtime.GOMAXPROCS(0)
	m.scratch.init(keep, m.newScratch)
	m.runs.init(keep, m.newRun)
	m.streams.init(keep, m.newStreamMemory)
	return m, nil
}

func (m *Mel) compileBank() {
	scale := 1 / m.plan.Scale()
	if m.spec.Spectrum == Magnitude {
		scale = math.Sqrt(scale)
	}
	var rows [][]float32
	for _, row := range m.spec.weights() {
		rows = append(rows, narrow(row, scale))
	}
	m.bank = kernel.NewBank(rows, m.lanes)
}

func narrow(x []float64, scale float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v * scale)
	}
	return y
}

func (m *Mel) compileLog() {
	l := &m.spec.Log
	scale := l.Scale
	if l.Base == Ten {
		scale *= math.Log10(2)
	} else {
		scale *= math.Ln2
	}
	m.limits = limits{reach: float32(l.Range * l.Scale), least: -math.MaxFloat32, most: math.MaxFloat32}
	if l.Base == LogNone {
		m.limits.reach = 0
	}
	if l.Min != 0 || l.Max != 0 {
		m.limits.least, m.limits.most = float32(l.Min), float32(l.Max)
	}
	m.log = kernel.Log{
		Floor: float32(l.Floor), Scale: float32(scale), Offset: float32(l.Offset), Min: m.limits.least, Max: m.limits.most,
	}
	if m.limits.reach > 0 { // what is clamped must not count as the largest
		m.log.Min, m.log.Max = -math.MaxFloat32, math.MaxFloat32
	}
}

// Memory returns the bytes that m holds: its tables, by an estimate from above, and the working memory that is kept for the next
// sounds. A sound that is being worked on has working memory for each goroutine beside that.
func (m *Mel) Memory() int {
	floats := m.spec.FFT*(m.lanes+8) + len(m.window) + len(m.ones)
	if m.resampler != nil {
		floats += len(m.resampler.taps)
	}
	_, scratch := m.scratchParts(new(scratch))
	return 4*(floats+m.scratch.len()*scratch) + 16<<10
}

// Spec returns what m was compiled from.
func (m *Mel) Spec() Spec { return m.spec }

// Bands returns the number of features of a frame.
func (m *Mel) Bands() int { return m.spec.Bands }

// FrameRate returns the number of frames a second.
func (m *Mel) FrameRate() float64 { return float64(m.spec.Rate) / float64(m.spec.Hop) }

// Frames returns how many frames Append computes from so many samples of the input. It is 0 for no samples.
func (m *Mel) Frames(samples int) int {
	if m.resampler != nil {
		samples = m.resampler.total(samples)
	}
	return m.frames(samples)
}

// frames returns how many frames there are in n samples of the Spec's rate.
func (m *Mel) frames(n int) int {
	s := &m.spec
	switch {
	case n <= 0:
		return 0
	case s.Frames == Inside && n < s.Window:
		return 0
	case s.Frames == Inside:
		return 1 + (n-s.Window)/s.Hop
	}
	frames := 1 + (n+2*(s.FFT/2)-s.FFT)/s.Hop
	if s.Frames == CenteredDropLast {
		frames--
	}
	return frames
}

// Append appends the features of a whole sound to dst, frame by frame with Bands features each, and returns the extended
// slice. It borrows pcm until it returns.
func (m *Mel) Append(dst, pcm []float32) []float32 {
	return m.append(dst, sound{f32: pcm, end: len(pcm)})
}

// AppendPCM16 is Append for 16-bit little-endian samples. It ignores an odd byte at the end.
func (m *Mel) AppendPCM16(dst []float32, pcm []byte) []float32 {
	return m.append(dst, sound{pcm: pcm, end: len(pcm) / 2})
}

func (m *Mel) append(dst []float32, s sound) []float32 {
	dst, _ = m.appendYielding(dst, s, nil) // Without yield it has no error.
	return dst
}

// yieldFrames is after how many frames AppendYielding calls yield, about: a few milliseconds of work with kernels.
const yieldFrames = 1024

// AppendYielding is Append for a sound of which others should not wait for the whole: it calls yield repeatedly, where
// it holds nothing that others need. An error of yield ends it: it returns dst as it was, and that error.
func (m *Mel) AppendYielding(dst, pcm []float32, yield func() error) ([]float32, error) {
	return m.appendYielding(dst, sound{f32: pcm, end: len(pcm)}, yield)
}

func (m *Mel) appendYielding(dst []float32, s sound, yield func() error) ([]float32, error) {
	s.whole, s.key = true, m.sounds.Add(1)
	s.total = m.total(&s)
	frames := m.frames(s.total)
	if frames == 0 {
		return dst, nil
	}
	before := len(dst)
	dst = slices.Grow(dst, frames*m.spec.Bands)[:before+frames*m.spec.Bands]
	r := m.runs.get()
	r.sound, r.dst, r.frames = s, dst[before:], frames
	err := r.blocks((frames+m.lanes-1)/m.lanes, yield)
	r.sound, r.dst = sound{}, nil
	m.runs.put(r)
	if err != nil {
		return dst[:before], err
	}
	if m.limits.reach > 0 {
		m.limits.apply(dst[before:], largest(dst[before:]))
	}
	return dst, nil
}

// total returns how many samples of the Spec's rate s has: all, or if it is not whole, those that can be made by now.
func (m *Mel) total(s *sound) int {
	switch {
	case m.resampler == nil:
		return s.end
	case s.whole:
		return m.resampler.total(s.end)
	}
	return m.resampler.ready(s.end)
}

// largest returns the largest of features, of which there is at least one.
func largest(features []float32) float32 {
	a, b, c, d := features[0], features[0], features[0], features[0]
	for ; len(features) >= 4; features = features[4:] {
		a, b, c, d = max(a, features[0]), max(b, features[1]), max(c, features[2]), max(d, features[3])
	}
	for _, x := range features {
		a = max(a, x)
	}
	return max(a, b, c, d)
}

// limits are what features of a Log with a Range are held to.
type limits struct {
	reach       float32 // Log.Range, of features; 0: none
	least, most float32
}

// apply raises features to the largest less reach, and clamps them.
func (l *limits) apply(features []float32, largest float32) {
	floor := min(max(largest-l.reach, l.least), l.most)
	for i, x := range features {
		if x < floor {
			features[i] = floor
		} else if x > l.most {
			features[i] = l.most
		}
	}
}

// run is one call of Append: blocks of frames, to be made in any order.
type run struct {
	m      *Mel
	sound  sound
	dst    []float32
	frames int
	first  int         // block of the piece between two calls of yield
	block  func(i int) // of blockOf, made once
}

func (m *Mel) newRun() *run {
	r := &run{m: m}
	r.block = r.blockOf
	return r
}

// blocks makes n blocks, and calls yield, unless it is nil, between pieces of them.
func (r *run) blocks(n int, yield func() error) error {
	piece := n
	if yield != nil {
		piece = yieldFrames / r.m.lanes
	}
	for r.first = 0; r.first < n; r.first += piece {
		if r.first > 0 {
			if err := yield(); err != nil {
				return err
			}
		}
		count := min(piece, n-r.first)
		if r.m.workers == nil || r.m.workers.Do(count, r.block) != nil {
			for i := range count {
				r.block(i)
			}
		}
	}
	return nil
}

// blockOf makes block i of the piece.
func (r *run) blockOf(i int) {
	first := (r.first + i) * r.m.lanes
	count := min(r.m.lanes, r.frames-first)
	sc := r.m.scratch.get()
	r.m.block(sc, r.dst[first*r.m.spec.Bands:], &r.sound, first, count)
	r.m.scratch.put(sc)
}

// freeList keeps what is used again from call to call. The first of them are held strongly, so that an idle minute does not
// make a call allocate.
type freeList[T any] struct {
	create func() *T
	mu     sync.Mutex
	kept   []*T // at most its capacity
}

func (l *freeList[T]) init(keep int, create func() *T) {
	l.create, l.kept = create, make([]*T, 0, keep)
}

func (l *freeList[T]) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.kept)
}

func (l *freeList[T]) get() *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := len(l.kept) - 1; last >= 0 {
		t := l.kept[last]
		l.kept = l.kept[:last]
		return t
	}
	return l.create()
}

func (l *freeList[T]) put(t *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) < cap(l.kept) {
		l.kept = append(l.kept, t)
	}
}
