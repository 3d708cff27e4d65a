package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
)

// fullSpec sets every field, so that the texts below show every key.
var fullSpec = Spec{
	Input:  frame.Desc{Format: frame.I420, Width: 640, Height: 360, Range: frame.RangeFull, Color: frame.BT709},
	Crop:   Rect{X: 80, Y: 45, Width: 480, Height: 270},
	Resize: Resize{Width: 320, Height: 320, Mode: Fit, Filter: Area, Background: Color{R: 0x10, G: 0x20, B: 0x30}},
	Output: Output{Format: JPEG, Quality: 80, Subsampling: jpeg.Sub444, Restart: RestartRow, Reuse: ReuseSegments, Noise: 2},
}

const fullJSON = `{"input":{"format":"yuv420p","width":640,"height":360,"range":"full","color":"bt709"},` +
	`"crop":"480x270+80+45",` +
	`"resize":{"width":320,"height":320,"mode":"fit","filter":"area","background":"#102030"},` +
	`"output":{"quality":80,"subsampling":"444","restart":"row","reuse":"segments","noise":2}}`

const fullYAML = `input:
    format: yuv420p
    width: 640
    height: 360
    range: full
    color: bt709
crop: 480x270+80+45
resize:
    width: 320
    height: 320
    mode: fit
    filter: area
    background: '#102030'
output:
    quality: 80
    subsampling: "444"
    restart: row
    reuse: segments
    noise: 2
`

// minimalSpec has no field but those without default.
var minimalSpec = Spec{Input: frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}}

