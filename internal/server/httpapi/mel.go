package httpapi

import (
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/sound"
	"github.com/steadyframe/steadyframe/mel"
)

// headerShape says how many values an array has in each direction: "100,80".
const headerShape = "Steadyframe-Shape"

// melQuery is what the query of POST /v1/mel says.
type melQuery struct {
	preset string
	form   sound.Form
	given  []string     // the parameters that there are
	pcm    sound.Format // of a body without a header
	layout sound.Layout
	stream bool
}

// melParameters are those of POST /v1/mel, by name, with what each sets.
var melParameters = map[string]func(q *melQuery, value string) error{
	"preset":   func(q *melQuery, value string) error { q.preset = value; return nil },
	"output":   func(q *melQuery, value string) error { return q.form.UnmarshalText([]byte(value)) },
	"format":   func(q *melQuery, value string) error { return q.pcm.Encoding.UnmarshalText([]byte(value)) },
	"rate":     func(q *melQuery, value string) error { return parseCount(&q.pcm.Rate, value, 8000, 48000) },
	"channels": func(q *melQuery, value string) error { return parseCount(&q.pcm.Channels, value, 1, sound.MaxChannels) },
	"window":   func(q *melQuery, value string) error { return parseCount(&q.layout.Window, value, 1, 4096) },
	"fps": func(q *melQuery, value string) (err error) {
		q.layout.FPS, err = strconv.ParseFloat(value, 64)
		if err != nil || !(q.layout.FPS >= 1 && q.layout.FPS <= 1000) {
			return fault.Errorf(fault.Invalid, "got %q, want 1..1000", value)
		}
		return nil
	},
	"layout": func(q *melQuery, value string) error {
		if value != "frames" && value != "bands" {
			return fault.Errorf(fault.Invalid, "got %q, want frames or bands", value)
		}
		q.layout.ByBands = value == "bands"
		return nil
	},
	"stream": func(q *melQuery, value string) (err error) {
		if q.stream, err = strconv.ParseBool(value); err != nil {
			return fault.Errorf(fault.Invalid, "got %q, want true or false", value)
		}
		return nil
	},
}

// parseCount sets n to a whole number within bounds.
func parseCount(n *int, value string, least, most int) error {
	v, err := strconv.Atoi(value)
	if err != nil || v < least || v > most {
		return fault.Errorf(fault.Invalid, "got %q, want %d..%d", value, least, most)
	}
	*n = v
	return nil
}

// parseMelQuery returns what a query says. The error is a *fault.Error of kind Invalid that names the parameter.
func parseMelQuery(raw string) (melQuery, error) {
	q := melQuery{pcm: sound.Format{Channels: 1}}
	check := func(name string) error {
		if melParameters[name] != nil {
			return nil
		}
		return fieldError(cmp.Or(name, "query"), "unknown parameter, want some of "+strings.Join(slices.Sorted(maps.Keys(melParameters)), ", "))
	}
	var err error
	if q.given, err = parseParameters(raw, check, func(name, value string) error { return melParameters[name](&q, value) }); err != nil {
		return q, err
	}
	return q, q.check()
}

// check refuses parameters that do not go together.
func (q *melQuery) check() error {
	has := func(name string) bool { return slices.Contains(q.given, name) }
	switch {
	case q.preset == "":
		return fieldError("preset", "got none, want "+strings.Join(mel.Presets(), ", "))
	case has("format") && !has("rate"):
		return fieldError("rate", "got none, want the samples a second of the body, such as 16000")
	case !has("format") && (has("rate") || has("channels")):
		return fieldError("format", "got none, want the encoding of the body, such as s16le; or neither rate nor channels, for WAV")
	case (q.layout.FPS == 0) != (q.layout.Window == 0):
		return fieldError("window", "got one of fps and window, want both: video frames a second, and feature frames for each, such as fps=25&window=16")
	case q.layout.FPS != 0 && q.layout.ByBands:
		return fieldError("layout", "got bands with window, want one of them: a window is bands of frames")
	case q.stream && (q.layout != sound.Layout{} || q.form != sound.Raw):
		return fieldError("stream", "got true with other values than output=f32, by frames, without window")
	}
	return nil
}

