// Package doctor looks at a machine and at the settings of a server before it runs there: what keeps it from starting, and what
// keeps it from running as well as it could. It changes nothing.
package doctor

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// Level is how much a Finding matters.
type Level int

// The levels of findings.
const (
	OK     Level = iota // as it should be
	Note                // worth knowing, nothing to do
	Change              // the server runs, but not as well as it could
	Stop                // the server does not start
)

// String returns the word that begins the line of a finding.
func (l Level) String() string { return [...]string{"ok", "note", "change", "STOPS"}[l] }

// Finding is what was found out about one thing.
type Finding struct {
	Level  Level
	About  string // "ffmpeg", or a setting
	Text   string
	Advice string // what to do; empty: nothing
}

// Checkup is what to look at.
type Checkup struct {
	Config config.Config
	File   string // of the settings; empty for none
	// Root has the system's proc and sys: os.DirFS("/") but in tests.
	Root fs.FS
	// Getenv is os.Getenv but in tests.
	Getenv func(string) string
	// Running reports whether a server with these settings runs and is well.
	Running func(context.Context) bool
}

// Run returns the findings, in the order in which a reader wants them: the machine, what else is installed, limits, addresses.
func (c *Checkup) Run(ctx context.Context) []Finding {
	var found []Finding
	for _, check := range []func(context.Context) []Finding{
		c.processor, c.processors, c.memory, c.clock, c.ffmpeg, c.settings, c.certificate, c.cluster, c.scenes, c.files, c.ring, c.listeners,
	} {
		found = append(found, check(ctx)...)
	}
	return found
}

// Stops reports whether one of the findings keeps a server from starting.
func Stops(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.Level == Stop })
}

// Write writes the findings for a reader, and in the end what they come to.
func Write(out io.Writer, found []Finding) error {
	changes := 0
	for _, f := range found {
		if f.Level == Change {
			changes++
		}
		if _, err := fmt.Fprintf(out, "%-7s %-14s %s\n", f.Level, f.About, f.Text); err != nil {
			return err
		}
		if f.Advice != "" {
			if _, err := fmt.Fprintf(out, "        %-14s -> %s\n", "", f.Advice); err != nil {
				return err
			}
		}
	}
	verdict := "Nothing keeps a server from starting."
	if Stops(found) {
		verdict = "A server does not start with these settings here."
	}
	switch changes {
	case 0:
	case 1:
		verdict += " One thing could be better."
	default:
		verdict += fmt.Sprintf(" %d things could be better.", changes)
	}
	_, err := fmt.Fprintf(out, "\n%s\n", verdict)
	return err
}
