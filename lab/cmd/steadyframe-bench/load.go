package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/lab/load"
	"github.com/steadyframe/steadyframe/lab/measure"
	"github.com/steadyframe/steadyframe/lab/report"
)

// benchLoadCmd is steadyframe bench load.
type benchLoadCmd struct {
	Target   string   `arg:"" optional:"" help:"The server: host:port for gRPC, http://host:port for HTTP, unix:/path for either, ring:/path for shared memory. Default: 127.0.0.1:50051, or the default ring."`
	Via      load.Via `placeholder:"WAY" help:"grpc, http or ring. Default: what TARGET says; grpc for host:port and unix:/path."`
	TLS      bool     `name:"tls" help:"Use TLS for gRPC; https:// says it for HTTP, and so do the next two."`
	CA       string   `name:"ca" type:"existingfile" placeholder:"FILE" help:"PEM file with certificate authorities to trust in addition to the system's."`
	Insecure bool     `help:"Do not verify the server's certificate."`
	Token    string   `env:"STEADYFRAME_AUTH_TOKEN" placeholder:"TOKEN" help:"The token of the server (its setting auth.token)."`

	Rate        float64       `group:"load" default:"50" placeholder:"N" help:"Frames per second over all connections, or the rate that --find-capacity starts at. Default: 50."`
	Batch       int           `group:"load" default:"25" placeholder:"N" help:"Frames per batch. Default: 25."`
	Duration    time.Duration `group:"load" placeholder:"TIME" help:"How long to send. Default: 10s, or until --requests are sent."`
	Requests    int           `group:"load" placeholder:"N" help:"How many batches to send."`
	Connections int           `group:"load" default:"1" placeholder:"N" help:"Connections; batches go to them in turn. Default: 1."`
	Outstanding int           `group:"load" default:"16" placeholder:"N" help:"In-flight batches per connection. At this limit a batch that is due waits, and the wait counts in its latency. Default: 16."`
	Timeout     time.Duration `group:"load" default:"10s" placeholder:"TIME" help:"How long to wait for the response to a batch. Default: 10s."`

	Size    size `group:"frames" default:"640x360" placeholder:"WxH" help:"Size of the frames, bgr24. Default: 640x360."`
	Resize  size `group:"frames" default:"320x320" placeholder:"WxH" help:"Size of the JPEGs. Default: 320x320."`
	Quality int  `group:"frames" default:"75" placeholder:"N" help:"Quality of the JPEGs, 1 to 100. Default: 75."`

	Scene   string  `group:"frames" placeholder:"NAME" help:"A scene that the server has: frames are regions of its images, and each connection is a session, whose indices go up by one."`
	Silence float64 `group:"frames" placeholder:"PERCENT" help:"With --scene, how many of the images have no region. Default: 0."`

	FindCapacity bool          `group:"capacity" help:"Find the highest rate that the server bears: every frame comes back as its JPEG, P99 is within the bound, and 99 % of the rate is achieved."`
	P99          time.Duration `group:"capacity" name:"p99" default:"300ms" placeholder:"TIME" help:"Bound for the 99th percentile of batch latency. Default: 300ms."`
	Step         time.Duration `group:"capacity" default:"5s" placeholder:"TIME" help:"How long to try each rate. Default: 5s."`

	Verify string `group:"run" default:"all" enum:"all,off" placeholder:"WHICH" help:"Check that each JPEG is that of its frame: all or off. Default: all."`
	Admin  string `group:"run" placeholder:"ADDR" help:"The server's admin listener; its memory and processor time are added to the figures."`
	JSON   bool   `group:"output" name:"json" help:"Print the figures as one JSON object on standard output, and everything else on standard error."`
	Report string `group:"output" type:"path" placeholder:"DIR" help:"Write a page with tables and plots to this folder."`
}

// Help is the longer text of steadyframe bench load --help.
func (benchLoadCmd) Help() string {
	return `Sends batches of frames to a running server at a set rate and measures how long their JPEGs take. The load is open-loop: each
batch has a time at which it is due, and its latency counts from then, whatever happened to earlier batches. A server that stalls
for a second shows in the latencies of all batches that were due in that second.

The frames are those of an animated scene, rendered beforehand, and carry their numbers in their pixels. Before the clock starts
the first JPEG of each frame is decoded and its number read; later ones are compared with it. These are findings: the JPEG of
another frame, a JPEG that cannot be read, other bytes than before, and JPEGs that are missing or out of order. A batch that the
server refuses is counted and not sent again.

Over gRPC each connection has one stream of batches. Over HTTP, which serves one request at a time, it has as many sockets as
batches in flight.

Exit code: 0 when every frame that was due came back as its JPEG, else 1; 2 when the command line is wrong, 130 when
interrupted. --find-capacity: 0 when it found a capacity and no JPEG was wrong.

Examples:
  steadyframe bench load --rate 400 --duration 30s 127.0.0.1:50051
  steadyframe bench load --rate 100 --connections 4 --admin 127.0.0.1:9090 http://127.0.0.1:8080
  steadyframe bench load --requests 1000 --batch 25 --rate 50 --json       1,000 requests of 25 frames
  steadyframe bench load --scene anna --size 256x256 --silence 50 --connections 100 --rate 2500 --batch 1 ring:    100 sessions
  steadyframe bench load --find-capacity --p99 100ms --report out/ 127.0.0.1:50051`
}

// defaultDuration is how long a load lasts by default.
const defaultDuration = 10 * time.Second