// mel serves POST /v1/mel.
func (h *Handler) mel(w *writer, r *http.Request) error {
	e := h.engine
	if err := e.Open(engine.Mel, ownerOf(r)); err != nil {
		return err
	}
	defer e.Done(engine.Mel, ownerOf(r))
	q, err := parseMelQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := checkEncoding(r); err != nil {
		return err
	}
	control := http.NewResponseController(w)
	b := newBody(e, w, r, control)
	if !q.stream {
		b.idle = b.receive
		if err := e.CheckQueue(); err != nil {
			return err
		}
	}
	b.nextFrame()
	x := &melExchange{engine: e, query: &q, w: w, control: control, pcmBody: pcmBody{body: b, pcm: q.pcm}}
	if err := x.open(slices.Contains(q.given, "format"), r.ContentLength); err != nil {
		return err
	}
	if x.mel, err = e.Mel(q.preset, x.pcm.Rate); err != nil {
		return err
	}
	x.out = newOutgoing(e, w, r, control)
	defer x.out.over()
	if q.stream {
		defer b.stopOn(e.Draining())()
		return x.stream(r.Context(), acceptsTrailers(r))
	}
	if err := e.Reserve(); err != nil { // Not before the body has begun: a caller that sends nothing takes no place in the queue.
		return err
	}
	defer e.Unreserve()
	return x.whole(r.Context())
}

// melExchange is one request for features being served.
type melExchange struct {
	engine  *engine.Engine
	query   *melQuery
	mel     *mel.Mel
	w       *writer
	control *http.ResponseController
	out     *outgoing
	pcmBody
}

// whole reads all samples, computes their features and responds with them.
func (x *melExchange) whole(ctx context.Context) error {
	f := x.engine.NewFeatures(x.mel, x.pcm.Rate)
	defer f.Release()
	if err := x.gather(ctx, f); err != nil {
		return err
	}
	features, err := f.Compute(ctx)
	if err != nil {
		return err
	}
	array, err := x.query.layout.Array(x.mel, features)
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Field: "window", Err: err}
	}
	x.out.sending.Begin(f.KeepFeatures())
	defer x.out.sending.End()
	return x.respond(array)
}

// firstSamples are how many samples there is room for at first where the body does not say how many come. It doubles as they
// come.
const firstSamples = 64 << 10

// gather reads all samples into f.
func (x *melExchange) gather(ctx context.Context, f *engine.Features) error {
	for want := firstSamples; ; want *= 2 {
		if x.left >= 0 { // It has begun to come, and waits for memory once, for all of it.
			want = int(min(x.left/int64(x.pcm.MomentBytes()), math.MaxInt))
		}
		if err := f.Reserve(ctx, want, 0); err != nil {
			return err
		}
		x.body.resume()
		for room := f.Room(); len(room) > 0; room = f.Room() {
			whole, err := x.read(len(room))
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			f.Added(len(x.pcm.AppendMono(room[:0], whole)))
			x.keep(whole)
		}
		if x.left == 0 {
			return nil
		}
	}
}

// contentTypes of the forms.
var contentTypes = map[sound.Form]string{sound.NPY: "application/x-npy", sound.Raw: "application/octet-stream", sound.JSON: "application/json"}

// respond responds with array.
func (x *melExchange) respond(array sound.Array) error {
	header := x.w.Header()
	header.Set("Content-Type", contentTypes[x.query.form])
	header.Set(headerShape, shapeText(array.Shape))
	if n := array.Size(x.query.form); n >= 0 {
		header.Set("Content-Length", strconv.FormatInt(n, 10))
	}
	return array.Write(x.out, x.query.form)
}

// shapeText returns a shape as headerShape has it.
func shapeText(shape []int) string {
	var p []byte
	for i, n := range shape {
		if i > 0 {
			p = append(p, ',')
		}
		p = strconv.AppendInt(p, int64(n), 10)
	}
	return string(p)
}

// stream responds with the features of each chunk of samples as soon as it has come.
func (x *melExchange) stream(ctx context.Context, trailer bool) error {
	header := x.w.Header()
	header.Set("Content-Type", contentTypes[sound.Raw])
	header.Set(headerShape, shapeText([]int{-1, x.mel.Bands()}))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	if trailer {
		header.Set("Trailer", trailerError)
	}
	if err := x.control.EnableFullDuplex(); err != nil {
		return &fault.Error{Kind: fault.Internal, Err: err}
	}
	s := x.mel.Stream()
	defer s.Close()
	var samples, features []float32
	var p []byte
	for ended := false; !ended; {
		x.body.nextFrame()
		whole, err := x.read(math.MaxInt)
		switch {
		case err == io.EOF:
			features, ended = s.Flush(features[:0]), true
		case err != nil:
			return err
		default:
			samples = x.pcm.AppendMono(samples[:0], whole)
			x.keep(whole)
			if err := x.engine.InTurn(ctx, true, func(func() error) error {
				features = s.Append(features[:0], samples)
				return nil
			}); err != nil {
				return err
			}
			x.engine.Metrics.Sound(float64(len(samples)) / float64(x.pcm.Rate))
		}
		p = p[:0]
		for _, v := range features {
			p = binary.LittleEndian.AppendUint32(p, math.Float32bits(v))
		}
		if err := x.out.write(p); err != nil {
			return err
		}
		if err := x.out.flush(); err != nil {
			return err
		}
	}
	return nil
}
