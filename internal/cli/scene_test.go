package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/pool"
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
