package engine

import (
	"context"
	"slices"
	"sync"
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/mel"
	"github.com/steadyframe/steadyframe/pool"
)

// maxMels is how many compiled Mels are kept. One has tables of at most 3 MB, most of that for resampling from an unusual rate.
const maxMels = 8

// mels keeps what was compiled for the features that requests ask for. The least recently used one goes first.
type mels struct {
	mu     sync.Mutex
	recent []compiledMel // the most recently used last
}

type compiledMel struct {
	preset string
	rate   int
	mel    *mel.Mel
}

// bytes returns what they hold.
func (c *mels) bytes() (n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.recent {
		n += int64(m.mel.Memory())
	}
	return n
}

// Mel returns what computes the features of a preset from sound of so many samples a second. The error is Invalid, with the
// Field "preset" or "rate".
func (e *Engine) Mel(preset string, rate int) (*mel.Mel, error) {
	e.mels.mu.Lock()
	defer e.mels.mu.Unlock()
	recent := e.mels.recent
	if i := slices.IndexFunc(recent, func(c compiledMel) bool { return c.preset == preset && c.rate == rate }); i >= 0 {
		c := recent[i]
		copy(recent[i:], recent[i+1:])
		recent[len(recent)-1] = c
		return c.mel, nil
	}
	spec, err := mel.Preset(preset)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "preset", Err: err}
	}
	m, err := mel.Compile(spec, &mel.Options{InputRate: rate, Workers: e.workers})
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "rate", Err: err}
	}
	if len(recent) == maxMels {
		copy(recent, recent[1:])
		recent = recent[:maxMels-1]
	}
	e.mels.recent = append(recent, compiledMel{preset, rate, m})
	return m, nil
}

// Features is one sound in memory of the pool, and the features computed from it. Release gives all of it back. It is for one
// goroutine.
type Features struct {
	engine  *Engine
	mel     *mel.Mel
	rate    int // of the samples
	grant   pool.Grant
	samples pool.Buf
	n       int // samples so far
	out     pool.Buf
}

// NewFeatures returns a Features without samples, for m and samples of its rate.
func (e *Engine) NewFeatures(m *mel.Mel, rate int) *Features {
	return &Features{engine: e, mel: m, rate: rate}
}

// Release gives back the memory.
func (f *Features) Release() {
	f.samples.Release()
	f.out.Release()
	f.grant.Release()
	*f = Features{engine: f.engine, mel: f.mel, rate: f.rate}
}

// bytes returns the sizes of n samples and of their features.
func (f *Features) bytes(n int) (samples, features int64) {
	return 4 * int64(n), 4 * int64(f.mel.Frames(n)) * int64(f.mel.Bands())
}

// Reserve makes room for n samples in all, and for their features, waiting for memory as Admit does, and admits more bytes for
// what the caller leases itself. It refuses with TooLarge what is above limits.max_message_bytes. Where there is some room already, it
// refuses with Busy in place of waiting: sounds that hold memory and wait for more could wait for one another, and all others for them.
func (f *Features) Reserve(ctx context.Context, n int, more int64) error {
	samples, features := f.bytes(n)
	if n <= f.n+len(f.Room()) {
		return nil
	}
	most := min(int64(f.engine.Config.Limits.MaxMessageBytes), pool.MaxSize)
	if got := max(samples, features); got > most {
		return fault.LimitOf("limits.max_message_bytes", got, most, "the sound is too long: its samples, or its features, have too many bytes as float32; send it in pieces, or as a stream")
	}
	grant, err := f.admit(ctx, int64(pool.ClassSize(int(samples))+pool.ClassSize(int(features)))+more)
	if err != nil {
		return err
	}
	granted := false
	defer func() {
		if !granted {
			grant.Release()
		}
	}()
	buf, err := f.engine.Pool.Get(int(samples))
	if err != nil {
		return fault.From(err)
	}
	if f.n > 0 {
		copy(buf.Bytes(), f.samples.Bytes()[:4*f.n])
	}
	f.samples.Release()
	f.grant.Release()
	f.samples, f.grant, granted = buf, grant, true
	return nil
}

// admit admits n bytes for all of the sound.
func (f *Features) admit(ctx context.Context, n int64) (pool.Grant, error) {
	if f.samples.IsZero() {
		return f.engine.Admit(ctx, n, nil)
	}
	grant, ok := f.engine.Pool.TryAdmit(n)
	if !ok {
		s := f.engine.Pool.Stats()
		return grant, fault.BusyOf("limits.memory_budget", s.Admitted+n, s.Budget, "no memory for sound whose length is not known ahead; with Content-Length, or in pieces, it waits")
	}
	return grant, nil
}

// Room returns memory for more samples, of which Added says how many were put there. It is empty when there is none left.
func (f *Features) Room() []float32 {
	if f.samples.IsZero() {
		return nil
	}
	return Floats(f.samples.Bytes())[f.n:]
}

// Added adds the first n samples of Room to the sound.
func (f *Features) Added(n int) { f.n += n }

// Samples returns how many samples there are.
func (f *Features) Samples() int { return f.n }

// Compute waits for a turn and computes the features of all samples. They are valid until Release.
func (f *Features) Compute(ctx context.Context) ([]float32, error) {
	_, bytes := f.bytes(f.n)
	if bytes == 0 {
		return nil, nil
	}
	out, err := f.engine.Pool.Get(int(bytes))
	if err != nil {
		return nil, fault.From(err)
	}
	f.out = out
	features := Floats(f.out.Bytes())[:0]
	err = f.engine.InTurn(ctx, false, func(yield func() error) (err error) {
		features, err = f.mel.AppendYielding(features, Floats(f.samples.Bytes())[:f.n], yield)
		return err
	})
	if err != nil {
		return nil, fault.From(err)
	}
	f.engine.Metrics.Sound(float64(f.n) / float64(f.rate))
	return features, nil
}

// Keep releases the sound and its features, and returns the grant, shrunk to n bytes that the caller still leases.
func (f *Features) Keep(n int64) pool.Grant {
	grant := f.grant
	f.grant = pool.Grant{}
	f.Release()
	grant.Shrink(n)
	return grant
}

// KeepFeatures gives back the samples and what is admitted for them, and returns the bytes that are held for the features. It is
// called after Compute: a response may take long.
func (f *Features) KeepFeatures() int64 {
	f.samples.Release()
	f.samples, f.n = pool.Buf{}, 0
	if f.out.IsZero() {
		f.grant.Release()
		f.grant = pool.Grant{}
		return 0
	}
	n := int64(f.out.Cap())
	f.grant.Shrink(n)
	return n
}

// Floats returns memory of the pool, which is aligned to more than that, as floats.
func Floats(p []byte) []float32 {
	if len(p) < 4 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(p))), len(p)/4)
}
