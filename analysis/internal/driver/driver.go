// Package driver is the command poolvet. It has go vet analyze one package at a time, each in a process of its own that reads
// what is known of its dependencies, and keep the results in Go's build cache; so memory is bounded by the largest package, and
// what did not change is not analyzed again. It merges what the processes found.
package driver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/steadyframe/steadyframe/analysis/toolarge"
)

// The exit statuses.
const (
	exitClean  = 0
	exitFailed = 1 // something could not be analyzed, whatever else was found
	exitFound  = 3
)

const usage = `poolvet finds misuse of pools in Go programs.

usage: poolvet [-format text|json|sarif] [flags of go vet and of the passes] packages
       poolvet -fix packages
       poolvet help [pass]

It runs "go vet -vettool=poolvet", and so takes -C, -tags, -mod and others. It ends with
0 when nothing was found, 3 when something was, and 1 when something could not be analyzed.
`

// Main is the command with these arguments. It does not return.
func Main(args []string, passes []*analysis.Analyzer) {
	if ofOtherDriver(args) {
		multichecker.Main(passes...)
	}
	os.Exit(run(args, passes, os.Stdout, os.Stderr))
}

// ofOtherDriver reports whether go vet runs this process, or the arguments need all packages in one.
func ofOtherDriver(args []string) bool {
	if len(args) > 0 && (args[0] == "help" || strings.HasSuffix(args[len(args)-1], ".cfg")) {
		return true
	}
	return slices.ContainsFunc(args, func(arg string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		return strings.HasPrefix(arg, "-") && slices.Contains([]string{"V", "flags", "fix", "diff", "h", "help"}, name)
	})
}

// run analyzes the packages that args name, and writes what it finds in the form that they say.
func run(args []string, passes []*analysis.Analyzer, stdout, stderr io.Writer) int {
	format, args, err := takeFormat(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "poolvet: %v\n", err)
		return exitFailed
	case len(args) == 0:
		fmt.Fprint(stderr, usage)
		return exitFailed
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintf(stderr, "poolvet: %v\n", err)
		return exitFailed
	}
	var first []string
	if strings.HasPrefix(args[0], "-C") { // which go takes in the first place alone
		n := 1
		if args[0] == "-C" {
			n = min(2, len(args))
		}
		first, args = args[:n], args[n:]
	}
	vet := exec.Command("go", slices.Concat([]string{"vet"}, first,
		[]string{"-vettool=" + self, "-json", "-" + toolarge.Name + ".report"}, args)...)
	var out, problems bytes.Buffer
	vet.Stdout, vet.Stderr = &out, &problems
	err = vet.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		fmt.Fprintf(stderr, "poolvet: go vet: %v\n", err)
		return exitFailed
	}
	all := results{failed: err != nil}
	for _, stream := range []*bytes.Buffer{&out, &problems} { // go vet before 1.25 writes results among the problems
		rest, err := all.read(stream.Bytes())
		if err != nil {
			fmt.Fprintf(stderr, "poolvet: go vet: %v\n", err)
			return exitFailed
		}
		_, _ = stderr.Write(rest)
	}
	for _, problem := range all.problems {
		fmt.Fprintf(stderr, "poolvet: %s\n", problem)
	}
	all.sort()
	if err := formats[format](stdout, stderr, &all, passes); err != nil {
		fmt.Fprintf(stderr, "poolvet: %v\n", err)
		return exitFailed
	}
	switch {
	case all.failed || len(all.problems) > 0:
		return exitFailed
	case len(all.issues) > 0:
		return exitFound
	}
	return exitClean
}

// takeFormat takes -format and -json out of args.
func takeFormat(args []string) (format string, rest []string, err error) {
	format = "text"
	for i := 0; i < len(args); i++ {
		name, value, given := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		switch {
		case !strings.HasPrefix(args[i], "-"):
			rest = append(rest, args[i])
		case name == "json" && !given:
			format = "json"
		case name == "format" && given:
			format = value
		case name == "format" && i+1 < len(args):
			i++
			format = args[i]
		default:
			rest = append(rest, args[i])
		}
	}
	if formats[format] == nil {
		return "", nil, fmt.Errorf("-format: got %q, want text, json or sarif", format)
	}
	return format, rest, nil
}
