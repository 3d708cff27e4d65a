package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// TestSquarePixels: frames have the size at which they are to be shown.
func TestSquarePixels(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		sar, codec string
		ignore     bool
		want       string
	}{
		{"1/1", "-c:v ffv1", false, "160x120"},
		{"4/3", "-c:v ffv1", false, "213x120"},
		{"3/4", "-c:v ffv1", false, "160x160"},
		{"4/3", "-c:v ffv1", true, "160x120"},
		{"16/15", "-c:v mpeg4", false, "171x120"},
		{"4/3", "-c:v ffv1 -pix_fmt bgr0", false, "213x120"},
		{"0/1", "-c:v ffv1", false, "160x120"},
		{"100/1", "-c:v ffv1", false, "160x120"}, // not meant
	}
	for i, tt := range tests {
		name := fmt.Sprintf("%d.mkv", i)
		makeClip(t, dir, "-f lavfi -i testsrc=s=160x120:d=0.1 -vf setsar="+tt.sar+" -pix_fmt yuv420p "+tt.codec+" "+name)
		_, sizes, err := readAll(t, Options{Path: filepath.Join(dir, name), IgnoreSAR: tt.ignore})
		if err != nil || strings.Join(sizes, " ") != tt.want {
			t.Errorf("%s of %s, ignore=%v: got %v, %v; want %s", tt.codec, tt.sar, tt.ignore, sizes, err, tt.want)
		}
	}
}

// TestNames: the name of a file is its name, whatever is in it.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	makeClip(t, dir, "-f lavfi -i testsrc=s=16x12:d=0.1 -frames:v 1 a.png")
	makeClip(t, dir, "-f lavfi -i testsrc=s=32x24:d=0.1 -frames:v 1 b01.png") // what a pattern would find
	for _, name := range []string{"-i.png", "a:b.png", "b%02d.png", "b*.png", "b??.png", "b[0-9]1.png", "pipe:0.png", "concat:a.png|b.png", "a'b.png", "x\ny.png", "%d.mp4"} {
		concat(t, dir, name, "a.png")
		_, sizes, err := readAll(t, Options{Path: filepath.Join(dir, name)})
		if err != nil || strings.Join(sizes, " ") != "16x12" {
			t.Errorf("%q: got sizes %v, error %v, want 16x12", name, sizes, err)
		}
	}
	t.Chdir(dir)
	for _, name := range []string{"-i.png", "a:b.png", "b%02d.png"} {
		if _, sizes, err := readAll(t, Options{Path: name}); err != nil || strings.Join(sizes, " ") != "16x12" {
			t.Errorf("%q: got sizes %v, error %v, want 16x12", name, sizes, err)
		}
	}
}

