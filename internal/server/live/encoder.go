package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/jpegdec"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// The frames and images of a stream that are in memory at the same time, admitted once.
const (
	framesInFlight = 3         // being read, in the slot, being encoded
	imagesHeld     = 4         // being made, the newest, and two older ones that viewers are still receiving
	usualJPEG      = 256 << 10 // bytes of a JPEG to begin with: 1080p at quality 75
)

// encoder encodes the frames of one publisher, or passes on or re-encodes its JPEGs. It belongs to the encoder worker.
type encoder struct {
	engine *engine.Engine
	client *engine.Client  // has the turns
	turns  context.Context // of encoding, which does not end early
	spec   pipeline.Spec   // with the Input of the last frame
	jpeg   bool            // JPEGs come in
	input  frame.Desc      // the last input, for display; of JPEGs the size alone
	kind   jpegKind        // of the last JPEG

	plan  *engine.Plan   // nil while JPEGs are passed on, or none was decoded yet
	batch pipeline.Batch // of one frame
	past  pipeline.History

	compose engine.Composition // of a scene: one image
	regions [1]scene.Region    // of a frame that is the only one

	decoder  jpegdec.Decoder
	decoding admission     // for the decoder
	decoded  *atomic.Int64 // bytes that decoders of all streams hold

	admitted int64        // bytes, but for those of decoding
	covered  atomic.Int64 // bytes of a JPEG for which those suffice
	growth   engine.Stream
	grants   []grant
	share    *share
	lent     *Lent // memory that was opened; may be nil
}

// jpegKind is what a camera changes when it switches to other settings.
type jpegKind struct {
	width, height, components int
	subsampling               string
}

// admission is memory that was admitted for one purpose.
type admission struct {
	grant grant
	bytes int64
}

// resize makes sure that n bytes are admitted, with admit, and not more than twice as many: one large JPEG does not keep its
// memory for long.
func (a *admission) resize(n int64, admit func(int64) (grant, error)) error {
	if n <= a.bytes && n >= a.bytes/2 {
		return nil
	}
	a.release()
	g, err := admit(n)
	if err != nil {
		return err
	}
	*a = admission{g, n}
	return nil
}

// release gives the memory back.
func (a *admission) release() {
	a.grant.Release()
	*a = admission{}
}

// newEncoder waits for the memory of a stream of spec's images, at most timeouts.queue. The error is a *fault.Error.
func newEncoder(ctx context.Context, l *Live, spec pipeline.Spec, s Settings) (*encoder, error) {
	e := l.engine
	m := &encoder{engine: e, spec: spec, jpeg: s.JPEG, decoded: &l.decoded, share: &l.jpegs, client: new(engine.Client)}
	m.turns = engine.WithClient(context.Background(), m.client)
	var need int64
	if s.JPEG && m.scene() {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "scene", Reason: "scene: got JPEGs, want raw frames as regions"}
	}
	if s.JPEG {
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
		size := m.plan.FrameBytes()
		if s.Lent != nil && !m.scene() { // Regions may be copied.
			size = 0
		}
		if m.scene() {
			size *= m.plan.Places()
		}
		need = m.plan.Cost(framesInFlight*int64(size), imagesHeld)
	}
	var lent int64
	if s.Lent != nil {
		lent = s.Lent.Bytes
	}
	first, err := l.streams.admitFirst(ctx, e, need+lent)
	if err != nil {
		m.plan.Release()
		return nil, err
	}
	m.grants, m.admitted = append(m.grants, first), need
	m.covered.Store(usualJPEG)
	if s.Lent != nil {
		m.lent = s.Lent
		if err := m.lent.Open(); err != nil {
			m.close()
			return nil, err
		}
	}
	return m, nil
}

// close gives the memory back. No frame may be in flight.
func (m *encoder) close() {
	if m.lent != nil {
		m.lent.Close()
		m.lent = nil
	}
	for _, g := range m.grants {
		g.Release()
	}
	m.grants = nil
	m.past.Release()
	m.decoding.release()
	m.plan.Release()
	m.plan = nil
}

// scene reports whether the images are those of a scene.
func (m *encoder) scene() bool { return m.spec.Scene != "" }

// passes reports whether JPEGs are passed on untouched.
func (m *encoder) passes() bool {
	asked := m.spec
	asked.Input, asked.Output.Reuse, asked.Output.Noise = frame.Desc{}, pipeline.ReuseNone, 0 // those ask for no other images
	return m.jpeg && asked == pipeline.Spec{}
}

