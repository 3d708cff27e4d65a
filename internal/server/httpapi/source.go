package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
)

// reader is an ingest.Reader that can wait for a frame before there is memory for it, and do without one.
type reader interface {
	ingest.Reader
	Await() error
	Skip() error
}

// source is a request's frames and the plan for them.
type source struct {
	frames  reader              // or, of a scene:
	images  *ingest.ImageReader //
	plan    *engine.Plan
	endless bool              // of unknown length
	coming  *ingest.RawReader // frames, where the only one may be encoded while it comes
}

// openSource reads as much of the request as it takes to know its format. It takes no memory of the pool. The caller releases
// the plan.
func openSource(e *engine.Engine, r *http.Request, b *body) (*source, error) {
	var of imageParameters
	spec, names, err := parseQuery(r.URL.RawQuery, of.parameters())
	if err != nil {
		return nil, err
	}
	o := opening{engine: e, request: r, body: b, spec: spec, given: describesFrames(names), of: of}
	defer o.close()
	if err := o.open(); err != nil {
		return nil, err
	}
	s := &source{frames: o.frames, images: o.images, endless: r.ContentLength < 0}
	plan, err := o.planned()
	if err != nil {
		return nil, err
	}
	s.plan = plan.Retain()
	s.setComing(r)
	return s, nil
}

// await waits for the beginning of a frame, or of an image.
func (s *source) await() error {
	if s.images != nil {
		return s.images.Await()
	}
	return s.frames.Await()
}

// describesFrames reports whether a query with parameters of these names describes raw frames.
func describesFrames(names []string) bool {
	return slices.Contains(names, "format") || slices.Contains(names, "size")
}

// opening is a body that is being opened.
type opening struct {
	engine  *engine.Engine
	request *http.Request
	body    *body
	spec    pipeline.Spec // of the query; open completes its Input, but for JPEGs
	given   bool          // whether the query describes raw frames
	plan    *engine.Plan  // of spec, once that is complete
	live    bool          // whether the body may hold JPEGs
	lines   bool          // whether a line begins each frame

	of    imageParameters
	admit func(bytes int) error // for JPEGs, as ingest.Limits has it

	frames reader              // what open opened, or:
	jpegs  *ingest.JPEGReader  //
	images *ingest.ImageReader // of a scene
}

// close releases the plan.
func (o *opening) close() { o.plan.Release() }

// open finds out what the body is, from the request's head or its own first bytes, and opens it. It takes no memory of
// the pool.
func (o *opening) open() error {
	if o.spec.Scene != "" {
		return o.openScene()
	}
	if name := o.of.first(); name != "" {
		return fieldError(name, "got it, want it with scene alone")
	}
	m, err := mediaOf(o.request, o.live)
	if err != nil {
		return err
	}
	if m.form == unsaid && o.given {
		m.form = rawFrames
	}
	o.lines = m.lines
	if m.form == rawFrames { // Check it before waiting for the body.
		if err := o.checkGiven(); err != nil {
			return err
		}
	}
	head, err := o.body.sniff()
	if err != nil {
		return err
	}
	if len(head) == 0 {
		return fault.Errorf(fault.Invalid, "the body is empty, want frames")
	}
	if m.form == unsaid || ingest.IsY4M(head) && !o.lines || m.form == jpegStream && ingest.IsMultipart(head) {
		m.form = recognize(head, o.live)
	}
	if o.given && m.form != rawFrames {
		return fieldError("format", "got it or size for a "+m.form.String()+" body, which says both: want neither")
	}
	if m.form == rawFrames && !o.given {
		if err := refuseFile(head, o.live); err != nil {
			return err
		}
	}
	return o.openAs(m)
}

// openAs opens the body as m.
func (o *opening) openAs(m media) error {
	limits := o.limits()
	var err error
	switch m.form {
	case y4mStream:
		o.frames, err = o.openY4M(limits)
	case jpegParts:
		o.jpegs = ingest.NewMultipart(o.body, m.boundary, o.engine.Pool, limits)
	case jpegStream:
		o.jpegs = ingest.NewJPEG(o.body, o.engine.Pool, limits)
	default:
		if err := o.checkGiven(); err != nil {
			return err
		}
		open := ingest.NewRaw
		if o.lines {
			open = ingest.NewLines
		}
		o.frames, err = open(o.body, o.spec.Input, o.engine.Pool)
	}
	if err != nil {
		return fault.From(err)
	}
	return nil
}

func (o *opening) limits() ingest.Limits {
	l := o.engine.Config.Limits
	return ingest.Limits{MaxPixels: l.MaxPixels, MaxBytes: int(l.MaxMessageBytes), Admit: o.admit}
}

// checkGiven refuses raw frames that the query does not describe fully, or whose size does not divide the body's
// length.
func (o *opening) checkGiven() error {
	if o.spec.Input.Format == 0 {
		return fieldError("format", "got none, want the pixel format of the body, such as bgr24")
	}
	if o.spec.Input.Width == 0 {
		return fieldError("size", "got none, want the size of the frames, such as 640x360")
	}
	plan, err := o.planned()
	if err != nil {
		return err
	}
	size := plan.FrameBytes()
	if n := o.request.ContentLength; n > 0 && n%int64(size) != 0 && !o.lines {
		advice := ""
		if strings.HasPrefix(o.request.Header.Get("Content-Type"), typeForm) { // which curl says of both
			advice = "; curl's -d leaves out line ends, --data-binary does not"
		}
		return fault.Errorf(fault.Invalid, "the body is not a whole number of frames: got %d bytes, want a multiple of %d for %s%s", n, size, o.spec.Input, advice)
	}
	return nil
}

// planned returns the plan of the complete Spec, the same each time.
func (o *opening) planned() (*engine.Plan, error) {
	if o.plan == nil {
		plan, err := o.engine.Plan(o.spec)
		if err != nil {
			return nil, err
		}
		o.plan = plan
	}
	return o.plan, nil
}

// openY4M reads the stream's header and completes spec.Input. A range or color of the query wins: Y4M cannot state the
// range, and some writers are wrong about the color.
func (o *opening) openY4M(l ingest.Limits) (reader, error) {
	y, err := ingest.NewY4M(o.body, o.engine.Pool, l)
	if err != nil {
		return nil, err
	}
	asked := o.spec.Input
	o.spec.Input = y.Desc()
	if asked.Range != frame.RangeDefault {
		o.spec.Input.Range = asked.Range
	}
	if o.request.URL.Query().Has("color") {
		o.spec.Input.Color = asked.Color
	}
	return y, nil
}