// TestErrors: the error is the cause.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	makeClip(t, dir, "-f lavfi -i sine=d=0.2 sound.mp3")
	makeClip(t, dir, "-f lavfi -i sine=d=0.2 -c:a aac sound.mp4")
	makeClip(t, dir, "-f lavfi -i testsrc2=s=320x240:d=1 -pix_fmt yuv420p -c:v libx264 -qp 0 tail.mp4")
	makeClip(t, dir, "-f lavfi -i testsrc=s=16x12:d=0.1 -pix_fmt yuv420p -c:v ffv1 a.mkv")
	makeClip(t, dir, "-f lavfi -i testsrc=s=66000x16:d=0.04 -pix_fmt gray -c:v ffv1 wide.mkv")
	whole, err := os.ReadFile(filepath.Join(dir, "tail.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	makeClip(t, dir, "-f lavfi -i testsrc=s=16x12:d=0.1 -c:v mpeg4 a.avi")
	mpeg4, err := os.ReadFile(filepath.Join(dir, "a.avi"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"cut.mp4": whole[:len(whole)/2], "text.bin": []byte(strings.Repeat("no video ", 100)), "unknown.avi": bytes.ReplaceAll(mpeg4, []byte("FMP4"), []byte("XYZW")),
		"empty.bin": nil,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := func(name string) Options { return Options{Path: filepath.Join(dir, name)} }
	tests := []struct {
		name    string
		o       Options
		want    string
		unknown bool
	}{
		{"sound", path("sound.mp3"), "it has no video stream, only audio (mp3)", false},
		{"sound-mp4", path("sound.mp4"), "it has no video stream, only audio (aac)", false},
		{"cut-mp4", path("cut.mp4"), "it has no index (moov atom), so that it is an MP4 that was cut short, or none", true},
		{"mp4-from-pipe", Options{Stdin: bytes.NewReader(whole)}, "the index of this MP4 (moov atom) is not at its beginning", true},
		{"text", path("text.bin"), "ffmpeg does not know its format, or it is damaged", true},
		{"empty", path("empty.bin"), "ffmpeg does not know its format", true},
		{"no-decoder", path("unknown.avi"), "this ffmpeg has no decoder for its video, whose codec is XYZW", false},
		{"too-wide", path("wide.mkv"), "a frame of 66000x16 pixels is too large: want at most 65535 along a side", false},
		{"missing", path("none.mp4"), "No such file or directory", false},
		{"refused", Options{URL: "http://127.0.0.1:1/x"}, "Connection refused", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := readAll(t, tt.o)
			var failed *Error
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an *Error with %q", err, tt.want)
			}
			if failed.Unknown != tt.unknown {
				t.Errorf("unknown: got %v", failed.Unknown)
			}
		})
	}
	var limit *ingest.LimitError
	o := path("a.mkv")
	if o.MaxPixels = 100; true {
		if _, _, err := readAll(t, o); !errors.As(err, &limit) {
			t.Errorf("more pixels than may be: got %v, want an *ingest.LimitError", err)
		}
	}
	t.Setenv("PATH", "")
	if _, _, err := readAll(t, path("a.mkv")); !errors.Is(err, ErrNotFound) {
		t.Errorf("without ffmpeg: got %v, want ErrNotFound", err)
	}
}

// TestOpenInterrupted: the end of the context ends an Open that waits, with its cause.
func TestOpenInterrupted(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	silent, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer silent.Close()
	cause := errors.New("no more")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(cause) })
	if _, err := Open(ctx, Options{Stdin: silent}, pooltest.New(t, nil)); err != cause {
		t.Errorf("got %v, want the cause", err)
	}
}

// TestCloseEndsNext: Close ends a Next that waits.
func TestCloseEndsNext(t *testing.T) {
	dir := t.TempDir()
	makeClip(t, dir, "-f lavfi -i testsrc=s=16x12:r=0.1:d=20 -pix_fmt yuv420p -c:v ffv1 a.mkv")
	reader, err := Open(t.Context(), Options{Path: filepath.Join(dir, "a.mkv"), Live: true}, pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for {
			f, err := reader.Next()
			if err != nil {
				ended <- err
				return
			}
			f.Release()
		}
	}()
	closed := make(chan error, 1)
	time.AfterFunc(100*time.Millisecond, func() { closed <- reader.Close() })
	select {
	case err := <-ended:
		if err == nil {
			t.Error("got no error")
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("Next did not end")
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
}

// TestFeedStartsOver: a second child gets all of the stream from its beginning.
func TestFeedStartsOver(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 64<<10/16*5)
	src, w := io.Pipe()
	first, firstW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	second, secondW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	f := newFeed(src, firstW)
	go func() {
		w.Write(data)
		w.Close()
	}()
	if _, err := io.CopyN(io.Discard, first, 100_000); err != nil {
		t.Fatal(err)
	}
	first.Close() // The first child has ended.
	if !f.restart(secondW) {
		t.Fatal("got no second start")
	}
	got, err := io.ReadAll(second)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("got %d bytes, error %v, want all %d", len(got), err, len(data))
	}
	f.commit()
	if f.restart(secondW) {
		t.Error("got another start after commit")
	}
}
