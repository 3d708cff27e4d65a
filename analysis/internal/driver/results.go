package driver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
	"github.com/steadyframe/steadyframe/analysis/toolarge"
)

// results is what go vet has found in all packages.
type results struct {
	issues   []issue
	notes    []issue  // functions that were left out
	problems []string // passes that failed
	failed   bool     // something could not be analyzed
}

// An issue is one report. Lines and columns, in bytes, begin at 1.
type issue struct {
	Pass     string `json:"pass"`
	Kind     string `json:"kind,omitempty"`
	Doubtful bool   `json:"doubtful,omitempty"`
	Package  string `json:"package"`
	place
	Message string    `json:"message"`
	Related []related `json:"related,omitempty"`
	Fixes   []fix     `json:"fixes,omitempty"`
}

// A related is a place that an issue is about too.
type related struct {
	place
	Message string `json:"message"`
}

// A place is a part of a file. The end is the first byte behind it.
type place struct {
	File      string `json:"file"` // absolute
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"endLine"`
	EndColumn int    `json:"endColumn"`
}

// A fix is a change that mends the issue.
type fix struct {
	Message string `json:"message"`
	Edits   []edit `json:"edits"`
}

// An edit replaces the bytes from Start to End of a file.
type edit struct {
	File  string `json:"filename"`
	Start int    `json:"start"`
	End   int    `json:"end"`
	New   string `json:"new"`
}

// vetDiagnostic is what go vet -json says of a report.
type vetDiagnostic struct {
	Posn, End, Category, Message string
	Related                      []struct{ Posn, End, Message string }
	SuggestedFixes               []fix `json:"suggested_fixes"`
}

// read adds the JSON objects of text, which begin and end with a line of one brace, and returns the other lines.
func (r *results) read(text []byte) (rest []byte, err error) {
	var object []byte
	inside := false
	for line := range bytes.Lines(text) {
		trimmed := string(bytes.TrimRight(line, "\r\n"))
		switch {
		case inside:
			object = append(object, line...)
			if trimmed == "}" {
				inside = false
				if err := r.add(object); err != nil {
					return nil, err
				}
			}
		case trimmed == "{":
			inside, object = true, append(object[:0], line...)
		case trimmed == "{}":
		default:
			rest = append(rest, line...)
		}
	}
	if inside {
		return nil, fmt.Errorf("its JSON ends early: %.80q", object)
	}
	return rest, nil
}

// add adds the results of some packages: by the package, and by the pass.
func (r *results) add(object []byte) error {
	var packages map[string]map[string]json.RawMessage
	if err := json.Unmarshal(object, &packages); err != nil {
		return err
	}
	for id, passes := range packages {
		path, _, _ := strings.Cut(id, " ") // of "p [p.test]"
		for pass, raw := range passes {
			var failed struct {
				Err string `json:"error"`
			}
			if json.Unmarshal(raw, &failed) == nil {
				r.problems = append(r.problems, fmt.Sprintf("%s: %s: %s", path, pass, failed.Err))
				continue
			}
			var found []vetDiagnostic
			if err := json.Unmarshal(raw, &found); err != nil {
				return fmt.Errorf("%s: %s: %w", path, pass, err)
			}
			for _, d := range found {
				if err := r.addOne(path, pass, d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *results) addOne(path, pass string, d vetDiagnostic) error {
	at, err := parsePlace(d.Posn, d.End)
	if err != nil {
		return err
	}
	i := issue{Pass: pass, Kind: d.Category, Doubtful: poolmodel.IsDoubtful(d.Category), Package: path, place: at, Message: d.Message, Fixes: d.SuggestedFixes}
	for _, rel := range d.Related {
		at, err := parsePlace(rel.Posn, rel.End)
		if err != nil {
			return err
		}
		i.Related = append(i.Related, related{place: at, Message: rel.Message})
	}
	if pass == toolarge.Name {
		r.notes = append(r.notes, i)
	} else {
		r.issues = append(r.issues, i)
	}
	return nil
}

// parsePlace reads two positions, file:line:column each.
func parsePlace(from, to string) (place, error) {
	file, line, column, err := parsePosition(from)
	if err != nil {
		return place{}, err
	}
	p := place{File: file, Line: line, Column: column, EndLine: line, EndColumn: column}
	if _, line, column, err := parsePosition(to); err == nil {
		p.EndLine, p.EndColumn = line, column
	}
	return p, nil
}

func parsePosition(s string) (file string, line, column int, err error) {
	wrong := fmt.Errorf("got the position %q, want file:line:column", s)
	at := strings.LastIndexByte(s, ':')
	if at < 0 {
		return "", 0, 0, wrong
	}
	if column, err = strconv.Atoi(s[at+1:]); err != nil {
		return "", 0, 0, wrong
	}
	s = s[:at]
	if at = strings.LastIndexByte(s, ':'); at < 0 {
		return "", 0, 0, wrong
	}
	if line, err = strconv.Atoi(s[at+1:]); err != nil || line < 1 || column < 1 {
		return "", 0, 0, wrong
	}
	return s[:at], line, column, nil
}

// sort orders all by place, and drops what was found twice: in a package and in its test.
func (r *results) sort() {
	for _, list := range []*[]issue{&r.issues, &r.notes} {
		slices.SortFunc(*list, func(a, b issue) int {
			return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
				cmp.Compare(a.Pass, b.Pass), cmp.Compare(a.Message, b.Message))
		})
		*list = slices.CompactFunc(*list, func(a, b issue) bool {
			return a.place == b.place && a.Pass == b.Pass && a.Message == b.Message
		})
	}
	slices.Sort(r.problems)
	r.problems = slices.Compact(r.problems)
}
