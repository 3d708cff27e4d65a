package grpcapi

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/sound"
	"github.com/steadyframe/steadyframe/mel"
	"github.com/steadyframe/steadyframe/pool"
)

// hearing is one call of Mel or MelStream. Beside the call's own goroutine one reads a message, computes its features, sends
// them, and waits until they have left; then comes the next message.
type hearing struct {
	call
	unary     bool
	decoder   decoder
	request   request
	admission engine.Stream
	grant     pool.Grant // of the message and its response; of Mel, the features have it
	resolved  bool       // the spec of the message that comes in was taken
	admitted  bool       // there is memory for all that is computed of the message
	placed    bool       // the call holds a place in the queue

	pcm      sound.Format
	layout   sound.Layout
	mel      *mel.Mel // nil: the spec has not come
	features *engine.Features

	chunks   *mel.Stream // of MelStream, as what follows
	samples  []float32   // a piece of the sound
	heard    int         // samples so far
	computed int         // frames of features so far

	response pool.Buf // on its way to the delivery
	delivery *delivery
	left     chan struct{} // of capacity 1: receives when a response has left

	mu       sync.Mutex
	draining bool // take no further message
	inside   bool // a message has begun, and its response has not left
}

func newHearing(s *service, stream grpc.ServerStream, in pieceReader, unary bool) *hearing {
	left := make(chan struct{}, 1)
	h := &hearing{unary: unary, left: left}
	h.init(s, stream, in, h.release)
	limits := &s.engine.Config.Limits
	h.decoder = decoder{kind: melRequest, MaxFrames: limits.MaxBatch, MaxBytes: int(limits.MaxMessageBytes)}
	h.delivery = newDelivery(h.conn, s.engine.NewSending(h.conn.cut), func() { signal(left) })
	return h
}

// release gives back what the call holds.
func (h *hearing) release() {
	h.request.Release()
	if h.features != nil {
		h.features.Release()
	}
	if h.chunks != nil {
		h.chunks.Close()
	}
	h.response.Release()
	h.grant.Release()
	h.delivery.held.retire()
	h.unreserve()
}

// unreserve gives back the call's place in the queue, if it holds one.
func (h *hearing) unreserve() {
	if h.placed {
		h.placed = false
		h.engine.Unreserve()
	}
}

// run serves the call until its outcome is known, and returns that.
func (h *hearing) run() error {
	defer h.receiving.Stop()
	h.start(func() { h.finish(h.protect(h.hearAll)) })
	draining := h.engine.Draining()
	for {
		select {
		case err := <-h.done:
			return err
		case <-h.ctx.Done():
			return h.over()
		case <-h.receiving.C:
			return errSlow()
		case <-draining:
			draining = nil
			h.drain()
		}
	}
}

// drain makes the call end after the response to the message that has begun to come in.
func (h *hearing) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining = true; !h.inside {
		h.finish(errDraining())
	}
}

// enter is called when a message begins to come in, responded when its response has left. They return an error when the call
// takes no more messages.
func (h *hearing) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return errDraining()
	}
	h.inside = true
	return nil
}

func (h *hearing) responded() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inside = false; h.draining && !h.unary {
		return errDraining()
	}
	return nil
}

// hearAll serves messages until there are no more.
func (h *hearing) hearAll() error {
	for {
		err := h.next()
		switch {
		case err == io.EOF && h.mel == nil:
			return firstError(err)
		case err == io.EOF:
			h.receiving.Stop()
			return h.flush()
		case err != nil:
			return err
		}
		h.receiving.Stop()
		if h.unary {
			return h.whole()
		}
		if err := h.piece(); err != nil {
			return err
		}
		if err := h.responded(); err != nil {
			return err
		}
	}
}

// next reads one message. It returns io.EOF when the caller has no more.
func (h *hearing) next() error {
	wait := h.engine.Config.Timeout.Idle
	if h.unary {
		wait = h.engine.Config.Timeout.Receive
	}
	if err := h.await(time.Duration(wait)); err != nil {
		return err
	}
	if err := h.begin(engine.Mel); err != nil {
		return err
	}
	if err := h.enter(); err != nil {
		return err
	}
	if h.unary { // Not earlier: a silent call would keep others out.
		if err := h.engine.Reserve(); err != nil {
			return err
		}
		h.placed = true
	}
	defer h.inflated()
	length, err := h.length()
	if err != nil {
		return err
	}
	h.expect()
	h.resolved, h.admitted = false, false
	if err := h.decoder.Decode(&h.request, h, length); err != nil {
		return err
	}
	if err := h.resolve(); err != nil {
		return err
	}
	n := len(h.sound())
	if err := h.checkSize(n); err != nil || n == 0 || h.admitted {
		return err
	}
	h.receiving.Stop()
	h.grant.Release() // The spec came behind the sound, which was admitted alone.
	h.grant = pool.Grant{}
	return h.admit(n)
}