// AfterApply checks what no single flag can know.
func (c *benchLoadCmd) AfterApply() error {
	switch {
	case c.FindCapacity && (c.Requests != 0 || c.Duration != 0):
		return errors.New("--find-capacity: got --requests or --duration too, want --step alone")
	case c.P99 <= 0 || c.Step <= 0:
		return fmt.Errorf("--p99 and --step: got %v and %v, want more than 0", c.P99, c.Step)
	case c.FindCapacity && c.Rate < load.LeastRate(c.Step, c.Batch):
		return fmt.Errorf("--step: got %v, in which fewer than 3 batches of %d are due at %v frames a second; want a longer one, or --rate %.0f or more",
			c.Step, c.Batch, c.Rate, math.Ceil(load.LeastRate(c.Step, c.Batch)))
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout: got %v, want more than 0", c.Timeout)
	case c.Quality < 1 || c.Quality > 100:
		return fmt.Errorf("--quality: got %d, want 1 to 100", c.Quality)
	case !(c.Silence >= 0 && c.Silence <= 100):
		return fmt.Errorf("--silence: got %v, want 0 to 100", c.Silence)
	case c.Silence > 0 && c.Scene == "":
		return fmt.Errorf("--silence: got %v, want it with --scene", c.Silence)
	case c.Connections < 1:
		return fmt.Errorf("--connections: got %d, want 1 or more", c.Connections)
	case c.Outstanding < 1:
		return fmt.Errorf("--outstanding: got %d, want 1 or more", c.Outstanding)
	}
	if c.Duration == 0 && c.Requests == 0 && !c.FindCapacity {
		c.Duration = defaultDuration
	}
	return nil
}

// Run puts the load on the server.
func (c *benchLoadCmd) Run(ctx context.Context) error {
	out := os.Stdout
	if c.JSON {
		out = os.Stderr
	}
	if c.Report != "" { // in vain now rather than after the load
		if err := report.Prepare(c.Report); err != nil {
			return err
		}
	}
	options := c.options(out)
	var err error
	if options.TLS, err = c.trust(); err != nil {
		return err
	}
	generator, err := load.New(ctx, options)
	if err != nil {
		return benchUsage(err)
	}
	fmt.Fprintln(out, generator)
	outcome := load.Outcome{Machine: measure.Here(cli.Version(version)), Settings: generator.Settings()}
	if c.FindCapacity {
		err = c.findCapacity(ctx, generator, out, &outcome)
	} else {
		err = c.load(ctx, generator, out, &outcome)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if writeErr := c.write(&outcome, out); err == nil {
		err = writeErr
	}
	return err
}

// load is Run for one load.
func (c *benchLoadCmd) load(ctx context.Context, g *load.Generator, out io.Writer, o *load.Outcome) error {
	result, err := g.Run(ctx)
	o.Result = &result
	if result.Batches > 0 {
		fmt.Fprintln(out, result)
	}
	if err == nil {
		err = result.Wrong()
	}
	return err
}

// findCapacity is Run for a search.
func (c *benchLoadCmd) findCapacity(ctx context.Context, g *load.Generator, out io.Writer, o *load.Outcome) error {
	search := load.Search{P99: c.P99, Step: c.Step, Progress: func(s load.Step) { fmt.Fprintln(out, s) }}
	capacity, err := g.FindCapacity(ctx, search)
	o.Capacity = &capacity
	if best := capacity.Best(); best != nil {
		o.Result = &best.Result
	}
	if err == nil {
		fmt.Fprintln(out, capacity)
		err = capacity.Wrong()
	}
	if err == nil && capacity.FPS == 0 {
		err = errors.New("no rate passed")
	}
	return err
}

// write writes what was asked for beside the lines.
func (c *benchLoadCmd) write(o *load.Outcome, out io.Writer) error {
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(o); err != nil {
			return err
		}
	}
	if c.Report == "" || o.Result == nil || o.Result.Batches == 0 {
		return nil
	}
	if err := o.Page().Write(c.Report); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "report: %s\n", filepath.Join(c.Report, "index.html"))
	return err
}

// trust returns how to use TLS; nil: as the target says, with the system's authorities.
func (c *benchLoadCmd) trust() (*tls.Config, error) {
	if !c.TLS && c.CA == "" && !c.Insecure {
		return nil, nil
	}
	return cli.Trust(c.CA, c.Insecure)
}

func (c *benchLoadCmd) options(out io.Writer) load.Options {
	target := c.Target
	switch {
	case target == "" && c.Via == load.Ring:
		target = "ring:"
	case target == "":
		target = "127.0.0.1:50051"
	}
	o := load.Options{
		Target: target, Via: c.Via, Token: c.Token, Admin: c.Admin,
		Width: c.Size.Width, Height: c.Size.Height, OutWidth: c.Resize.Width, OutHeight: c.Resize.Height, Quality: c.Quality,
		Scene: c.Scene, Silence: c.Silence / 100,
		Rate: c.Rate, Batch: c.Batch, Connections: c.Connections, Outstanding: c.Outstanding,
		Requests: c.Requests, Duration: c.Duration, Timeout: c.Timeout,
		Verify: c.Verify == "all", Warm: true,
	}
	if !c.FindCapacity {
		o.Second = func(p load.Progress) { fmt.Fprintln(out, p) }
	}
	return o
}

// benchUsage returns an error of an option as one of the command line.
func benchUsage(err error) error {
	var option *load.OptionError
	if errors.As(err, &option) {
		if option.Option == "target" {
			return &cli.UsageError{Err: err}
		}
		return &cli.UsageError{Err: fmt.Errorf("--%w", err)}
	}
	return err
}
