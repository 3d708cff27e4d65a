// Command steadyframe-bench measures what pooling of frame memory is worth on a machine (pooling), and what load a server
// bears (load). `steadyframe bench` runs it. docs/bench.md is its manual.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/cli"
)

// Exit codes.
const (
	exitOK          = 0
	exitError       = 1   // the measurement failed, or found something wrong
	exitUsage       = 2   // the command line is wrong
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// version is set by the linker (-X main.version=...). Where it is empty the build information says it.
var version string

// commands is the command line.
type commands struct {
	Pooling benchPoolingCmd `cmd:"" help:"Measure what pooling of frame memory is worth on this machine."`
	Turn    benchTurnCmd    `cmd:"" name:"pooling-turn" hidden:"" help:"One turn of pooling, which starts it."`
	Load    benchLoadCmd    `cmd:"" help:"Put a load on a running server and measure its latency."`
}

// size is a flag's WIDTHxHEIGHT.
type size struct{ Width, Height int }

// UnmarshalText sets s to the size that text says.
func (s *size) UnmarshalText(text []byte) (err error) {
	s.Width, s.Height, err = frame.ParseSize(string(text))
	return err
}

func main() { os.Exit(run(os.Args[1:])) }

// run runs the command that args say and returns the exit code.
func run(args []string) int {
	// A write to a closed pipe should be an error with a message, not the end of the process.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := interruptible()
	defer stop()

	code := -1
	var cmd commands
	parser, err := kong.New(&cmd,
		kong.Name("steadyframe bench"),
		kong.Description("Measures what pooling of frame memory is worth on this machine, and what load a server bears."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, NoExpandSubcommands: true, WrapUpperBound: 110}),
		kong.Exit(func(c int) { code = c }),
		kong.ExplicitGroups([]kong.Group{
			{Key: "picture", Title: "Frames and images"},
			{Key: "run", Title: "Run"},
			{Key: "load", Title: "Load"},
			{Key: "capacity", Title: "Capacity"},
			{Key: "memory", Title: "Memory"},
			{Key: "output", Title: "Output"},
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
	return "steadyframe bench"
}

// interruptible returns a context that the first SIGINT or SIGTERM ends, with cli.ErrInterrupted as its cause. The second
// ends the process.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel(cli.ErrInterrupted)
	}()
	return ctx, func() { cancel(nil) }
}

// exitCode prints err and returns the exit code for it.
func exitCode(err error) int {
	var usage *cli.UsageError
	if err != nil {
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
