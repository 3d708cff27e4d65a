package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

func TestExplain(t *testing.T) {
	in := frame.Desc{Format: frame.NV12, Width: 1920, Height: 1080}
	tests := []struct {
		name    string
		spec    Spec
		workers int
		want    []string // parts of lines, in order
	}{
		{
			"jpeg", Spec{Input: in, Crop: Rect{X: 100, Y: 50, Width: 1600, Height: 900}, Resize: Resize{Width: 640, Height: 640, Mode: Fit, Filter: Area, Background: Color{R: 255}}}, 1,
			[]string{
				"input    nv12 1920x1080 limited, 3110400 bytes a frame\n",
				"crop     1600x900+100+50\n",
				"resize   1600x900 to 640x360 (by 0.4 x 0.4), fit, area, at +0+140 on #ff0000\n",
				"stage    ", "dct ", "huff ",
				"output   jpeg quality 75 420 restart none 640x640, at most ",
				" bytes of scratch a worker, workers: 1\n",
				"split    no: output.restart",
			},
		},
		{
			"restart", Spec{Input: in, Output: Output{Restart: RestartRow}}, 2,
			[]string{"resize   none\n", "workers: 2\n", "split    yes, into at most 68 parts of 1 of 68 bands\n"},
		},
		{
			"raw", Spec{Input: in, Resize: Resize{Height: 540}, Output: Output{Format: RawRGB24}}, 1,
			[]string{"resize   1920x1080 to 960x540 (by 0.5 x 0.5), stretch, bilinear\n", "stage    pack: ", "rgb24 960x540, at most 1555200 bytes, 1555200 expected", "68 bands"},
		},
		{
			"copy", Spec{Input: frame.Desc{Format: frame.I420, Width: 64, Height: 64}, Output: Output{Format: RawI420}}, 1,
			[]string{"stage    copy", "yuv420p limited bt601 64x64", "0 bytes of scratch", "split    no\n"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := compile(t, tt.spec, newWorkers(t, tt.workers)).Explain()
			rest := got
			for _, want := range tt.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("got\n%s, want %q in its place", got, want)
				}
				rest = after
			}
			for _, l := range lines(got) {
				if subject, text, ok := strings.Cut(l, " "); !ok || subject == "" || strings.TrimSpace(text) == "" {
					t.Errorf("got line %q, want a subject and a text", l)
				}
			}
		})
	}
}

// No output is larger than MaxOutput says, and what FrameBytes says is what was seen.
func TestSizesHold(t *testing.T) {
	for _, o := range []Output{{Quality: 100}, {Quality: 100, Restart: 1}, {Format: RawRGBA}} {
		t.Run(fmt.Sprintf("%s/restart=%s", o.Format, o.Restart), func(t *testing.T) {
			s := Spec{Input: frame.Desc{Format: frame.RGB24, Width: 65, Height: 49}, Output: o}
			p := compile(t, s, nil)
			got := len(runOne(t, p, draw(t, s.Input, noise, 0)))
			if got > p.MaxOutput() {
				t.Errorf("got %d bytes, want <= %d", got, p.MaxOutput())
			}
			in := pool.ClassSize(65 * 49 * 3)
			if n := p.FrameBytes(); n < in+pool.ClassSize(got) || n > in+pool.ClassSize(got+got/8) {
				t.Errorf("FrameBytes after %d bytes: got %d, want the classes of input and output", got, n)
			}
		})
	}
}
