package httpapi

import (
	"net/url"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

func TestParseQuery(t *testing.T) {
	bgr := frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}
	tests := []struct {
		query string
		want  pipeline.Spec
	}{
		{"", pipeline.Spec{}},
		{"format=bgr24&size=640x360", pipeline.Spec{Input: bgr}},
		{"format=bgr8&size=640X360&quality=80", pipeline.Spec{Input: bgr, Output: pipeline.Output{Quality: 80}}},
		{"resize=320x", pipeline.Spec{Resize: pipeline.Resize{Width: 320}}},
		{"resize=x200", pipeline.Spec{Resize: pipeline.Resize{Height: 200}}},
		{"format=i420&size=4x4&resize=320x320&crop=2x2%2B1%2B1&mode=fit&filter=area&quality=1&subsampling=444&restart=row&reuse=segments&noise=7&range=full&color=bt709&output=jpeg&background=%23010203",
			pipeline.Spec{
				Input:  frame.Desc{Format: frame.I420, Width: 4, Height: 4, Range: frame.RangeFull, Color: frame.BT709},
				Crop:   pipeline.Rect{X: 1, Y: 1, Width: 2, Height: 2},
				Resize: pipeline.Resize{Width: 320, Height: 320, Mode: pipeline.Fit, Filter: pipeline.Area, Background: pipeline.Color{R: 1, G: 2, B: 3}},
				Output: pipeline.Output{Quality: 1, Subsampling: jpeg.Sub444, Restart: pipeline.RestartRow, Reuse: pipeline.ReuseSegments, Noise: 7},
			}},
		{"output=yuv420p", pipeline.Spec{Output: pipeline.Output{Format: pipeline.RawI420}}},
	}
	for _, tt := range tests {
		if got, _, err := ParseQuery(tt.query); err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v\nwant %+v", tt.query, got, err, tt.want)
		}
	}
}

// FuzzParseQuery: whatever the query, ParseQuery returns a Spec or an Invalid fault that names a parameter of it; and
// the parameters mean the same in any order.
func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{
		"", "format=bgr24&size=640x360&resize=320x320", "crop=10x10%2B1%2B2", "crop=10x10+1+2", "quality=0", "quality=999999999999", "size=65536x65536", "resize=x", "resize=1x",
		"background=%23ffffff&mode=fit", "a=b", "format", "format=&format=", "%", "restart=-1", "restart=row;quality=3", "&&&", "range=0..1&color=bt2020",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if len(query) > 1<<10 {
			t.Skip()
		}
		s, names, err := ParseQuery(query)
		if err != nil {
			e := fault.From(err)
			if e.Kind != fault.Invalid || e.Field == "" {
				t.Fatalf("%q: got %v of kind %s about %q, want an Invalid fault about a parameter", query, err, e.Kind, e.Field)
			}
			return
		}
		if _, err := pipelineOf(s); err != nil && fault.From(err).Kind != fault.Invalid {
			t.Fatalf("%q: got %v from its Spec", query, err)
		}
		q, err := url.ParseQuery(query)
		if err != nil || len(names) != len(q) {
			t.Fatalf("%q: got names %q, want those of %v, %v", query, names, q, err)
		}
		parts := strings.Split(query, "&")
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
		if again, _, err := ParseQuery(strings.Join(parts, "&")); err != nil || again != s {
			t.Fatalf("%q: got %+v, %v backwards, want %+v", query, again, err, s)
		}
	})
}

// pipelineOf says what is wrong with s, as the engine does.
func pipelineOf(s pipeline.Spec) (pipeline.Spec, error) { return s, s.Validate() }
