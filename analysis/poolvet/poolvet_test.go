package poolvet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"

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

// TestDriver runs the program both ways: by itself, and as a tool of go vet.
func TestDriver(t *testing.T) {
	dir := t.TempDir()
	for name, text := range sources {
		path := filepath.Join(dir, "m", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tool := filepath.Join(dir, "poolvet")
	if out, err := exec.Command("go", "build", "-o", tool, "../cmd/poolvet").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	tests := []struct {
		name string
		args []string
	}{
		{"standalone", []string{tool, "./..."}},
		{"vettool", []string{"go", "vet", "-vettool=" + tool, "./..."}},
	}
	const want = "user.go:8:15: use of a value after it was put back in line 7"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(tt.args[0], tt.args[1:]...)
			cmd.Dir = filepath.Join(dir, "m")
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Error("got exit status 0, want another")
			}
			if got := string(out); strings.Count(got, "use of a value") != 1 || !strings.Contains(got, want) {
				t.Errorf("got %s\nwant one report, with %q", got, want)
			}
		})
	}
}
