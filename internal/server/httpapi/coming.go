package httpapi

import (
	"net/http"
	"time"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pipeline"
)

const (
	// leastComing is the size of a frame from which on it is worth while to encode it while it comes.
	leastComing = 1 << 20
	// firstPart of such a frame comes before it is encoded, within quickPart: else the rest would hardly come within the time for which a turn
	// waits.
	firstPart = 4
	quickPart = 3 * time.Millisecond
)

// setComing says whether the frame of the body of r may be encoded while it comes: there is one, which is large, lies in memory from the top,
// and whose image is made by one goroutine.
func (s *source) setComing(r *http.Request) {
	raw, ok := s.frames.(*ingest.RawReader)
	if !ok || s.plan.OfScene() {
		return
	}
	spec, size := s.plan.Spec(), s.plan.FrameBytes()
	out := spec.Output
	if r.ContentLength == int64(size) && size >= leastComing && spec.Input.Format.Planes() == 1 &&
		out.Format == pipeline.JPEG && out.Reuse == pipeline.ReuseNone && out.Restart == pipeline.RestartNone {
		s.coming = raw
	}
}

// begin takes memory for a frame and reads the first part of it, or all of it where that took long: then nothing is coming.
func (s *source) begin(a *admitted) error {
	f, c, err := s.coming.Begin()
	if err != nil {
		return err
	}
	a.frame = f
	start := time.Now()
	if err := c.First(c.Size() / firstPart); err != nil {
		return err
	}
	if time.Since(start) > quickPart {
		return c.Rest()
	}
	a.coming = c
	return nil
}
