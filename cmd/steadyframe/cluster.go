package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/steadyframe/steadyframe/internal/cli"
)

// clusterCmd is steadyframe cluster.
type clusterCmd struct {
	Status clusterStatusCmd `cmd:"" help:"Show the nodes of a cluster and their streams, as one of them knows them."`
}

// clusterStatusCmd is steadyframe cluster status.
type clusterStatusCmd struct {
	Server string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"The node to ask: http://host:port, https://host or unix:/path. Default: http://127.0.0.1:8080."`
	JSON   bool   `name:"json" help:"Print what the node responds with, GET /v1/cluster, for programs."`
	All    bool   `help:"Show all streams, not the first 50."`

	Token    string        `env:"STEADYFRAME_AUTH_TOKEN" placeholder:"TOKEN" help:"Token that the server asks for (its setting auth.token)."`
	CA       string        `name:"ca" type:"existingfile" placeholder:"FILE" help:"PEM file with certificate authorities to trust in addition to the system's."`
	Insecure bool          `help:"Do not verify the server's certificate."`
	Timeout  time.Duration `default:"5s" placeholder:"TIME" help:"How long to wait for the response. Default: 5s."`
}

// Help is the longer text of steadyframe cluster status --help.
func (clusterStatusCmd) Help() string {
	return `Asks one node what it knows: all nodes with their version, load and when they were heard last; all live streams, the node
that each comes from, over how many hops the asked node gets it, and how old its images are when they arrive there; and whether
the directory, by which nodes find each other, has its connection. Notes in the end say what to look at.

Any node may be asked, and each has its own view: where two differ, the network between them is the first suspect. A token needs the
scope admin, or view:NAME, and shows the streams that it may view.

Exit code: 0 when the node responded, 1 when it could not be asked or has no cluster, 2 when the command line is wrong.

Examples:
  steadyframe cluster status
  steadyframe cluster status --server https://frames.example --token "$TOKEN"
  steadyframe cluster status --json | jq -r '.nodes[] | select(.state != "online").name'`
}

// AfterApply checks what no single flag can know.
func (c *clusterStatusCmd) AfterApply() error {
	switch {
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout: got %v, want more than 0", c.Timeout)
	case c.JSON && c.All:
		return errors.New("--all is for people: --json has all streams")
	}
	return nil
}

// Run is called by kong.
func (c *clusterStatusCmd) Run(ctx context.Context) error {
	server, _, err := cli.ParseEndpoint(c.Server)
	if err != nil {
		return err
	}
	if err := server.Trust(c.CA, c.Insecure); err != nil {
		return err
	}
	s := cli.ClusterStatus{Endpoint: server, Token: c.Token, Timeout: c.Timeout, All: c.All}
	if c.JSON {
		return s.WriteJSON(ctx, os.Stdout)
	}
	return s.Write(ctx, os.Stdout)
}
