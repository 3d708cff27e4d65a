package e2e

import (
	"bytes"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/patches"
)

// TestWaysAgree: one file gives the same JPEG by every way in, byte for byte, and its colors are right: encode by name,
// through a pipe and by URL, push, and a source of the server's own.
func TestWaysAgree(t *testing.T) {
	t.Parallel()
	ffmpegTags := func(space, others string) string { return "-colorspace " + space + " -color_range tv " + others }
	tests := map[string]struct {
		v    patches.Video
		file string
		tol  float64
	}{
		"hd-709":      {patches.Video{Width: 160, Height: 720, Matrix: "bt709", PixFmt: "yuv420p", Tags: ffmpegTags("bt709", "")}, "x.mkv", 6},
		"hd-untagged": {patches.Video{Width: 160, Height: 720, Matrix: "bt709", PixFmt: "yuv420p"}, "x.mkv", 6},
		"sd-untagged": {patches.Video{Width: 160, Height: 90, Matrix: "bt601", PixFmt: "yuv444p"}, "x.mkv", 6},
		"hd-601-full": {patches.Video{Width: 160, Height: 720, Matrix: "bt601", Full: true, PixFmt: "yuv422p", Tags: "-colorspace smpte170m -color_range pc"}, "x.mkv", 6},
		"sdr-2020":    {patches.Video{Width: 160, Height: 90, Matrix: "bt2020", PixFmt: "yuv420p10le", Tags: ffmpegTags("bt2020nc", "")}, "x.mkv", 6},
		"webcam":      {patches.Video{Width: 160, Height: 120, Matrix: "bt601", Full: true, PixFmt: "yuvj422p", Codec: "-c:v mjpeg -q:v 1"}, "x.avi", 8},
		"hdr-phone": {patches.Video{
			Width: 160, Height: 90, Matrix: "bt2020", PixFmt: "yuv420p10le", HDR: "pq",
			Tags: ffmpegTags("bt2020nc", "-color_primaries bt2020 -color_trc smpte2084"),
		}, "x.mkv", 20},
		"wide-pixels": {patches.Video{Width: 160, Height: 120, Matrix: "bt601", PixFmt: "yuv420p", Codec: "-c:v ffv1 -aspect 16:9"}, "x.mkv", 6},
	}
	args := []string{"--set", "live.encode_unwatched=true", "--set", "live.offline_after=10m"}
	paths := map[string]string{}
	for name, tt := range tests {
		tt.v.Frames = 5
		paths[name] = patches.Make(t, tt.file, tt.v)
		args = append(args, "--stream", name+"="+paths[name])
	}
	s := serve(t, args...)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path, dir := paths[name], t.TempDir()
			files := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(path))))
			defer files.Close()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			encoded := filepath.Join(dir, "encoded.jpg")
			succeed(t, nil, "encode", path, "--frames", "1", "-o", encoded)
			want, err := os.ReadFile(encoded)
			if err != nil {
				t.Fatal(err)
			}
			m, err := jpeg.Decode(bytes.NewReader(want))
			if err != nil {
				t.Fatal(err)
			}
			if worst, got := patches.Error(m); worst > tt.tol {
				t.Errorf("%.1f levels off: got %.0f", worst, got)
			}
			got := map[string][]byte{}
			got["stdin"] = succeed(t, data, "encode", "-", "--frames", "1", "-o", "-").stdout
			got["url"] = succeed(t, nil, "encode", files.URL+"/"+filepath.Base(path), "--frames", "1", "-o", "-").stdout
			succeed(t, nil, "push", path, "http://"+s.HTTP, "--stream", name+"-pushed", "--fps", "100")
			got["push"] = s.snapshot(t, name+"-pushed")
			daemon.WaitFor(t, "the source's image", func() bool {
				got["serve"] = s.snapshot(t, name)
				return got["serve"] != nil
			})
			for way, image := range got {
				if !bytes.Equal(image, want) {
					t.Errorf("%s: got a JPEG of %d bytes that is not that of encode FILE, %d bytes", way, len(image), len(want))
				}
			}
		})
	}
}
