package httpapi

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/sound"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// soundQuery is what the query of POST /v1/streams/{name}/sound says.
type soundQuery struct {
	pcm        sound.Format
	given      []string
	captured   time.Time // of the first sample; zero: when it comes
	continuous bool      // the source never pauses
}

// soundParameters are those of POST /v1/streams/{name}/sound, by name, with what each sets.
var soundParameters = map[string]func(q *soundQuery, value string) error{
	"format": func(q *soundQuery, value string) error { return q.pcm.Encoding.UnmarshalText([]byte(value)) },
	"rate":   func(q *soundQuery, value string) error { return parseCount(&q.pcm.Rate, value, 8000, 48000) },
	"channels": func(q *soundQuery, value string) error {
		return parseCount(&q.pcm.Channels, value, 1, sound.MaxChannels)
	},
	"captured_us": func(q *soundQuery, value string) (err error) {
		q.captured, err = parseCaptured(value, time.Now())
		return err
	},
	"continuous": func(q *soundQuery, value string) (err error) {
		if q.continuous, err = strconv.ParseBool(value); err != nil {
			return fault.Errorf(fault.Invalid, "got %q, want true or false", value)
		}
		return nil
	},
}

// parseCaptured returns the time of a capture that a caller says. Its clock is trusted within bounds.
func parseCaptured(value string, now time.Time) (time.Time, error) {
	us, err := strconv.ParseInt(value, 10, 64)
	if at := time.UnixMicro(us); err == nil && live.Plausible(at, now) {
		return at, nil
	}
	return time.Time{}, fault.Errorf(fault.Invalid, "got %.40q, %s", value, live.WantCaptured)
}

// parseSoundQuery returns what a query says. The error is a *fault.Error of kind Invalid that names the parameter.
func parseSoundQuery(raw string) (soundQuery, error) {
	q := soundQuery{pcm: sound.Format{Channels: 1}}
	check := func(name string) error {
		if soundParameters[name] != nil {
			return nil
		}
		return fieldError(cmp.Or(name, "query"), "unknown parameter, want some of "+strings.Join(slices.Sorted(maps.Keys(soundParameters)), ", "))
	}
	var err error
	if q.given, err = parseParameters(raw, check, func(name, value string) error { return soundParameters[name](&q, value) }); err != nil {
		return q, err
	}
	has := func(name string) bool { return slices.Contains(q.given, name) }
	switch {
	case has("format") && !has("rate"):
		return q, fieldError("rate", "got none, want the samples a second of the body, such as 16000")
	case !has("format") && (has("rate") || has("channels")):
		return q, fieldError("format", "got none, want the encoding of the body, such as s16le; or neither rate nor channels, for WAV")
	}
	return q, nil
}

// publishSound serves POST and PUT /v1/streams/{name}/sound. The samples of the body are the sound of a live stream until the
// body ends, another publisher of sound takes over, or the server stops. Sound that comes faster than it plays is read at its own
// pace.
func (h *Handler) publishSound(w *writer, r *http.Request) error {
	e, name := h.engine, r.PathValue("name")
	if err := e.Open(engine.Publish, ownerOf(r)); err != nil {
		return err
	}
	defer e.Done(engine.Publish, ownerOf(r))
	if err := stream.CheckName(name); err != nil { // Before waiting for the body.
		return fault.From(err)
	}
	q, err := parseSoundQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := checkEncoding(r); err != nil {
		return err
	}
	x := soundBody{pcmBody: pcmBody{body: newBody(e, w, r, http.NewResponseController(w)), pcm: q.pcm}, captured: q.captured}
	defer x.body.stopOn(e.Draining())()
	if err := x.open(r, &q); err != nil {
		return err
	}
	format := stream.SoundFormat{Rate: x.pcm.Rate, Channels: 1}
	if x.pcm.Channels == 2 {
		format.Channels = 2
	}
	p, err := h.live.Sound(r.Context(), name, format)
	if err != nil {
		return err
	}
	defer p.Close()
	defer x.body.stopOn(p.Done())()
	if q.continuous {
		p.NeverPauses()
	}
	moments, err := x.publish(p.Publish, func() { p.Pace(r.Context(), e.Draining()) })
	if ended := p.Err(); ended != nil {
		return ended
	}
	if err != nil {
		return err
	}
	return writeJSON(w, struct {
		Stream  string  `json:"stream"`
		Seconds float64 `json:"seconds"` // of sound
	}{name, float64(moments) / float64(format.Rate)})
}

// wav serves the sound of a stream as WAV without an end, from now on, until the listener disconnects, the sound ends, or the server
// stops.
func (h *viewers) wav(w http.ResponseWriter, r *http.Request, name string) error {
	if h.engine.IsDraining() {
		return fault.From(stream.ErrClosed)
	}
	id := auth.From(r.Context())
	if id.Sees(name) {
		h.hub.Settle(r.Context(), name)
	}
	l, err := id.Listen(h.hub, name, nil)
	if err != nil {
		return refusal(err, r.Host)
	}
	defer l.Close()
	header := w.Header()
	header.Set("Content-Type", "audio/wav")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx
	if r.Method == http.MethodHead {
		return nil
	}
	response := newResponse(w, r, h.stall())
	defer response.end()
	format := l.Format()
	out := sound.AppendHeader(nil, format.Rate, format.Channels)
	piece := make([]byte, soundPiece)
	for {
		if err := response.WriteParts(out, nil, nil); err != nil {
			return unwritten(err)
		}
		n, _, err := l.Read(piece)
		if err != nil {
			return nil // The sound has ended, and so does the file.
		}
		if out = piece[:n]; n > 0 {
			continue
		}
		select {
		case <-l.Wake():
		case <-r.Context().Done():
			return expired(r)
		case <-h.engine.Draining():
			return nil
		}
	}
}

// soundPiece is how many bytes of sound are written at a time.
const soundPiece = 16 << 10
