package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// publish serves POST and PUT /v1/streams/{name}. The frames of the body feed a live stream until the body ends,
// another publisher takes the stream over, or the server stops. The body is read as fast as it arrives; the stream
// decides which frames become images.
func (h *Handler) publish(w *writer, r *http.Request) error {
	name := r.PathValue("name")
	e, began := h.engine, time.Now() // Its first frame, which makes it the publisher, may come much later.
	if err := e.Open(engine.Publish, ownerOf(r)); err != nil {
		return err
	}
	defer e.Done(engine.Publish, ownerOf(r))
	if err := stream.CheckName(name); err != nil { // Before waiting for the body.
		return fault.From(err)
	}
	var of imageParameters
	settings, names, err := publishQuery(r.URL.RawQuery, of.parameters())
	if err != nil {
		return err
	}
	settings.Spec.Scene = h.live.SceneOf(name, settings.Spec.Scene)
	b := newBody(e, w, r, http.NewResponseController(w))
	defer b.stopOn(e.Draining())()
	o := opening{engine: e, request: r, body: b, spec: settings.Spec, given: describesFrames(names), live: true, of: of}
	f := &publishRequest{handler: h, name: name, body: b}
	defer o.close()
	o.admit = func(bytes int) error { return f.publisher.Admit(bytes) } // It is there before a frame is read.
	if err := o.open(); err != nil {
		return err
	}
	settings.Began = began
	settings.Source, settings.Spec, settings.JPEG = strings.TrimRight("http "+r.RemoteAddr, " @"), o.spec, o.jpegs != nil // @: a Unix socket
	f.frames, f.jpegs, f.images, f.settings = o.frames, o.jpegs, o.images, settings
	b.patient = settings.JPEG
	switch err := f.await(); { // A caller that sends nothing holds no memory and takes no stream over.
	case err == io.EOF:
		return fault.Errorf(fault.Invalid, "the body has no frames, want at least one")
	case err != nil:
		return bodyFault(err)
	}
	if f.publisher, err = h.live.Publish(r.Context(), name, settings); err != nil {
		return err
	}
	defer f.publisher.Close()
	if err := f.run(); err != nil {
		return err
	}
	return f.respond(w, name)
}

// publishQuery returns the settings of a query, and the names of the parameters in it.
// also are further parameters.
func publishQuery(raw string, also map[string]func(string) error) (s live.Settings, names []string, err error) {
	also["fps"] = func(value string) error {
		fps, err := strconv.ParseFloat(value, 64)
		if err != nil || !validFPS(fps) {
			return fault.Errorf(fault.Invalid, "got %q, want images a second, more than 0 and at most %d", value, maxFPS)
		}
		s.FPS = fps
		return nil
	}
	s.Spec, names, err = parseQuery(raw, also)
	return s, names, err
}

// publishRequest is one request that feeds a stream.
type publishRequest struct {
	handler    *Handler
	name       string
	body       *body
	frames     reader             // or:
	jpegs      *ingest.JPEGReader //
	images     *ingest.ImageReader
	settings   live.Settings
	publisher  *live.Publisher
	complained bool // of a broken image
}

// run feeds the stream until the body ends, when it returns nil, or there is another reason to end.
func (f *publishRequest) run() error {
	defer f.body.stopOn(f.publisher.Done())()
	for awaited := true; ; awaited = false {
		var err error
		if !awaited {
			err = f.await()
		}
		var captured time.Time
		if err == nil {
			captured, err = f.captured(time.Now())
		}
		if err == nil {
			err = f.next(captured)
		}
		if err != nil && !f.lost(err) {
			return f.end(err)
		}
	}
}

// await waits for the beginning of a frame.
func (f *publishRequest) await() error {
	f.body.nextFrame()
	defer f.body.resume()
	switch {
	case f.jpegs != nil:
		return f.jpegs.Await()
	case f.images != nil:
		return f.images.Await()
	}
	return f.frames.Await()
}

