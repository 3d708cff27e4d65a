package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/steadyframe/steadyframe/lab/cluster"
)

// benchClusterCmd is steadyframe bench cluster.
type benchClusterCmd struct {
	Nodes      int     `default:"1000" placeholder:"N" help:"Servers. Default: 1000."`
	Streams    int     `default:"10000" placeholder:"N" help:"Live streams, divided over the nodes. Default: 10000."`
	Viewers    int     `default:"1000000" placeholder:"N" help:"Viewers of all streams together. Default: 1000000."`
	MaxEdges   int     `default:"8" placeholder:"N" help:"Nodes that one sends a stream to (cluster.max_edges). Default: 8."`
	Popularity float64 `default:"1" placeholder:"X" help:"The nth stream has viewers in proportion to 1/n^X. Default: 1."`
	ByName     bool    `help:"Viewers are sent to nodes by the name of the stream, not to any."`
	Churn      int     `default:"0" placeholder:"N" help:"Viewers that leave, each for one that comes. Default: 0."`
	Seed       uint64  `default:"1" placeholder:"N" help:"Of the simulation. Default: 1."`

	Directory time.Duration `default:"0s" placeholder:"TIME" help:"Run the directories of all nodes for so long, and measure what they cost. Default: not."`
	JSON      bool          `group:"output" name:"json" help:"Print the figures as one JSON object."`
}

// Help is the longer text of steadyframe bench cluster --help.
func (benchClusterCmd) Help() string {
	return `Simulates a cluster that is larger than the machines at hand: which node takes which stream from which, how far images go, what nodes
send and get, and what happens when a node is lost. The rules are the server's, the costs those that were measured with it
(docs/many-machines.md). The same seed gives the same figures.

With --directory the directory is not simulated: it is the server's own code, of all nodes in this process.

Exit code: 0, 1 when the directory did not settle, 2 when the command line is wrong, 130 when interrupted.

Examples:
  steadyframe bench cluster --nodes 20 --streams 200 --viewers 5000
  steadyframe bench cluster --by-name --churn 1000000
  steadyframe bench cluster --directory 10s`
}

// Run simulates and prints.
func (c *benchClusterCmd) Run(ctx context.Context) error {
	result, err := cluster.Run(cluster.Options{
		Nodes: c.Nodes, Streams: c.Streams, Viewers: c.Viewers, MaxEdges: c.MaxEdges, Popularity: c.Popularity, ByName: c.ByName, Churn: c.Churn, Seed: c.Seed,
	}, cluster.Measured)
	if err != nil {
		return fmt.Errorf("bench cluster: %w", err)
	}
	var control *cluster.Control
	if c.Directory > 0 {
		measured, err := cluster.MeasureControl(ctx, c.Nodes, c.Streams, c.Directory)
		if err != nil {
			return fmt.Errorf("bench cluster: %w", err)
		}
		control = &measured
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(struct {
			cluster.Result
			Directory *cluster.Control `json:",omitempty"`
		}{result, control})
	}
	result.Write(os.Stdout)
	if control != nil {
		control.Write(os.Stdout, 3, 10, 100, 1000)
	}
	return nil
}