// decodes reports whether JPEGs are decoded.
func (m *encoder) decodes() bool { return m.jpeg && !m.passes() }

// format describes the input, for display.
func (m *encoder) format() string {
	switch {
	case m.scene() && m.input == frame.Desc{}:
		return "scene " + m.spec.Scene
	case m.scene():
		return "scene " + m.spec.Scene + ", " + m.input.String()
	case !m.jpeg:
		return m.input.String()
	case m.input.Width == 0:
		return "jpeg"
	}
	return fmt.Sprintf("jpeg %dx%d", m.input.Width, m.input.Height)
}

// image returns the image of item it. A JPEG that is passed on moves from it to the image. Decoding stops when ctx
// ends.
func (m *encoder) image(ctx context.Context, it *item) (stream.Image, error) {
	if m.scene() {
		return m.composeImage(it)
	}
	if !m.jpeg {
		f, want := it.frame, m.spec.Input // which the configuration may have completed
		f.Desc.Range, f.Desc.Color = cmp.Or(f.Desc.Range, want.Range), cmp.Or(f.Desc.Color, want.Color)
		return m.encodeFrame(f)
	}
	data := it.jpeg.Bytes()
	data = data[:len(data)-it.alpha]
	info, err := jpegdec.Header(data)
	if err != nil {
		return stream.Image{}, err
	}
	m.input.Width, m.input.Height = info.Size()
	m.kind = jpegKind{m.input.Width, m.input.Height, info.Components, info.Subsampling}
	if err := m.checkPixels(); err != nil {
		return stream.Image{}, err
	}
	if m.passes() {
		if info.Bytes == 0 {
			return stream.Image{}, errNoEnd
		}
		if err := m.reserveJPEG(len(data) + it.alpha); err != nil {
			return stream.Image{}, err
		}
		pic := stream.Image{Buf: it.jpeg, Width: m.input.Width, Height: m.input.Height}
		if it.alpha == 0 {
			it.jpeg.SetLen(info.Bytes) // without what some cameras send after the end
		} else {
			if info.Bytes != len(data) {
				return stream.Image{}, errNoEnd
			}
			if err := checkAlpha(it.jpeg.Bytes()[len(data):], m.input); err != nil {
				return stream.Image{}, err
			}
			pic.Color = len(data)
		}
		it.jpeg = pool.Buf{}
		return pic, nil
	}
	return m.recode(ctx, data, info.MemoryBytes)
}

// checkAlpha returns an error unless data is a whole JPEG of the size of the image that it is the alpha of.
func checkAlpha(data []byte, of frame.Desc) error {
	info, err := jpegdec.Header(data)
	if err != nil {
		return err
	}
	if w, h := info.Size(); info.Bytes != len(data) || w != of.Width || h != of.Height {
		return fmt.Errorf("live: got an alpha of %dx%d pixels, %d bytes of which are its JPEG, want %dx%d and all of %d", w, h, info.Bytes, of.Width, of.Height, len(data))
	}
	return nil
}

// errNoEnd is about a JPEG to be passed on: some viewers would show half of it, and others would fail.
var errNoEnd = errors.New("live: got a JPEG without its end, want it to end with FF D9")

// recode decodes a JPEG, for which the decoder needs memory bytes, and encodes it again. When the size changes, the pipeline
// does. Decoding takes turns with all other work, and stops soon after ctx ends.
func (m *encoder) recode(ctx context.Context, data []byte, memory int64) (stream.Image, error) {
	if err := m.reserveJPEG(len(data)); err != nil {
		return stream.Image{}, err
	}
	if err := m.decoding.resize(memory, m.admit); err != nil {
		return stream.Image{}, err
	}
	m.decoded.Add(memory)
	defer func() {
		m.decoded.Add(-memory)
		if memory > m.share.small { // A stream does not keep what others of the share may need.
			m.decoder = jpegdec.Decoder{}
			m.decoding.release()
		}
	}()
	var f frame.Frame
	err := m.engine.InTurn(engine.WithClient(ctx, m.client), true, func(yield func() error) (err error) {
		m.decoder.Pause = yield
		f, err = m.decoder.Decode(ctx, data)
		return err
	})
	if err != nil {
		return stream.Image{}, err
	}
	if m.plan == nil || m.spec.Input != f.Desc {
		if err := m.compile(f.Desc); err != nil {
			return stream.Image{}, err
		}
	}
	if err := m.reserve(m.plan.Cost(m.jpegCost(len(data)), imagesHeld)); err != nil {
		return stream.Image{}, err
	}
	return m.encodeFrame(f)
}