// captured returns when the frame that has begun was captured: what the body says, or now. Parts of other programs may have a clock
// of their own: what cannot be is not believed; of a line it is an error.
func (f *publishRequest) captured(now time.Time) (time.Time, error) {
	var us int64
	switch r := f.frames.(type) {
	case *ingest.RawReader:
		us = r.Captured()
	default:
		if f.images != nil {
			us = f.images.Captured()
		} else if f.jpegs != nil {
			if at := time.UnixMicro(f.jpegs.Captured()); live.Plausible(at, now) {
				return at, nil
			}
		}
	}
	if us == 0 {
		return now, nil
	}
	at := time.UnixMicro(us)
	if !live.Plausible(at, now) {
		return now, fault.Errorf(fault.Invalid, "captured_us: got %d, %s", us, live.WantCaptured)
	}
	return at, nil
}

// next reads the frame that has begun, captured at that time, and hands it on. A raw frame for which there is no memory
// is read all the same.
func (f *publishRequest) next(captured time.Time) error {
	if f.jpegs != nil {
		image, err := f.jpegs.Next()
		if err != nil {
			return err
		}
		return f.publisher.JPEG(image.Buf, captured)
	}
	if f.images != nil {
		if n, most := f.images.Regions(), f.publisher.Places(); n > most {
			return fault.Errorf(fault.Invalid, "an image has too many regions: got %d, want at most %d, as the scene has places", n, most)
		}
		m, err := f.images.Next()
		if errors.Is(err, pool.ErrBudget) {
			return cmp.Or(f.images.Skip(), err)
		}
		if err != nil {
			return err
		}
		return f.publisher.Image(m, captured)
	}
	frame, err := f.frames.Next()
	if err != nil {
		if errors.Is(err, pool.ErrBudget) {
			return cmp.Or(f.frames.Skip(), err)
		}
		return err
	}
	frame.Desc = f.settings.Spec.Input // A Y4M stream's range and color may be set otherwise.
	return f.publisher.Frame(frame, captured)
}

// lost reports whether err is about one frame alone, and counts that: a live stream goes on.
func (f *publishRequest) lost(err error) bool {
	var broken *ingest.JPEGError
	switch {
	case errors.Is(err, pool.ErrBudget):
		f.publisher.Lost(stream.NoMemory)
	case errors.As(err, &broken) && !broken.Final:
		f.publisher.Lost(stream.Failed)
		if !f.complained {
			f.complained = true
			if suppressed, ok := f.handler.logged.Admit(fault.From(err)); ok {
				f.handler.log.Warn("skipping a broken JPEG; further ones are only counted", "stream", f.name, "err", fault.Cut(err.Error()), "suppressed", suppressed)
			}
		}
	default:
		return false
	}
	return true
}

// end returns why the request ends, nil when the body did.
func (f *publishRequest) end(err error) error {
	if reason := f.publisher.Err(); reason != nil {
		return reason
	}
	if err == io.EOF {
		return nil
	}
	return bodyFault(err)
}

// bodyFault returns what is wrong with a body.
func bodyFault(err error) *fault.Error {
	var limit *ingest.LimitError
	if errors.As(err, &limit) && limit.Limit == "bytes" {
		return fault.LimitOf("limits.max_message_bytes", limit.Got, limit.Max, "the image is too large")
	}
	return fault.From(err)
}

// respond writes the counts of the request's frames.
func (f *publishRequest) respond(w http.ResponseWriter, name string) error {
	f.publisher.Close() // The last frame may still wait for its turn.
	var a published
	a.Stream = name
	a.Frames, a.Images, a.Dropped = f.publisher.Counts()
	a.Failed = f.publisher.Failed()
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(data)+1))
	if _, err := w.Write(append(data, '\n')); err != nil {
		return writeFailed(err)
	}
	return nil
}

// published is the response to a publisher whose body ended.
type published struct {
	Stream  string `json:"stream"`
	Frames  uint64 `json:"frames"`  // that came in
	Images  uint64 `json:"images"`  // that were made of them
	Dropped uint64 `json:"dropped"` // frames that became no image
	Failed  uint64 `json:"failed"`  // dropped frames that could not be decoded or encoded
}
