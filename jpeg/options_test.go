package jpeg

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

func TestOptionsRefused(t *testing.T) {
	tests := []struct {
		name          string
		width, height int
		o             Options
		want          string
	}{
		{"quality-low", 8, 8, Options{Quality: -1}, "jpeg: quality: got -1, want 1..100"},
		{"quality-high", 8, 8, Options{Quality: 101}, "jpeg: quality: got 101, want 1..100"},
		{"subsampling", 8, 8, Options{Subsampling: 4}, "jpeg: subsampling: got Subsampling(4), want 420, 422, 444 or gray"},
		{"restart-low", 8, 8, Options{RestartInterval: -2}, "jpeg: restart interval: got -2, want 0..65535 or -1"},
		{"restart-high", 8, 8, Options{RestartInterval: 65536}, "jpeg: restart interval: got 65536, want 0..65535 or -1"},
		{"width-low", 0, 8, Options{}, "jpeg: width: got 0, want 1..65535"},
		{"width-high", 65536, 8, Options{}, "jpeg: width: got 65536, want 1..65535"},
		{"height-low", 8, -1, Options{}, "jpeg: height: got -1, want 1..65535"},
		{"kernels", 8, 8, Options{Kernels: "sse"}, `jpeg: kernels: got "sse", want one of ["generic" "neon" "avx2" "avx512"]`},
		{"height-high", 8, 65536, Options{}, "jpeg: height: got 65536, want 1..65535"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.o.config(test.width, test.height)
			if _, ok := errors.AsType[*OptionsError](err); !ok || err.Error() != test.want {
				t.Errorf("got %T %v, want *OptionsError %s", err, err, test.want)
			}
		})
	}
}

func TestSubsamplingText(t *testing.T) {
	tests := []struct {
		text string
		want Subsampling
	}{{"420", Sub420}, {"422", Sub422}, {"444", Sub444}, {"gray", Gray}, {"4:2:2", Sub422}, {"GRAY", Gray}, {"", Sub420}}
	for _, test := range tests {
		var got Subsampling
		if err := got.UnmarshalText([]byte(test.text)); err != nil || got != test.want {
			t.Errorf("%q: got %v, %v, want %v", test.text, got, err, test.want)
		}
	}
	for s := range Gray + 1 {
		b, err := json.Marshal(s)
		if want := `"` + s.String() + `"`; err != nil || string(b) != want {
			t.Errorf("got %s, %v, want %s", b, err, want)
		}
		var back Subsampling
		if err := json.Unmarshal(b, &back); err != nil || back != s {
			t.Errorf("%s: got %v, %v, want %v", b, back, err, s)
		}
	}
	if _, err := json.Marshal(Gray + 1); err == nil {
		t.Error("an invalid Subsampling has a text, want an error")
	}
	want := `jpeg: subsampling: got "411", want 420, 422, 444 or gray`
	if _, err := ParseSubsampling("411"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAppendRefuses wants dst back as it was.
func TestAppendRefuses(t *testing.T) {
	e, err := NewEncoder(frame.Desc{Format: frame.RGB24, Width: 16, Height: 16}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dst := []byte("what was there")
	for _, f := range []frame.Frame{{}, newTestImage(16, 17, 1).frame(t, frame.RGB24), newTestImage(16, 16, 1).frame(t, frame.BGR24)} {
		got, err := e.Append(dst, f)
		if _, ok := errors.AsType[*frame.DescError](err); !ok {
			t.Errorf("%v: got %v, want a *frame.DescError", f.Desc, err)
		}
		if string(got) != "what was there" || &got[0] != &dst[0] {
			t.Errorf("%v: got %q, want dst", f.Desc, got)
		}
	}
	if _, err := NewEncoder(frame.Desc{}, nil); err == nil {
		t.Error("the zero Desc has an Encoder, want an error")
	}
}