// checkPixels refuses JPEGs with more pixels than frames may have: here they cost nothing before they are decoded, but
// viewers decode them too, and the image of a lost source has their size.
func (m *encoder) checkPixels() error {
	pixels, most := m.input.Width*m.input.Height, m.engine.Config.Limits.MaxPixels
	if pixels > most {
		return fault.LimitOf("limits.max_pixels", int64(pixels), int64(most), "the image has too many pixels")
	}
	return nil
}

// compile makes the pipeline for frames of geometry d.
func (m *encoder) compile(d frame.Desc) error {
	m.spec.Input = d
	p, err := m.engine.Plan(m.spec)
	m.plan.Release()
	if err != nil {
		m.plan = nil
		return err
	}
	m.plan = p
	return nil
}

// encodeFrame encodes f, which it borrows.
func (m *encoder) encodeFrame(f frame.Frame) (stream.Image, error) {
	m.batch.In = append(m.batch.In[:0], f)
	m.batch.History = &m.past
	_, err := m.engine.Run(m.turns, m.plan, &m.batch, true)
	clear(m.batch.In)
	if err != nil {
		return stream.Image{}, err
	}
	pic, err := m.takeResult()
	pic.Width, pic.Height = m.spec.OutputSize()
	return pic, err
}

// composeImage composes the image of item it.
func (m *encoder) composeImage(it *item) (stream.Image, error) {
	image := scene.Image{Index: it.index}
	switch {
	case it.image != nil:
		image.Regions = it.image.Regions
	default:
		m.regions[0] = scene.Region{Frame: it.frame}
		image.Regions = m.regions[:]
	}
	for i := range image.Regions { // What the request said wins, also over Y4M.
		if r := &image.Regions[i].Frame; r.Desc != (frame.Desc{}) && r.Desc.Format == m.spec.Input.Format {
			r.Desc.Range, r.Desc.Color = cmp.Or(r.Desc.Range, m.spec.Input.Range), cmp.Or(r.Desc.Color, m.spec.Input.Color)
		}
	}
	m.compose.Images = append(m.compose.Images[:0], image)
	_, err := m.engine.Compose(m.turns, m.plan, &m.compose, &m.batch, true)
	clear(m.compose.Images)
	m.regions[0] = scene.Region{}
	if err != nil {
		return stream.Image{}, err
	}
	pic, err := m.takeResult()
	if len(m.compose.Color) > 0 && m.plan.Transparent() {
		pic.Color = m.compose.Color[0]
	}
	pic.Width, pic.Height = m.plan.OutputSize()
	return pic, err
}

// takeResult takes the image of the batch: it holds nothing after that.
func (m *encoder) takeResult() (stream.Image, error) {
	result := m.batch.Out[0]
	clear(m.batch.Out)
	if result.Err != nil {
		return stream.Image{}, result.Err
	}
	return stream.Image{Buf: result.Buf}, nil
}

// jpegCost returns the bytes to admit for JPEGs of about n bytes: where they are passed on, the frames in flight and
// the images are the same buffers.
func (m *encoder) jpegCost(n int) int64 {
	held := int64(framesInFlight)
	if m.passes() {
		held += imagesHeld - 1
	}
	return held * int64(pool.ClassSize(n))
}

// reserve makes sure that n bytes are admitted. It is for JPEGs, whose size is known only once they are read. It waits
// at most growthWait; without memory the frame fails with pool.ErrBudget.
func (m *encoder) reserve(n int64) error {
	more := n - m.admitted
	if more <= 0 {
		return nil
	}
	g, err := m.admit(more)
	if err != nil {
		return err
	}
	m.grants, m.admitted = append(m.grants, g), n
	return nil
}

// reserveJPEG makes sure that memory for JPEGs of n bytes is admitted, as reserve does.
func (m *encoder) reserveJPEG(n int) error {
	if err := m.reserve(m.jpegCost(n)); err != nil {
		return err
	}
	m.covered.Store(max(m.covered.Load(), int64(n)))
	return nil
}

// admit waits a moment for n bytes.
func (m *encoder) admit(n int64) (grant, error) { return m.share.admit(m.engine, n, &m.growth) }

// panicError is a panic of the encoder.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("live: panic: %v", e.value)
}
