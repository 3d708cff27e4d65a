package poolvet_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"

	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
	"github.com/steadyframe/steadyframe/analysis/poolvet"
)

func TestAnalyzersAreValid(t *testing.T) {
	if err := analysis.Validate(poolvet.Analyzers()); err != nil {
		t.Error(err)
	}
}

// sources is a module of two packages: what is known of wrapper reaches user.
var sources = map[string]string{
	"go.mod": "module example.org/m\n\ngo 1.26\n",
	"wrapper/wrapper.go": `package wrapper

import "sync"

type Conn struct{ Buf []byte }

var conns = sync.Pool{New: func() any { return new(Conn) }}

func Acquire() *Conn { return conns.Get().(*Conn) }

func Release(c *Conn) { conns.Put(c) }
`,
	"user/user.go": `package user

import "example.org/m/wrapper"

func Use() int {
	c := wrapper.Acquire()
	wrapper.Release(c)
	return len(c.Buf)
}
`,
}

// broken is a package that does not compile, and one that imports it.
var broken = map[string]string{
	"broken/broken.go": "package broken\n\nfunc F() int { return \"x\" }\n",
	"above/above.go":   "package above\n\nimport \"example.org/m/broken\"\n\nfunc F() int { return broken.F() }\n",
}

// large is a package with a function of more paths than are followed.
func large() map[string]string {
	text := "package large\n\nimport \"example.org/m/wrapper\"\n\nfunc Large(a []int) {\n\tc, d := wrapper.Acquire(), wrapper.Acquire()\n"
	for i := range 14 {
		text += fmt.Sprintf("\tif a[%d] > 0 {\n\t\tc, d = d, c\n\t\ta[%d]++\n\t}\n", i, i)
	}
	return map[string]string{"large/large.go": text + "\twrapper.Release(c)\n\twrapper.Release(d)\n}\n"}
}

// doubtful is a package of which one report is doubtful, and one that is suppressed is, too.
var doubtful = map[string]string{"doubtful/doubtful.go": `package doubtful

import "sync"

var small, large = sync.Pool{New: func() any { return new([8]byte) }}, sync.Pool{New: func() any { return new([8]byte) }}

func Move() {
	large.Put(small.Get())
}

func Fill() { small.Put(new([8]byte)) }

func Known() {
	large.Put(small.Get()) //poolvet:ignore they are of one size
}
`}

// build returns the program.
func build(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "poolvet")
	if out, err := exec.Command("go", "build", "-o", tool, "../cmd/poolvet").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return tool
}

