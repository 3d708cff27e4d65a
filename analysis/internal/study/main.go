// Command study measures the passes on code that others wrote. It makes the figures of docs/poolvet.md:
//
//	go run ./internal/study -sample kept -in LOKI reports ./cmd/loki    # what poolvet reports in the modules of testdata/modules.txt
//	go run ./internal/study -sample kept judged                         # how many of the reports are true, by testdata/judged.txt
//	go run ./internal/study -sample kept -in LOKI mutants ./cmd/loki    # which mutants of these modules it finds
//	go run ./internal/study -sample kept -in CLONES bugs                # which known bugs of testdata/bugs.txt it finds
//	go run ./internal/study -seen FILE -seed SEED -in PROGRAM list .    # the modules of a program for a new sample
//
// LOKI is a checkout of a program in whose build list the modules are, CLONES a folder with clones of the repositories, each under
// OWNER+NAME. It is run in the module's root. testdata/modules.md and bugs.md have the rules by which the lists were made.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/analysis/poolvet"
)

func main() {
	samples := flag.String("sample", "development", "samples of the lists, separated by commas")
	seed := flag.String("seed", "", "text before a module's path in the hash that orders a new sample")
	seen := flag.String("seen", "", "file with more text that names what a new sample leaves out")
	in := flag.String("in", ".", "folder of the program, or of the clones")
	each := flag.Int("each", 3, "mutants of one kind in a package, at most")
	only := flag.String("only", "", "regular expression for the modules or repositories to look at")
	doubtful := flag.Bool("doubtful", false, "also of the kinds of reports that are made by -poolvet.doubtful alone")
	verbose := flag.Bool("v", false, "write each mutant and each change")
	flag.Parse()
	matching, err := regexp.Compile(*only)
	if err == nil {
		err = poolvet.Analyzers()[0].Flags.Set("doubtful", strconv.FormatBool(*doubtful))
	}
	if err == nil {
		s := study{
			samples: strings.Split(*samples, ","), in: *in, only: matching, each: *each, verbose: *verbose, seed: *seed, seen: *seen,
		}
		err = s.run(flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "study:", err)
		os.Exit(1)
	}
}

type study struct {
	samples    []string
	in         string
	only       *regexp.Regexp
	each       int
	verbose    bool
	seed, seen string
	work       string // a temporary folder
	tool       string // poolvet
}

const commands = "reports, judged, mutants, bugs or list"

func (s *study) run(args []string) error {
	if len(args) == 0 {
		return errors.New("got no command, want " + commands)
	}
	switch args[0] {
	case "judged":
		return s.judged()
	case "list":
		return s.list(args[1:])
	}
	var err error
	if s.work, err = os.MkdirTemp("", "study"); err != nil {
		return err
	}
	defer os.RemoveAll(s.work)
	if s.in, err = filepath.Abs(s.in); err != nil {
		return err
	}
	switch args[0] {
	case "reports":
		return s.reports(args[1:])
	case "mutants":
		return s.mutants(args[1:])
	case "bugs":
		s.tool = filepath.Join(s.work, "poolvet")
		if _, err := output(".", nil, "go", "build", "-o", s.tool, "./cmd/poolvet"); err != nil {
			return err
		}
		return s.bugs()
	}
	return fmt.Errorf("got the command %q, want %s", args[0], commands)
}

// rows returns the fields of the lines of a list that are of the samples, after the sample's name. Lines that begin with # are comments.
func (s *study) rows(name string) ([][]string, error) {
	text, err := os.ReadFile(filepath.Join("internal/study/testdata", name))
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && slices.Contains(s.samples, fields[0]) && s.only.MatchString(fields[1]) {
			rows = append(rows, fields[1:])
		}
	}
	return rows, nil
}

// output runs a program in a folder with more environment, and returns what it writes to standard output.
func output(dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, stderr.Bytes())
	}
	return stdout.Bytes(), nil
}
