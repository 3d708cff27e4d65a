package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// everySetting is a stream with each of its settings set, but the scene, which goes with few of them.
var everySetting = Stream{
	Source: "https://camera/snap.jpg?channel=3", Every: Duration(2 * time.Second), CA: "ca.pem", Insecure: true, FPS: 12.5, Range: frame.RangeFull, Color: ColorSpace{frame.BT709, true},
	Crop: pipeline.Rect{X: 10, Y: 20, Width: 300, Height: 150}, Resize: ImageSize{160, 90}, Mode: pipeline.Fit, Filter: pipeline.Area,
	Background: pipeline.Color{R: 1, G: 2, B: 3}, Quality: 60, Subsampling: jpeg.Sub444, Restart: pipeline.RestartRow, Reuse: pipeline.ReuseSegments, Noise: 4, Sound: true,
}

func TestStreamsFromEverywhere(t *testing.T) {
	for i := range reflect.TypeFor[Stream]().NumField() {
		if name := reflect.TypeFor[Stream]().Field(i).Name; name != "Scene" && reflect.ValueOf(everySetting).Field(i).IsZero() {
			t.Errorf("everySetting lacks %s", reflect.TypeFor[Stream]().Field(i).Name)
		}
	}
	yaml := `streams:
  cam1: {source: "https://camera/snap.jpg?channel=3", every: 2s, ca: ca.pem, insecure: true, sound: true, fps: 12.5, range: full, color: bt709, crop: 300x150+10+20, resize: 160x90, mode: fit, filter: area,
    background: "#010203", quality: 60, subsampling: 444, restart: row, reuse: segments, noise: 4}
  front.door-2: {source: rtsp://camera/1, quality: 50}
  head: {source: face.mp4, scene: anna, fps: 25, range: full, sound: true}
  anybody:
`
	c, err := Parse("f.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	want := Streams{"cam1": everySetting, "front.door-2": {Source: "rtsp://camera/1", Quality: 50}, "anybody": {}, "head": {Source: "face.mp4", Scene: "anna", FPS: 25, Range: frame.RangeFull, Sound: true}}
	if !reflect.DeepEqual(c.Streams, want) {
		t.Errorf("got %+v\nwant %+v", c.Streams, want)
	}

	c, err = Load(LoadOptions{
		Environ: []string{"STEADYFRAME_STREAMS_CAM_1_SOURCE=testsrc", "STEADYFRAME_STREAMS_CAM_1_QUALITY=70"},
		Set:     map[string]string{"streams.cam_1.quality": "80", "streams.a.b.source": "file.mp4", "live.encode_unwatched": "true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want = Streams{"cam_1": {Source: "testsrc", Quality: 80}, "a.b": {Source: "file.mp4"}}
	if !reflect.DeepEqual(c.Streams, want) || !c.Live.EncodeUnwatched {
		t.Errorf("got %+v, encode_unwatched %v\nwant %+v and true", c.Streams, c.Live.EncodeUnwatched, want)
	}
}

// TestEnvironOfAKnownStream: a variable means the stream of the file whose name it is in capitals.
func TestEnvironOfAKnownStream(t *testing.T) {
	c := Default()
	c.Streams = Streams{"Front.Door-2": {}}
	target := newTarget(&c)
	if err := target.setEnviron([]string{"STEADYFRAME_STREAMS_FRONT_DOOR_2_FPS=5"}); err != nil {
		t.Fatal(err)
	}
	target.keepNamed()
	if want := (Streams{"Front.Door-2": {FPS: 5}}); !reflect.DeepEqual(c.Streams, want) {
		t.Errorf("got %+v, want %+v", c.Streams, want)
	}
}

func TestStreamErrors(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"unknown", "streams: {cam1: {sorce: x}}", "config: unknown setting streams.cam1.sorce (f.yaml line 1): did you mean streams.cam1.source?"},
		{"scalar", "streams: {cam1: testsrc}", "config: streams.cam1 (f.yaml line 1): got a single value, want a mapping"},
		{"list", "streams: [cam1]", "config: streams (f.yaml line 1): got a list, want a mapping"},
		{"twice", "streams: {a: {fps: 1}, a: {fps: 2}}", "config: streams.a (f.yaml line 1): got it twice, want it once"},
		{"option", "streams: {a: {source: -i}}", `config: streams.a.source: got "-i", want no hyphen before it; a file of that name is ./-i`},
		{"option-secret", "streams: {a: {source: \"rtsp://u:hunter2@h/\\x01\"}}", `config: streams.a.source: got a control character in "rtsp://u:xxxxx@h/\x01", want none`},
		{"masked-query", "streams: {a: {source: \"http://h/?pwd=xxxxx\"}}", "config: streams.a.source: got http://h/?pwd=xxxxx, where xxxxx stands for a secret that is not shown: want the secret"},
		{"every-file", "streams: {a: {source: a.mp4, every: 2s}}", "config: streams.a.every: got 2s, want it for sources that begin http:// or https:// alone"},
		{"every-short", "streams: {a: {source: \"HTTP://c/\", every: 1ms}}", "config: streams.a.every: got 1ms, want 20ms..24h0m0s"},
		{"every-number", "streams: {a: {source: \"http://c/\", every: 2}}", `config: streams.a.every (f.yaml line 1): got "2", want a time such as 20s or 1m30s`},
		{"every", "streams: {a: {source: \"https://c/\", every: 2s, insecure: true}}", ""},
		{"ca", "streams: {a: {source: \"http://c/\", ca: ca.pem}}", "config: streams.a.ca: got ca.pem, want it for sources that begin https:// or grpcs:// alone"},
		{"insecure", "streams: {a: {source: \"rtsps://c/\", insecure: true}}", "config: streams.a.insecure: got true, want it for sources that begin https:// or grpcs:// alone"},
		{"sound", "streams: {a: {sound: true}}", "config: streams.a.sound: got true, want it for streams with a source; publishers send sound themselves"},
		{"sound-test", "streams: {a: {source: testsrc, sound: true}}", "config: streams.a.sound: got true, want it for sources that ffmpeg reads; testsrc has no sound"},
		{"scene-name", "streams: {a: {scene: ../x}}", "config: streams.a.scene: "},
		{"scene-camera", "streams: {a: {source: \"http://c/\", scene: anna}}", "config: streams.a.scene: got anna, want none of a source of JPEGs: regions are raw frames"},
		{"scene-quality", "streams: {a: {scene: anna, quality: 80}}", "config: streams.a.scene: got anna with a crop, a resize or settings of JPEGs, want none of them: the scene has its own"},
		{"scene-filter", "streams: {a: {scene: anna, filter: area}}", "config: streams.a.scene: got anna with a crop, a resize or settings of JPEGs, want none of them: the scene has its own"},
		{"remote", "streams: {a: {source: \"grpcs://:hunter2@node:50051/cars\", ca: ca.pem, sound: true}}", ""},
		{"remote-port", "streams: {a: {source: \"grpc://:hunter2@node/cars\"}}", `config: streams.a.source: got "grpc://:xxxxx@node/cars", want grpc://HOST:PORT/NAME, or grpc://:TOKEN@HOST:PORT/NAME, with the port of a server's grpc.listen and the name of its stream`},
		{"remote-scene", "streams: {a: {source: \"grpc://node:1/cars\", scene: anna}}", "config: streams.a.scene: got anna, want none of a source of JPEGs: regions are raw frames"},
		{"control", `streams: {a: {source: "a\nb"}}`, `config: streams.a.source: got a control character in "a\nb", want none`},
		{"fps", "streams: {a: {fps: .nan}}", `config: streams.a.fps (f.yaml line 1): got ".nan", want a number`},
		{"fps-range", "streams: {a: {fps: 1e9}}", "config: streams.a.fps: got 1e+09, want 0..1000"},
		{"bool", "live: {encode_unwatched: 1}", `config: live.encode_unwatched (f.yaml line 1): got "1", want true or false`},
		{"quality", "streams: {a: {quality: 101}}", "config: streams.a.quality: got 101, want 1..100, or 0 for 75"},
		{"mode", "streams: {a: {mode: fit}}", "config: streams.a.mode: got fit, want none without resize.width or resize.height"},
		{"resize", "streams: {a: {resize: 1x}}", ""},
		{"resize-aspect", "streams: {a: {resize: 65535x, crop: 1x60000+0+0}}", "config: streams.a.resize: got 3932100000 from the aspect, want <= 65535"},
		{"crop", "streams: {a: {crop: 0x0+4+4}}", "config: streams.a.crop: got 0x0+4+4, want a part of 640x360"},
		{"crop-far", "streams: {a: {crop: 10x10+99999+0}}", "config: streams.a.crop: got 10x10+99999+0, want it within 65535x65535, the largest frame"},
		{"filter", "streams: {a: {filter: best}}", `config: streams.a.filter (f.yaml line 1): pipeline: unknown filter: got "best", want one of bilinear, area, nearest`},
		{"testsrc", "streams: {a: {source: \"testsrc:big\"}}", `config: streams.a.source: got "testsrc:big", want testsrc:WIDTHxHEIGHT@FPS?seed=N, such as testsrc:1280x720@30`},
		{"testsrc-pixels", "limits: {max_pixels: 100}\nstreams: {a: {source: \"testsrc:20x20\"}}", "config: streams.a.source: got 20x20 pixels, want at most limits.max_pixels, 100"},
		{"viewers", "live: {max_viewers: 30001}", "config: live.max_viewers: got 30001, want 1..30000"},
		{"many", "live: {max_streams: 1}\nstreams: {a: , b: }", "config: streams: got 2, want at most live.max_streams, 1"},
		{"name", "streams: {../x: {fps: 1}}", "config: streams.../x: "},
		{"no-name", "streams: {\"\": {fps: 1}}", "config: streams.: stream: bad stream name: "},
		{"password", "streams: {a: {source: \"rtsp://u:xxxxx@h\"}}", "config: streams.a.source: got rtsp://u:xxxxx@h, where xxxxx stands for a secret that is not shown: want the secret"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(tt.yaml))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want && !(strings.HasSuffix(tt.want, ": ") && strings.HasPrefix(got, tt.want)) {
				t.Errorf("got error %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	c := Default()
	c.Streams = Streams{"a": {Source: "rtsp://user:hunter2@camera/1"}, "b": {Source: "rtsp://user:hunter2@camera/a b%"}, "c": {Source: "http://camera/snap?usr=me&pwd=hunter2&channel=1"}}
	var b strings.Builder
	if err := c.WriteYAML(&b); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		b.WriteString(s.Value)
	}
	if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), "camera/1") || !strings.Contains(b.String(), "camera/a b%") {
		t.Errorf("got a secret, or lost a source, in\n%s", b.String())
	}
	if c.Streams["a"].Source != "rtsp://user:hunter2@camera/1" {
		t.Errorf("got %q after showing it, want it unchanged", c.Streams["a"].Source)
	}
}

func TestFillKeepsWhatIsSaid(t *testing.T) {
	input := frame.Desc{Format: frame.I420, Width: 640, Height: 360}
	filled := everySetting.Fill(pipeline.Spec{Input: input})
	want := pipeline.Spec{
		Input:  frame.Desc{Format: frame.I420, Width: 640, Height: 360, Range: frame.RangeFull, Color: frame.BT709},
		Crop:   everySetting.Crop,
		Resize: pipeline.Resize{Width: 160, Height: 90, Mode: pipeline.Fit, Filter: pipeline.Area, Background: everySetting.Background},
		Output: pipeline.Output{Quality: 60, Subsampling: jpeg.Sub444, Restart: pipeline.RestartRow, Reuse: pipeline.ReuseSegments, Noise: 4},
	}
	if filled != want {
		t.Errorf("got %+v\nwant %+v", filled, want)
	}
	said := pipeline.Spec{
		Input:  frame.Desc{Format: frame.I420, Width: 640, Height: 360, Range: frame.RangeLimited},
		Crop:   pipeline.Rect{Width: 20, Height: 20},
		Resize: pipeline.Resize{Width: 10},
		Output: pipeline.Output{Quality: 9, Subsampling: jpeg.Sub422, Restart: 4},
	}
	want = said
	want.Input.Color = frame.BT709
	want.Output.Reuse, want.Output.Noise = pipeline.ReuseSegments, 4
	if got := everySetting.Fill(said); got != want {
		t.Errorf("got %+v\nwant what was said, with the color space: %+v", got, want)
	}
	head := Stream{Scene: "anna", Range: frame.RangeFull}
	if got, want := head.Fill(pipeline.Spec{Input: input}), (pipeline.Spec{Scene: "anna", Input: frame.Desc{Format: frame.I420, Width: 640, Height: 360, Range: frame.RangeFull}}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := head.Fill(pipeline.Spec{Scene: "bob"}).Scene; got != "bob" {
		t.Errorf("got scene %s, want bob, as the publisher says", got)
	}
	said = pipeline.Spec{Input: frame.Desc{Format: frame.RGBF32, Width: 20, Height: 20}}
	if got := everySetting.Fill(said).Output; got.Reuse != pipeline.ReuseSegments || got.Noise != 4 {
		t.Errorf("got %+v of floats, want reuse with noise", got)
	}
}

func TestParseTestSource(t *testing.T) {
	tests := []struct {
		source string
		want   TestSource
		ok     bool
		wrong  bool
	}{
		{"testsrc", TestSource{640, 360, 25, 1}, true, false},
		{"testsrc:1280x720@30", TestSource{1280, 720, 30, 1}, true, false},
		{"testsrc:@12.5", TestSource{640, 360, 12.5, 1}, true, false},
		{"testsrc:64x32?seed=7", TestSource{64, 32, 25, 7}, true, false},
		{"testsrc?seed=2", TestSource{640, 360, 25, 2}, true, false},
		{"testsrc2", TestSource{}, false, false},
		{"file.mp4", TestSource{}, false, false},
		{"", TestSource{}, false, false},
		{"testsrc:64", TestSource{}, true, true},
		{"testsrc:64x32@0", TestSource{}, true, true},
		{"testsrc:64x32@NaN", TestSource{}, true, true},
		{"testsrc:64x32@1001", TestSource{}, true, true},
		{"testsrc?seed=-1", TestSource{}, true, true},
		{"testsrc?speed=1", TestSource{}, true, true},
		{"testsrc?seed=1&seed=2", TestSource{}, true, true},
	}
	for _, tt := range tests {
		got, ok, err := ParseTestSource(tt.source)
		if ok != tt.ok || (err != nil) != tt.wrong || err == nil && got != tt.want {
			t.Errorf("%q: got %+v, %v, %v\nwant %+v, %v, an error: %v", tt.source, got, ok, err, tt.want, tt.ok, tt.wrong)
		}
	}
}

// TestColorSpaceOrNone: BT.601 is another setting than none, and both are read as they are shown.
func TestColorSpaceOrNone(t *testing.T) {
	for text, want := range map[string]ColorSpace{"": {}, "bt601": {frame.BT601, true}, "bt709": {frame.BT709, true}} {
		c, err := Parse("f.yaml", []byte("streams: {cam: {fps: 5, color: \""+text+"\"}}"))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Streams["cam"].Color; got != want || got.String() != text {
			t.Errorf("%q: got %+v, shown as %q, want %+v", text, got, got, want)
		}
		var shown strings.Builder
		if err := c.WriteYAML(&shown); err != nil {
			t.Fatal(err)
		}
		if again, err := Parse("f.yaml", []byte(shown.String())); err != nil || again.Streams["cam"].Color != want {
			t.Errorf("%q: got %+v, %v, from what was shown, want %+v", text, again.Streams["cam"].Color, err, want)
		}
	}
	var c ColorSpace
	if err := c.UnmarshalText([]byte("bt2020")); err == nil || c.Set {
		t.Errorf("got %+v, %v for bt2020, want an error", c, err)
	}
}

func TestParseRemoteSource(t *testing.T) {
	for _, tt := range []struct {
		source string
		want   RemoteSource
		ok     bool
		wrong  bool
	}{
		{"grpc://node:50051/cars", RemoteSource{Target: "node:50051", Stream: "cars"}, true, false},
		{"GRPCS://:t@[::1]:1/a.b", RemoteSource{Target: "[::1]:1", Stream: "a.b", Token: "t", TLS: true}, true, false},
		{"grpc.mp4", RemoteSource{}, false, false},
		{"http://node:1/cars", RemoteSource{}, false, false},
		{"grpc://node/cars", RemoteSource{}, true, true},
		{"grpc://node:1", RemoteSource{}, true, true},
		{"grpc://node:1/", RemoteSource{}, true, true},
		{"grpc://node:1/a/../b", RemoteSource{}, true, true},
		{"grpc://node:1/a?b=c", RemoteSource{}, true, true},
		{"grpc://token@node:1/a", RemoteSource{}, true, true},
		{"grpc://:1/a", RemoteSource{}, true, true},
	} {
		got, ok, err := ParseRemoteSource(tt.source)
		if ok != tt.ok || (err != nil) != tt.wrong || err == nil && got != tt.want {
			t.Errorf("%s: got %+v, %v, %v, want %+v, %v", tt.source, got, ok, err, tt.want, tt.ok)
		}
	}
}
