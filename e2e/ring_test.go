//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pipeline"
)

// ringSocket returns a path for a socket, which goes with the test.
func ringSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ring") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// TestRingFromC: the example builds as C99 without a warning, and does what it says.
func TestRingFromC(t *testing.T) {
	path := ringSocket(t)
	example := compileC(t, "../clients/c/example.c")
	daemon.Serve(t, program, []string{"STEADYFRAME_RING_LISTEN=unix:" + path})
	out, err := exec.Command(example, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"frame 9: a JPEG of", "320x320", "live image 5:", "published 5 of 5 frames", "(code 7, field stream)", "(code 3, limit limits.max_batch: 100000, at most 64)"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("got:\n%s\nwant %q in it", out, want)
		}
	}
}

// compileC compiles a program that uses the C header, without a warning, and returns its path.
func compileC(t *testing.T, source string) string {
	t.Helper()
	cc := exttool.Require(t, "cc", "gcc")
	binary := filepath.Join(t.TempDir(), "program")
	build := exec.Command(cc, "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-I../clients/c", "-o", binary, source)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// TestRingScenesFromC: images of scenes that a program in C has made, with their alpha, are those that gRPC gives.
func TestRingScenesFromC(t *testing.T) {
	compose := compileC(t, "testdata/scene.c")
	path, folder := ringSocket(t), t.TempDir()
	s := daemon.Serve(t, program, []string{"STEADYFRAME_RING_LISTEN=unix:" + path})
	c, err := client.Dial(s.GRPC, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	rects := file(`{"frames": [["40x30+8+9", "30x20+70+10"], ["40x30+12+9", "30x20+60+10"], ["40x30+16+9", "30x20+50+10"]]}`)
	for name, settings := range map[string]string{"solid": `{"size": "128x96", "color": "#405060", "movable": true}`, "clear": `{"size": "128x96", "transparent": true}`} {
		if _, err := c.LoadScene(t.Context(), name, fstest.MapFS{"scene.json": file(settings), "rects.json": rects}); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(compose, path, folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var regions [2][]byte // as the program paints them
	for n := range regions {
		for i := range 24 * 20 * 3 {
			regions[n] = append(regions[n], byte(i*(n+1)/9+50*n))
		}
	}
	for _, name := range []string{"solid", "clear"} {
		batch := client.Batch{
			Spec:   pipeline.Spec{Scene: name, Input: frame.Desc{Format: frame.BGR24, Width: 24, Height: 20}},
			Images: []client.SceneImage{{Index: 3}, {Index: 7, Regions: 1}, {Index: 1, Regions: 2}, {Index: 2, Regions: 2}},
			Frames: [][]byte{regions[0], regions[0], regions[1], regions[0], regions[1]},
		}
		if name == "solid" {
			batch.Images[3].Rects = []pipeline.Rect{{X: -5, Y: 60, Width: 40, Height: 30}}
		}
		var want client.Response
		if err := c.Encode(t.Context(), &batch, &want); err != nil {
			t.Fatal(err)
		}
		for n, image := range want.Images {
			for layer, want := range map[string][]byte{"color": image.Data, "alpha": image.Alpha} {
				got, err := os.ReadFile(filepath.Join(folder, fmt.Sprintf("%s%d.%s.jpg", name, n, layer)))
				switch {
				case image.Err != nil:
					t.Errorf("image %d of %s: %v", n, name, image.Err)
				case want == nil && !errors.Is(err, os.ErrNotExist):
					t.Errorf("image %d of %s: got %d bytes of %s, %v, want none", n, name, len(got), layer, err)
				case want != nil && !bytes.Equal(got, want):
					t.Errorf("image %d of %s: got %d bytes of %s, %v, want the %d of gRPC", n, name, len(got), layer, err, len(want))
				}
			}
			if (image.Alpha != nil) != (name == "clear") {
				t.Errorf("image %d of %s: got %d bytes of alpha", n, name, len(image.Alpha))
			}
		}
	}
}

// TestRingAvatar: examples/avatar sends its regions through the ring, and the rest over gRPC and HTTP. e2e/browser looks at its images.
func TestRingAvatar(t *testing.T) {
	avatar, err := daemon.Build(t.TempDir(), "../examples/avatar")
	if err != nil {
		t.Fatal(err)
	}
	path := ringSocket(t)
	s := daemon.Serve(t, program, []string{"STEADYFRAME_RING_LISTEN=unix:" + path})
	want := regexp.MustCompile(`\(regions go by way of ring\)\n[1-9]\d* images, [1-9]\d* of them with a region\n$`)
	var out []byte
	for range 3 { // a busy machine may hold it up until it is silent
		out, err = exec.Command(avatar, "-ring", "ring:"+path, "-grpc", s.GRPC, "-http", "http://"+s.HTTP, "-images", "40").CombinedOutput()
		if err != nil || want.Match(out) {
			break
		}
	}
	if err != nil || !want.Match(out) {
		t.Errorf("%v, got %q, want images with regions, by way of the ring", err, out)
	}
	if got := s.Stream(t, "avatar"); got.Arrived == 0 {
		t.Errorf("got %+v, want the stream avatar, with images", got)
	}
}

// finishFromC publishes a frame by a program in C. What it returns lets that program end the stream, and returns what it says.
func finishFromC(t *testing.T, program string, s *daemon.Server) func() (string, error) {
	t.Helper()
	cmd := exec.Command(program)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	daemon.WaitFor(t, "the frame of a program in C", func() bool {
		var info struct{ Arrived int }
		return s.GetJSON(t, "/v1/streams/c", &info) && info.Arrived == 1
	})
	return func() (string, error) {
		err := errors.Join(in.Close(), cmd.Wait())
		return out.String(), err
	}
}

// TestRingServerKilled: when the server is killed its clients know it, and reach the next one at the same place. A private
// directory is where both find each other by default, and check-config says so.
func TestRingServerKilled(t *testing.T) {
	runtime := filepath.Dir(ringSocket(t))
	environment := []string{"XDG_RUNTIME_DIR=" + runtime, "STEADYFRAME_RING_LISTEN=auto"}
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	t.Setenv("STEADYFRAME_URL", "")
	t.Setenv("STEADYFRAME_RING_LISTEN", "auto")
	said := succeed(t, nil, "check-config")
	if want := "# ring.listen auto is unix:" + filepath.Join(runtime, "steadyframe", "ring.sock"); !strings.Contains(string(said.stdout), want) {
		t.Errorf("check-config: got\n%s\nwant %q in it", said.stdout, want)
	}
	s := daemon.Serve(t, program, environment)
	c, err := client.DialRing("", nil)
	if err != nil || c.Via() != "ring" {
		t.Fatalf("got %v, want a client over the ring", err)
	}
	defer c.Close()
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 32, Height: 32}}
	batch := client.Batch{Spec: spec, Frames: [][]byte{make([]byte, 32*32)}}
	var r client.Response
	if err := c.Encode(t.Context(), &batch, &r); err != nil {
		t.Fatal(err)
	}
	stream, err := c.EncodeStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&batch); err != nil {
		t.Fatal(err)
	}
	if err := stream.Recv(&r); err != nil {
		t.Fatal(err)
	}
	publisher, err := c.Publish(t.Context(), "go", spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := publisher.Send(batch.Frames...); err != nil {
		t.Fatal(err)
	}
	ended := finishFromC(t, compileC(t, "testdata/finish.c"), s)
	s.Kill()
	if out, err := ended(); err == nil || !strings.Contains(out, "before it said what has become of all frames") {
		t.Errorf("the end of a stream in C, to a dead server: got %q, %v, want an error", out, err)
	}
	var e *client.Error
	if _, err := publisher.Close(); !errors.As(err, &e) || e.Code != codes.Unavailable {
		t.Errorf("got %v of the end of a stream to a dead server, want Unavailable", err)
	}
	if err := stream.Send(&batch); err != nil && err != io.EOF {
		t.Errorf("got %v of Send to a dead server, want io.EOF or none", err)
	}
	if err := stream.Recv(&r); !errors.As(err, &e) || e.Code != codes.Unavailable {
		t.Errorf("got %v of a stream to a dead server, want Unavailable", err)
	}
	if err := c.Encode(t.Context(), &batch, &r); !errors.As(err, &e) || e.Code != codes.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	s = daemon.Serve(t, program, environment)
	if out, err := finishFromC(t, compileC(t, "testdata/finish.c"), s)(); err != nil {
		t.Errorf("the end of a stream in C: got %q, %v", out, err)
	}
	if err := c.Encode(t.Context(), &batch, &r); err != nil || r.Images[0].Err != nil {
		t.Errorf("got %v from the next server", err)
	}
}
