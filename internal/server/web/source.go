package web

import (
	"mime"
	"net/http"
	"slices"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
)

const typeY4M = "video/x-yuv4mpeg"

// rawTypes are the Content-Types of a body whose form the query or the body's first bytes say;
// application/x-www-form-urlencoded is what curl calls everything.
var rawTypes = []string{"", "application/octet-stream", "application/x-www-form-urlencoded", "video/x-raw", "video/raw"}

// reader is an ingest.Reader that can wait for a frame before there is memory for it.
type reader interface {
	ingest.Reader
	Await() error
}

// source is a request's frames, and what to make of them.
type source struct {
	frames   reader
	pipeline *pipeline.Pipeline
	endless  bool // of unknown length
}

// openSource reads as much of the request as tells what it is. It takes no memory of the pool.
func openSource(e *engine.Engine, r *http.Request, b *body) (*source, error) {
	spec, names, err := ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	y4m, err := isY4M(r)
	if err != nil {
		return nil, err
	}
	given := slices.Contains(names, "format") || slices.Contains(names, "size")
	if !y4m && given { // Check it before waiting for the body.
		if err := checkGiven(e, r, spec); err != nil {
			return nil, err
		}
	}
	head, err := b.sniff()
	if err != nil {
		return nil, err
	}
	if len(head) == 0 {
		return nil, fault.Errorf(fault.Invalid, "the body is empty, want frames")
	}
	s := &source{endless: r.ContentLength < 0}
	if y4m || ingest.IsY4M(head) {
		if given {
			return nil, fieldError("format", "got it or size for a Y4M body, which says both: want neither")
		}
		s.frames, err = openY4M(e, b, &spec)
	} else {
		if !given {
			err = checkGiven(e, r, spec)
		}
		if err == nil {
			s.frames, err = ingest.NewRaw(b, spec.Input, e.Pool)
		}
	}
	if err != nil {
		return nil, fault.From(err)
	}
	if s.pipeline, err = e.Pipeline(spec); err != nil {
		return nil, err
	}
	return s, nil
}

// checkGiven refuses raw frames that the query does not describe fully, or whose size does not divide the body's
// length.
func checkGiven(e *engine.Engine, r *http.Request, spec pipeline.Spec) error {
	if spec.Input.Format == 0 {
		return fieldError("format", "got none, want the pixel format of the body, such as bgr24")
	}
	if spec.Input.Width == 0 {
		return fieldError("size", "got none, want the size of the frames, such as 640x360")
	}
	if _, err := e.Pipeline(spec); err != nil {
		return err
	}
	size, err := spec.Input.Size()
	if err != nil {
		return fault.From(err)
	}
	if n := r.ContentLength; n > 0 && n%int64(size) != 0 {
		return fault.Errorf(fault.Invalid, "the body is not a whole number of frames: got %d bytes, want a multiple of %d for %s", n, size, spec.Input)
	}
	return nil
}

// openY4M reads the stream's header and completes spec.Input, where a range or color of the query wins: Y4M has no word
// for the one, and some writers are wrong about the other.
func openY4M(e *engine.Engine, b *body, spec *pipeline.Spec) (reader, error) {
	y, err := ingest.NewY4M(b, e.Pool, ingest.Limits{MaxPixels: e.Config.Limits.MaxPixels})
	if err != nil {
		return nil, err
	}
	asked := spec.Input
	spec.Input = y.Desc()
	if asked.Range != frame.RangeDefault {
		spec.Input.Range = asked.Range
	}
	spec.Input.Color = asked.Color
	return y, nil
}

// isY4M reports whether the request's headers say that the body is Y4M. It refuses a body that is said to be neither
// that nor raw.
func isY4M(r *http.Request) (bool, error) {
	if c := r.Header.Get("Content-Encoding"); c != "" && c != "identity" {
		return false, &fault.Error{Kind: fault.Unsupported, Field: "Content-Encoding", Reason: "got Content-Encoding " + c + ", want none"}
	}
	header := r.Header.Get("Content-Type")
	if header == "" {
		return false, nil
	}
	kind, _, err := mime.ParseMediaType(header)
	switch {
	case err != nil:
		return false, &fault.Error{Kind: fault.Unsupported, Field: "Content-Type", Err: err}
	case kind == typeY4M:
		return true, nil
	case slices.Contains(rawTypes, kind):
		return false, nil
	}
	return false, &fault.Error{Kind: fault.Unsupported, Field: "Content-Type",
		Reason: "got Content-Type " + kind + ", want " + typeY4M + " or application/octet-stream"}
}
