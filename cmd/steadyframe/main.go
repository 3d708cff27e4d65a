// Command steadyframe turns raw frames into JPEGs: from files and pipes (encode), and as a server (serve, demo).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/steadyframe/steadyframe/internal/cli"
)

// Exit codes.
const (
	exitOK          = 0
	exitError       = 1   // what was asked could not be done
	exitUsage       = 2   // what was asked makes no sense
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// commands is the command line.
type commands struct {
	Encode      encodeCmd      `cmd:"" help:"Turn a video, an image, Y4M or raw frames into JPEGs."`
	Push        pushCmd        `cmd:"" help:"Feed a live stream of a server: from a video, a camera, a pipe or JPEGs."`
	Mel         melCmd         `cmd:"" help:"Turn sound into log-mel features for models."`
	Serve       serveCmd       `cmd:"" help:"Serve gRPC and HTTP: raw frames in, JPEGs out."`
	Demo        demoCmd        `cmd:"" help:"Start a server and push an animated scene to it, with the figures a second by second."`
	Bench       benchCmd       `cmd:"" passthrough:"" help:"Measure what pooling is worth on this machine, and what load a server bears (runs steadyframe-bench)."`
	CheckConfig checkConfigCmd `cmd:"" help:"Print the settings that a server would run with, or what is wrong with them."`
	Health      healthCmd      `cmd:"" help:"Ask a running server whether it is well."`
	Version     versionCmd     `cmd:"" help:"Print the version, and the kernels chosen for this processor."`
}

func main() { os.Exit(run(os.Args[1:])) }

// run runs the command that args say and returns the exit code.
func run(args []string) int {
	// A closed pipe is to be an error of Write, with a message, rather than the end of the process.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := interruptible()
	defer stop()

	code := -1
	var cmd commands
	parser, err := kong.New(&cmd,
		kong.Name("steadyframe"),
		kong.Description("A real-time frame server: raw frames in, JPEGs out, at a steady rate."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, NoExpandSubcommands: true, WrapUpperBound: 110}),
		kong.Exit(func(c int) { code = c }),
		kong.ExplicitGroups([]kong.Group{
			{Key: "input", Title: "Input"},
			{Key: "image", Title: "Image"},
			{Key: "jpeg", Title: "JPEG"},
			{Key: "run", Title: "Run"},
			{Key: "load", Title: "Load"},
			{Key: "capacity", Title: "Capacity"},
			{Key: "memory", Title: "Memory"},
			{Key: "output", Title: "Output"},
			{Key: "settings", Title: "Settings of the server"},
		}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		panic(err) // a fault in the struct tags above
	}
	bare := len(args) == 0
	if bare {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	switch {
	case bare:
		return exitUsage
	case code >= 0:
		return code // --help
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "steadyframe: %v\nSee: %s --help\n", err, commandOf(err))
		return exitUsage
	}
	return exitCode(k.Run())
}

// commandOf returns the command in which parsing failed, as it is typed.
func commandOf(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		return parse.Context.Selected().FullPath()
	}
	return "steadyframe"
}

// interruptible returns a context that the first SIGINT, SIGTERM or SIGHUP ends, with cli.ErrInterrupted as its cause; the
// second ends the process. SIGHUP stays ignored where it is, under nohup.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		signal.Stop(signals)
		cancel(cli.ErrInterrupted)
	}()
	return ctx, func() { cancel(nil) }
}

// exitCode prints err, unless the command did so itself, and returns the exit code for it.
func exitCode(err error) int {
	var usage *cli.UsageError
	var told *toldError
	if err != nil && !errors.As(err, &told) {
		fmt.Fprintf(os.Stderr, "steadyframe: %v\n", err)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, cli.ErrInterrupted):
		return exitInterrupted
	}
	return exitError
}

// toldError is an error that the user was told of already.
type toldError struct{ error }

func (e *toldError) Unwrap() error { return e.error }
