package frame_test

import (
	"encoding"
	"encoding/json"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/steadyframe/steadyframe/frame"
)

func TestParsePixelFormat(t *testing.T) {
	tests := []struct {
		name string
		want frame.PixelFormat
	}{
		{"bgr24", frame.BGR24}, {"rgb24", frame.RGB24}, {"bgra", frame.BGRA}, {"rgba", frame.RGBA}, {"gray", frame.Gray8},
		{"yuv420p", frame.I420}, {"nv12", frame.NV12}, {"bgrf32p", frame.BGRF32P}, {"rgbf32p", frame.RGBF32P},
		{"bgr24p", frame.BGR24P}, {"rgb24p", frame.RGB24P}, {"bgrf32", frame.BGRF32}, {"rgbf32", frame.RGBF32},
		{"bgrf16p", frame.BGRF16P}, {"rgbf16p", frame.RGBF16P}, {"bgrf16", frame.BGRF16}, {"rgbf16", frame.RGBF16},
		{"BGRP", frame.BGR24P}, {"RGBP", frame.RGB24P}, {"rgbf32le", frame.RGBF32}, {"rgbf16le", frame.RGBF16},
		{"bgr8", frame.BGR24}, {"rgb8", frame.RGB24}, {"bgra8", frame.BGRA}, {"rgba8", frame.RGBA}, {"mono8", frame.Gray8},
		{"i420", frame.I420}, {"I420", frame.I420}, {"NV12", frame.NV12}, {"BGRx", frame.BGRA}, {"rgb0", frame.RGBA}, {"GRAY8", frame.Gray8},
	}
	for _, tt := range tests {
		if got, err := frame.ParsePixelFormat(tt.name); got != tt.want || err != nil {
			t.Errorf("%q: got %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
	for _, f := range frame.Formats() {
		if got, err := frame.ParsePixelFormat(f.String()); got != f || err != nil || !f.Valid() {
			t.Errorf("%s: got %s, %v", f, got, err)
		}
	}
	if got, want := len(frame.Formats()), 17; got != want {
		t.Errorf("got %d formats, want %d", got, want)
	}
	_, err := frame.ParsePixelFormat("yuv444p")
	wantDescError(t, err, "format",
		`got "yuv444p", want one of bgr24, rgb24, bgra, rgba, gray, yuv420p, nv12, bgrf32p, rgbf32p, bgr24p, rgb24p, bgrf32, rgbf32, bgrf16p, rgbf16p, bgrf16, rgbf16`)
	_, err = frame.ParsePixelFormat("yuvj420p")
	wantDescError(t, err, "format", "want yuv420p with range full")
	_, err = frame.ParsePixelFormat("")
	wantDescError(t, err, "format", `got ""`)
}

func TestInvalidFormat(t *testing.T) {
	for _, f := range []frame.PixelFormat{0, 18, 255} {
		if f.Valid() || f.Planes() != 0 || f.SampleBytes(0) != 0 || f.IsFloat() || f.IsFloat16() || f.IsYUV() || f.IsBGR() {
			t.Errorf("%s: got valid %t, %d planes, want nothing", f, f.Valid(), f.Planes())
		}
	}
	if n := frame.NV12.SampleBytes(-1) + frame.NV12.SampleBytes(2) + frame.NV12.SampleBytes(3); n != 0 {
		t.Errorf("got %d bytes for planes that nv12 has not, want 0", n)
	}
}

func TestParseValueRange(t *testing.T) {
	tests := map[string]frame.ValueRange{
		"": frame.RangeDefault, "default": frame.RangeDefault, "full": frame.RangeFull, "FULL": frame.RangeFull, "pc": frame.RangeFull,
		"jpeg": frame.RangeFull, "limited": frame.RangeLimited, "tv": frame.RangeLimited, "mpeg": frame.RangeLimited,
		"0..1": frame.RangeUnit, "0..255": frame.RangeByte, "-1..1": frame.RangeSigned,
	}
	for s, want := range tests {
		if got, err := frame.ParseValueRange(s); got != want || err != nil {
			t.Errorf("%q: got %s, %v, want %s", s, got, err, want)
		}
	}
	_, err := frame.ParseValueRange("0-255")
	wantDescError(t, err, "range", `got "0-255", want one of default, full, limited, 0..1, 0..255, -1..1`)
}

func TestParseColorSpace(t *testing.T) {
	tests := map[string]frame.ColorSpace{
		"": frame.BT601, "bt601": frame.BT601, "smpte170m": frame.BT601, "bt470bg": frame.BT601, "bt709": frame.BT709, "BT709": frame.BT709,
	}
	for s, want := range tests {
		if got, err := frame.ParseColorSpace(s); got != want || err != nil {
			t.Errorf("%q: got %s, %v, want %s", s, got, err, want)
		}
	}
	_, err := frame.ParseColorSpace("bt2020")
	wantDescError(t, err, "color", `got "bt2020", want one of bt601, bt709`)
}

func TestMarshalTextRefuses(t *testing.T) {
	tests := []struct {
		value encoding.TextMarshaler
		field string
	}{
		{frame.PixelFormat(18), "format"}, {frame.ValueRange(6), "range"}, {frame.ColorSpace(2), "color"},
	}
	for _, tt := range tests {
		text, err := tt.value.MarshalText()
		if text != nil {
			t.Errorf("%v: got %q with an error", tt.value, text)
		}
		wantDescError(t, err, tt.field, "got ")
	}
}

// TestDescText: the exact JSON and YAML of a Desc, and that both read back as it.
func TestDescText(t *testing.T) {
	tests := []struct {
		name       string
		desc       frame.Desc
		json, yaml string
	}{
		{"plain", frame.Desc{Format: frame.BGR24, Width: 640, Height: 360},
			`{"format":"bgr24","width":640,"height":360}`, "format: bgr24\nwidth: 640\nheight: 360\n"},
		{"all", frame.Desc{Format: frame.NV12, Width: 2, Height: 1, Range: frame.RangeFull, Color: frame.BT709},
			`{"format":"nv12","width":2,"height":1,"range":"full","color":"bt709"}`,
			"format: nv12\nwidth: 2\nheight: 1\nrange: full\ncolor: bt709\n"},
		{"float", frame.Desc{Format: frame.BGRF32P, Width: 2, Height: 1, Range: frame.RangeSigned},
			`{"format":"bgrf32p","width":2,"height":1,"range":"-1..1"}`,
			"format: bgrf32p\nwidth: 2\nheight: 1\nrange: -1..1\n"},
		{"zero", frame.Desc{}, `{"format":"","width":0,"height":0}`, "format: \"\"\nwidth: 0\nheight: 0\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			js, err := json.Marshal(tt.desc)
			if string(js) != tt.json || err != nil {
				t.Errorf("JSON: got %s, %v, want %s", js, err, tt.json)
			}
			var fromJSON frame.Desc
			if err := json.Unmarshal(js, &fromJSON); fromJSON != tt.desc || err != nil {
				t.Errorf("JSON back: got %+v, %v, want %+v", fromJSON, err, tt.desc)
			}
			ym, err := yaml.Marshal(tt.desc)
			if string(ym) != tt.yaml || err != nil {
				t.Errorf("YAML: got %s, %v, want %s", ym, err, tt.yaml)
			}
			var fromYAML frame.Desc
			if err := yaml.Unmarshal(ym, &fromYAML); fromYAML != tt.desc || err != nil {
				t.Errorf("YAML back: got %+v, %v, want %+v", fromYAML, err, tt.desc)
			}
		})
	}
	var d frame.Desc
	wantDescError(t, json.Unmarshal([]byte(`{"format":"bgr99"}`), &d), "format", `got "bgr99"`)
}
