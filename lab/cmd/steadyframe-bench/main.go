// Command steadyframe-bench measures what pooling of frame memory is worth on a machine (pooling), and what load a server
// bears (load, viewers), and simulates large clusters (cluster). `steadyframe bench` runs it. docs/bench.md is its manual.
package main

import (
	"os"

	"github.com/alecthomas/kong"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/cli"
)

// version is set by the linker (-X main.version=...). Where it is empty the build information says it.
var version string

// commands is the command line.
type commands struct {
	Pooling benchPoolingCmd `cmd:"" help:"Measure what pooling of frame memory is worth on this machine."`
	Turn    benchTurnCmd    `cmd:"" name:"pooling-turn" hidden:"" help:"One turn of pooling, which starts it."`
	Load    benchLoadCmd    `cmd:"" help:"Put a load on a running server and measure its latency."`
	Viewers benchViewersCmd `cmd:"" help:"Put viewers on a live stream and measure what they get and cost."`
	Cluster benchClusterCmd `cmd:"" help:"Simulate a cluster of many nodes, streams and viewers."`
}

// size is a flag's WIDTHxHEIGHT.
type size struct{ Width, Height int }

// UnmarshalText sets s to the size that text says.
func (s *size) UnmarshalText(text []byte) (err error) {
	s.Width, s.Height, err = frame.ParseSize(string(text))
	return err
}

func main() {
	program := cli.Program{
		Name:        "steadyframe bench",
		Version:     "steadyframe-bench " + cli.Version(version),
		Description: "Measures what pooling of frame memory is worth on this machine, and what load a server bears.",
		Groups: []kong.Group{
			{Key: "frames", Title: "Frames and images"},
			{Key: "run", Title: "Run"},
			{Key: "load", Title: "Load"},
			{Key: "capacity", Title: "Capacity"},
			{Key: "memory", Title: "Memory"},
			{Key: "output", Title: "Output"},
		},
	}
	os.Exit(program.Run(os.Args[1:], new(commands)))
}
