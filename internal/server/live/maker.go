package live

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// What of a stream is in memory at the same time, and admitted once.
const (
	framesInFlight = 3         // being read, in the slot, being encoded
	picturesHeld   = 4         // being made, the newest, and two older ones that viewers have not taken whole
	usualJPEG      = 256 << 10 // bytes of a JPEG to begin with: 1080p at quality 75
	growthWait     = 100 * time.Millisecond
)

// maker makes pictures of the frames, or JPEGs, of one publisher. It is for one goroutine.
type maker struct {
	engine *engine.Engine
	spec   pipeline.Spec // with the Input of the last frame
	jpeg   bool          // JPEGs come in
	input  frame.Desc    // what came last, for people; of JPEGs the size alone

	plan    *engine.Plan   // nil while JPEGs are passed on, or none was decoded yet
	batch   pipeline.Batch // of one frame
	decoder decoder

	admitted int64 // bytes
	growth   engine.Stream
	grants   []pool.Grant
}

// newMaker waits for the memory of a stream of spec's pictures, at most timeouts.queue. The error is a *fault.Error.
func newMaker(ctx context.Context, e *engine.Engine, spec pipeline.Spec, jpeg bool) (*maker, error) {
	m := &maker{engine: e, spec: spec, jpeg: jpeg}
	var need int64
	if jpeg {
		m.spec.Input = frame.Desc{}
		if err := config.CheckSpec(m.spec); err != nil {
			return nil, fault.From(err)
		}
		need = m.jpegCost(usualJPEG)
	} else {
		if err := m.compile(spec.Input); err != nil {
			return nil, err
		}
		m.input = spec.Input
		size, err := spec.Input.Size()
		if err != nil {
			return nil, fault.From(err)
		}
		need = m.plan.Cost(framesInFlight*int64(size), picturesHeld)
	}
	grant, err := e.Admit(ctx, need, nil)
	if err != nil {
		return nil, err
	}
	m.grants, m.admitted = append(m.grants, grant), need
	return m, nil
}

// close gives the memory back. No frame may be in flight.
func (m *maker) close() {
	for _, g := range m.grants {
		g.Release()
	}
	m.grants = nil
}

// passes reports whether JPEGs are passed on untouched.
func (m *maker) passes() bool {
	asked := m.spec
	asked.Input = frame.Desc{}
	return m.jpeg && asked == pipeline.Spec{}
}

// format returns what comes in, for people.
func (m *maker) format() string {
	switch {
	case !m.jpeg:
		return m.input.String()
	case m.input.Width == 0:
		return "jpeg"
	}
	return fmt.Sprintf("jpeg %dx%d", m.input.Width, m.input.Height)
}

// make returns the picture of it; what becomes the picture itself it takes out of it.
func (m *maker) make(it *item) (stream.Picture, error) {
	if !m.jpeg {
		f, want := it.frame, m.spec.Input // which the configuration may have filled
		f.Desc.Range, f.Desc.Color = cmp.Or(f.Desc.Range, want.Range), cmp.Or(f.Desc.Color, want.Color)
		return m.encode(f)
	}
	data := it.jpeg.Bytes()
	width, height, err := jpegSize(data)
	if err != nil {
		return stream.Picture{}, err
	}
	m.input.Width, m.input.Height = width, height
	if err := m.checkPixels(); err != nil {
		return stream.Picture{}, err
	}
	if m.passes() {
		if !hasEnd(data) {
			return stream.Picture{}, errNoEnd
		}
		if err := m.reserve(m.jpegCost(len(data))); err != nil {
			return stream.Picture{}, err
		}
		pic := stream.Picture{Buf: it.jpeg, Width: width, Height: height}
		it.jpeg = pool.Buf{}
		return pic, nil
	}
	return m.recode(data)
}

// recode decodes a JPEG of m.input's size and encodes it again. A size that differs from the last one's makes another
// pipeline.
func (m *maker) recode(data []byte) (stream.Picture, error) {
	decoded := decodedBytes(m.input.Width, m.input.Height)
	if err := m.reserve(m.jpegCost(len(data)) + decoded); err != nil {
		return stream.Picture{}, err
	}
	f, err := m.decoder.decode(data)
	if err != nil {
		return stream.Picture{}, err
	}
	if m.plan == nil || m.spec.Input != f.Desc {
		if err := m.compile(f.Desc); err != nil {
			return stream.Picture{}, err
		}
	}
	if err := m.reserve(m.plan.Cost(m.jpegCost(len(data))+decoded, picturesHeld)); err != nil {
		return stream.Picture{}, err
	}
	return m.encode(f)
}

// checkPixels refuses JPEGs with more pixels than frames may have: here they cost nothing before they are decoded, but
// viewers decode them too, and the picture of a lost source has their size.
func (m *maker) checkPixels() error {
	pixels, most := m.input.Width*m.input.Height, m.engine.Config.Limits.MaxPixels
	if pixels > most {
		return fault.LimitOf("limits.max_pixels", int64(pixels), int64(most), "the picture has too many pixels")
	}
	return nil
}

// compile makes the pipeline for frames of geometry d.
func (m *maker) compile(d frame.Desc) error {
	m.spec.Input = d
	p, err := m.engine.Plan(m.spec)
	if err != nil {
		m.plan = nil
		return err
	}
	m.plan = p
	return nil
}

// encode makes a picture of f, which it borrows.
func (m *maker) encode(f frame.Frame) (stream.Picture, error) {
	m.batch.In = append(m.batch.In[:0], f)
	_, err := m.engine.Run(context.Background(), m.plan, &m.batch, true)
	clear(m.batch.In)
	if err != nil {
		return stream.Picture{}, err
	}
	result := m.batch.Out[0]
	clear(m.batch.Out) // The picture goes on; the batch holds nothing.
	if result.Err != nil {
		return stream.Picture{}, result.Err
	}
	pic := stream.Picture{Buf: result.Buf}
	pic.Width, pic.Height = m.spec.OutputSize()
	return pic, nil
}

// jpegCost returns the bytes to admit for JPEGs of about n bytes: where they are passed on, the frames in flight and
// the pictures are the same buffers.
func (m *maker) jpegCost(n int) int64 {
	held := int64(framesInFlight)
	if m.passes() {
		held += picturesHeld - 1
	}
	return held * int64(pool.ClassSize(n))
}

// reserve makes sure that n bytes are admitted: for JPEGs, which say how large they are when they are there. It waits
// for a moment only; without room the frame fails with pool.ErrBudget.
func (m *maker) reserve(n int64) error {
	more := n - m.admitted
	if more <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), growthWait)
	defer cancel()
	grant, err := m.engine.Admit(ctx, more, &m.growth)
	if err != nil {
		return fmt.Errorf("live: %d more bytes for a stream of larger JPEGs: %w", more, pool.ErrBudget)
	}
	m.grants, m.admitted = append(m.grants, grant), n
	return nil
}

// panicError is a panic while a picture was made.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("live: panic: %v", e.value)
}
