package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
	"github.com/steadyframe/steadyframe/scene"
)

// sceneFolder returns the folder of a scene of one color with three backgrounds.
func sceneFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"scene.json": `{"size": "320x240", "color": "#204060"}`,
		"rects.json": `{"frames": [["64x64+10+10"], ["64x64+10+10", "32x32+100+100"], []]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSceneCheck(t *testing.T) {
	var out bytes.Buffer
	c := SceneCheck{Dir: sceneFolder(t), Memory: 64 * config.MiB, Out: &out}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^backgrounds  3 of 320x240, to-and-fro
places       0 to 2 a background
jpeg         quality 75 420, restart interval 12 MCUs
memory       0\.\d MiB, \d+ KiB a background
loaded       in \d+\.\d s, \d+\.\d ms a background
images       \d+ KiB alone; \d+ KiB and \d+ us with gray regions of 256x256
$`)
	if !want.MatchString(out.String()) {
		t.Errorf("got %q, want a match of %s", out.String(), want)
	}
}

func TestSceneCheckErrors(t *testing.T) {
	small := SceneCheck{Dir: sceneFolder(t), Memory: 1000, Out: new(bytes.Buffer)}
	if err := small.Run(t.Context()); !errors.Is(err, pool.ErrBudget) {
		t.Errorf("1000 bytes: got %v, want ErrBudget", err)
	}
	none := SceneCheck{Dir: t.TempDir(), Memory: config.MiB, Out: new(bytes.Buffer)}
	if err := none.Run(t.Context()); err == nil {
		t.Error("an empty folder: got no error, want one")
	}
	ctx, stop := context.WithCancelCause(t.Context())
	stop(ErrInterrupted)
	if err := small.Run(ctx); err != ErrInterrupted {
		t.Errorf("interrupted: got %v, want ErrInterrupted", err)
	}
}

// collected is a Sink of JPEGs.
type collected struct{ images []string }

func (c *collected) Write(_ int, image []byte) error {
	c.images = append(c.images, string(image))
	return nil
}

func (*collected) Close(bool) error { return nil }

// TestRunOntoScene: each frame is the region of an image of the scene, whatever the batch and the workers; the background where no
// region goes is an error that names the frame.
func TestRunOntoScene(t *testing.T) {
	s, err := LoadScene(t.Context(), sceneFolder(t), pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	compose := func(index, n int) string {
		f, err := frame.WrapBytes(rgbSpec.Input, bytes.Repeat([]byte{byte(n)}, 8*4*3))
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Compose(&scene.Image{Index: index, Regions: []scene.Region{{Frame: f}}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		return string(c.JPEG())
	}
	for batch := range 4 {
		var sink collected
		job := newJob(t, &numbered{frames: 2}, &sink)
		job.Spec = pipeline.Spec{Input: rgbSpec.Input}
		job.Scene, job.Index, job.Batch, job.Workers = s, 6, batch, 2
		if _, err := job.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{compose(6, 1), compose(7, 2)}; !slices.Equal(sink.images, want) {
			t.Errorf("batches of %d: got %d other images, want 2 as the library", batch, len(sink.images))
		}
	}
	var sink collected
	job := newJob(t, &numbered{frames: 4}, &sink)
	job.Scene = s
	var wrong *scene.OptionError
	if _, err := job.Run(t.Context()); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "frame 3") || len(sink.images) != 2 {
		t.Errorf("got %v after %d images, want an error about frame 3", err, len(sink.images))
	}
	clear := t.TempDir()
	if err := os.WriteFile(filepath.Join(clear, "scene.json"), []byte(`{"size": "32x32", "transparent": true}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var usage *UsageError
	if _, err := LoadScene(t.Context(), clear, pooltest.New(t, nil)); !errors.As(err, &usage) {
		t.Errorf("transparent: got %v, want a *UsageError", err)
	}
}