// write makes a module of these files, and returns where.
func write(t *testing.T, parts ...map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range parts {
		for name, text := range part {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// TestDriver runs the program both ways: by itself, and as a tool of go vet.
func TestDriver(t *testing.T) {
	tool := build(t)
	const found = "user.go:8:15: use of a value after it was put back in line 7"
	tests := []struct {
		name   string
		parts  []map[string]string
		args   []string
		status int
		stdout []string
		stderr []string
	}{
		{"standalone", nil, []string{tool, "./..."}, 3, []string{found, "\tuser/user.go:7:17: put back here"}, nil},
		{"nothing_found", nil, []string{tool, "./wrapper"}, 0, nil, nil},
		{"flag_of_a_pass", nil, []string{tool, "-missingput", "./..."}, 0, nil, nil},
		{"flag_of_go", nil, []string{tool, "-C", "user", "-tags=x", "."}, 3, []string{found}, nil},
		{"vettool", nil, []string{"go", "vet", "-vettool=" + tool, "./..."}, 1, nil, []string{found}},
		{"broken_package", []map[string]string{broken}, []string{tool, "./..."}, 1, []string{found}, []string{"broken.go:3:23"}},
		{"large_function", []map[string]string{large()}, []string{tool, "./..."}, 3, []string{found}, []string{"large.go:5:6: note: Large is left out"}},
		{"large_function_alone", []map[string]string{large()}, []string{tool, "./large"}, 0, nil, []string{"note: Large is left out"}},
		{"large_function_of_go_vet", []map[string]string{large()}, []string{"go", "vet", "-vettool=" + tool, "./large"}, 0, nil, nil},
		{"doubtful_left_out", []map[string]string{doubtful}, []string{tool, "./doubtful"}, 0, nil, nil},
		{"doubtful", []map[string]string{doubtful}, []string{tool, "-poolvet.doubtful", "./doubtful"}, 3,
			[]string{"doubtful.go:8:11: a value from small.Get goes into", "than it expects (doubtful) (putshape)"}, nil},
		{"doubtful_of_go_vet", []map[string]string{doubtful}, []string{"go", "vet", "-vettool=" + tool, "-poolvet.doubtful", "./doubtful"}, 1,
			nil, []string{"than it expects (doubtful)"}},
		{"no_package", nil, []string{tool}, 1, nil, []string{"usage: poolvet"}},
		{"unknown_flag", nil, []string{tool, "-nosuch", "./..."}, 1, nil, []string{"-nosuch"}},
		{"unknown_format", nil, []string{tool, "-format=xml", "./..."}, 1, nil, []string{`-format: got "xml", want text, json or sarif`}},
		{"help", nil, []string{tool, "help", "missingput"}, 0, []string{"missingput: report values"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			cmd := exec.Command(tt.args[0], tt.args[1:]...)
			cmd.Dir = write(t, append(tt.parts, sources)...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != tt.status {
				t.Errorf("got exit status %d, want %d", got, tt.status)
			}
			for _, out := range []struct {
				name, got string
				want      []string
			}{{"stdout", stdout.String(), tt.stdout}, {"stderr", stderr.String(), tt.stderr}} {
				for _, want := range out.want {
					if strings.Count(out.got, want) != 1 {
						t.Errorf("%s: got %s\nwant %q once", out.name, out.got, want)
					}
				}
				if len(out.want) == 0 && out.got != "" {
					t.Errorf("%s: got %s\nwant nothing", out.name, out.got)
				}
			}
		})
	}
}

// TestKindsAreInTheManual: the table of the manual has each kind, and says whether it is reported by default.
func TestKindsAreInTheManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/poolvet.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if kind, ok := strings.CutPrefix(cells[0], "| `"); ok && len(cells) == 5 {
			rows[strings.TrimSuffix(kind, "`")] = cells[2]
		}
	}
	for kind, byDefault := range poolmodel.Kinds {
		want := map[bool]string{true: "yes", false: "no"}[byDefault]
		if rows[kind] != want {
			t.Errorf("%s: the manual says %q, want %q", kind, rows[kind], want)
		}
		delete(rows, kind)
	}
	for kind := range rows {
		t.Errorf("%s: is in the manual, and no kind", kind)
	}
}

// TestDoubtfulFormats: JSON says of a report that it is doubtful, and SARIF makes it a note.
func TestDoubtfulFormats(t *testing.T) {
	tool := build(t)
	dir := write(t, sources, doubtful)
	for format, want := range map[string][]string{
		"json":  {`"kind": "other-pool"`, `"doubtful": true`, `"kind": "used"`},
		"sarif": {`"level": "note"`, `"level": "warning"`},
	} {
		cmd := exec.Command(tool, "-format", format, "-poolvet.doubtful", "./...")
		cmd.Dir = dir
		out, err := cmd.Output()
		if cmd.ProcessState.ExitCode() != 3 {
			t.Fatalf("%s: got %v, want exit status 3", format, err)
		}
		for _, w := range want {
			if strings.Count(string(out), w) != 1 {
				t.Errorf("%s: got %s\nwant %s once", format, out, w)
			}
		}
	}
}

// TestFormats: JSON and SARIF have each issue once, with its range and what is related to it.
func TestFormats(t *testing.T) {
	tool := build(t)
	dir := write(t, sources)
	output := func(format string, into any) {
		t.Helper()
		cmd := exec.Command(tool, "-format", format, "./...")
		cmd.Dir = dir
		out, err := cmd.Output()
		if cmd.ProcessState.ExitCode() != 3 {
			t.Fatalf("%s: got %v, want exit status 3", format, err)
		}
		if err := json.Unmarshal(out, into); err != nil {
			t.Fatalf("%s: %v\n%s", format, err, out)
		}
	}
	type region struct{ StartLine, StartColumn, EndLine, EndColumn int }
	var plain struct {
		Issues []struct {
			Pass, Package, File, Message     string
			Line, Column, EndLine, EndColumn int
			Related                          []struct{ Message string }
		}
	}
	output("json", &plain)
	if len(plain.Issues) != 1 {
		t.Fatalf("json: got %+v, want one issue", plain)
	}
	i := plain.Issues[0]
	if (region{i.Line, i.Column, i.EndLine, i.EndColumn}) != (region{8, 15, 8, 18}) || i.Pass != "useafterput" ||
		i.Package != "example.org/m/user" || len(i.Related) != 1 || i.Related[0].Message != "put back here" {
		t.Errorf("json: got %+v", i)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI, URIBaseID string }
						Region           region
					}
				}
				RelatedLocations []struct{ ID int }
			}
			Invocations []struct{ ExecutionSuccessful bool }
		}
	}
	output("sarif", &log)
	if log.Version != "2.1.0" || len(log.Runs) != 1 || len(log.Runs[0].Results) != 1 || !log.Runs[0].Invocations[0].ExecutionSuccessful {
		t.Fatalf("sarif: got %+v, want one run with one result", log)
	}
	r := log.Runs[0].Results[0]
	at := r.Locations[0].PhysicalLocation
	if log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID != "useafterput" || r.RuleID != "useafterput" || at.Region != (region{8, 15, 8, 18}) ||
		at.ArtifactLocation.URI != "user/user.go" || at.ArtifactLocation.URIBaseID != "SRCROOT" || len(r.RelatedLocations) != 1 {
		t.Errorf("sarif: got %+v", r)
	}
}
