// Command steadyframe turns raw frames into JPEGs: from files and pipes (encode), and as a server (serve, demo).
package main

import (
	"os"

	"github.com/alecthomas/kong"

	"github.com/steadyframe/steadyframe/internal/cli"
)

// commands is the command line.
type commands struct {
	Encode      encodeCmd      `cmd:"" help:"Turn a video, an image, Y4M or raw frames into JPEGs."`
	Push        pushCmd        `cmd:"" help:"Feed a live stream of a server: from a video, a camera, a pipe or JPEGs."`
	Record      recordCmd      `cmd:"" help:"Record a live stream of a server to a file, as Matroska."`
	Mel         melCmd         `cmd:"" help:"Turn sound into log-mel features for models."`
	Scene       sceneCmd       `cmd:"" help:"Backgrounds that regions are pasted onto: check a folder."`
	Serve       serveCmd       `cmd:"" help:"Serve gRPC and HTTP: raw frames in, JPEGs out."`
	Demo        demoCmd        `cmd:"" help:"Start a server and push an animated scene to it, with the figures a second by second."`
	Bench       benchCmd       `cmd:"" passthrough:"" help:"Measure what pooling is worth on this machine, and what load a server bears (runs steadyframe-bench)."`
	CheckConfig checkConfigCmd `cmd:"" help:"Print the settings that a server would run with, or what is wrong with them."`
	Doctor      doctorCmd      `cmd:"" help:"Look at this machine and the settings: what keeps a server from starting, and what could be better."`
	Health      healthCmd      `cmd:"" help:"Ask a running server whether it is well."`
	Cert        certCmd        `cmd:"" help:"Make a self-signed certificate, to try TLS."`
	Token       tokenCmd       `cmd:"" help:"Make tokens with scopes, and keys that sign links."`
	Cluster     clusterCmd     `cmd:"" help:"Show the nodes of a cluster and their streams."`
	Link        linkCmd        `cmd:"" help:"Make a link that shows a live stream for a while, without a token."`
	Completion  completionCmd  `cmd:"" help:"Print a script that completes commands and flags in bash, zsh or fish."`
	Man         manCmd         `cmd:"" hidden:"" help:"Write manual pages into a folder."`
	Version     versionCmd     `cmd:"" help:"Print the version, and the kernels chosen for this processor."`
}

func main() { os.Exit(newProgram().Run(os.Args[1:], new(commands))) }

// newProgram returns the program, without its commands.
func newProgram() *cli.Program {
	return &cli.Program{
		Name:        "steadyframe",
		Version:     versionText(),
		Hint:        hint,
		Description: "A real-time frame server: raw frames in, JPEGs out, at a steady rate.",
		Groups: []kong.Group{
			{Key: "input", Title: "Input"},
			{Key: "image", Title: "Image"},
			{Key: "jpeg", Title: "JPEG"},
			{Key: "scene", Title: "Scene"},
			{Key: "run", Title: "Run"},
			{Key: "load", Title: "Load"},
			{Key: "output", Title: "Output"},
			{Key: "settings", Title: "Settings of the server"},
		},
	}
}
