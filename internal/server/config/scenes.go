package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// Scenes are the scenes that are loaded when the server starts: their folders, by name. They are read-only for holders of a
// Config.
type Scenes map[string]string

const sceneDoc = "the folder of a scene that is loaded when the server starts (docs/scenes.md)"

// CheckSceneName returns an error unless name can be a scene's: it is as the name of a live stream.
func CheckSceneName(name string) error {
	if stream.CheckName(name) != nil {
		return fmt.Errorf("got %.80q, want 1 to 64 of A-Z a-z 0-9 . _ - and no dot at the beginning", name)
	}
	return nil
}

func checkScenes(c Config) *ValueError {
	if n := len(c.Scenes); n > c.Limits.MaxScenes {
		return wrong("scenes", "got %d, want at most limits.max_scenes, %d", n, c.Limits.MaxScenes)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Scenes)) {
		key := scenesPrefix + name
		if err := CheckSceneName(name); err != nil {
			return wrong(key, "%v", err)
		}
		if dir := c.Scenes[name]; dir == "" || strings.ContainsRune(dir, 0) {
			return wrong(key, "got %q, want the path of a folder", dir)
		}
	}
	return nil
}
