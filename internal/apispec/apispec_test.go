package apispec

import (
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

var full = pipeline.Spec{
	Input:  frame.Desc{Format: frame.NV12, Width: 640, Height: 360, Range: frame.RangeFull, Color: frame.BT709},
	Crop:   pipeline.Rect{X: 2, Y: 4, Width: 600, Height: 300},
	Resize: pipeline.Resize{Width: 320, Height: 320, Mode: pipeline.Fit, Filter: pipeline.Area, Background: pipeline.Color{R: 1, G: 2, B: 3}},
	Output: pipeline.Output{Format: pipeline.JPEG, Quality: 80, Subsampling: jpeg.Sub422, Restart: pipeline.RestartRow, Reuse: pipeline.ReuseSegments, Noise: 3},
}

// TestRoundTrip: a Spec comes back as it was, whichever of its values is set.
func TestRoundTrip(t *testing.T) {
	specs := []pipeline.Spec{{}, full, {Crop: pipeline.Rect{X: 1}}, {Resize: pipeline.Resize{Background: pipeline.Color{R: 255}}}}
	with := func(change func(*pipeline.Spec)) {
		s := full
		change(&s)
		specs = append(specs, s)
	}
	with(func(s *pipeline.Spec) { *s = pipeline.Spec{Input: full.Input, Scene: "anna"} })
	with(func(s *pipeline.Spec) { *s = pipeline.Spec{Scene: "anna"} })
	for n := range api.PixelFormat_name {
		with(func(s *pipeline.Spec) { s.Input.Format = frame.PixelFormat(n) })
	}
	for n := range api.ValueRange_name {
		with(func(s *pipeline.Spec) { s.Input.Range = frame.ValueRange(n) })
	}
	for n := range api.ColorSpace_name {
		with(func(s *pipeline.Spec) { s.Input.Color = frame.ColorSpace(n) })
	}
	for n := range api.Resize_Mode_name {
		with(func(s *pipeline.Spec) { s.Resize.Mode = pipeline.Mode(n) })
	}
	for n := range api.Resize_Filter_name {
		with(func(s *pipeline.Spec) { s.Resize.Filter = pipeline.Filter(n) })
	}
	for n := range api.Output_Format_name {
		with(func(s *pipeline.Spec) { s.Output.Format = pipeline.OutputFormat(n) })
	}
	for n := range api.Output_Subsampling_name {
		with(func(s *pipeline.Spec) { s.Output.Subsampling = jpeg.Subsampling(n) })
	}
	for n := range api.Output_Reuse_name {
		with(func(s *pipeline.Spec) { s.Output.Reuse = pipeline.Reuse(n) })
	}
	for _, n := range []pipeline.Restart{pipeline.RestartNone, pipeline.RestartRow, 1, 65535, math.MaxInt32, math.MinInt32} {
		with(func(s *pipeline.Spec) { s.Output.Restart = n })
	}
	for _, s := range specs {
		data, err := Marshal(s)
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		if got, err := Unmarshal(data); err != nil || got != s {
			t.Errorf("got %+v, %v\nwant %+v", got, err, s)
		}
		if empty := s == (pipeline.Spec{}); (len(data) == 0) != empty {
			t.Errorf("%+v: got %d bytes, want none for the zero Spec alone", s, len(data))
		}
	}
}

// FuzzRoundTrip: what a message says is said by a Spec, and by a message again; what a message can't hold is refused.
func FuzzRoundTrip(f *testing.F) {
	data, err := Marshal(full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, 0, 0, 0)
	f.Add([]byte{}, -1, 1<<31-1, math.MinInt32)
	f.Add([]byte{0xff}, 640, 360, -1)
	f.Fuzz(func(t *testing.T, data []byte, width, quality, restart int) {
		check := func(s pipeline.Spec) {
			t.Helper()
			again, err := Marshal(s)
			if err != nil {
				t.Fatalf("%+v: %v", s, err)
			}
			if got, err := Unmarshal(again); err != nil || got != s {
				t.Fatalf("got %+v, %v\nwant %+v", got, err, s)
			}
		}
		s, err := Unmarshal(data)
		if err == nil {
			check(s)
		}
		s.Resize.Width, s.Output.Quality, s.Output.Restart = width, quality, pipeline.Restart(restart)
		fits := func(n, least int) bool { return n >= least && n <= math.MaxInt32 }
		if fits(width, 0) && fits(quality, 0) && fits(restart, math.MinInt32) {
			check(s)
			return
		}
		var wrong *pipeline.SpecError
		if _, err := Marshal(s); !errors.As(err, &wrong) {
			t.Fatalf("%+v: got %v, want a *pipeline.SpecError", s, err)
		}
	})
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
	if got, want := len(api.PixelFormat_name)-1, len(frame.Formats()); got != want {
		t.Errorf("the API has %d pixel formats, the libraries %d", got, want)
	}
	for n, name := range api.ValueRange_name {
		if n != 0 {
			check("value range", n, name, frame.ValueRange(n).String())
		}
	}
	for n, name := range api.ColorSpace_name {
		check("color space", n, name, frame.ColorSpace(n).String())
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

// TestOutOfRange: a number that the other side can't hold is named, both ways.
func TestOutOfRange(t *testing.T) {
	messages := map[string]*api.Spec{
		"input.width":       {Input: &api.FrameDesc{Width: 1 << 31}},
		"input.format":      {Input: &api.FrameDesc{Format: 257}},
		"input.range":       {Input: &api.FrameDesc{Range: -1}},
		"crop.x":            {Crop: &api.Rect{X: 1<<32 - 1}},
		"resize.background": {Resize: &api.Resize{Background: 1 << 24}},
		"output.quality":    {Output: &api.Output{Quality: 1 << 31}},
	}
	for field, m := range messages {
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var wrong *pipeline.SpecError
		if _, err := Unmarshal(data); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("got %v, want a *pipeline.SpecError about %s", err, field)
		}
	}
	specs := map[string]pipeline.Spec{
		"input.width":    {Input: frame.Desc{Width: -1}},
		"input.height":   {Input: frame.Desc{Height: math.MinInt32}},
		"crop.x":         {Crop: pipeline.Rect{X: -2}},
		"crop.height":    {Crop: pipeline.Rect{Height: -2}},
		"resize.width":   {Resize: pipeline.Resize{Width: -7}},
		"output.quality": {Output: pipeline.Output{Quality: -1}},
	}
	for field, s := range specs {
		var wrong *pipeline.SpecError
		if _, err := Marshal(s); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("got %v, want a *pipeline.SpecError about %s", err, field)
		}
	}
	if _, err := Unmarshal([]byte{0xff}); err == nil {
		t.Error("got no error for bytes that are no message")
	}
}
