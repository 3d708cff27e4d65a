package e2e

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// pythonExamples runs what is in examples/python/grpc.
type pythonExamples struct {
	program string
	dir     string // where they run; the stubs are there, too
}

// newPythonExamples makes the stubs with protoc, as the examples' comments tell.
func newPythonExamples(t *testing.T) *pythonExamples {
	t.Helper()
	p := &pythonExamples{program: pythonWith(t, "grpc, google.protobuf", "python3-grpcio"), dir: t.TempDir()}
	protoc := exttool.Require(t, "protoc", "protobuf-compiler")
	plugin := exttool.Require(t, "grpc_python_plugin", "protobuf-compiler-grpc")
	stubs := exec.CommandContext(t.Context(), protoc, "-I", "../api", "--python_out="+p.dir, "--grpc_python_out="+p.dir,
		"--plugin=protoc-gen-grpc_python="+plugin, "../api/steadyframe/v1/frame.proto")
	if out, err := stubs.CombinedOutput(); err != nil {
		t.Fatalf("protoc: %v\n%s", err, out)
	}
	return p
}

// command returns the command that runs an example.
func (p *pythonExamples) command(t *testing.T, example string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../examples/python/grpc", example))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), p.program, append([]string{path}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+p.dir)
	return cmd
}

// TestPythonEncodes runs encode.py, without compression and with it.
func TestPythonEncodes(t *testing.T) {
	t.Parallel()
	p := newPythonExamples(t)
	server := serve(t).GRPC
	run := func(args ...string) {
		t.Helper()
		if out, err := p.command(t, "encode.py", append([]string{server}, args...)...).CombinedOutput(); err != nil || string(out) != "25 images\n" {
			t.Fatalf("%v, %q: want \"25 images\"", err, out)
		}
	}
	run()
	var plain [25][]byte
	for i := range plain {
		plain[i] = read(t, filepath.Join(p.dir, fmt.Sprintf("frame-%06d.jpg", i)))
	}
	run("gzip")
	for i := range plain {
		name := fmt.Sprintf("frame-%06d.jpg", i)
		data := read(t, filepath.Join(p.dir, name))
		if !bytes.Equal(data, plain[i]) {
			t.Errorf("%s: got another JPEG with gzip", name)
		}
		image, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if size := image.Bounds().Size(); size.X != 320 || size.Y != 320 {
			t.Errorf("%s: got %v, want 320x320", name, size)
		}
	}
}

// TestPythonPublishesAndWatches runs publish.py, which makes no frame until watch.py watches, and both to their end.
func TestPythonPublishesAndWatches(t *testing.T) {
	t.Parallel()
	p, server := newPythonExamples(t), serve(t).GRPC
	publish := p.command(t, "publish.py", server, "cam1", "40")
	var published bytes.Buffer
	publish.Stdout, publish.Stderr = &published, &published
	if err := publish.Start(); err != nil {
		t.Fatal(err)
	}
	var out []byte
	daemon.WaitFor(t, "the stream", func() bool {
		var err error
		out, err = p.command(t, "watch.py", server, "cam1", "20").CombinedOutput()
		if err != nil && !strings.Contains(string(out), "NOT_FOUND") {
			t.Fatalf("watch.py: %v\n%s", err, out)
		}
		return err == nil
	})
	if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); len(lines) != 20 || !strings.HasSuffix(lines[19], " ms old") || !strings.Contains(lines[19], "640x360") {
		t.Errorf("watch.py: got %q, want 20 images of 640x360", out)
	}
	if _, err := jpeg.Decode(bytes.NewReader(read(t, filepath.Join(p.dir, "cam1.jpg")))); err != nil {
		t.Errorf("cam1.jpg: %v", err)
	}
	rest := p.command(t, "watch.py", server, "cam1")
	if err := rest.Start(); err != nil {
		t.Fatal(err)
	}
	if err := publish.Wait(); err != nil {
		t.Errorf("publish.py: %v", err)
	}
	if err := rest.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = rest.Wait() // It was killed.
	var arrived, images int
	last := published.String()[strings.LastIndex(strings.TrimSpace(published.String()), "\n")+1:]
	if _, err := fmt.Sscanf(last, "%d frames, %d images", &arrived, &images); err != nil || arrived != 40 || images < 20 ||
		!strings.HasPrefix(published.String(), "1 viewers\n") {
		t.Errorf("publish.py: got %q, want 40 frames made while somebody watched", published.String())
	}
}
