package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/steadyframe/steadyframe/internal/plain"
)

// Exit codes.
const (
	exitOK          = 0
	exitError       = 1   // what was asked could not be done, or found something wrong
	exitUsage       = 2   // what was asked makes no sense
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// Program is a program with commands.
type Program struct {
	Name        string // as it is typed: "steadyframe bench"
	Description string
	Groups      []kong.Group // of flags, in the order of the help
	Version     string       // for --version: all lines
	// Hint says what to give in place of an unknown flag, such as "--http": "use --http"; empty if it does not know. May be nil.
	Hint func(flag string) string
}

// flags are those of every program, beside --help.
type flags struct {
	Version kong.VersionFlag `help:"Print the version." short:"V"`
}

// Run runs the command that args say and returns the exit code. commands points to a struct of commands, as package kong
// has them: the Run of each may take a context, which the first SIGINT, SIGTERM or SIGHUP ends, with ErrInterrupted as its
// cause. The second ends the process.
func (p *Program) Run(args []string, commands any) int {
	// A write to a closed pipe should be an error with a message, not the end of the process.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := interruptible()
	defer stop()

	code := -1
	parser, err := p.Parser(commands, kong.Exit(func(c int) { code = c }), kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		panic(err) // a fault in the struct's tags
	}
	bare := len(args) == 0
	switch {
	case bare:
		args = []string{"--help"}
	case args[0] == "help": // "help encode" is what "encode --help" is.
		args = append(slices.Clone(args[1:]), "--help")
	}
	k, err := parser.Parse(args)
	switch {
	case bare:
		return exitUsage
	case code >= 0:
		return code // --help, --version
	}
	if errors.Is(err, syscall.EPIPE) { // of the help, whose reader has seen enough
		return exitError
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "steadyframe: %s%s\nSee: %s --help\n", Message(err), p.hint(err), p.commandOf(err))
		return exitUsage
	}
	return exitCode(k.Run())
}

// commandOf returns the command in which parsing failed, as it is typed.
func (p *Program) commandOf(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		return parse.Context.Selected().FullPath()
	}
	return p.Name
}

// Parser returns the parser of commands, as Run uses it, with further options.
func (p *Program) Parser(commands any, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(commands, append(options,
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, NoExpandSubcommands: true, WrapUpperBound: 110}),
		kong.ExplicitGroups(p.Groups),
		kong.Embed(new(flags)),
		kong.Vars{"version": p.Version},
	)...)
}

// hint returns what to do about an unknown flag, as the end of a message. It may be empty.
func (p *Program) hint(err error) string {
	unknown, ok := strings.CutPrefix(err.Error(), "unknown flag ")
	if !ok || p.Hint == nil {
		return ""
	}
	unknown, _, _ = strings.Cut(unknown, ", did you mean") // kong adds it
	if use := p.Hint(unknown); use != "" {
		return "; " + use
	}
	return ""
}

// Message returns err as its user reads it, on a terminal or in JSON.
func Message(err error) string { return plain.Text(err.Error()) }

// interruptible returns the context of Run. SIGHUP stays ignored where it is, under nohup.
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
		cancel(ErrInterrupted)
	}()
	return ctx, func() { cancel(nil) }
}

// exitCode prints err, unless it is a ReportedError, and returns the exit code for it.
func exitCode(err error) int {
	var usage *UsageError
	var reported *ReportedError
	if err != nil && !errors.As(err, &reported) {
		fmt.Fprintf(os.Stderr, "steadyframe: %s\n", Message(err))
	}
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, ErrInterrupted):
		return exitInterrupted
	}
	return exitError
}

// ReportedError is an error that the user has seen.
type ReportedError struct{ Err error }

func (e *ReportedError) Error() string { return e.Err.Error() }

// Unwrap returns the error that is wrapped.
func (e *ReportedError) Unwrap() error { return e.Err }
