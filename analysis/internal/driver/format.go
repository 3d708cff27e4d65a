package driver

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// formats are the ways to write results: to stdout, and what is no result to stderr.
var formats = map[string]func(stdout, stderr io.Writer, r *results, passes []*analysis.Analyzer) error{
	"text":  writeText,
	"json":  writeJSON,
	"sarif": writeSARIF,
}

// near returns file as a path from the working directory, if it is below that.
func near(file string) string {
	wd, err := os.Getwd()
	if err != nil {
		return file
	}
	if rel, err := filepath.Rel(wd, file); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return rel
	}
	return file
}

func (p place) String() string { return fmt.Sprintf("%s:%d:%d", near(p.File), p.Line, p.Column) }

func writeText(stdout, stderr io.Writer, r *results, _ []*analysis.Analyzer) error {
	for _, n := range r.notes {
		fmt.Fprintf(stderr, "%s: note: %s\n", n.place, n.Message)
	}
	for _, i := range r.issues {
		if _, err := fmt.Fprintf(stdout, "%s: %s (%s)\n", i.place, i.Message, i.Pass); err != nil {
			return err
		}
		for _, rel := range i.Related {
			if _, err := fmt.Fprintf(stdout, "\t%s: %s\n", rel.place, rel.Message); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeJSON(stdout, _ io.Writer, r *results, _ []*analysis.Analyzer) error {
	all := struct {
		Issues []issue `json:"issues"`
		Notes  []issue `json:"notes"`
	}{r.issues, r.notes}
	if all.Issues == nil {
		all.Issues = []issue{}
	}
	if all.Notes == nil {
		all.Notes = []issue{}
	}
	e := json.NewEncoder(stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}