// sound returns the sound of the message.
func (h *hearing) sound() []byte {
	if len(h.request.Frames) == 0 {
		return nil
	}
	return h.request.Frames[0].Buf.Bytes()
}

// More is part of frameSource.
func (h *hearing) More() (bool, error) { return h.more() }

// Fill is part of frameSource.
func (h *hearing) Fill(p []byte) error { return h.fill(p) }

// Complete is part of frameSource. The sound is heard when all of its message has come.
func (h *hearing) Complete() error { return nil }

// Lease is part of frameSource. It waits for memory for n bytes of sound and, unless the spec is behind them, for all that is
// computed of them.
func (h *hearing) Lease(n int) (pool.Buf, error) {
	if h.request.HasSpec {
		if err := h.resolve(); err != nil {
			return pool.Buf{}, err
		}
	}
	if err := h.checkSize(n); err != nil {
		return pool.Buf{}, err
	}
	h.receiving.Stop() // The wait for memory is not the caller's.
	if err := h.admit(n); err != nil {
		return pool.Buf{}, err
	}
	h.expect()
	buf, err := h.engine.Pool.Get(n)
	if err != nil {
		return pool.Buf{}, fault.From(err)
	}
	return buf, nil
}

// checkSize refuses n bytes that are no whole number of moments, if the spec has come.
func (h *hearing) checkSize(n int) error {
	if h.mel == nil || n%h.pcm.MomentBytes() == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Field: "pcm", Reason: fmt.Sprintf("grpcapi: got %d bytes, want a multiple of %d", n, h.pcm.MomentBytes())}
}

// admit waits for memory for n bytes of sound.
func (h *hearing) admit(n int) (err error) {
	cost := int64(pool.ClassSize(n))
	h.admitted = h.mel != nil
	switch {
	case h.mel == nil:
	case h.unary:
		return h.reserve(n, cost)
	default:
		cost += int64(pool.ClassSize(h.responseBytes(n / h.pcm.MomentBytes())))
	}
	admission := &h.admission
	if h.unary {
		admission = nil
	}
	h.grant, err = h.engine.Admit(h.ctx, cost, admission)
	return err
}

// reserve waits for memory for the features of n bytes of sound, their response, and more bytes.
func (h *hearing) reserve(n int, more int64) error {
	samples := n / h.pcm.MomentBytes()
	response, err := h.layout.Bytes(h.mel, h.mel.Frames(samples))
	if err != nil {
		return wrongWindow(err)
	}
	if most := min(int64(h.engine.Config.Limits.MaxMessageBytes), pool.MaxSize); response > most {
		return fault.LimitOf("limits.max_message_bytes", response, most, "the response is too large; send the sound in pieces, or want larger steps between windows")
	}
	return h.features.Reserve(h.ctx, samples, more+int64(pool.ClassSize(int(response))))
}

func wrongWindow(err error) error {
	return &fault.Error{Kind: fault.Invalid, Field: "window", Reason: "grpcapi: " + err.Error()}
}

// responseBytes returns how many bytes of features there are at most when so many more samples have come.
func (h *hearing) responseBytes(samples int) int {
	return 4 * h.mel.Bands() * max(h.mel.Frames(h.heard+samples)-h.computed, 0)
}

// resolve takes the spec of the message, if there is one.
func (h *hearing) resolve() error {
	switch {
	case !h.request.HasSpec && h.mel == nil:
		return &fault.Error{Kind: fault.Invalid, Field: "spec", Reason: "grpcapi: the first request has no spec"}
	case !h.request.HasSpec, h.resolved:
		return nil
	case h.mel != nil:
		return &fault.Error{Kind: fault.Invalid, Field: "spec", Reason: "grpcapi: got spec again, want it in the first request alone"}
	}
	h.resolved = true
	var spec api.MelSpec
	if err := proto.Unmarshal(h.request.Spec, &spec); err != nil {
		return &fault.Error{Kind: fault.Invalid, Field: "spec", Err: err}
	}
	return h.configure(&spec)
}

// configure readies the call for what spec says.
func (h *hearing) configure(spec *api.MelSpec) error {
	wrong := func(field, format string, args ...any) error {
		return &fault.Error{Kind: fault.Invalid, Field: field, Reason: "grpcapi: " + fmt.Sprintf(format, args...)}
	}
	h.pcm = sound.Format{Channels: int(max(spec.Channels, 1)), Rate: int(spec.Rate)}
	h.layout = sound.Layout{ByBands: spec.ByBands, FPS: spec.Fps, Window: int(spec.Window)}
	if err := h.pcm.Encoding.UnmarshalText([]byte(spec.Format)); err != nil {
		return wrong("format", "%v", err)
	}
	switch {
	case spec.Channels > sound.MaxChannels:
		return wrong("channels", "got %d, want 1..%d", spec.Channels, sound.MaxChannels)
	case spec.Preset == "":
		return wrong("preset", "got none, want %s", strings.Join(mel.Presets(), ", "))
	case !h.unary && h.layout != sound.Layout{}:
		return wrong("window", "got by_bands, fps or window in MelStream, want them in Mel")
	case h.layout.ByBands && h.layout.Window != 0:
		return wrong("by_bands", "got it with window, want one of them: a window is bands of frames")
	}
	m, err := h.engine.Mel(spec.Preset, h.pcm.Rate)
	if err != nil {
		return err
	}
	if _, err := h.layout.Bytes(m, 0); err != nil {
		return wrongWindow(err)
	}
	h.mel = m
	if h.unary {
		h.features = h.engine.NewFeatures(m, h.pcm.Rate)
	} else {
		h.chunks = m.Stream()
	}
	return nil
}

