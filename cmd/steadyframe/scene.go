package main

import (
	"context"
	"os"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// sceneCmd is steadyframe scene.
type sceneCmd struct {
	Check sceneCheckCmd `cmd:"" help:"Load the scene of a folder and print what it takes, or what is wrong with it."`
}

// sceneCheckCmd is steadyframe scene check.
type sceneCheckCmd struct {
	Dir    string      `arg:"" help:"The scene's folder: frames/ or video.*, rects.json, mask.png or masks/, scene.json."`
	Memory config.Size `default:"512MiB" placeholder:"SIZE" help:"Bytes that the scene may hold, such as 512MiB. Default: 512MiB."`
}

// Help is the longer text of steadyframe scene check --help.
func (sceneCheckCmd) Help() string {
	return `Loads the backgrounds, places and masks of a folder, encodes the backgrounds, and composes an image of each. docs/scenes.md
describes the files.

Exit code: 0, 1 when the scene is wrong or does not fit, 2 when the command line is wrong, 130 when interrupted.

Example:
  steadyframe scene check avatars/anna`
}

// Run is called by kong.
func (c *sceneCheckCmd) Run(ctx context.Context) error {
	check := cli.SceneCheck{Dir: c.Dir, Memory: c.Memory, Out: os.Stdout}
	return check.Run(ctx)
}
