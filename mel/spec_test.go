package mel

import (
	"encoding"
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

func TestPresets(t *testing.T) {
	want := []string{"wav2lip", "whisper80", "whisper128", "kaldi", "htk", "librosa"}
	if got := Presets(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, name := range Presets() {
		s := preset(t, name)
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Spec
		if err := json.Unmarshal(text, &back); err != nil || back != s {
			t.Errorf("%s: got %+v, %v back from %s", name, back, err, text)
		}
	}
}

// TestTexts wants a text for each value, which comes back, and errors for others.
func TestTexts(t *testing.T) {
	type enum interface {
		encoding.TextMarshaler
		String() string
	}
	tests := []struct {
		field  string
		names  []string
		value  func(i uint8) enum
		parsed func(text string) (enum, error)
	}{
		{"shape", shapeNames, func(i uint8) enum { return Shape(i) }, func(s string) (enum, error) { var v Shape; err := v.UnmarshalText([]byte(s)); return v, err }},
		{"frames", framesNames, func(i uint8) enum { return Frames(i) }, func(s string) (enum, error) { var v Frames; err := v.UnmarshalText([]byte(s)); return v, err }},
		{"padding", paddingNames, func(i uint8) enum { return Padding(i) }, func(s string) (enum, error) { var v Padding; err := v.UnmarshalText([]byte(s)); return v, err }},
		{"spectrum", spectrumNames, func(i uint8) enum { return Spectrum(i) }, func(s string) (enum, error) { var v Spectrum; err := v.UnmarshalText([]byte(s)); return v, err }},
		{"scale", scaleNames, func(i uint8) enum { return Scale(i) }, func(s string) (enum, error) { var v Scale; err := v.UnmarshalText([]byte(s)); return v, err }},
		{"norm", normNames, func(i uint8) enum { return Norm(i) }, func(s string) (enum, error) { var v Norm; err := v.UnmarshalText([]byte(s)); return v, err }},
		{"log.base", baseNames, func(i uint8) enum { return Base(i) }, func(s string) (enum, error) { var v Base; err := v.UnmarshalText([]byte(s)); return v, err }},
	}
	for _, tt := range tests {
		for i, name := range tt.names {
			v := tt.value(uint8(i))
			text, err := v.MarshalText()
			if err != nil || string(text) != name || v.String() != name {
				t.Errorf("%s %d: got %q, %v, want %q", tt.field, i, text, err, name)
			}
			if back, err := tt.parsed(name); err != nil || back != v {
				t.Errorf("%s %q: got %v, %v, want %v", tt.field, name, back, err, v)
			}
		}
		beyond := tt.value(uint8(len(tt.names)))
		_, err := beyond.MarshalText()
		_, err2 := tt.parsed("loud")
		for _, err := range []error{err, err2} {
			var se *SpecError
			if !errors.As(err, &se) || se.Field != tt.field {
				t.Errorf("%s: got %v, want a SpecError of it", tt.field, err)
			}
		}
		if beyond.String() == "" {
			t.Errorf("%s: a value without a text has no String", tt.field)
		}
	}
}
