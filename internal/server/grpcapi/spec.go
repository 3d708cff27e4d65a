package grpcapi

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// parseSpec returns the pipeline.Spec that the bytes of a Spec message say. The error is a *fault.Error. Whether the
// Spec makes sense, its Validate says.
func parseSpec(data []byte) (pipeline.Spec, error) {
	var s api.Spec
	if err := proto.Unmarshal(data, &s); err != nil {
		return pipeline.Spec{}, &fault.Error{Kind: fault.Invalid, Field: "spec", Err: fmt.Errorf("grpcapi: not a Spec: %w", err)}
	}
	spec, err := specFromProto(&s)
	if err != nil {
		return pipeline.Spec{}, fault.From(err)
	}
	return spec, nil
}

// specFromProto returns the pipeline.Spec that s says. The numbers of the API's enumerations are the libraries' own.
// The error is a *pipeline.SpecError about a number that a pipeline.Spec cannot hold.
func specFromProto(s *api.Spec) (pipeline.Spec, error) {
	var r reader
	in, crop, resize, out := s.GetInput(), s.GetCrop(), s.GetResize(), s.GetOutput()
	spec := pipeline.Spec{
		Input: frame.Desc{
			Format: frame.PixelFormat(r.enum("input.format", int32(in.GetFormat()))),
			Width:  r.number("input.width", in.GetWidth()),
			Height: r.number("input.height", in.GetHeight()),
			Range:  frame.ValueRange(r.enum("input.range", int32(in.GetRange()))),
			Color:  frame.ColorSpace(r.enum("input.color", int32(in.GetColor()))),
		},
		Crop: pipeline.Rect{
			X: r.number("crop.x", crop.GetX()), Y: r.number("crop.y", crop.GetY()),
			Width: r.number("crop.width", crop.GetWidth()), Height: r.number("crop.height", crop.GetHeight()),
		},
		Resize: pipeline.Resize{
			Width:      r.number("resize.width", resize.GetWidth()),
			Height:     r.number("resize.height", resize.GetHeight()),
			Mode:       pipeline.Mode(r.enum("resize.mode", int32(resize.GetMode()))),
			Filter:     pipeline.Filter(r.enum("resize.filter", int32(resize.GetFilter()))),
			Background: r.color("resize.background", resize.GetBackground()),
		},
		Output: pipeline.Output{
			Format:      pipeline.OutputFormat(r.enum("output.format", int32(out.GetFormat()))),
			Quality:     r.number("output.quality", out.GetQuality()),
			Subsampling: jpeg.Subsampling(r.enum("output.subsampling", int32(out.GetSubsampling()))),
			Restart:     pipeline.Restart(out.GetRestart()),
		},
	}
	if r.err != nil {
		return pipeline.Spec{}, r.err
	}
	return spec, nil
}

// reader converts numbers and keeps the first that does not fit.
type reader struct{ err error }

func (r *reader) wrong(field string, got any, want string) {
	if r.err == nil {
		r.err = &pipeline.SpecError{Field: field, Reason: fmt.Sprintf("got %v, want %s", got, want)}
	}
}

// enum returns a value that the libraries keep in 8 bits. Which of them mean something, Validate says.
func (r *reader) enum(field string, v int32) uint8 {
	if v < 0 || v > math.MaxUint8 {
		r.wrong(field, v, "a value of the enumeration")
	}
	return uint8(v)
}

func (r *reader) number(field string, v uint32) int {
	if v > math.MaxInt32 {
		r.wrong(field, v, fmt.Sprintf("0..%d", math.MaxInt32))
		return 0
	}
	return int(v)
}

func (r *reader) color(field string, v uint32) pipeline.Color {
	if v > 0xffffff {
		r.wrong(field, fmt.Sprintf("%#x", v), "0..0xffffff")
	}
	return pipeline.Color{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v)}
}

// SpecToProto returns the message that says s, which must be valid.
func SpecToProto(s pipeline.Spec) *api.Spec {
	m := &api.Spec{
		Input: &api.FrameDesc{
			Format: api.PixelFormat(s.Input.Format),
			Width:  uint32(s.Input.Width),
			Height: uint32(s.Input.Height),
			Range:  api.ValueRange(s.Input.Range),
			Color:  api.ColorSpace(s.Input.Color),
		},
		Output: &api.Output{
			Format:      api.Output_Format(s.Output.Format),
			Quality:     uint32(s.Output.Quality),
			Subsampling: api.Output_Subsampling(s.Output.Subsampling),
			Restart:     int32(s.Output.Restart),
		},
	}
	if c := s.Crop; c != (pipeline.Rect{}) {
		m.Crop = &api.Rect{X: uint32(c.X), Y: uint32(c.Y), Width: uint32(c.Width), Height: uint32(c.Height)}
	}
	if r := s.Resize; r != (pipeline.Resize{}) {
		m.Resize = &api.Resize{
			Width: uint32(r.Width), Height: uint32(r.Height),
			Mode: api.Resize_Mode(r.Mode), Filter: api.Resize_Filter(r.Filter),
			Background: uint32(r.Background.R)<<16 | uint32(r.Background.G)<<8 | uint32(r.Background.B),
		}
	}
	return m
}
