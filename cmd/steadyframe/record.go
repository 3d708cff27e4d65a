package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/steadyframe/steadyframe/internal/cli"
)

// recordCmd is steadyframe record.
type recordCmd struct {
	Stream string `arg:"" help:"The name of a live stream, or its URL: http://host:port/v1/streams/NAME, or http://host:port/stream/NAME.mjpg."`
	Out    string `short:"o" required:"" placeholder:"OUT.mkv" help:"The file to write (Matroska), or - for standard output."`
	Force  bool   `short:"f" help:"Overwrite existing output."`

	For time.Duration `placeholder:"TIME" help:"How long to record: 10s, 5m, 1h30m. Default: until interrupted (Ctrl-C)."`
	FPS float64       `name:"fps" placeholder:"N" help:"At most N images per second. Default: all."`

	Server   string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"The server of a stream that is given by name: http://host:port, https://host or unix:/path. Default: http://127.0.0.1:8080."`
	Token    string `env:"STEADYFRAME_AUTH_TOKEN" placeholder:"TOKEN" help:"Token that the server asks for (its setting auth.token)."`
	CA       string `name:"ca" type:"existingfile" placeholder:"FILE" help:"PEM file with certificate authorities to trust in addition to the system's."`
	Insecure bool   `help:"Do not verify the server's certificate."`
}

// Help is the longer text of steadyframe record --help.
func (recordCmd) Help() string {
	return `Records a live stream of a server: the JPEGs as they are, each at the time when its frame was captured, as Matroska, which
ffplay, VLC and ffmpeg read. The file has its duration, and an index for seeking.

OUT is written whole or not at all. What came of a recording that breaks off is kept as OUT.partial.mkv.

Exit code: 0 when all of it was recorded (without --for: up to Ctrl-C), 1 when something failed or it broke off, 2 when the
command line is wrong, 130 when interrupted before --for was over.

Examples:
  steadyframe record cars -o cars.mkv --for 10s
  steadyframe record http://host:8080/stream/cars.mjpg -o cars.mkv
  steadyframe record cars -o - | ffplay -`
}

// AfterApply checks what no single flag can know.
func (c *recordCmd) AfterApply() error {
	switch {
	case c.For < 0:
		return fmt.Errorf("--for: got %v, want a time such as 10s", c.For)
	case !(c.FPS >= 0 && c.FPS <= 1000):
		return fmt.Errorf("--fps: got %v, want more than 0, and at most 1000", c.FPS)
	}
	return nil
}

// Run is called by kong.
func (c *recordCmd) Run(ctx context.Context) error {
	target, err := cli.ParseRecordTarget(c.Stream, c.Server)
	if err != nil {
		return err
	}
	if err := target.Trust(c.CA, c.Insecure); err != nil {
		return err
	}
	r := cli.Record{Target: target, Token: c.Token, For: c.For, FPS: c.FPS, Out: c.Out, Stdout: os.Stdout, Force: c.Force}
	s, err := r.Run(ctx)
	if s.Bytes > 0 {
		fmt.Fprintln(os.Stderr, s)
	}
	return err
}
