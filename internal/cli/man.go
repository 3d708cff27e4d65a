package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
)

// WriteManuals writes a manual page for a program, and one for each command, into a folder, which it makes: NAME.1 and
// NAME-COMMAND.1.
func WriteManuals(dir string, app *kong.Application) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make %s: %w", dir, withAdvice(err))
	}
	nodes := append([]*kong.Node{app.Node}, app.Leaves(true)...)
	for _, n := range nodes {
		path := filepath.Join(dir, pageName(n)+".1")
		if err := os.WriteFile(path, []byte(manual(n, nodes)), 0o644); err != nil {
			return fmt.Errorf("cannot write %s: %w", path, withAdvice(err))
		}
	}
	return nil
}

// pageName returns the name of a command's page: steadyframe-scene-check.
func pageName(n *kong.Node) string { return strings.ReplaceAll(n.FullPath(), " ", "-") }

// manual returns the page of n in man(7).
func manual(n *kong.Node, all []*kong.Node) string {
	var b strings.Builder
	name := pageName(n)
	fmt.Fprintf(&b, ".TH %s 1\n.SH NAME\n%s \\- %s\n", roff(strings.ToUpper(name)), roff(name), roff(strings.TrimSuffix(n.Help, ".")))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n%s\n", roff(n.FullPath()), roff(strings.TrimSpace(strings.TrimPrefix(n.Summary(), n.Path()))))
	if n.Detail != "" {
		b.WriteString(".SH DESCRIPTION\n" + roffText(n.Detail))
	}
	writeOptions(&b, n)
	if n.Parent == nil {
		b.WriteString(".SH COMMANDS\n")
		for _, other := range all[1:] {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(strings.TrimPrefix(other.FullPath(), n.Name+" ")), roff(other.Help))
		}
	}
	b.WriteString(".SH SEE ALSO\n")
	var others []string
	for _, other := range all {
		if other != n {
			others = append(others, ".BR "+roff(pageName(other))+" (1)")
		}
	}
	b.WriteString(strings.Join(others, ",\n") + "\n")
	return b.String()
}

// writeOptions writes a command's arguments and flags, those of a group under its title.
func writeOptions(b *strings.Builder, n *kong.Node) {
	b.WriteString(".SH OPTIONS\n")
	for _, p := range n.Positional {
		fmt.Fprintf(b, ".TP\n.I %s\n%s\n", roff(p.Summary()), roff(p.Help))
	}
	group := ""
	for _, flags := range n.AllFlags(true) {
		for _, f := range flags {
			title := ""
			if f.Group != nil {
				title = f.Group.Title
			}
			if title != group && title != "" {
				fmt.Fprintf(b, ".SS %s\n", roff(title))
			}
			group = title
			fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(f.String()), roff(f.Help))
		}
	}
}

// roffText is several lines: paragraphs are filled, lines that begin with a space stay as they are.
func roffText(text string) string {
	var b strings.Builder
	verbatim := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if indented := strings.HasPrefix(line, " "); indented != verbatim {
			verbatim = indented
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[verbatim])
		}
		if line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(line) + "\n")
	}
	if verbatim {
		b.WriteString(".fi\n")
	}
	return b.String()
}

// roff is text with nothing in it that roff would take as its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + text
	}
	return text
}
