package main

import (
	"context"
	"fmt"
	"time"

	"github.com/steadyframe/steadyframe/internal/cli"
)

// healthCmd is steadyframe health.
type healthCmd struct {
	settings
	Ready   bool          `help:"Check readiness (/readyz) instead of liveness (/healthz)."`
	Timeout time.Duration `default:"3s" placeholder:"TIME" help:"How long to wait for the response. Default: 3s."`
}

// Help is the longer text of steadyframe health --help.
func (healthCmd) Help() string {
	return `Asks the admin listener of a server that runs with the same settings. Exit code: 0 when all is well, else 1.
For a container: HEALTHCHECK CMD ["steadyframe", "health"]`
}

// Run prints the response on standard output.
func (c *healthCmd) Run(ctx context.Context) error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	response, err := cli.AskAdmin(ctx, loaded.Admin.Listen, loaded.TLS.Cert, path)
	if err != nil {
		return err
	}
	fmt.Println(response)
	return nil
}
