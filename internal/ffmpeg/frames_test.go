package ffmpeg

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// make runs ffmpeg with args in dir.
func makeClip(t testing.TB, dir, args string) {
	t.Helper()
	cmd := exec.Command(exttool.Require(t, "ffmpeg", "ffmpeg"), append([]string{"-v", "error", "-nostdin", "-y"}, strings.Fields(args)...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v: %s", args, err, out)
	}
}

// concat writes the contents of parts to name.
func concat(t testing.TB, dir, name string, parts ...string) {
	t.Helper()
	var all []byte
	for _, part := range parts {
		data, err := os.ReadFile(filepath.Join(dir, part))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	if err := os.WriteFile(filepath.Join(dir, name), all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// hashed is a frame as ffmpeg's framemd5 lists it.
type hashed struct {
	pts time.Duration
	md5 string
}

// framemd5 asks ffmpeg itself for its frames, in its own muxer.
func framemd5(t testing.TB, path, pixFmt string) (all []hashed) {
	t.Helper()
	cmd := exec.Command(exttool.Require(t, "ffmpeg", "ffmpeg"), "-v", "error", "-nostdin", "-i", "file:"+path, "-map", "0:V:0",
		"-autoscale", "0", "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-sws_flags", "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp",
		"-pix_fmt", pixFmt, "-f", "framemd5", "-")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("framemd5: %v: %s", err, &complaints)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	base := 0.0
	for lines.Scan() {
		if tb, ok := strings.CutPrefix(lines.Text(), "#tb 0: "); ok {
			n, d, _ := strings.Cut(tb, "/")
			num, _ := strconv.ParseFloat(n, 64)
			den, _ := strconv.ParseFloat(d, 64)
			base = num / den
		}
		field := strings.Split(lines.Text(), ",")
		if len(field) != 6 || strings.HasPrefix(field[0], "#") {
			continue
		}
		pts, err := strconv.ParseInt(strings.TrimSpace(field[2]), 10, 64)
		if err != nil {
			t.Fatalf("framemd5: %q", lines.Text())
		}
		all = append(all, hashed{time.Duration(float64(pts) * base * 1e9), strings.TrimSpace(field[5])})
	}
	return all
}

// readAll returns the frames of an input.
func readAll(t testing.TB, o Options) (all []hashed, sizes []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r, err := Open(ctx, o, pooltest.New(t, nil))
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for {
		f, err := r.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return all, sizes, err
		}
		sum := md5.New()
		for _, p := range f.Planes() {
			sum.Write(p.Pix)
		}
		pts, _ := r.PTS()
		all = append(all, hashed{pts, hex.EncodeToString(sum.Sum(nil))})
		if size := fmt.Sprintf("%dx%d", f.Desc.Width, f.Desc.Height); len(sizes) == 0 || sizes[len(sizes)-1] != size {
			sizes = append(sizes, size)
		}
		f.Release()
	}
}

// TestFrames compares number, content and time of all frames with those of ffmpeg's own framemd5.
func TestFrames(t *testing.T) {
	dir := t.TempDir()
	const x264 = " -c:v libx264 -preset ultrafast -pix_fmt yuv420p "
	const src, src2 = "-f lavfi -i testsrc=s=160x120:r=25:d=1", "-f lavfi -i testsrc2=s=320x180:r=25:d=1"
	makeClip(t, dir, src+x264+"-f mpegts a.ts")
	makeClip(t, dir, src2+x264+"-f mpegts b.ts")
	makeClip(t, dir, src+" -pix_fmt yuvj420p a.mjpeg")
	makeClip(t, dir, src+" -pix_fmt yuvj422p b.mjpeg")
	makeClip(t, dir, src2+" -pix_fmt yuvj420p c.mjpeg")
	tests := []struct {
		name   string
		make   string   // arguments of ffmpeg that make the file
		concat []string // or files to put together
		pixFmt string   // that framemd5 compares; default: yuv420p
		sizes  string   // default: 160x120
	}{
		{name: "mp4.mp4", make: src + x264},
		{name: "b-frames.mkv", make: src + " -c:v libx264 -bf 3 -pix_fmt yuv420p"},
		{name: "raw.h264", make: "-f lavfi -i testsrc=s=160x120:r=5:d=4" + x264},
		{name: "raw25.h264", make: src + x264},
		{name: "raw.h265", make: src + " -c:v libx265 -x265-params log-level=error -pix_fmt yuv420p"},
		{name: "vfr.mkv", make: src + " -vf select='not(mod(n,3))+eq(n,7)' -fps_mode vfr" + x264},
		{name: "slow.mkv", make: "-f lavfi -i testsrc=s=160x120:r=0.1:d=40" + x264},
		{name: "fast.mkv", make: "-f lavfi -i testsrc=s=160x120:r=1000:d=0.1" + x264},
		{name: "sizes.ts", concat: []string{"a.ts", "b.ts"}, sizes: "160x120 320x180"},
		{name: "sizes6.ts", concat: []string{"a.ts", "b.ts", "a.ts", "b.ts", "a.ts", "b.ts"}, sizes: "160x120 320x180 160x120 320x180 160x120 320x180"},
		{name: "sampling.mjpeg", concat: []string{"a.mjpeg", "b.mjpeg"}, pixFmt: "yuvj420p"},
		{name: "sizes.mjpeg", concat: []string{"a.mjpeg", "c.mjpeg", "a.mjpeg"}, pixFmt: "yuvj420p", sizes: "160x120 320x180 160x120"},
		{name: "gif.gif", make: "-f lavfi -i testsrc=s=160x120:r=10:d=2", pixFmt: "rgb24"},
		{name: "apng.apng", make: "-f lavfi -i testsrc=s=160x120:r=5:d=2", pixFmt: "rgb24"},
		{name: "png.png", make: "-f lavfi -i testsrc=s=160x120 -frames:v 1", pixFmt: "rgb24"},
		{name: "gray.mkv", make: src + " -pix_fmt gray -c:v ffv1", pixFmt: "gray"},
		{name: "10bit.mkv", make: src + " -pix_fmt yuv420p10le -c:v ffv1"},
		{name: "12bit.mkv", make: src + " -pix_fmt yuv420p12le -c:v ffv1"},
		{name: "rgb.mkv", make: src + " -pix_fmt bgr0 -c:v ffv1", pixFmt: "rgb24"},
		{name: "alpha.mkv", make: src + " -pix_fmt yuva420p -c:v ffv1"},
		{name: "odd.mkv", make: "-f lavfi -i testsrc=s=161x121:r=25:d=1 -pix_fmt yuv420p -c:v ffv1", sizes: "161x121"},
		{name: "webm.webm", make: src + " -c:v libvpx -b:v 500k"},
		{name: "avi.avi", make: src + " -c:v mpeg4"},
		{name: "sound.mp4", make: src + " -f lavfi -i sine=d=1" + x264},
		{name: "late.mkv", make: src + " -vf setpts=PTS+3/TB" + x264},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, tt.name)
			if tt.make != "" {
				makeClip(t, dir, tt.make+" "+tt.name)
			} else {
				concat(t, dir, tt.name, tt.concat...)
			}
			if tt.pixFmt == "" {
				tt.pixFmt = "yuv420p"
			}
			if tt.sizes == "" {
				tt.sizes = "160x120"
			}
			want := framemd5(t, path, tt.pixFmt)
			got, sizes, err := readAll(t, Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want) {
				t.Fatalf("got %d frames, want %d", len(got), len(want))
			}
			if s := strings.Join(sizes, " "); s != tt.sizes {
				t.Errorf("sizes: got %s, want %s", s, tt.sizes)
			}
			for i := range got {
				if got[i].md5 != want[i].md5 {
					t.Fatalf("frame %d: got %s, want %s", i, got[i].md5, want[i].md5)
				}
				if d := got[i].pts - want[i].pts; d.Abs() > time.Millisecond {
					t.Fatalf("frame %d: got time %v, want %v", i, got[i].pts, want[i].pts)
				}
			}
		})
	}
}
