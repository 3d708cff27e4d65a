// Package apispec is a pipeline.Spec on the wire: the Spec message of the gRPC API, there and back. The numbers of the
// API's enumerations are the libraries' own, which a test holds.
package apispec

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Marshal returns the bytes of the message that says s: none for the zero Spec alone. The error is a *pipeline.SpecError
// about a value that the message cannot hold. Whether the Spec makes sense, its Validate says.
func Marshal(s pipeline.Spec) ([]byte, error) {
	m, err := ToProto(s)
	if err != nil {
		return nil, err
	}
	data, err := proto.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("apispec: %w", err)
	}
	return data, nil
}

// Unmarshal returns the Spec that the bytes of a message say. The error is a *pipeline.SpecError about a number that a
// pipeline.Spec cannot hold, or says that the bytes are no message.
func Unmarshal(data []byte) (pipeline.Spec, error) {
	var m api.Spec
	if err := proto.Unmarshal(data, &m); err != nil {
		return pipeline.Spec{}, fmt.Errorf("apispec: not a Spec: %w", err)
	}
	return FromProto(&m)
}

// FromProto returns the Spec that m says. The error is a *pipeline.SpecError.
func FromProto(m *api.Spec) (pipeline.Spec, error) {
	var r reader
	in, crop, resize, out := m.GetInput(), m.GetCrop(), m.GetResize(), m.GetOutput()
	s := pipeline.Spec{
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
			Reuse:       pipeline.Reuse(r.enum("output.reuse", int32(out.GetReuse()))),
			Noise:       r.number("output.noise", out.GetNoise()),
		},
		Scene: m.GetScene(),
	}
	if r.err != nil {
		return pipeline.Spec{}, r.err
	}
	return s, nil
}

// ToProto returns the message that says s. The error is Marshal's.
func ToProto(s pipeline.Spec) (*api.Spec, error) {
	var w writer
	m := &api.Spec{Scene: w.text("scene", s.Scene)}
	if d := s.Input; d != (frame.Desc{}) {
		m.Input = &api.FrameDesc{
			Format: api.PixelFormat(d.Format),
			Width:  w.number("input.width", d.Width),
			Height: w.number("input.height", d.Height),
			Range:  api.ValueRange(d.Range),
			Color:  api.ColorSpace(d.Color),
		}
	}
	if c := s.Crop; c != (pipeline.Rect{}) {
		m.Crop = &api.Rect{
			X: w.number("crop.x", c.X), Y: w.number("crop.y", c.Y),
			Width: w.number("crop.width", c.Width), Height: w.number("crop.height", c.Height),
		}
	}
	if r := s.Resize; r != (pipeline.Resize{}) {
		m.Resize = &api.Resize{
			Width:      w.number("resize.width", r.Width),
			Height:     w.number("resize.height", r.Height),
			Mode:       api.Resize_Mode(r.Mode),
			Filter:     api.Resize_Filter(r.Filter),
			Background: uint32(r.Background.R)<<16 | uint32(r.Background.G)<<8 | uint32(r.Background.B),
		}
	}
	if o := s.Output; o != (pipeline.Output{}) {
		m.Output = &api.Output{
			Format:      api.Output_Format(o.Format),
			Quality:     w.number("output.quality", o.Quality),
			Subsampling: api.Output_Subsampling(o.Subsampling),
			Restart:     w.restart("output.restart", o.Restart),
			Reuse:       api.Output_Reuse(o.Reuse),
			Noise:       w.number("output.noise", o.Noise),
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	return m, nil
}

// firstError keeps the first number that does not fit.
type firstError struct{ err error }

func (f *firstError) wrong(field string, got any, want string) {
	if f.err == nil {
		f.err = &pipeline.SpecError{Field: field, Reason: fmt.Sprintf("got %v, want %s", got, want)}
	}
}

// reader takes the numbers of a message.
type reader struct{ firstError }

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

// writer takes the numbers of a Spec.
type writer struct{ firstError }

func (w *writer) number(field string, v int) uint32 {
	if v < 0 || v > math.MaxInt32 {
		w.wrong(field, v, fmt.Sprintf("0..%d", math.MaxInt32))
	}
	return uint32(v)
}

func (w *writer) text(field, v string) string {
	if !utf8.ValidString(v) {
		w.wrong(field, strconv.Quote(v), "UTF-8")
	}
	return v
}

func (w *writer) restart(field string, v pipeline.Restart) int32 {
	if v < math.MinInt32 || v > math.MaxInt32 {
		w.wrong(field, int(v), fmt.Sprintf("%d..%d", math.MinInt32, math.MaxInt32))
	}
	return int32(v)
}
