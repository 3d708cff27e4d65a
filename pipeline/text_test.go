package pipeline

import (
	"encoding"
	"strings"
	"testing"
)

func TestTexts(t *testing.T) {
	tests := []struct {
		value encoding.TextMarshaler
		into  encoding.TextUnmarshaler
		got   func(encoding.TextUnmarshaler) any
		texts []string // the first is the canonical one
	}{
		{Stretch, new(Mode), deref[Mode], []string{"stretch", "Stretch"}},
		{Fit, new(Mode), deref[Mode], []string{"fit"}},
		{Fill, new(Mode), deref[Mode], []string{"fill", "FILL"}},
		{Bilinear, new(Filter), deref[Filter], []string{"bilinear"}},
		{Area, new(Filter), deref[Filter], []string{"area"}},
		{Nearest, new(Filter), deref[Filter], []string{"nearest"}},
		{JPEG, new(OutputFormat), deref[OutputFormat], []string{"jpeg", "JPEG"}},
		{RawRGBA, new(OutputFormat), deref[OutputFormat], []string{"rgba", "rgba8"}},
		{RawRGB24, new(OutputFormat), deref[OutputFormat], []string{"rgb24", "rgb8"}},
		{RawBGR24, new(OutputFormat), deref[OutputFormat], []string{"bgr24", "bgr8"}},
		{RawI420, new(OutputFormat), deref[OutputFormat], []string{"yuv420p", "i420", "I420"}},
		{RestartNone, new(Restart), deref[Restart], []string{"none", "0"}},
		{RestartRow, new(Restart), deref[Restart], []string{"row", "Row"}},
		{Restart(12), new(Restart), deref[Restart], []string{"12"}},
		{Restart(65535), new(Restart), deref[Restart], []string{"65535"}},
		{Rect{X: 16, Y: 8, Width: 320, Height: 240}, new(Rect), deref[Rect], []string{"320x240+16+8"}},
		{Rect{X: -16, Y: -8, Width: 1, Height: 2}, new(Rect), deref[Rect], []string{"1x2-16-8"}},
		{Rect{}, new(Rect), deref[Rect], []string{"0x0+0+0"}},
		{Color{R: 1, G: 0x20, B: 0xff}, new(Color), deref[Color], []string{"#0120ff", "0120FF", "#0120fF"}},
	}
	for _, tt := range tests {
		t.Run(tt.texts[0], func(t *testing.T) {
			if got, err := tt.value.MarshalText(); err != nil || string(got) != tt.texts[0] {
				t.Errorf("MarshalText: got %q, %v, want %q", got, err, tt.texts[0])
			}
			for _, text := range tt.texts {
				if err := tt.into.UnmarshalText([]byte(text)); err != nil || tt.got(tt.into) != tt.value {
					t.Errorf("UnmarshalText(%q): got %v, %v, want %v", text, tt.got(tt.into), err, tt.value)
				}
			}
		})
	}
}

// deref returns what u points to.
func deref[T any](u encoding.TextUnmarshaler) any { return *any(u).(*T) }

func TestUnknownTexts(t *testing.T) {
	tests := []struct {
		name, text string
		into       encoding.TextUnmarshaler
		want       string // part of the error
	}{
		{"mode", "cover", new(Mode), `got "cover", want one of stretch, fit, fill`},
		{"mode-empty", "", new(Mode), `got "", want one of stretch, fit, fill`},
		{"filter", "lanczos", new(Filter), "want one of bilinear, area, nearest"},
		{"format", "png", new(OutputFormat), "want one of jpeg, rgba, rgb24, bgr24, yuv420p"},
		{"format-not-made", "nv12", new(OutputFormat), "want one of jpeg, rgba, rgb24, bgr24, yuv420p"},
		{"restart", "col", new(Restart), "want none, row or 0..65535"},
		{"restart-negative", "-1", new(Restart), "want none, row or 0..65535"},
		{"restart-large", "65536", new(Restart), "want none, row or 0..65535"},
		{"rect-size-alone", "320x240", new(Rect), "want WIDTHxHEIGHT+X+Y"},
		{"rect-rest", "320x240+1+2+3", new(Rect), "want WIDTHxHEIGHT+X+Y"},
		{"rect-signs", "320x240+-1+2", new(Rect), "want WIDTHxHEIGHT+X+Y"},
		{"rect-negative-width", "-320x240+1+2", new(Rect), "want WIDTHxHEIGHT+X+Y"},
		{"rect-large", "4294967296x240+1+2", new(Rect), "want WIDTHxHEIGHT+X+Y"},
		{"rect-space", "320x240 +1+2", new(Rect), "want WIDTHxHEIGHT+X+Y"},
		{"color-short", "#123", new(Color), "want #rrggbb"},
		{"color-name", "orange", new(Color), "want #rrggbb"},
		{"color-sign", "+12345", new(Color), "want #rrggbb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.into.UnmarshalText([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "pipeline: ") {
				t.Errorf("UnmarshalText(%q): got error %v, want %q", tt.text, err, tt.want)
			}
		})
	}
}

func TestValuesWithoutText(t *testing.T) {
	for _, v := range []encoding.TextMarshaler{Mode(3), Filter(3), OutputFormat(5), Restart(-2), Restart(65536)} {
		if text, err := v.MarshalText(); err == nil {
			t.Errorf("MarshalText of %T %v: got %q, want an error", v, v, text)
		}
	}
	if got, want := Mode(9).String(), "Mode(9)"; got != want {
		t.Errorf("String: got %q, want %q", got, want)
	}
}

func TestParseResize(t *testing.T) {
	tests := []struct {
		text          string
		width, height int
		ok            bool
	}{
		{"320x240", 320, 240, true},
		{"320x", 320, 0, true},
		{"x240", 0, 240, true},
		{"65535x1", 65535, 1, true},
		{"x", 0, 0, false},
		{"", 0, 0, false},
		{"320", 0, 0, false},
		{"0x240", 0, 0, false},
		{"-1x", 0, 0, false},
		{"65536x", 0, 0, false},
		{"320x240x", 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			width, height, err := ParseResize(tt.text)
			if (err == nil) != tt.ok || width != tt.width || height != tt.height {
				t.Errorf("got %d, %d, %v, want %d, %d and ok %t", width, height, err, tt.width, tt.height, tt.ok)
			}
		})
	}
}
