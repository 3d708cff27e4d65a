package grpcapi

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

var fullSpec = pipeline.Spec{
	Input:  frame.Desc{Format: frame.NV12, Width: 640, Height: 360, Range: frame.RangeFull, Color: frame.BT709},
	Crop:   pipeline.Rect{X: 2, Y: 4, Width: 600, Height: 300},
	Resize: pipeline.Resize{Width: 320, Height: 320, Mode: pipeline.Fit, Filter: pipeline.Area, Background: pipeline.Color{R: 1, G: 2, B: 3}},
	Output: pipeline.Output{Format: pipeline.JPEG, Quality: 80, Subsampling: jpeg.Sub422, Restart: pipeline.RestartRow},
}

func TestSpecSurvivesTheWire(t *testing.T) {
	tests := []struct {
		name string
		spec pipeline.Spec
	}{
		{"full", fullSpec},
		{"least", pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 1, Height: 1}}},
		{"raw", pipeline.Spec{Input: frame.Desc{Format: frame.BGRF32P, Width: 9, Height: 9, Range: frame.RangeSigned}, Output: pipeline.Output{Format: pipeline.RawI420}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := proto.Marshal(SpecToProto(tt.spec))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := parseSpec(data); err != nil || got != tt.spec {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.spec)
			}
		})
	}
}

// TestEnumerationsHaveTheLibrariesNumbers holds what the conversions rely on: the API's names and the libraries' name
// the same numbers.
func TestEnumerationsHaveTheLibrariesNumbers(t *testing.T) {
	check := func(what string, number int32, name, library string) {
		t.Helper()
		name = strings.ToLower(name[strings.LastIndexByte(name, '_')+1:])
		alias := map[string]string{"gray8": "gray", "i420": "yuv420p", "unit": "0..1", "byte": "0..255", "signed": "-1..1"}
		if a, ok := alias[name]; ok {
			name = a
		}
		if name != library {
			t.Errorf("%s %d: the API calls it %s, the libraries %s", what, number, name, library)
		}
	}
	subsamplings := map[jpeg.Subsampling]string{jpeg.Sub420: "s420", jpeg.Sub422: "s422", jpeg.Sub444: "s444", jpeg.Gray: "gray"}
	for n, name := range api.PixelFormat_name {
		if n != 0 {
			check("pixel format", n, name, frame.PixelFormat(n).String())
		}
	}
	for n, name := range api.ValueRange_name {
		if n != 0 {
			check("value range", n, name, frame.ValueRange(n).String())
		}
	}
	for n, name := range api.ColorSpace_name {
		check("colour space", n, name, frame.ColorSpace(n).String())
	}
	for n, name := range api.Resize_Mode_name {
		check("mode", n, name, pipeline.Mode(n).String())
	}
	for n, name := range api.Resize_Filter_name {
		check("filter", n, name, pipeline.Filter(n).String())
	}
	for n, name := range api.Output_Format_name {
		check("output format", n, name, pipeline.OutputFormat(n).String())
	}
	for n, name := range api.Output_Subsampling_name {
		check("subsampling", n, name, subsamplings[jpeg.Subsampling(n)])
	}
}

func TestSpecOutOfRange(t *testing.T) {
	tests := []struct {
		field string
		spec  *api.Spec
	}{
		{"input.width", &api.Spec{Input: &api.FrameDesc{Width: 1 << 31}}},
		{"input.format", &api.Spec{Input: &api.FrameDesc{Format: 257}}},
		{"input.range", &api.Spec{Input: &api.FrameDesc{Range: -1}}},
		{"crop.x", &api.Spec{Crop: &api.Rect{X: 1<<32 - 1}}},
		{"resize.background", &api.Spec{Resize: &api.Resize{Background: 1 << 24}}},
		{"output.quality", &api.Spec{Output: &api.Output{Quality: 1 << 31}}},
	}
	for _, tt := range tests {
		t.Run(tt.field, func(t *testing.T) {
			var se *pipeline.SpecError
			if _, err := specFromProto(tt.spec); !errors.As(err, &se) || se.Field != tt.field {
				t.Errorf("got %v, want a *pipeline.SpecError about %s", err, tt.field)
			}
		})
	}
	if _, err := parseSpec([]byte{0xff}); fault.From(err).Kind != fault.Invalid {
		t.Errorf("got %v for bytes that are no message, want an Invalid fault", err)
	}
}