func TestSpecJSON(t *testing.T) {
	for _, tt := range []struct {
		name string
		spec Spec
		text string
	}{
		{"full", fullSpec, fullJSON},
		{"minimal", minimalSpec, `{"input":{"format":"bgr24","width":640,"height":360}}`},
		{"scene", Spec{Input: minimalSpec.Input, Scene: "anna"}, `{"input":{"format":"bgr24","width":640,"height":360},"scene":"anna"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := json.Marshal(tt.spec); err != nil || string(got) != tt.text {
				t.Errorf("Marshal: got %s, %v, want %s", got, err, tt.text)
			}
			var got Spec
			if err := json.Unmarshal([]byte(tt.text), &got); err != nil || got != tt.spec {
				t.Errorf("Unmarshal: got %+v, %v, want %+v", got, err, tt.spec)
			}
		})
	}
}

func TestSpecYAML(t *testing.T) {
	for _, tt := range []struct {
		name string
		spec Spec
		text string
	}{
		{"full", fullSpec, fullYAML},
		{"minimal", minimalSpec, "input:\n    format: bgr24\n    width: 640\n    height: 360\n"},
		{"scene", Spec{Input: minimalSpec.Input, Scene: "anna"}, "input:\n    format: bgr24\n    width: 640\n    height: 360\nscene: anna\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := yaml.Marshal(tt.spec); err != nil || string(got) != tt.text {
				t.Errorf("Marshal: got %s, %v, want %s", got, err, tt.text)
			}
			dec := yaml.NewDecoder(strings.NewReader(tt.text))
			dec.KnownFields(true)
			var got Spec
			if err := dec.Decode(&got); err != nil || got != tt.spec {
				t.Errorf("Decode: got %+v, %v, want %+v", got, err, tt.spec)
			}
		})
	}
}

// What people write by hand: numbers where the text is a number, an unquoted color without #.
func TestSpecYAMLByHand(t *testing.T) {
	var got Spec
	const text = `
input:  {format: i420, width: 640, height: 360, range: tv}
crop:   480x270+80+45
resize: {height: 320, width: 320, mode: Fit, background: 102030}
output: {subsampling: 420, restart: 12}`
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := Spec{
		Input:  frame.Desc{Format: frame.I420, Width: 640, Height: 360, Range: frame.RangeLimited},
		Crop:   Rect{X: 80, Y: 45, Width: 480, Height: 270},
		Resize: Resize{Width: 320, Height: 320, Mode: Fit, Background: Color{R: 0x10, G: 0x20, B: 0x30}},
		Output: Output{Restart: 12},
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Every field must have the same name in both forms.
func TestSpecTagsAgree(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[Spec](), reflect.TypeFor[Resize](), reflect.TypeFor[Output]()} {
		for i := range typ.NumField() {
			f := typ.Field(i)
			j, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			y, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if j == "" || j != y || j != strings.ToLower(f.Name) {
				t.Errorf("%s.%s: got json %q, yaml %q, want the name in lower case", typ.Name(), f.Name, j, y)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Spec)
		field  string // "" for a valid Spec
	}{
		{"minimal", func(s *Spec) {}, ""},
		{"no-format", func(s *Spec) { s.Input.Format = 0 }, "input.format"},
		{"no-width", func(s *Spec) { s.Input.Width = 0 }, "input.width"},
		{"tall", func(s *Spec) { s.Input.Height = 65536 }, "input.height"},
		{"range", func(s *Spec) { s.Input.Range = frame.RangeUnit }, "input.range"},
		{"color", func(s *Spec) { s.Input.Color = frame.BT709 }, "input.color"},
		{"crop-all", func(s *Spec) { s.Crop = Rect{Width: 640, Height: 360} }, ""},
		{"crop-corner", func(s *Spec) { s.Crop = Rect{X: 639, Y: 359, Width: 1, Height: 1} }, ""},
		{"crop-empty", func(s *Spec) { s.Crop = Rect{X: 1, Width: 10} }, "crop"},
		{"crop-left", func(s *Spec) { s.Crop = Rect{X: -1, Width: 10, Height: 10} }, "crop"},
		{"crop-right", func(s *Spec) { s.Crop = Rect{X: 631, Width: 10, Height: 10} }, "crop"},
		{"crop-below", func(s *Spec) { s.Crop = Rect{Y: 351, Width: 10, Height: 10} }, "crop"},
		{"crop-overflow", func(s *Spec) { s.Crop = Rect{X: math.MaxInt, Width: 10, Height: 10} }, "crop"},
		{"crop-wide", func(s *Spec) { s.Crop = Rect{X: 1, Width: math.MaxInt, Height: 10} }, "crop"},
		{"resize-width", func(s *Spec) { s.Resize.Width = 100 }, ""},
		{"resize-height", func(s *Spec) { s.Resize.Height = 100 }, ""},
		{"resize-negative", func(s *Spec) { s.Resize.Width = -3 }, "resize.width"},
		{"resize-wide", func(s *Spec) { s.Resize.Width = 65536 }, "resize.width"},
		{"resize-tall", func(s *Spec) { s.Resize.Height = 65536 }, "resize.height"},
		{"resize-aspect-wide", func(s *Spec) { s.Resize.Height = 65535 }, "resize.width"},
		{"resize-mode", func(s *Spec) { s.Resize = Resize{Width: 1, Mode: 3} }, "resize.mode"},
		{"resize-filter", func(s *Spec) { s.Resize = Resize{Width: 1, Filter: 3} }, "resize.filter"},
		{"mode-without-size", func(s *Spec) { s.Resize.Mode = Fill }, "resize.mode"},
		{"filter-without-size", func(s *Spec) { s.Resize.Filter = Area }, "resize.filter"},
		{"background-without-size", func(s *Spec) { s.Resize.Background = Color{R: 1} }, "resize.background"},
		{"background-stretched", func(s *Spec) { s.Resize = Resize{Width: 9, Background: Color{R: 1}} }, "resize.background"},
		{"background-fit", func(s *Spec) { s.Resize = Resize{Width: 9, Mode: Fit, Background: Color{R: 1}} }, ""},
		{"output-format", func(s *Spec) { s.Output.Format = 5 }, "output.format"},
		{"quality-100", func(s *Spec) { s.Output.Quality = 100 }, ""},
		{"quality-101", func(s *Spec) { s.Output.Quality = 101 }, "output.quality"},
		{"quality-negative", func(s *Spec) { s.Output.Quality = -1 }, "output.quality"},
		{"subsampling", func(s *Spec) { s.Output.Subsampling = 4 }, "output.subsampling"},
		{"restart-65535", func(s *Spec) { s.Output.Restart = 65535 }, ""},
		{"restart-65536", func(s *Spec) { s.Output.Restart = 65536 }, "output.restart"},
		{"restart-negative", func(s *Spec) { s.Output.Restart = -2 }, "output.restart"},
		{"raw", func(s *Spec) { s.Output.Format = RawI420 }, ""},
		{"raw-quality", func(s *Spec) { s.Output = Output{Format: RawRGBA, Quality: 75} }, "output.quality"},
		{"raw-subsampling", func(s *Spec) { s.Output = Output{Format: RawRGBA, Subsampling: jpeg.Gray} }, "output.subsampling"},
		{"reuse", func(s *Spec) { s.Output.Reuse = 2 }, "output.reuse"},
		{"noise-negative", func(s *Spec) { s.Output.Reuse, s.Output.Noise = ReuseSegments, -1 }, "output.noise"},
		{"noise-256", func(s *Spec) { s.Output.Reuse, s.Output.Noise = ReuseSegments, 256 }, "output.noise"},
		{"noise-alone", func(s *Spec) { s.Output.Noise = 1 }, "output.noise"},
		{"raw-reuse", func(s *Spec) { s.Output = Output{Format: RawRGBA, Reuse: ReuseSegments} }, "output.reuse"},
		{"raw-restart", func(s *Spec) { s.Output = Output{Format: RawRGBA, Restart: RestartRow} }, "output.restart"},
		{"scene", func(s *Spec) { *s = Spec{Scene: strings.Repeat("a", 65)} }, "scene"},
		{"scene-name", func(s *Spec) { s.Scene = "../x" }, "scene"},
		{"scene-crop", func(s *Spec) { s.Scene, s.Crop = "anna", Rect{Width: 1, Height: 1} }, "crop"},
		{"scene-resize", func(s *Spec) { s.Scene, s.Resize.Width = "anna", 10 }, "resize"},
		{"scene-output", func(s *Spec) { s.Scene, s.Output.Quality = "anna", 80 }, "output"},
		{"scene-input", func(s *Spec) { s.Scene, s.Input.Width = "anna", 0 }, "input.width"},
		{"raw-large", func(s *Spec) { s.Resize.Width, s.Resize.Height, s.Output.Format = 20_000, 20_000, RawRGBA }, "output.format"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := minimalSpec
			tt.change(&s)
			err := s.Validate()
			if tt.field == "" {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			var se *SpecError
			if !errors.As(err, &se) || se.Field != tt.field {
				t.Fatalf("got error %v, want a SpecError about %s", err, tt.field)
			}
			if !strings.HasPrefix(err.Error(), "pipeline: "+tt.field+": got ") || !strings.Contains(err.Error(), ", want ") {
				t.Errorf(`got error %q, want "pipeline: %s: got X, want Y"`, err, tt.field)
			}
			if _, compileErr := Compile(s, nil); compileErr == nil || compileErr.Error() != err.Error() {
				t.Errorf("Compile: got error %v, want Validate's: %v", compileErr, err)
			}
		})
	}
}

// TestValidateScene: a Spec of a scene is valid, with frames and without, and no pipeline can be made of it.
func TestValidateScene(t *testing.T) {
	for _, s := range []Spec{{Scene: "anna"}, {Scene: "a.b_C-9", Input: minimalSpec.Input}} {
		if err := s.Validate(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
		var se *SpecError
		if _, err := Compile(s, nil); !errors.As(err, &se) || se.Field != "scene" {
			t.Errorf("Compile of %+v: got %v, want a SpecError about scene", s, err)
		}
	}
}

// Whatever JSON says, it is refused or it is a Spec whose texts say the same again, and whose geometry a pipeline can
// be made of.
func FuzzSpec(f *testing.F) {
	f.Add([]byte(fullJSON))
	f.Add([]byte(`{"input":{"format":"bgr24","width":640,"height":360},"resize":{"width":320,"height":320,"mode":"fill"}}`))
	f.Add([]byte(`{"input":{"format":"bgr24","width":640,"height":360},"scene":"anna"}`))
	f.Add([]byte(`{"input":{"format":"nv12","width":7,"height":5,"color":"bt709"},"crop":"3x3+1+1","resize":{"width":5},"output":{"format":"i420"}}`))
	f.Add([]byte(`{"input":{"format":"rgbf32p","width":65535,"height":1,"range":"-1..1"},"output":{"restart":"65535","subsampling":"gray"}}`))
	f.Add([]byte(`{"input":{"format":"gray","width":1,"height":65535},"resize":{"height":1,"mode":"fit","background":"#ffffff"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4096 {
			t.Skip("longer than any Spec")
		}
		var s Spec
		if json.Unmarshal(text, &s) != nil || s.Validate() != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("Marshal of %+v: %v", s, err)
		}
		var fromJSON, fromYAML Spec
		if err := json.Unmarshal(again, &fromJSON); err != nil || fromJSON != s {
			t.Errorf("JSON %s: got %+v, %v, want %+v", again, fromJSON, err, s)
		}
		y, err := yaml.Marshal(s)
		if err != nil {
			t.Fatalf("yaml.Marshal of %+v: %v", s, err)
		}
		if err := yaml.NewDecoder(bytes.NewReader(y)).Decode(&fromYAML); err != nil || fromYAML != s {
			t.Errorf("YAML %s: got %+v, %v, want %+v", y, fromYAML, err, s)
		}
		if s.Scene == "" {
			checkGeometry(t, s)
		}
	})
}
