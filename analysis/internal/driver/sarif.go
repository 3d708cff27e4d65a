package driver

import (
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// The parts of SARIF 2.1.0 (OASIS) that are used here.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool                `json:"tool"`
		ColumnKind  string                   `json:"columnKind"`
		Bases       map[string]sarifArtifact `json:"originalUriBaseIds"`
		Results     []sarifResult            `json:"results"`
		Invocations []sarifInvocation        `json:"invocations"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string       `json:"id"`
		ShortDescription sarifMessage `json:"shortDescription"`
		HelpURI          string       `json:"helpUri"`
	}
	sarifResult struct {
		RuleID           string          `json:"ruleId"`
		RuleIndex        int             `json:"ruleIndex"`
		Level            string          `json:"level"`
		Message          sarifMessage    `json:"message"`
		Locations        []sarifLocation `json:"locations"`
		RelatedLocations []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		ID       int           `json:"id,omitempty"`
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifMessage `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
)

// sourceRoot is the base of paths below the working directory.
const sourceRoot = "SRCROOT"

func writeSARIF(stdout, _ io.Writer, r *results, passes []*analysis.Analyzer) error {
	wd, err := os.Getwd()
	if err != nil {
		return err
	}
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "poolvet", InformationURI: "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md"}},
		ColumnKind: "utf16CodeUnits",
		Bases:      map[string]sarifArtifact{sourceRoot: {URI: fileURI(wd) + "/"}},
		Results:    []sarifResult{},
	}
	index := map[string]int{}
	for i, pass := range passes {
		index[pass.Name] = i
		summary, _, _ := strings.Cut(pass.Doc, "\n")
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{pass.Name, sarifMessage{summary}, pass.URL})
	}
	columns := columns{}
	for _, i := range r.issues {
		level := "warning"
		if i.Doubtful {
			level = "note"
		}
		result := sarifResult{
			RuleID: i.Pass, RuleIndex: index[i.Pass], Level: level, Message: sarifMessage{i.Message},
			Locations: []sarifLocation{columns.location(i.place)},
		}
		for n, rel := range i.Related {
			l := columns.location(rel.place)
			l.ID, l.Message = n+1, &sarifMessage{rel.Message}
			result.RelatedLocations = append(result.RelatedLocations, l)
		}
		run.Results = append(run.Results, result)
	}
	invocation := sarifInvocation{Successful: len(r.problems) == 0 && !r.failed}
	for _, n := range r.notes {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{
			"note", sarifMessage{n.Message}, []sarifLocation{columns.location(n.place)},
		})
	}
	for _, problem := range r.problems {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{Level: "error", Message: sarifMessage{problem}})
	}
	run.Invocations = []sarifInvocation{invocation}
	e := json.NewEncoder(stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// fileURI returns the URI of an absolute path.
func fileURI(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // a drive
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// columns are the lines of files, by which columns in bytes become columns in UTF-16, which SARIF's readers have.
type columns map[string][]string

func (c columns) location(p place) sarifLocation {
	artifact := sarifArtifact{URI: fileURI(p.File)}
	if rel := near(p.File); rel != p.File || !filepath.IsAbs(rel) {
		artifact = sarifArtifact{URI: (&url.URL{Path: filepath.ToSlash(rel)}).String(), Base: sourceRoot}
	}
	return sarifLocation{Physical: sarifPhysical{artifact, sarifRegion{
		p.Line, c.utf16(p.File, p.Line, p.Column), p.EndLine, c.utf16(p.File, p.EndLine, p.EndColumn),
	}}}
}

// utf16 returns the column of that byte, both from 1.
func (c columns) utf16(file string, line, column int) int {
	lines, ok := c[file]
	if !ok {
		text, _ := os.ReadFile(file) // without it, bytes are the best that is known
		lines = strings.Split(string(text), "\n")
		c[file] = lines
	}
	if line > len(lines) || column-1 > len(lines[line-1]) {
		return column
	}
	units := 1
	for _, r := range lines[line-1][:column-1] {
		if units++; r > 0xFFFF {
			units++
		}
	}
	return units
}
