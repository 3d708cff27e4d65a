package grpcapi

import (
	"errors"

	"github.com/steadyframe/steadyframe/internal/apispec"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// request is one EncodeRequest, PublishRequest, MelRequest or SceneFile. It is used again from message to message.
type request struct {
	Spec    []byte // the bytes of spec
	HasSpec bool
	Frames  []inputFrame

	ID uint64 // of an EncodeRequest

	Stream     []byte // of a PublishRequest, as the others below; of a SceneFile, the scene
	MaxFPS     float64
	CapturedUS uint64 // microseconds since the Unix epoch; 0: not said

	Images []inputImage // of a scene
	File   []byte       // the name of a SceneFile

	scratch []byte
}

// inputFrame is one of a request's frames.
type inputFrame struct {
	Size int      // of the frame, in bytes
	Buf  pool.Buf // holds the frame, and is owned by the request; zero when the frame is empty or was skipped
}

// Release releases the frames and empties r for another message, keeping its memory.
func (r *request) Release() {
	for i := range r.Frames {
		r.Frames[i].Buf.Release()
	}
	clear(r.Frames)
	*r = request{Spec: r.Spec[:0], Frames: r.Frames[:0], Stream: r.Stream[:0], Images: r.Images[:0], File: r.File[:0], scratch: r.scratch[:0]}
}

// parseSpec returns the Spec that the bytes of a Spec message say. The error is a *fault.Error. Whether the Spec makes
// sense, its Validate says.
func parseSpec(data []byte) (pipeline.Spec, error) {
	spec, err := apispec.Unmarshal(data)
	var wrong *pipeline.SpecError
	switch {
	case errors.As(err, &wrong):
		return pipeline.Spec{}, fault.From(err)
	case err != nil:
		return pipeline.Spec{}, &fault.Error{Kind: fault.Invalid, Field: "spec", Err: err}
	}
	return spec, nil
}
