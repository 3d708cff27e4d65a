package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/lab/measure"
	"github.com/steadyframe/steadyframe/lab/viewers"
)

// benchViewersCmd is steadyframe bench viewers.
type benchViewersCmd struct {
	URLs []string `arg:"" name:"url" help:"A live stream as MJPEG, of this server (http://127.0.0.1:8080/stream/NAME.mjpg) or any other; of several servers, each has as many viewers."`

	Viewers  int           `default:"100" placeholder:"N" help:"How many viewers. Default: 100."`
	Duration time.Duration `default:"10s" placeholder:"TIME" help:"How long to measure. Default: 10s."`
	PID      int           `name:"pid" placeholder:"PID" help:"The server's process, on this machine: its processor time and memory are measured."`
	Token    string        `env:"STEADYFRAME_AUTH_TOKEN" placeholder:"TOKEN" help:"The token of the server."`
	JSON     bool          `group:"output" name:"json" help:"Print the figures as one JSON object on standard output, and everything else on standard error."`
}

// Help is the longer text of steadyframe bench viewers --help.
func (benchViewersCmd) Help() string {
	return `Opens connections to a live stream, as so many players would, and reads what comes, for a while. It prints how many images a
viewer got a second, how evenly they came, how old they were where the server says when they were captured, and, with --pid, what a viewer costs the server.

One viewer in 50 reads images as such; the others drop bytes without copying them, so that this program takes as little as
possible of a machine that the server is on too. Each end of a connection counts what the kernel does for it: on one machine the
sender's time has much of the receiver's.

Exit code: 0, 1 when a viewer got nothing or its stream ended, 2 when the command line is wrong, 130 when interrupted.

Examples:
  steadyframe bench viewers --viewers 500 --pid $(pidof steadyframe) http://127.0.0.1:8080/stream/demo.mjpg`
}

// AfterApply checks the values of flags.
func (c *benchViewersCmd) AfterApply() error {
	if c.Viewers < 1 {
		return fmt.Errorf("--viewers: got %d, want 1 or more", c.Viewers)
	}
	if c.Duration <= 0 {
		return fmt.Errorf("--duration: got %v, want more than 0", c.Duration)
	}
	return nil
}

// Run watches and prints.
func (c *benchViewersCmd) Run(ctx context.Context) error {
	result, err := viewers.Run(ctx, viewers.Options{URLs: c.URLs, Viewers: c.Viewers, Duration: c.Duration, PID: c.PID, Token: c.Token})
	if err != nil {
		return err
	}
	out := os.Stdout
	if c.JSON {
		out = os.Stderr
	}
	fmt.Fprintln(out, result)
	if !c.JSON {
		return nil
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		Machine measure.Machine `json:"machine"`
		viewers.Result
	}{measure.Here(cli.Version(version)), result})
}