// whole computes the features of the sound and sends them.
func (h *hearing) whole() error {
	pcm := h.sound()
	if len(pcm) == 0 {
		return &fault.Error{Kind: fault.Invalid, Field: "pcm", Reason: "grpcapi: got no sound"}
	}
	f := h.features
	room := f.Room()
	f.Added(len(h.pcm.AppendMono(room[:0], pcm)))
	h.request.Release()
	features, err := f.Compute(h.ctx)
	if err != nil {
		return err
	}
	h.unreserve()
	array, err := h.layout.Array(h.mel, features)
	if err != nil {
		return wrongWindow(err)
	}
	if h.response, err = h.engine.Pool.Get(int(array.Bytes())); err != nil {
		return fault.From(err)
	}
	data := h.response.Bytes()[:array.Bytes()]
	array.Put(data)
	return h.send(array.Shape, data, f.Keep(int64(h.response.Cap())))
}

// heardAtOnce is how many samples are heard in a turn.
const heardAtOnce = 16 << 10

// piece computes the features that the sound of the message completes, and sends them.
func (h *hearing) piece() error {
	pcm := h.sound()
	n := len(pcm) / h.pcm.MomentBytes()
	return h.respond(n, func(dst []float32) ([]float32, error) {
		for step := heardAtOnce * h.pcm.MomentBytes(); len(pcm) > 0; {
			h.samples = h.pcm.AppendMono(h.samples[:0], pcm[:min(step, len(pcm))])
			pcm = pcm[min(step, len(pcm)):]
			err := h.engine.InTurn(h.ctx, true, func(func() error) error {
				dst = h.chunks.Append(dst, h.samples)
				return nil
			})
			if err != nil {
				return dst, err
			}
			h.engine.Metrics.Sound(float64(len(h.samples)) / float64(h.pcm.Rate))
		}
		return dst, nil
	})
}

// flush sends the features that reach beyond the end of the sound.
func (h *hearing) flush() error {
	h.admitted = false
	return h.respond(0, func(dst []float32) ([]float32, error) { return h.chunks.Flush(dst), nil })
}

// respond sends the features that compute appends, of so many more samples, and waits until they have left.
func (h *hearing) respond(samples int, compute func(dst []float32) ([]float32, error)) error {
	most := h.responseBytes(samples)
	if !h.admitted { // There was no sound.
		grant, err := h.engine.Admit(h.ctx, int64(pool.ClassSize(most)), &h.admission)
		if err != nil {
			return err
		}
		h.grant = grant
	}
	var err error
	if h.response, err = h.engine.Pool.Get(most); err != nil {
		return fault.From(err)
	}
	features, err := compute(engine.Floats(h.response.Bytes())[:0])
	if err != nil {
		return err
	}
	h.request.Release()
	h.heard += samples
	array := sound.ByFrames(features, h.mel.Bands())
	h.computed += array.Shape[0]
	data := h.response.Bytes()[:array.Bytes()]
	array.Put(data) // In place: on a little-endian processor nothing changes.
	grant := h.grant
	h.grant = pool.Grant{}
	grant.Shrink(int64(h.response.Cap()))
	if err := h.send(array.Shape, data, grant); err != nil {
		return err
	}
	select {
	case <-h.left:
		return nil
	case <-h.ctx.Done():
		return h.over()
	}
}

// The fields of MelResponse.
const (
	fieldShape    protowire.Number = 1
	fieldFeatures protowire.Number = 2
)

// send sends features, which lie in the response's memory. It takes that and grant.
func (h *hearing) send(shape []int, data []byte, grant pool.Grant) error {
	var packed []byte
	for _, n := range shape {
		packed = protowire.AppendVarint(packed, uint64(n))
	}
	d := h.delivery
	small := bytesSize(fieldShape, len(packed)) + bytesSize(fieldFeatures, len(data))
	if lends(len(data)) {
		small -= len(data)
	}
	d.begin(small)
	d.text(fieldShape, string(packed))
	if len(data) > 0 {
		d.length(fieldFeatures, len(data))
		d.data(data)
	}
	lent := []pool.Buf{h.response} // Of a small response it is held all the same, for as long.
	h.response = pool.Buf{}
	out := d.seal(lent, grant, int64(lent[0].Cap()))
	err := h.stream.SendMsg(out)
	d.sent(err, h.ctx.Err() != nil)
	if err != nil {
		return h.sendError(err)
	}
	return nil
}
