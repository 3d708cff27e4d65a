package ffmpeg

import (
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestParser(t *testing.T) {
	const (
		n  = "[Parsed_showinfo_2 @ 0x55dacd3d5ac0] [info] "
		tb = n + "config in time_base: 1/1000, frame_rate: 5/1\n"
		f1 = "n:   1 pts:    200 pts_time:0.2     pos:     2306 fmt:yuv422p sar:1/1 s:160x120 i:P iskey:0 type:I "
		c1 = "color_range:tv color_space:bt2020nc color_primaries:bt2020 color_trc:smpte2084"
	)
	whole := frameInfo{200 * time.Millisecond, "yuv422p", 160, 120, "tv", "bt2020nc", "bt2020", "smpte2084"}
	plain := frameInfo{pts: noTime, pixFmt: "gray", width: 8, height: 4}
	tests := []struct {
		name, lines string
		want        []frameInfo
	}{
		{"usual", n + f1 + "\n" + n + c1, []frameInfo{whole}},
		{"two", n + f1 + "\n" + n + c1 + "\n" + n + f1 + "\n" + n + c1, []frameInfo{whole, whole}},
		{"unknown", n + "n: 0 pts: NOPTS pts_time:NOPTS fmt:gray sar:0/1 s:8x4 i:P\n" + n + "color_range:unknown color_space:unknown color_primaries:unknown color_trc:unknown", []frameInfo{plain}},
		{"torn-before-colors", n + f1 + "[h264 @ 0x1] [error] concealing\n" + n + c1, []frameInfo{whole}},
		{"torn-in-colors", n + f1 + "\n" + n + "color_range:tv[h264 @ 0x1] [error] concealing\n" + n + " color_space:bt2020nc color_primaries:bt2020 color_trc:smpte2084", []frameInfo{whole}},
		{"between", n + f1 + "\n[h264 @ 0x1] [error] concealing\n" + n + c1, []frameInfo{whole}},
		{"config", n + "config in time_base: 1/1000, frame_rate: 5/1\n" + n + f1 + "\n" + n + c1, []frameInfo{whole}},
		{"colors-alone", n + c1, nil},
		{"in-metadata", "[info]     title           : " + n + f1 + "\n[info]     x  : " + n + c1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p parser
			var got []frameInfo
			for line := range strings.Lines(tb + tt.lines) {
				if p.add([]byte(line)) {
					got = append(got, p.frame)
				}
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %d frames, want %d", len(got), len(tt.want))
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("frame %d: got %+v, want %+v", i, got[i], tt.want[i])
				}
			}
		})
	}
}

func TestParserInfo(t *testing.T) {
	const head = `[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:x.mp4':
[info]   Metadata:
[info]     major_brand     : isom
[info]   Duration: 01:02:03.50, start: 0.000000, bitrate: 12 kb/s
[info]   Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz
[info]   Stream #0:1: Video: mjpeg (Baseline), yuvj444p(pc), 600x600, 90k tbr, 90k tbn (attached pic)
[info]   Stream #0:2[0x2](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709), 1280x720 [SAR 1:1 DAR 16:9], 29.97 fps, 29.97 tbr, 90k tbn
[info] Stream mapping:
[info]   Stream #0:2 -> #0:0 (h264 (native) -> rawvideo (native))
[h264 @ 0x5581] [error] error while decoding MB 3 4
`
	var p parser
	for line := range strings.Lines(head) {
		p.add([]byte(line))
	}
	want := Info{"mov,mp4,m4a,3gp,3g2,mj2", "h264", time.Hour + 2*time.Minute + 3500*time.Millisecond, 29.97}
	if p.info != want || p.audio != "aac" {
		t.Errorf("got %+v, audio %s; want %+v, audio aac", p.info, p.audio, want)
	}
	if len(p.failures) != 1 || p.failures[0] != "h264: error while decoding MB 3 4" {
		t.Errorf("failures: got %q", p.failures)
	}
}

// FuzzParser: whatever a child writes, frames have sizes and times that fit, and what is kept is bounded.
func FuzzParser(f *testing.F) {
	f.Add("[Parsed_showinfo_2 @ 0x5] [info] n: 1 pts:1 pts_time:0.2 fmt:gray s:16x12\n[Parsed_showinfo_2 @ 0x5] [info] color_range:tv color_trc:bt709")
	f.Add("[Parsed_showinfo_2 @ 0x5] [info] config in time_base: 1/1000, x\n[Parsed_showinfo_2 @ 0x5] [info] n: 1 pts:  -1 fmt:x s:1x1\n[Parsed_showinfo_2 @ 0x5] [info] color_trc:")
	f.Add("[info] Stream #0:0: Video: h264, 30k fps\n[a @ 0x1] [error] x")
	f.Add("[info]   Duration: 99:99:99.99, start")
	f.Add("[[ @ 0x[error] ]")
	f.Fuzz(func(t *testing.T, lines string) {
		var p parser
		for line := range strings.Lines(lines) {
			if !p.add([]byte(line)) {
				continue
			}
			if i := p.frame; i.width < 0 || i.height < 0 || i.width > maxSide || i.height > maxSide || (i.width == 0) != (i.height == 0) {
				t.Errorf("size: got %dx%d", i.width, i.height)
			}
			if pts := p.frame.pts; pts != noTime && pts.Abs() > maxSeconds*time.Second {
				t.Errorf("time: got %v", pts)
			}
		}
		if n := len(p.failures); n > maxFailures {
			t.Errorf("got %d failures kept, want at most %d", n, maxFailures)
		}
		if i := p.info; i.Duration < 0 || i.FPS < 0 || i.FPS > 1e9 {
			t.Errorf("got %+v", i)
		}
	})
}

// TestParserAllocs: frames cost nothing, so that the program that reads them allocates nothing for each.
func TestParserAllocs(t *testing.T) {
	var p parser
	lines := [][]byte{
		[]byte("[Parsed_showinfo_2 @ 0x55dacd3d5ac0] [info] n:   1 pts:    200 pts_time:0.2     pos:     2306 fmt:yuv422p sar:1/1 s:160x120 i:P iskey:0 type:I \n"),
		[]byte("[Parsed_showinfo_2 @ 0x55dacd3d5ac0] [info] color_range:tv color_space:bt709 color_primaries:unknown color_trc:bt709\n"),
	}
	alloctest.Zero(t, 1000, func() {
		for _, line := range lines {
			p.add(line)
		}
	})
}
